"""Large values on any file system of fsspec: `values = "s3://bucket/prefix"`.

A file for each encoding, named by its SHA-256, as a value directory has them: `3f/3fb2…`, and `3f/3fb2….zst` where it was compressed. It is
written once, appears whole, and is verified when it is read.
"""

from __future__ import annotations

import contextlib
import importlib
from hashlib import sha256
from typing import Any

from alonzo.plugin import AlonzoError, StoreError, StoreSite

from ._file import File
from ._filesystem import Storage, configure
from ._transfer import check_writable, create_bytes
from ._urls import is_url, joined, normalised

_SAMPLE = 1 << 16  # bytes that are compressed to see whether it helps
_HELPS = 0.75  # of their size


def open_values(site: StoreSite, storage: Storage) -> FileValues:
    """The value store that a URL names; `storage` are the options of file systems.

    Raises:
        StoreError: it names no place for values.
    """
    if not is_url(site.url):
        scheme, _, rest = site.url.partition(":")
        raise StoreError(f"values = {site.url!r}: a URL has two slashes: {scheme}://{rest.lstrip('/')}")
    try:
        url = normalised(site.url)
        check_writable(url)
    except (ValueError, AlonzoError) as error:
        raise StoreError(f"values = {site.url!r}: {error}") from error
    return FileValues(url, storage)


class FileValues:
    """The port `ValueStore`, below a URL. Nothing is made before the first value is kept."""

    def __init__(self, url: str, storage: Storage) -> None:
        configure(storage)
        self.url = url
        self._storage = storage

    def __reduce__(self) -> Any:
        return FileValues, (self.url, self._storage)

    def put(self, data: Any) -> bytes:
        content = sha256(data).digest()
        smaller = _smaller(data)
        data = data if smaller is None else smaller
        file = self._file(content, compressed=smaller is not None)
        try:
            # One of another size was cut short by someone else.
            if not file.exists():
                create_bytes(bytes(data), file.path)
            elif file.size() != len(data):
                file.write_bytes(data)
        except (OSError, AlonzoError) as error:
            raise StoreError(f"{file}: a value of {len(data)} bytes cannot be kept: {error}") from error
        return content

    def get(self, content: bytes) -> Any:
        for compressed in (False, True):
            file = self._file(content, compressed=compressed)
            with contextlib.suppress(FileNotFoundError):
                return self._verified(file, content, compressed=compressed)
        raise LookupError(f"{self._file(content, compressed=False)} is gone")

    def _verified(self, file: File, content: bytes, *, compressed: bool) -> bytes:
        try:
            # A connection may have broken off: only what is wrong twice is wrong where it is kept.
            for _ in range(2):
                data = file.read_bytes()
                data = _expanded(data, file) if compressed else data
                if sha256(data).digest() == content:
                    return data
        except FileNotFoundError:
            raise
        except (OSError, AlonzoError) as error:
            raise LookupError(f"{file} cannot be read: {error}") from error
        # Out of the way of the one that is computed again.
        with contextlib.suppress(OSError, AlonzoError):
            file.remove()
        raise LookupError(f"{file} was damaged")

    def _file(self, content: bytes, *, compressed: bool) -> File:
        name = content.hex()
        return File(joined(self.url, name[:2], f"{name}.zst" if compressed else name))

    def __repr__(self) -> str:
        return self.url


def _smaller(data: Any) -> bytes | None:
    """The bytes compressed, if that helps."""
    library = _zstandard()
    if library is None:
        return None
    compressor = library.ZstdCompressor(level=1)
    view = memoryview(data)
    middle = len(view) // 2
    sample = compressor.compress(view[middle : middle + _SAMPLE])
    if len(sample) > _HELPS * len(view[middle : middle + _SAMPLE]):
        return None
    packed: bytes = compressor.compress(view)
    return packed if len(packed) <= _HELPS * len(view) else None


def _expanded(data: bytes, file: File) -> bytes:
    library = _zstandard()
    if library is None:
        raise AlonzoError(f"{file} was compressed: pip install zstandard")
    try:
        expanded: bytes = library.ZstdDecompressor().decompress(data)
    except library.ZstdError:
        return b""
    return expanded


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        return None
