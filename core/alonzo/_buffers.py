"""A pickle with its large buffers beside it, in one piece of bytes: none of them is copied when they are read.

4 bytes   how many buffers, little-endian
8 bytes   the size of the pickle, and of each buffer
…         the pickle; each buffer, at a multiple of 64 bytes from the beginning
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from ._errors import EncodeError

_ALIGNED = 64


def joined(pickled: Any, buffers: Sequence[Sequence[Any]]) -> bytes:
    """The pickle and the buffers, each in pieces, as one."""
    sizes = [sum(memoryview(piece).nbytes for piece in buffer) for buffer in buffers]
    parts = [struct.pack(f"<I{1 + len(sizes)}Q", len(sizes), memoryview(pickled).nbytes, *sizes), pickled]
    end = sum(memoryview(part).nbytes for part in parts)
    for buffer, size in zip(buffers, sizes, strict=True):
        parts += [bytes(-end % _ALIGNED), *buffer]
        end += -end % _ALIGNED + size
    return b"".join(parts)


def taken_apart(data: Any) -> tuple[memoryview, list[memoryview]]:
    """Views of the pickle and of the buffers.

    Raises:
        ValueError: these are not such bytes.
    """
    view = memoryview(data).cast("B")
    try:
        (count,) = struct.unpack_from("<I", view)
        first, *sizes = struct.unpack_from(f"<{1 + count}Q", view, 4)
    except struct.error as error:
        raise ValueError(f"no pickle with buffers: {error}") from error
    start = 4 + 8 * (1 + count)
    end = start + first
    pickled, buffers = view[start:end], []
    for size in sizes:
        start = end + -end % _ALIGNED
        end = start + size
        buffers.append(view[start:end])
    if end != len(view):
        raise ValueError("bytes are missing, or too many")
    return pickled, buffers


def bytes_of(view: memoryview) -> tuple[bytes, str, tuple[int, ...]]:
    """What `view_of` makes such a view of, over bytes of its own.

    Raises:
        EncodeError: nothing can, but who knows that format.
    """
    told = (view.tobytes(), view.format, view.shape or ())
    try:
        view_of(*told)
    except (TypeError, ValueError) as error:
        raise EncodeError(
            f"a memoryview of format {view.format!r} cannot be made again: {error}. Pass what it is of"
        ) from None
    return told


def view_of(data: bytes, form: str, shape: tuple[int, ...]) -> memoryview:
    view = memoryview(data)
    return view if (form, len(shape)) == ("B", 1) else view.cast(form, shape)  # type: ignore[call-overload]
