"""What an array is made of, whatever the layout of its memory: type, shape, items.

    order of bytes      does not count: both orders of one type are one
    order of items      as in C, whatever the strides
    nan                 there is one, as among Python's floats; -0.0 is not 0.0
    structured          field by field; how these are padded and where they stand does not count
    longdouble          by value: what its bytes hold besides is garbage
    objects             one by one, each as what it is
    masked              what lies below the mask is garbage; the mask and the fill value count
    scalars             as arrays without dimensions, under the name of their own type

No NumPy is imported before there is an array.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1 << 16  # items looked through at once for odd nans
_FLOATS = {2: ("u2", 0x7E00), 4: ("u4", 0x7FC00000), 8: ("u8", 0x7FF8000000000000)}


@attrs.frozen
class _Encoder:
    kinds: tuple[str, ...]
    simplify: Callable[[Any], Any]


def array(value: np.ndarray[Any, Any]) -> Any:
    """Type, shape and items of an array; the items as one buffer where they can be, which is a view of the array's own memory where it
    lies in order."""
    return (described(value.dtype), value.shape, _items(value))


def described(dtype: np.dtype[Any]) -> Any:
    """A type without the order of its bytes; of a structured one, names, types and titles of the fields."""
    if dtype.names is not None:
        assert dtype.fields is not None
        return tuple((name, described(dtype[name]), *dtype.fields[name][2:]) for name in dtype.names)
    if dtype.subdtype is not None:
        return (described(dtype.subdtype[0]), dtype.subdtype[1])
    if dtype.kind == "T":
        return repr(dtype)
    if dtype.char in "gG":
        return "longdouble" if dtype.char == "g" else "clongdouble"
    text = _little(dtype).str
    return text if _is_numpys(dtype) else (text, f"{dtype.type.__module__}.{dtype.type.__qualname__}")


def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    # To ask for an order takes ten times as long as to see that it is there.
    return dtype if sys.byteorder == "little" and dtype.byteorder != ">" else dtype.newbyteorder("<")


def _is_numpys(dtype: np.dtype[Any]) -> bool:
    return dtype.type.__module__.partition(".")[0] == "numpy"


def _items(value: np.ndarray[Any, Any]) -> Any:
    import numpy as np

    dtype = value.dtype
    if dtype.names is not None:
        plain = np.asarray(value)
        return tuple(array(plain[name]) for name in dtype.names)
    if dtype.hasobject or dtype.kind == "T":
        return np.asarray(value).ravel().tolist()
    if dtype.char == "G":
        return (_items(value.real), _items(value.imag))
    if dtype.char == "g":
        return _parts(value)
    if value.nbytes == 0:
        return b""
    ordered = np.asarray(value, _little(dtype), order="C").reshape(-1)
    if dtype.kind in "fc" and _is_numpys(dtype):
        ordered = _one_nan(ordered)
    return ordered.view(np.uint8).data


def _one_nan(flat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    real = flat if flat.dtype.kind == "f" else flat.view(f"<f{flat.dtype.itemsize // 2}")
    kind, usual = _FLOATS[real.dtype.itemsize]
    bits = real.view(f"<{kind}")
    for start in range(0, len(real), _BLOCK):
        block = slice(start, start + _BLOCK)
        odd = np.isnan(real[block])
        if odd.any() and (bits[block][odd] != usual).any():
            real = np.where(np.isnan(real), np.array(usual, kind).view(f"f{real.dtype.itemsize}"), real)
            return np.ascontiguousarray(real.astype(real.dtype.newbyteorder("<"), copy=False))
    return real


def _parts(value: np.ndarray[Any, Any]) -> Any:
    """A longdouble as exponent and three doubles, which hold what any machine's does."""
    import numpy as np

    mantissa, exponent = np.frexp(np.asarray(value))
    parts = []
    with np.errstate(invalid="ignore", under="ignore"):
        for _ in range(3):
            part = np.asarray(mantissa, np.float64)
            parts.append(_items(part))
            mantissa = mantissa - part
    return (_items(np.asarray(np.where(np.isfinite(value), exponent, 0), np.int64)), *parts)


def _masked(value: Any) -> Any:
    import numpy as np

    below = value.filled(np.zeros((), value.dtype)[()])
    return (array(np.asarray(below)), array(np.ma.getmaskarray(value)), value.fill_value, value.hardmask)


def _scalar(value: Any) -> Any:
    import numpy as np

    return array(np.asarray(value))


ENCODERS = (
    _Encoder(("numpy.ndarray",), array),
    _Encoder(("numpy.ma.MaskedArray", "numpy.ma.core.MaskedArray"), _masked),
    _Encoder(("numpy.generic",), _scalar),
    _Encoder(("numpy.dtype",), described),
)
