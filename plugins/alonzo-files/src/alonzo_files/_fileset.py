"""`FileSet`: the files that match a pattern, as a value: which they are counts, and their contents."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ._file import File
from ._listing import base_of, matching
from ._value import PathValue


class FileSet(PathValue):
    """The files that match a pattern; immutable, equal to another of the same pattern.

    A pattern is a path or URL in which `*`, `?` and `[...]` stand for parts of one name, and `**` for any number of directories:
    `data/**/*.csv`, `s3://bucket/day-*/x.json`. As an argument or in a result of a task, the names and the contents of the files count that
    match when it is looked at. None may match.

    Raises TypeError for what is no pattern, ValueError for one that no file can match.
    """

    __slots__ = ()

    _word = "FileSet"

    def __init__(self, pattern: str | os.PathLike[str], *, hasher: str | None = None) -> None:
        super().__init__(pattern, hasher=hasher)
        base_of(self._path)  # refuses what is no pattern

    def __init_subclass__(cls) -> None:
        raise TypeError("FileSet cannot be subclassed: its content counts by its exact type")

    @property
    def pattern(self) -> str:
        """The pattern, normalised."""
        return self._path

    @property
    def base(self) -> str:
        """The directory that is searched: the path up to the first name with a wildcard."""
        return base_of(self._path)

    def files(self) -> list[File]:
        """The files that match now, sorted by path.

        Raises OSError or AlonzoError when a directory cannot be listed.
        """
        return [File(path, hasher=self._hasher) for path in matching(self._path)]

    def __iter__(self) -> Iterator[File]:
        return iter(self.files())
