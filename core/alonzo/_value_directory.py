"""The value store of `dir:` URLs: a file for each encoding, named by its SHA-256, written once and never changed.

    values/3f/3fb2…        the bytes
    values/3f/3fb2….zst    the bytes, compressed, where that makes them much smaller and the package zstandard is installed

`sha256sum` of a file that is not compressed gives its name. Files may be deleted at any time: what they held is computed again.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from ._compression import compressed, expanded
from ._errors import StoreError
from ._ports import StoreSite, ValueStore

_MAPPED = 1 << 24  # bytes; a smaller file is read, which takes no longer


def open_value_directory(site: StoreSite) -> ValueStore:
    """The value store that a `dir:` URL names; a relative path is below the project's directory."""
    rest = site.url.partition(":")[2]
    if not rest:
        raise StoreError(f"{site.url}: name a directory: dir:PATH")
    return ValueDirectory(site.root / rest)


class ValueDirectory:
    """The port `ValueStore`, in a directory of this machine. Nothing is made before the first value is kept."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __reduce__(self) -> Any:
        return ValueDirectory, (self.directory,)

    def put(self, data: Any) -> bytes:
        content = sha256(data).digest()
        path = self._path(content)
        if path.exists() or _packed(path).exists():
            return content
        try:
            smaller = compressed(data)
            self._write(path if smaller is None else _packed(path), data if smaller is None else smaller)
        except OSError as error:
            raise StoreError(
                f"{path.parent}: a value of {len(data)} bytes cannot be kept: {error.strerror or error}"
            ) from error
        return content

    def get(self, content: bytes) -> Any:
        path = self._path(content)
        data, path = _read(path)
        if sha256(data).digest() != content:
            # Out of the way of the one that is computed again.
            with contextlib.suppress(OSError):
                path.unlink()
            raise LookupError(f"{path} was damaged")
        return data

    def _write(self, path: Path, data: Any) -> None:
        try:
            _write(path, data)
        except FileNotFoundError:
            # The first of all, or of its folder. For its owner alone, as the database is; one that is there keeps its mode.
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            _write(path, data)

    def _path(self, content: bytes) -> Path:
        name = content.hex()
        return self.directory / name[:2] / name

    def __repr__(self) -> str:
        return f"dir:{self.directory}"


def _write(path: Path, data: Any) -> None:
    """Whole or not at all, also when this process is killed meanwhile."""
    other = path.with_name(f".{path.name[:16]}.{os.urandom(6).hex()}.tmp")
    try:
        with other.open("xb") as file:
            file.write(data)
        other.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            other.unlink()
        raise


def _read(path: Path) -> tuple[Any, Path]:
    """The bytes, and the file that they are in.

    Raises:
        LookupError: they are not to be had.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _MAPPED:
                return file.read(), path
            return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)), path
    except FileNotFoundError:
        pass
    except OSError as error:
        raise LookupError(f"{path} cannot be read: {error.strerror or error}") from error
    other = _packed(path)
    try:
        packed = other.read_bytes()
    except OSError:
        raise LookupError(f"{path} is gone") from None
    return expanded(packed, other), other


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".zst")
