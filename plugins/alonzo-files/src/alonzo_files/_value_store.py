"""Large values on any file system of fsspec: `values = "s3://bucket/prefix"`.

A file for each encoding, named by its SHA-256, as a value directory has them: `3f/3fb2…`, and `3f/3fb2….zst` where it was compressed. It is
written once, appears whole, and is verified when it is read.
"""

from __future__ import annotations

import contextlib
from hashlib import sha256
from typing import Any

from alonzo.plugin import AlonzoError, StoreError, StoreSite, compressed, expanded

from ._file import File
from ._filesystem import Storage, configure
from ._transfer import check_writable, create_bytes
from ._urls import is_url, joined, normalised


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
        smaller = compressed(data)
        data = data if smaller is None else smaller
        file = self._file(content, is_packed=smaller is not None)
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
        for is_packed in (False, True):
            file = self._file(content, is_packed=is_packed)
            with contextlib.suppress(FileNotFoundError):
                return self._verified(file, content, is_packed=is_packed)
        raise LookupError(f"{self._file(content, is_packed=False)} is gone")

    def _verified(self, file: File, content: bytes, *, is_packed: bool) -> bytes:
        try:
            # A connection may have broken off: only what is wrong twice is wrong where it is kept.
            for _ in range(2):
                data = file.read_bytes()
                data = expanded(data, file) if is_packed else data
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

    def _file(self, content: bytes, *, is_packed: bool) -> File:
        name = content.hex()
        return File(joined(self.url, name[:2], f"{name}.zst" if is_packed else name))

    def __repr__(self) -> str:
        return self.url
