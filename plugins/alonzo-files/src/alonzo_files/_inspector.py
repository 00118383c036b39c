"""What files, directories and sets of files are now: the inspectors, which travel to workers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alonzo.plugin import Inspector

from ._dir import Dir
from ._file import File, IntermediateFile
from ._fileset import FileSet
from ._filesystem import configure
from ._hashers import FileHasher, Hashers, offered, taken_apart
from ._inspector_local import LocalFiles
from ._inspector_trees import directory_digest, set_digest
from ._overwritten import is_overwritten
from ._settings import FilesSettings
from ._urls import is_url, located, place_of

if TYPE_CHECKING:
    from ._inspector_remote import RemoteFiles

Offers = Callable[..., Sequence[tuple[str, Any]]]


def inspectors(settings: FilesSettings, root: Path, offers: Offers) -> list[Inspector]:
    """The inspectors of a project's files, with the hashers that plugins offer.

    Raises:
        SettingsError: a hasher that the settings name does not exist, or cannot do what it is asked for.
    """
    hashers = [hasher for _, hasher in offers("alonzo_file_hashers", FileHasher, offered)]
    files = Files(str(root), Hashers(hashers, settings.hasher, settings.hashers), settings.storage)
    return [FileInspector(files), IntermediateFileInspector(files), DirInspector(files), FileSetInspector(files)]


class Files:
    """All files, wherever they are, as one project sees them: what the inspectors have in common."""

    def __init__(self, root: str, hashers: Hashers, storage: Mapping[str, Mapping[str, Any]]) -> None:
        self.root = root
        self.hashers = hashers
        self._storage = storage
        self._local = LocalFiles(root, hashers)
        self._remote: RemoteFiles | None = None
        configure(storage)

    def __reduce__(self) -> tuple[type[Files], tuple[str, Hashers, Mapping[str, Mapping[str, Any]]]]:
        return (Files, (self.root, self.hashers, dict(self._storage)))

    @property
    def ways(self) -> Collection[str]:
        """The hashers: what the option `inspect` of a task may name."""
        return self.hashers.names

    def place(self, path: str, hasher: str | None) -> str:
        return self.hashers.place(place_of(path, self.root), hasher)

    def digests(self, places: Sequence[str]) -> list[bytes | None]:
        """The digests of files, None where there is none; in one batch."""
        remote = [index for index, place in enumerate(places) if "://" in place]
        if not remote:
            return self._local.digests(places)
        answers: list[bytes | None] = [None] * len(places)
        for index, digest in zip(remote, self._far().digests([places[index] for index in remote]), strict=True):
            answers[index] = digest
        local = [index for index, place in enumerate(places) if "://" not in place]
        for index, digest in zip(local, self._local.digests([places[index] for index in local]), strict=True):
            answers[index] = digest
        return answers

    def _far(self) -> RemoteFiles:
        if self._remote is None:
            from ._inspector_remote import RemoteFiles  # what opens connections is imported by those who have URLs

            self._remote = RemoteFiles(self.hashers)
        return self._remote


def local_path(place: str) -> str | None:
    """The path that a place names, None for a URL: see the port OfFiles."""
    _, plain = taken_apart(place)
    return None if is_url(plain) else plain


class FileInspector:
    """The inspector of `File`. A place is a path, relative to the project's root when below it, or a URL; with the hasher in front when it
    is not the one that is for all such files.

    `inspect` answers what the hasher says of each, None where there is no file. It raises AlonzoError, naming path or URL, for a directory
    and for what cannot be read.
    """

    kind = "file"
    kinds: tuple[type, ...] = (File,)

    def __init__(self, files: Files) -> None:
        self._files = files

    def place(self, value: File) -> str:
        return self._files.place(value.path, value.hasher)

    @property
    def ways(self) -> Collection[str]:
        return self._files.ways

    def place_as(self, value: File, way: str) -> str:
        return self._files.place(value.path, value.hasher or way)

    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]:
        return self._files.digests(places)

    def local_path(self, place: str) -> str | None:
        return local_path(place)

    def overwritten(self, places: Sequence[str], written: Mapping[str, Any]) -> Sequence[str]:
        paths = [(place, local_path(place)) for place in places]
        return [
            place
            for place, path in paths
            if path is not None and is_overwritten(written, located(path, self._files.root))
        ]


class IntermediateFileInspector(FileInspector):
    """The inspector of `File(keep=False)`: what was recorded holds as well when the file is not there any more."""

    kind = "intermediate file"
    kinds: tuple[type, ...] = (IntermediateFile,)
    absent_is_valid = True


class DirInspector:
    """The inspector of `Dir`: the names of the files below, and what their hasher says of each. None where there is no directory.

    It raises AlonzoError, naming the path, for what is no directory, and for what cannot be listed or read.
    """

    kind = "directory"
    kinds: tuple[type, ...] = (Dir,)

    def __init__(self, files: Files) -> None:
        self._files = files

    def place(self, value: Dir) -> str:
        return self._files.place(value.path, value.hasher)

    @property
    def ways(self) -> Collection[str]:
        return self._files.ways

    def place_as(self, value: Dir, way: str) -> str:
        return self._files.place(value.path, value.hasher or way)

    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]:
        return [directory_digest(self._files, place) for place in places]

    def local_path(self, place: str) -> str | None:
        return local_path(place)


class FileSetInspector:
    """The inspector of `FileSet`: the names of the files that match, and what their hasher says of each."""

    kind = "file set"
    kinds: tuple[type, ...] = (FileSet,)

    def __init__(self, files: Files) -> None:
        self._files = files

    def place(self, value: FileSet) -> str:
        return self._files.place(value.pattern, value.hasher)

    @property
    def ways(self) -> Collection[str]:
        return self._files.ways

    def place_as(self, value: FileSet, way: str) -> str:
        return self._files.place(value.pattern, value.hasher or way)

    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]:
        return [set_digest(self._files, place) for place in places]

    def local_path(self, place: str) -> str | None:
        return local_path(place)
