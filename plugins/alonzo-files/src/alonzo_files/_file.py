"""`File`: a path or URL as a value whose content counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from ._value import PathValue
from ._writing import open_to_replace, open_to_upload

if TYPE_CHECKING:
    from ._dir import Dir
    from ._staging import StagedFile


class File(PathValue):
    """A file, named by its path or URL; immutable, equal to another of the same path.

    As an argument or in a result of a task, its content counts: not its times, nor its owner. The path is kept as given, but for its
    spelling (`a//b/../c` is `a/c`); links are not resolved. A relative path is relative to the working directory. A URL is that of any
    file system of fsspec whose package is installed (`s3://`, `gs://`, `abfs://`, `http://`, `ftp://`, `sftp://`, `memory://` …); a
    `file://` URL is the path that it means. No file needs to be there.

    keep=False  an intermediate: what a task returned so may be deleted afterwards, and nothing runs again for that; a changed one does
    hasher      how its content is digested, instead of what the settings say

    Raises TypeError for what is no path, ValueError for a path that no file can have, and for a URL with a password in it.
    """

    __slots__ = ()

    _word = "File"

    def __new__(cls, path: str | os.PathLike[str], *, keep: bool = True, hasher: str | None = None) -> Self:
        if not isinstance(keep, bool):
            raise TypeError(f"keep= of a File is True or False, not {keep!r}")
        return object.__new__(cls if keep else cast("type[Self]", IntermediateFile))

    def __init__(self, path: str | os.PathLike[str], *, keep: bool = True, hasher: str | None = None) -> None:
        super().__init__(path, hasher=hasher)

    def __init_subclass__(cls) -> None:
        if cls.__module__ != __name__:
            raise TypeError("File cannot be subclassed: its content counts by its exact type")

    def __fspath__(self) -> str:
        return self._path

    @property
    def keep(self) -> bool:
        """Whether its absence counts as a change."""
        return True

    @property
    def suffix(self) -> str:
        """The end of the name from its last dot on, with the dot."""
        return Path(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return Path(self.name).stem

    @property
    def parent(self) -> Dir:
        """The directory that it lies in."""
        from ._dir import Dir

        return Dir(self._above)

    def open(
        self,
        mode: str = "r",
        *,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open the file, as the built-in `open` does; text is UTF-8 unless told otherwise.

        Modes: `r`, `w` or `a`, each with `b`, `t` or `+`. Whatever writes makes missing
        directories, and writes another file, which takes this one's place when it is closed, or
        when a `with` block ends; after an exception in the block, or when it is never closed, the
        old one stays. Through a link, the file that it points to is replaced. A remote file that is
        written is a local one until then.

        Raises OSError as the built-in does, ValueError for another mode; AlonzoError when a remote
        file system cannot be used.
        """
        if not isinstance(mode, str):
            raise TypeError(f"a File opens with a mode as str, not {mode!r}")
        kind = mode.replace("b", "").replace("t", "").replace("+", "")
        if kind not in {"r", "w", "a"} or len(set(mode)) != len(mode) or ("b" in mode and "t" in mode):
            raise ValueError(f"mode {mode!r}: a File opens with r, w or a, and b, t or +")
        if "b" not in mode:
            encoding = encoding or "utf-8"
        options = {"encoding": encoding, "errors": errors, "newline": newline}
        if mode.strip("bt") == "r":
            return self._opened(mode, options)
        return (open_to_upload if self.is_remote else open_to_replace)(self._path, mode, options)

    def read_text(self, encoding: str = "utf-8") -> str:
        if self.is_remote:
            return self.read_bytes().decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        with self.open("r", encoding=encoding) as file:
            text: str = file.read()
        return text

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Replace the content, whole or not at all."""
        if not isinstance(text, str):
            raise TypeError(f"write_text() of {self!r} takes a str, not {type(text).__name__}")
        if self.is_remote:
            self.write_bytes(text.encode(encoding))
            return
        with self.open("w", encoding=encoding) as file:
            file.write(text)

    def read_bytes(self) -> bytes:
        if self.is_remote:
            from ._transfer import get_bytes

            return get_bytes(self._path)
        with self.open("rb") as file:
            data: bytes = file.read()
        return data

    def write_bytes(self, data: bytes | bytearray | memoryview) -> None:
        """Replace the content, whole or not at all."""
        try:
            view = memoryview(data)
        except TypeError:
            raise TypeError(f"write_bytes() of {self!r} takes bytes, not {type(data).__name__}") from None
        if self.is_remote:
            from ._transfer import put_bytes

            put_bytes(data if isinstance(data, bytes) else bytes(view), self._path)
            return
        with self.open("wb") as file:
            file.write(view)

    def exists(self) -> bool:
        """Whether there is a file; a directory is none.

        Raises OSError or AlonzoError when a remote file system does not say.
        """
        if self.is_remote:
            from ._filesystem import info_of

            found = info_of(self._path)
            return found is not None and found["type"] != "directory"
        # Path.is_file raises in a directory that may not be searched.
        return os.path.isfile(self._path)  # noqa: PTH113

    def size(self) -> int:
        """The size in bytes. Raises FileNotFoundError where there is no file."""
        if not self.is_remote:
            return Path(self._path).stat().st_size
        from ._filesystem import info_of

        found = info_of(self._path)
        if found is None or found["type"] == "directory":
            raise FileNotFoundError(f"there is no file {self._path}")
        size = found.get("size")
        return len(self.read_bytes()) if size is None else int(size)

    def remove(self) -> None:
        """Delete the file; where there is none, nothing happens."""
        if self.is_remote:
            from ._transfer import remove

            remove(self._path)
            return
        Path(self._path).unlink(missing_ok=True)

    def copy_to(self, target: str | os.PathLike[str]) -> File:
        """Copy the content to another file, or into a `Dir` under this one's name; whole or not at all. Returns that file.

        Raises FileNotFoundError when there is no file, OSError or AlonzoError when it cannot be copied.
        """
        from ._dir import Dir
        from ._transfer import copy

        other = (
            target.file(self.name) if isinstance(target, Dir) else target if isinstance(target, File) else File(target)
        )
        if other._path != self._path:
            copy(self._path, other._path)
        elif not self.exists():
            raise FileNotFoundError(f"there is no file {self._path}")
        return other

    def stage(self, local: str | os.PathLike[str] | None = None, *, download: bool = True) -> StagedFile:
        """The file at a local path, for programs that know no URLs; `upload()` of what is returned puts the copy back.

        Without a path, a remote file is staged in a temporary directory, which is deleted at the end of a `with` block, and a local one
        is used where it is. `download=False` copies nothing yet: for a file that is to be made.

        Raises FileNotFoundError when there is no file, OSError or AlonzoError when it cannot be copied.
        """
        from ._staging import StagedFile

        return StagedFile(self, local, download=download)

    def _opened(self, mode: str, options: dict[str, Any]) -> IO[Any]:
        if not self.is_remote:
            return Path(self._path).open(mode, **options)
        from ._transfer import open_to_read

        return open_to_read(self._path, mode, options)


class IntermediateFile(File):
    """What `File(path, keep=False)` is: a file that may be deleted once it has been used."""

    __slots__ = ()

    @property
    def keep(self) -> bool:
        return False

    def __reduce__(self) -> tuple[Any, ...]:
        return (_intermediate, (self._path,) if self._hasher is None else (self._path, self._hasher))

    def __repr__(self) -> str:
        return f"File({self._shown}, keep=False)"


def _intermediate(path: str, hasher: str | None = None) -> File:
    return File(path, keep=False, hasher=hasher)
