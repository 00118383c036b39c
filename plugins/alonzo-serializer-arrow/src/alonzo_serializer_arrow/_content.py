"""What the items of an Arrow array are, whatever the layout of its memory.

Chunks, offsets, what lies below nulls, whether a bitmap says that there are none, 32-bit or 64-bit offsets, views, and the order of a
dictionary do not count. There is one nan; -0.0 is not 0.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_BLOCK = 1 << 16  # items looked through at once for odd nans
_USUAL = {2: 0x7E00, 4: 0x7FC00000, 8: 0x7FF8000000000000}


def of_array(array: Any) -> Any:
    """The items of a `pyarrow.Array` or `pyarrow.ChunkedArray`, made of tuples and buffers."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks == 1 else _combined(array)
    if isinstance(array, pa.ExtensionArray):
        return of_array(array.storage)
    kind = array.type
    if pa.types.is_dictionary(kind):
        return of_array(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind) or pa.types.is_union(kind) or pa.types.is_map(kind):
        return ("items", array.to_pylist())
    return (len(array), _valid(array), *_items(array, kind))


def of_numpy(values: np.ndarray[Any, Any]) -> Any:
    """The items of a flat array of NumPy."""
    import numpy as np

    if values.dtype.hasobject or values.dtype.kind not in "biufcmMSU" or values.dtype.char in "gG":
        return values.tolist()
    flat = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return _view(_one_nan(flat))


def _combined(array: Any) -> Any:
    import pyarrow as pa

    if array.num_chunks == 0:
        return pa.array([], array.type)
    combined = array.combine_chunks()
    # More than 2 GB of text stay in chunks: their items are one after another all the same.
    return pa.concat_arrays(combined.chunks) if isinstance(combined, pa.ChunkedArray) else combined


def _valid(array: Any) -> Any:
    import numpy as np

    if not array.null_count:
        return None
    return _view(np.packbits(_mask(array)))


def _mask(array: Any) -> Any:
    return array.is_valid().to_numpy(zero_copy_only=False)


def _items(array: Any, kind: Any) -> tuple[Any, ...]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    types = pa.types
    if types.is_null(kind):
        return ()
    if types.is_boolean(kind):
        return (_view(np.packbits(pc.fill_null(array, False).to_numpy(zero_copy_only=False))),)
    if types.is_struct(kind):
        return tuple(of_array(field) for field in array.flatten())
    if types.is_fixed_size_list(kind):
        return (of_array(array.flatten()),)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_nested(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64())
        return (of_array(lengths), of_array(array.flatten()))
    if _is_fixed(kind):
        return (_fixed(array, kind),)
    return _texts(array)


def _is_fixed(kind: Any) -> Any:
    try:
        return kind.bit_width > 0
    except ValueError:
        return False


def _fixed(array: Any, kind: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    width = kind.bit_width // 8
    data = array.buffers()[1]
    if not len(array) or data is None or not width:
        return b""
    flat = np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    if array.null_count:
        flat = flat.copy()
        flat.reshape(-1, width)[~_mask(array)] = 0
    return _view(_one_nan(flat.view(f"<f{width}"))) if pa.types.is_floating(kind) else _view(flat)


def _texts(array: Any) -> tuple[Any, ...]:
    import numpy as np
    import pyarrow as pa

    types = pa.types
    is_text = types.is_string(array.type) or types.is_large_string(array.type) or "string" in str(array.type)
    array = array.cast(pa.large_string() if is_text else pa.large_binary())
    if array.null_count:
        array = array.fill_null("" if is_text else b"")
    if not len(array):
        return (b"", b"")
    _, offsets, data = array.buffers()
    ends = np.frombuffer(offsets, "<i8")[array.offset : array.offset + len(array) + 1]
    inside = b"" if data is None else memoryview(data)[int(ends[0]) : int(ends[-1])]
    return (_view(np.diff(ends)), inside)


def _one_nan(flat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    if flat.dtype.kind not in "fc":
        return flat
    size = flat.dtype.itemsize // (2 if flat.dtype.kind == "c" else 1)
    real = flat.view(f"<f{size}")
    bits, usual = real.view(f"<u{size}"), _USUAL[size]
    for start in range(0, len(real), _BLOCK):
        block = slice(start, start + _BLOCK)
        odd = np.isnan(real[block])
        if odd.any() and (bits[block][odd] != usual).any():
            return np.where(np.isnan(real), np.array(usual, f"<u{size}"), bits)
    return real


def _view(flat: np.ndarray[Any, Any]) -> Any:
    import numpy as np

    return flat.view(np.uint8).data if flat.nbytes else b""
