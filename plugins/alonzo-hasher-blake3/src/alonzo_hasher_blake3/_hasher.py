"""BLAKE3 of a file's content."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

_LARGE = 1 << 20  # bytes; to map less, and to hand it to threads, costs more than it saves
_CALM = 2_000_000_000  # nanoseconds without a change


class Blake3Hasher:
    """`blake3`: what `b3sum` prints. Large local files are mapped into memory, and hashed on all processors.

    A file that is cut while it is mapped would end the process. So one that was changed just now, which may still be at it, is read.
    """

    name = "blake3"
    schemes: Collection[str] = ()
    reads = True

    def digest(self, file: Any) -> bytes:
        from blake3 import blake3  # compiled, and not needed where nothing is hashed

        if file.path is not None and file.size >= _LARGE and file.info["mtime_ns"] < time.time_ns() - _CALM:
            return blake3(max_threads=blake3.AUTO).update_mmap(file.path).digest()
        content = blake3()
        for block in file.blocks():
            content.update(block)
        return content.digest()
