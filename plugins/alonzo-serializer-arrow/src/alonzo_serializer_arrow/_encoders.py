"""What tables are made of: types, names, items. No library is imported before there is a table of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ._content import of_array, of_numpy


@attrs.frozen
class _Encoder:
    kinds: tuple[str, ...]
    simplify: Callable[[Any], Any]


# -- pyarrow --------------------------------------------------------------------------------------


def _table(value: Any) -> Any:
    return (_schema(value.schema), value.num_rows, [of_array(column) for column in value.columns])


def _schema(schema: Any) -> Any:
    return ([_field(field) for field in schema], _metadata(schema.metadata))


def _field(field: Any) -> Any:
    return (field.name, str(field.type), field.nullable, _metadata(field.metadata))


def _metadata(metadata: Mapping[bytes, bytes] | None) -> Any:
    return dict(sorted(metadata.items())) if metadata else None


def _array(value: Any) -> Any:
    return (str(value.type), of_array(value))


def _arrow_scalar(value: Any) -> Any:
    import pyarrow as pa

    return _array(pa.array([value], value.type))


# -- pandas ---------------------------------------------------------------------------------------


def _frame(value: Any) -> Any:
    columns = [_column(value.iloc[:, place].array) for place in range(value.shape[1])]
    return (_index(value.columns), _index(value.index), columns, dict(value.attrs), value.flags.allows_duplicate_labels)


def _series(value: Any) -> Any:
    return (
        value.name,
        _index(value.index),
        _column(value.array),
        dict(value.attrs),
        value.flags.allows_duplicate_labels,
    )


def _index(value: Any) -> Any:
    """An index with what its type says besides the items. How a MultiIndex is factorised does not count."""
    kind = type(value).__qualname__
    if kind == "RangeIndex":
        return (kind, value.name, value.start, value.stop, value.step)
    if kind == "MultiIndex":
        return (
            kind,
            list(value.names),
            [_column(value.get_level_values(level).array) for level in range(value.nlevels)],
        )
    return (kind, value.name, _column(value.array), str(getattr(value, "freqstr", None)))


def _column(array: Any) -> Any:
    """The items of an extension array, and the name of their type."""
    import numpy as np
    import pandas as pd

    if type(array).__name__ in ("NumpyExtensionArray", "PandasArray"):
        array = array.to_numpy()
    dtype = array.dtype
    name = str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        return ("category", bool(dtype.ordered), _index(dtype.categories), of_numpy(np.asarray(array.codes, "<i8")))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return (name, of_numpy(array.tz_convert("UTC").tz_localize(None).to_numpy()))
    if isinstance(dtype, pd.PeriodDtype):
        return (name, of_numpy(np.asarray(array.asi8)))
    if isinstance(dtype, pd.IntervalDtype):
        return (name, _index(array.left), _index(array.right))
    if isinstance(dtype, np.dtype):
        name = dtype.newbyteorder("<").str
        return (name, of_numpy(np.asarray(array)))
    if isinstance(dtype, pd.StringDtype):
        return (name, repr(dtype.na_value), _texts(array))
    if isinstance(dtype, pd.SparseDtype):
        return (name, of_numpy(np.asarray(array)))
    if hasattr(array, "__arrow_array__"):
        return (name, of_array(array.__arrow_array__()))
    return (f"{type(array).__module__}.{type(array).__qualname__}", name, list(array))


def _texts(array: Any) -> Any:
    import pyarrow as pa

    # Whether Python's strings or Arrow's are behind it does not count.
    return of_array(pa.array(array, pa.large_string(), from_pandas=True))


# What pandas keeps in instances: told above, or caches. Whatever else a subclass's instances hold counts besides.
_frame.tells = frozenset({"_mgr", "_item_cache", "_attrs", "_flags"})  # type: ignore[attr-defined]
_series.tells = frozenset({"_mgr", "_item_cache", "_attrs", "_flags", "_name", "_index"})  # type: ignore[attr-defined]


# -- polars ---------------------------------------------------------------------------------------


def _polars_frame(value: Any) -> Any:
    return (value.height, [_polars_series(column) for column in value.get_columns()])


def _polars_series(value: Any) -> Any:
    import polars as pl

    kind = str(value.dtype)
    if isinstance(value.dtype, pl.Enum):
        kind = f"Enum({value.dtype.categories.to_list()!r})"
    if isinstance(value.dtype, pl.Categorical | pl.Enum):
        value = value.cast(pl.String)
    if isinstance(value.dtype, pl.Object):
        return (value.name, kind, value.to_list())
    return (value.name, kind, of_array(value.to_arrow()))


# Where the libraries' versions have them. Exactly these: a subclass's own state would count too, caches among it.
_INDEXES = "Index RangeIndex MultiIndex DatetimeIndex TimedeltaIndex PeriodIndex IntervalIndex CategoricalIndex"
_INDEXES_BEFORE_3 = """
base.Index range.RangeIndex multi.MultiIndex datetimes.DatetimeIndex timedeltas.TimedeltaIndex period.PeriodIndex
interval.IntervalIndex category.CategoricalIndex
"""
_COLUMNS = """
IntegerArray FloatingArray BooleanArray StringArray ArrowStringArray ArrowExtensionArray DatetimeArray TimedeltaArray PeriodArray
IntervalArray SparseArray NumpyExtensionArray
"""
_COLUMNS_BEFORE_3 = """
integer.IntegerArray floating.FloatingArray boolean.BooleanArray string_.StringArray string_arrow.ArrowStringArray
arrow.array.ArrowExtensionArray datetimes.DatetimeArray timedeltas.TimedeltaArray period.PeriodArray interval.IntervalArray
sparse.array.SparseArray numpy_.PandasArray categorical.Categorical
"""


def _named(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


ENCODERS = (
    _Encoder(("pyarrow.lib.Table", "pyarrow.lib.RecordBatch"), _table),
    _Encoder(("pyarrow.lib.Array", "pyarrow.lib.ChunkedArray"), _array),
    _Encoder(("pyarrow.lib.Scalar",), _arrow_scalar),
    _Encoder(("pyarrow.lib.Schema",), _schema),
    _Encoder(("pyarrow.lib.Field",), _field),
    _Encoder(("pyarrow.lib.DataType",), str),
    _Encoder(("pandas.DataFrame", "pandas.core.frame.DataFrame"), _frame),
    _Encoder(("pandas.Series", "pandas.core.series.Series"), _series),
    _Encoder((*_named("pandas", _INDEXES), *_named("pandas.core.indexes", _INDEXES_BEFORE_3)), _index),
    _Encoder(
        ("pandas.Categorical", *_named("pandas.arrays", _COLUMNS), *_named("pandas.core.arrays", _COLUMNS_BEFORE_3)),
        _column,
    ),
    _Encoder(("polars.dataframe.frame.DataFrame",), _polars_frame),
    _Encoder(("polars.series.series.Series",), _polars_series),
)
