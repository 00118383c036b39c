"""Files are written whole or not at all: beside the real one, which is replaced in the end."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Self, cast

from ._listing import unfinished
from ._overwritten import note


def open_to_replace(path: str, mode: str, options: Mapping[str, Any]) -> IO[Any]:
    """Open a local `path` for writing, with the options of the built-in `open`; makes missing directories.

    Raises OSError as the built-in does.
    """
    # A link stays, and what it points to is written, as with the built-in.
    target = Path(path).resolve()
    if not target.is_file() and (target.exists() or "r" in mode):
        # A device is written to, never replaced; the rest are the built-in's errors.
        return target.open(mode, **options)
    target.parent.mkdir(parents=True, exist_ok=True)
    other = target.with_name(unfinished(target.name))
    other.touch(exist_ok=False)
    try:
        if target.exists():
            import shutil  # slow to import, and not needed by new files

            shutil.copymode(target, other)
            if "w" not in mode:
                shutil.copyfile(target, other)
        file = other.open(mode, **options)
    except BaseException:
        other.unlink()
        raise

    def publish() -> None:
        note(str(target), str(other))
        other.replace(target)

    return cast("IO[Any]", _Replacement(file, other, str(target), publish))


def open_to_upload(url: str, mode: str, options: Mapping[str, Any]) -> IO[Any]:
    """Open a remote file for writing: a local one, which is uploaded when it is closed.

    Raises OSError or AlonzoError when it cannot be written there, or, to be added to, not be read.
    """
    import tempfile  # not needed by local files

    from ._filesystem import filesystem_of
    from ._transfer import check_writable, fetch, upload

    check_writable(url)
    filesystem_of(url)  # what is missing is said before the work is done
    handle, name = tempfile.mkstemp(prefix="alonzo-files-")
    os.close(handle)
    other = Path(name)
    try:
        if "w" not in mode:
            with contextlib.suppress(*([FileNotFoundError] if "a" in mode else [])):
                fetch(url, name)
        file = other.open(mode, **options)
    except BaseException:
        other.unlink()
        raise

    def publish() -> None:
        upload(name, url)
        other.unlink()

    return cast("IO[Any]", _Replacement(file, other, url, publish))


class _Replacement:
    """An open file that takes another's place when it is closed; else a proxy, like tempfile's.

    `close`, and the end of a `with` block without an exception, publish; all else discards.
    """

    def __init__(self, file: IO[Any], path: Path, name: str, publish: Callable[[], object]) -> None:
        self._file = file
        self._path = path
        self._publish = publish
        self.name = name

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.close()
            self._publish()
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
