"""How value stores compress: zstd, where it makes bytes much smaller and the package zstandard is installed."""

from __future__ import annotations

import functools
import importlib
from typing import Any

_SAMPLE = 1 << 16  # bytes that are compressed to see whether it helps
_HELPS = 0.75  # of their size


def compressed(data: Any) -> bytes | None:
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


def expanded(packed: bytes, where: object) -> bytes:
    """What was compressed; nothing where that is damaged.

    Raises:
        LookupError: the package is not installed here; names `where` the bytes are.
    """
    library = _zstandard()
    if library is None:
        raise LookupError(f"{where} can only be read with the package zstandard, which is not installed here")
    try:
        data: bytes = library.ZstdDecompressor().decompress(packed)
    except library.ZstdError:
        return b""
    return data


@functools.cache  # to look for a package that is not there takes as long as to keep a value
def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        return None
