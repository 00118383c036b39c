"""Bytes of arrays: a header, and the items as they lie in memory.

4 bytes   the size of the header with its padding, little-endian; the items begin at a multiple of 64 bytes
header    type, `C` or `F` (the order of items), and the shape, as text; blanks after it
…         the items, in the array's own order of bytes
"""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_ALIGNED = 64


class ArraySerializer:
    """Arrays of which the items are bytes. Others (of Python's objects, say) are left to pickle."""

    name = "numpy"
    version = 1
    kinds = ("numpy.ndarray",)

    def takes(self, value: np.ndarray[Any, Any]) -> bool:
        dtype = value.dtype
        return not dtype.hasobject and dtype.kind != "T" and dtype.metadata is None and _is_known(dtype)

    def dumps(self, value: np.ndarray[Any, Any]) -> bytes:
        return b"".join(self.pieces(value))

    def pieces(self, value: np.ndarray[Any, Any]) -> list[Any]:
        """The header, and the array's own memory where it lies in order."""
        import numpy as np

        is_fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        ordered = value.T if is_fortran else np.ascontiguousarray(value)
        shape = ",".join(map(str, value.shape))
        text = f"{_written(value.dtype)}|{'F' if is_fortran else 'C'}|{shape}".encode()
        size = -(-(4 + len(text)) // _ALIGNED) * _ALIGNED
        head = size.to_bytes(4, "little") + text.ljust(size - 4)
        return [head, ordered.reshape(-1).view(np.uint8).data] if value.nbytes else [head]

    def loads(self, data: Any, version: int) -> np.ndarray[Any, Any]:
        """The array, over these very bytes: it can be written to where they can.

        Raises:
            ValueError: they are not those of an array.
        """
        import numpy as np

        view = memoryview(data).cast("B")
        start = int.from_bytes(view[:4], "little")
        if version != 1 or not 4 < start <= len(view):
            raise ValueError("no header of an array")
        text, order, dimensions = bytes(view[4:start]).decode().rstrip().rsplit("|", 2)
        dtype = np.lib.format.descr_to_dtype(ast.literal_eval(text)) if text[:1] == "[" else np.dtype(text)
        shape = tuple(map(int, dimensions.split(","))) if dimensions else ()
        if len(view) - start != math.prod(shape) * dtype.itemsize:
            raise ValueError("bytes are missing, or too many")
        if len(view) == start:
            return np.empty(shape, dtype)
        flat: np.ndarray[Any, Any] = np.frombuffer(view[start:], dtype)
        return flat.reshape(shape, order="F" if order == "F" else "C")


def _is_known(dtype: np.dtype[Any]) -> bool:
    """Is it one of NumPy's own types, which the name says wholly?"""
    if dtype.names is not None:
        import numpy as np

        try:
            return bool(np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype)) == dtype)
        except (TypeError, ValueError):
            return False  # fields that overlap
    # Of a longdouble, it does not say which machine's.
    return dtype.type.__module__.partition(".")[0] == "numpy" and dtype.char not in "gG"


def _written(dtype: np.dtype[Any]) -> str:
    import numpy as np

    return dtype.str if dtype.names is None else repr(np.lib.format.dtype_to_descr(dtype))
