"""`Dir`: a directory as a value: the files in it count, by name and content."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ._file import File
from ._listing import files_below, matching
from ._urls import below, is_url, joined
from ._value import PathValue


class Dir(PathValue):
    """A directory, named by its path or URL; immutable, equal to another of the same path.

    As an argument or in a result of a task, all files below it count, by their names and contents: not directories without files. Paths and
    URLs are those of `File`. No directory needs to be there. In an object store, a directory is there when an object is below it.

    Raises TypeError for what is no path, ValueError for a path that no directory can have.
    """

    __slots__ = ()

    _word = "Dir"

    def __init_subclass__(cls) -> None:
        raise TypeError("Dir cannot be subclassed: its content counts by its exact type")

    def __fspath__(self) -> str:
        return self._path

    @property
    def parent(self) -> Dir:
        """The directory that it lies in."""
        return Dir(self._above)

    def file(self, name: str, *names: str) -> File:
        """A file below it. Raises ValueError for a name that is absolute, or leads out of the directory."""
        return File(joined(self._path, name, *names), hasher=self._hasher)

    def dir(self, name: str, *names: str) -> Dir:
        """A directory below it. Raises ValueError for a name that is absolute, or leads out of the directory."""
        return Dir(joined(self._path, name, *names), hasher=self._hasher)

    def __truediv__(self, name: str) -> File:
        """`directory / "name"`: a file below it."""
        if not isinstance(name, str):
            return NotImplemented
        return self.file(name)

    def __iter__(self) -> Iterator[File]:
        """All files below it, at any depth, sorted by path. Raises FileNotFoundError where there is no directory."""
        return iter([File(path, hasher=self._hasher) for path in files_below(self._path)])

    def glob(self, pattern: str) -> list[File]:
        """The files below it whose names match, sorted: `*`, `?` and `[...]` within one name, `**` for any directories.

        Raises ValueError for a pattern that is absolute, or leads out of the directory.
        """
        found = matching(joined(_escaped(self._path), pattern))
        return [File(path, hasher=self._hasher) for path in found]

    def exists(self) -> bool:
        """Whether there is a directory; in an object store, whether an object is below it.

        Raises OSError or AlonzoError when a remote file system does not say.
        """
        if not self.is_remote:
            return os.path.isdir(self._path)  # noqa: PTH112 - Path.is_dir raises in a directory that may not be searched
        from ._filesystem import info_of

        found = info_of(self._path)
        return found is not None and found["type"] == "directory"

    def mkdir(self) -> None:
        """Make it, and the directories above it, unless it is there; in an object store, there is nothing to make.

        Raises FileExistsError when it is a file, OSError or AlonzoError when it cannot be made.
        """
        if not self.is_remote:
            Path(self._path).mkdir(parents=True, exist_ok=True)
            return
        from ._transfer import make_directory

        make_directory(self._path)

    def remove(self) -> None:
        """Delete it with all that is in it; where there is none, nothing happens. A link to a directory is deleted itself.

        Raises NotADirectoryError when it is a file, OSError or AlonzoError when it cannot be deleted.
        """
        if self.is_remote:
            from ._transfer import remove_directory

            remove_directory(self._path)
        elif os.path.islink(self._path):  # noqa: PTH114
            Path(self._path).unlink()
        elif os.path.lexists(self._path):
            import shutil  # slow to import, and rarely needed

            shutil.rmtree(self._path)

    def copy_to(self, target: str | os.PathLike[str]) -> Dir:
        """Copy all files below it to another directory, each whole or not at all; others there stay. Returns that directory.

        Raises FileNotFoundError where there is no directory, ValueError when the other one is inside of this one, OSError or AlonzoError
        when a file cannot be copied.
        """
        from ._transfer import copy_tree

        other = target if isinstance(target, Dir) else Dir(target)
        if other._path == self._path:
            if not self.exists():
                raise FileNotFoundError(f"there is no directory {self}")
            return other
        inside = below(self._path, "") if self.is_remote else os.path.join(self._path, "")
        if other._path.startswith(inside):
            raise ValueError(f"{other} is inside of {self}: it cannot be copied there")
        copy_tree(self._path, other._path)
        other.mkdir()
        return other


def _escaped(path: str) -> str:
    """The path as a pattern that matches it alone."""
    scheme, slashes, rest = path.partition("://") if is_url(path) else ("", "", path)
    return scheme + slashes + "".join(f"[{c}]" if c in "*?[" else c for c in rest)
