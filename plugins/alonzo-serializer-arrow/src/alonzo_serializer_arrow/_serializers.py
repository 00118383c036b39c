"""Bytes of tables: a head of 64 bytes (what it is, the size of the whole), then a stream of Arrow IPC, or polars' own."""

from __future__ import annotations

import io
import struct
from typing import Any

_HEAD = struct.Struct("<1s7xQ48x")
_ARRAYS = (
    "Null Boolean Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 HalfFloat Float Double Date32 Date64 Time32 Time64 Timestamp Duration "
    "MonthDayNanoInterval Decimal32 Decimal64 Decimal128 Decimal256 Binary LargeBinary FixedSizeBinary String LargeString BinaryView "
    "StringView List LargeList FixedSizeList Struct Map Dictionary"
)


class ArrowSerializer:
    """pyarrow's tables, batches, arrays and chunked arrays; read without a copy."""

    name = "arrow"
    version = 1
    kinds = (
        "pyarrow.lib.Table",
        "pyarrow.lib.RecordBatch",
        "pyarrow.lib.ChunkedArray",
        *[f"pyarrow.lib.{name}Array" for name in _ARRAYS.split()],
    )

    def dumps(self, value: Any) -> bytes:
        import pyarrow as pa

        if isinstance(value, pa.Table):
            return _streamed(b"T", value)
        if isinstance(value, pa.RecordBatch):
            return _streamed(b"R", value)
        if isinstance(value, pa.ChunkedArray):
            return _streamed(b"C", pa.table({"": value}))
        return _streamed(b"A", pa.record_batch([value], [""]))

    def loads(self, data: Any, version: int) -> Any:
        kind, stream = _opened(data, version)
        if kind == b"T":
            return stream.read_all()
        if kind == b"R":
            return stream.read_next_batch()
        return stream.read_all().column(0) if kind == b"C" else stream.read_next_batch().column(0)


class PandasSerializer:
    """Frames and series that Arrow can hold and give back as they were; others are pickled, their buffers beside the pickle."""

    name = "arrow-pandas"
    version = 1
    kinds = ("pandas.DataFrame", "pandas.core.frame.DataFrame", "pandas.Series", "pandas.core.series.Series")

    def takes(self, value: Any) -> bool:
        """Tried on a table of the same types without rows: what a round trip changes, it changes there."""
        import pyarrow as pa

        frame = _framed(value)
        if frame is None or not all(type(label) is str for label in frame.columns) or not frame.columns.is_unique:
            return False
        if (
            frame.attrs
            or not frame.flags.allows_duplicate_labels
            or any(map(_is_foreign, [frame.index.dtype, *frame.dtypes]))
        ):
            return False
        empty = frame.iloc[:0]
        try:
            back = pa.Table.from_pandas(empty).to_pandas()
        except Exception:  # no type of Arrow's: it is pickled
            return False
        return (
            _shape_of(back) == _shape_of(empty)
            and type(frame.index).__qualname__ in ("RangeIndex", "Index")
            and (frame.index.name is None or (type(frame.index.name) is str and frame.index.name not in frame.columns))
        )

    def dumps(self, value: Any) -> bytes:
        import pyarrow as pa

        kind = b"P" if hasattr(value, "columns") else b"N" if value.name is None else b"S"
        return _streamed(kind, pa.Table.from_pandas(_framed(value)))

    def loads(self, data: Any, version: int) -> Any:
        kind, stream = _opened(data, version)
        frame = stream.read_all().to_pandas()
        if kind == b"P":
            return frame
        series = frame.iloc[:, 0]
        return series.rename(None) if kind == b"N" else series


class PolarsSerializer:
    """Frames and series of polars, by polars; those that hold Python's objects are left to pickle."""

    name = "arrow-polars"
    version = 1
    kinds = ("polars.dataframe.frame.DataFrame", "polars.series.series.Series")

    def takes(self, value: Any) -> bool:
        types = value.dtypes if hasattr(value, "dtypes") else [value.dtype]
        return not any("Object" in str(kind) for kind in types)

    def dumps(self, value: Any) -> bytes:
        is_frame = hasattr(value, "columns")
        file = io.BytesIO()
        (value if is_frame else value.to_frame()).write_ipc(file)
        return _headed(b"D" if is_frame else b"L", file.getbuffer())

    def loads(self, data: Any, version: int) -> Any:
        import polars as pl

        kind, inside = _unheaded(data, version)
        frame = pl.read_ipc(io.BytesIO(inside))
        return frame if kind == b"D" else frame.to_series()


def _framed(value: Any) -> Any:
    """A series as a frame of one column; None: its name is no name of a column."""
    if hasattr(value, "columns"):
        return value
    if value.name is not None and type(value.name) is not str:
        return None
    frame = value.to_frame(name="" if value.name is None else value.name)
    frame.attrs = value.attrs
    return frame


def _is_foreign(dtype: Any) -> bool:
    """Python's objects, which Arrow would make something of by what they are, not what they were; and types that pandas adds to Arrow's,
    which are read as such only where it has been imported."""
    kind = str(dtype)
    return bool(getattr(dtype, "hasobject", False)) or "object" in kind or kind.startswith(("period", "interval"))


def _shape_of(frame: Any) -> Any:
    index, columns = frame.index, frame.columns
    return (
        [*frame.dtypes],
        [type(index).__qualname__, index.dtype, index.name],
        [type(columns).__qualname__, columns.dtype, columns.name, list(columns)],
    )


def _streamed(kind: bytes, table: Any) -> bytes:
    import pyarrow as pa

    # Written twice, first to nowhere: a buffer that grows copies all that is in it again and again.
    counted = pa.MockOutputStream()
    _write(counted, table)
    buffer = pa.allocate_buffer(_HEAD.size + counted.size())
    with pa.FixedSizeBufferWriter(buffer) as sink:
        sink.write(_HEAD.pack(kind, counted.size()))
        _write(sink, table)
    return bytes(buffer)


def _write(sink: Any, table: Any) -> None:
    import pyarrow as pa

    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)


def _headed(kind: bytes, inside: Any) -> bytes:
    view = memoryview(inside)
    return b"".join([_HEAD.pack(kind, view.nbytes), view])


def _unheaded(data: Any, version: int) -> tuple[bytes, memoryview]:
    """
    Raises:
        ValueError: these are not the bytes of a table, or not all.
    """
    view = memoryview(data).cast("B")
    if version != 1 or len(view) < _HEAD.size:
        raise ValueError("no head of a table")
    kind, size = _HEAD.unpack_from(view)
    if len(view) != _HEAD.size + size:
        raise ValueError("bytes are missing, or too many")
    return kind, view[_HEAD.size :]


def _opened(data: Any, version: int) -> tuple[bytes, Any]:
    import pyarrow as pa

    kind, inside = _unheaded(data, version)
    return kind, pa.ipc.open_stream(pa.py_buffer(inside))
