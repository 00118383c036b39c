"""`File`: a path as a value whose content counts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any, final

from ._writing import open_to_replace


@final
class File:
    """A local file, named by its path; immutable, equal to another of the same path.

    As an argument or in a result of a task, its content counts: not its times, nor its owner.
    The path is kept as given, but for `os.path.normpath`; links are not resolved. A relative path
    is relative to the working directory. No file needs to be there.

    Raises TypeError for what is no path, ValueError for a path that no file can have.
    """

    __slots__ = ("_path",)

    _path: str

    def __init__(self, path: str | os.PathLike[str]) -> None:
        text = os.fspath(path)
        if not isinstance(text, str):
            raise TypeError(f"a File needs a path as str, not {type(text).__name__}")
        if not text or "\0" in text:
            raise ValueError(f"no file can have the path {text!r}")
        object.__setattr__(self, "_path", os.path.normpath(text))

    def __init_subclass__(cls) -> None:
        raise TypeError("File cannot be subclassed: its content counts by its exact type")

    @property
    def path(self) -> str:
        return self._path

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
        old one stays. Through a link, the file that it points to is replaced.

        Raises OSError as the built-in does, ValueError for another mode.
        """
        kind = mode.replace("b", "").replace("t", "").replace("+", "")
        if kind not in {"r", "w", "a"} or len(set(mode)) != len(mode):
            raise ValueError(f"mode {mode!r}: a File opens with r, w or a, and b, t or +")
        if "b" not in mode:
            encoding = encoding or "utf-8"
        options = {"encoding": encoding, "errors": errors, "newline": newline}
        if mode.strip("bt") == "r":
            return Path(self._path).open(mode, **options)  # type: ignore[call-overload, no-any-return]
        return open_to_replace(self._path, mode, options)

    def read_text(self, encoding: str = "utf-8") -> str:
        with self.open("r", encoding=encoding) as file:
            text: str = file.read()
        return text

    def write_text(self, text: str, encoding: str = "utf-8") -> None:
        """Replace the content, whole or not at all."""
        with self.open("w", encoding=encoding) as file:
            file.write(text)

    def read_bytes(self) -> bytes:
        with self.open("rb") as file:
            data: bytes = file.read()
        return data

    def write_bytes(self, data: bytes) -> None:
        """Replace the content, whole or not at all."""
        with self.open("wb") as file:
            file.write(data)

    def exists(self) -> bool:
        """Whether there is a file; a directory is none."""
        # Path.is_file raises in a directory that may not be searched.
        return os.path.isfile(self._path)  # noqa: PTH113

    def size(self) -> int:
        """The size in bytes. Raises FileNotFoundError where there is no file."""
        return Path(self._path).stat().st_size

    def remove(self) -> None:
        """Delete the file; where there is none, nothing happens."""
        Path(self._path).unlink(missing_ok=True)

    def __fspath__(self) -> str:
        return self._path

    def __eq__(self, other: object) -> bool:
        return self._path == other._path if isinstance(other, File) else NotImplemented

    def __hash__(self) -> int:
        return hash((File, self._path))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a File cannot be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a File cannot be changed: {name}")

    def __reduce__(self) -> tuple[type[File], tuple[str]]:
        return (File, (self._path,))

    def __str__(self) -> str:
        return self._path

    def __repr__(self) -> str:
        return f"File({self._path!r})"
