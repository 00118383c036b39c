"""Files are written whole or not at all: beside the real one, which is replaced in the end."""

from __future__ import annotations

import contextlib
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self, cast

_LONGEST_NAME = 64  # characters of the real name in the other's, which must fit into 255 bytes


def open_to_replace(path: str, mode: str, options: Mapping[str, Any]) -> IO[Any]:
    """Open `path` for writing, with the options of the built-in `open`; makes missing directories.

    Raises OSError as the built-in does.
    """
    # A link stays, and what it points to is written, as with the built-in.
    target = Path(path).resolve()
    if not target.is_file() and (target.exists() or "r" in mode):
        # A device is written to, never replaced; the rest are the built-in's errors.
        return target.open(mode, **options)
    target.parent.mkdir(parents=True, exist_ok=True)
    other = target.with_name(f".{target.name[:_LONGEST_NAME]}.{os.urandom(6).hex()}.tmp")
    other.touch(exist_ok=False)
    try:
        if target.exists():
            shutil.copymode(target, other)
            if "w" not in mode:
                shutil.copyfile(target, other)
        file = other.open(mode, **options)
    except BaseException:
        other.unlink()
        raise
    return cast("IO[Any]", _Replacement(file, other, target))


class _Replacement:
    """An open file that takes another's place when it is closed; else a proxy, like tempfile's.

    `close`, and the end of a `with` block without an exception, publish; all else discards.
    """

    def __init__(self, file: IO[Any], path: Path, target: Path) -> None:
        self._file = file
        self._path = path
        self._target = target

    @property
    def name(self) -> str:
        return str(self._target)

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.close()
            self._path.replace(self._target)
        except BaseException:
            self._discard()
            raise

    def __enter__(self) -> Self:
        self._file.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        elif not self._file.closed:
            self._discard()

    def __del__(self) -> None:
        if self._file.closed:
            return
        self._discard()
        problem = f"{self.name} was opened for writing and never closed: it is as it was before"
        warnings.warn(problem, RuntimeWarning, stacklevel=2)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def _discard(self) -> None:
        # Closing flushes, which may fail as what came before did: the disk is full.
        with contextlib.suppress(OSError):
            self._file.close()
        self._path.unlink(missing_ok=True)
