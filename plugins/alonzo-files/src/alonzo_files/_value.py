"""What files, directories and sets of files have in common as values: a path, compared by it, and never changed."""

from __future__ import annotations

import os
from typing import Any, Self

from ._hashers import check_hasher
from ._urls import is_url, name_of, normalised, parent_of


class PathValue:
    """A path or URL as an immutable value, equal to another of the same class, path and hasher."""

    __slots__ = ("_hasher", "_path")

    _path: str
    _hasher: str | None

    def __init__(self, path: str | os.PathLike[str], *, hasher: str | None = None) -> None:
        text = os.fspath(path)
        if not isinstance(text, str):
            raise TypeError(f"a {self._word} needs a path as str, not {type(text).__name__}")
        if hasher is not None:
            check_hasher(hasher)
        object.__setattr__(self, "_path", normalised(text))
        object.__setattr__(self, "_hasher", hasher)

    @classmethod
    def __alonzo_parse__(cls, text: str) -> Self:
        """The value that a text on the command line means."""
        return cls(text)

    _word = "path"  # what messages call it

    @property
    def path(self) -> str:
        """The path or URL, normalised."""
        return self._path

    @property
    def hasher(self) -> str | None:
        """How its content is digested, None: as the settings say."""
        return self._hasher

    @property
    def is_remote(self) -> bool:
        """Whether it is a URL, and not a local path."""
        return is_url(self._path)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return name_of(self._path)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self) or not isinstance(other, PathValue):
            return NotImplemented
        return self._path == other._path and self._hasher == other._hasher

    def __hash__(self) -> int:
        return hash((type(self), self._path))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {self._word} cannot be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a {self._word} cannot be changed: {name}")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        if self._hasher is None:
            return (type(self), (self._path,))
        return (_rebuilt, (type(self), self._path, self._hasher))

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._shown})"

    @property
    def _shown(self) -> str:
        return repr(self._path) if self._hasher is None else f"{self._path!r}, hasher={self._hasher!r}"

    @property
    def _above(self) -> str:
        return parent_of(self._path)


def _rebuilt(kind: Any, path: str, hasher: str) -> PathValue:
    made: PathValue = kind(path, hasher=hasher)
    return made
