"""Tables of pandas, polars and pyarrow: digests by content, bytes as Arrow IPC."""

import datetime
import decimal
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo import Runtime, task
from alonzo._codec import Codec
from alonzo.testing import EncoderContract, SerializerContract
from alonzo_serializer_arrow._encoders import ENCODERS
from alonzo_serializer_arrow._serializers import ArrowSerializer, PandasSerializer, PolarsSerializer

EXAMPLES = settings(max_examples=60, derandomize=True, database=None, deadline=None)
NEW_YEAR = datetime.datetime.fromisoformat("2020-01-01")
TYPES = {
    "int8": [1, None, 3],
    "int64": [1, None, 3],
    "uint64": [1, None, 2**63],
    "float16": [1.0, None, -0.0],
    "float32": [1.0, None, float("nan")],
    "float64": [1.0, None, float("nan")],
    "bool": [True, None, False],
    "string": ["a", None, "bé"],
    "large_string": ["a", None, ""],
    "binary": [b"a", None, b""],
    "large_binary": [b"a", None, b""],
    "date32": [datetime.date(2020, 1, 1), None],
    "null": [None, None],
}
OTHERS = {
    "fixed binary": (pa.binary(2), [b"ab", None]),
    "timestamp": (pa.timestamp("us"), [NEW_YEAR, None]),
    "timestamp in Paris": (pa.timestamp("us", "Europe/Paris"), [NEW_YEAR, None]),
    "duration": (pa.duration("s"), [datetime.timedelta(1), None]),
    "decimal": (pa.decimal128(5, 2), [decimal.Decimal("1.25"), None]),
    "list": (pa.list_(pa.int64()), [[1, None], None, []]),
    "large list": (pa.large_list(pa.string()), [["a", None], None, []]),
    "fixed list": (pa.list_(pa.int8(), 2), [[1, 2], None, [None, 3]]),
    "struct": (pa.struct({"x": pa.int64(), "y": pa.string()}), [{"x": 1, "y": None}, None]),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], None]),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["a", None, "a"]),
    "empty": (pa.int64(), []),
    "empty text": (pa.string(), []),
}
ARRAYS = {name: (getattr(pa, "bool_" if name == "bool" else name)(), items) for name, items in TYPES.items()} | OTHERS
FRAMES = {
    "numbers": lambda: pd.DataFrame({"a": [1, 2], "b": [1.5, float("nan")], "c": [True, False]}),
    "other names": lambda: pd.DataFrame({"a": [1, 2], "b": [1.5, float("nan")], "d": [True, False]}),
    "texts": lambda: pd.DataFrame({"a": ["x", None]}),
    "times": lambda: pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None]), "d": pd.to_timedelta([1, None], "s")}),
    "zoned": lambda: pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None]).tz_localize("Europe/Paris")}),
    "zoned elsewhere": lambda: pd.DataFrame({"t": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC")}),
    "nullable": lambda: pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")}),
    "category": lambda: pd.DataFrame({"a": pd.Categorical(["x", None, "y"])}),
    "category, ordered": lambda: pd.DataFrame({"a": pd.Categorical(["x", None, "y"], ordered=True)}),
    "category, more": lambda: pd.DataFrame({"a": pd.Categorical(["x", None, "y"], ["x", "y", "z"])}),
    "named index": lambda: pd.DataFrame({"a": [1, 2]}, pd.Index([3, 4], name="i")),
    "text index": lambda: pd.DataFrame({"a": [1, 2]}, ["r", "s"]),
    "range index": lambda: pd.DataFrame({"a": [1, 2]}, pd.RangeIndex(3, 7, 2)),
    "no rows": lambda: pd.DataFrame({"a": pd.Series([], dtype="int64")}),
    "arrow type": lambda: pd.DataFrame({"a": pd.array([1, None], "int64[pyarrow]")}),
    "series": lambda: pd.Series([1, 2], name="s"),
    "series without name": lambda: pd.Series([1, 2]),
}
PICKLED = {
    "objects": lambda: pd.DataFrame({"a": [1, "x", None, [2]]}),
    "texts as objects": lambda: pd.DataFrame({"a": pd.Series(["x", "y"], dtype=object)}),
    "numbers as names": lambda: pd.DataFrame({0: [1], 1: [2]}),
    "names twice": lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "attrs": lambda: pd.DataFrame({"a": [1]}).pipe(_with_attrs),
    "levels": lambda: pd.DataFrame({"a": [1, 2]}, pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["p", "q"])),
    "levels of columns": lambda: pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("x", 1)])),
    "dates as index": lambda: pd.DataFrame({"a": [1, 2]}, pd.date_range("2020-01-01", periods=2, freq="D")),
    "periods": lambda: pd.DataFrame({"a": pd.period_range("2020-01", periods=2, freq="M")}),
    "intervals": lambda: pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "sparse": lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
    "no columns": lambda: pd.DataFrame(index=[1, 2]),
    "series with a number as name": lambda: pd.Series([1], name=0),
}
INDEXES = {
    "index": lambda: pd.Index([1, 2]),
    "index of texts": lambda: pd.Index(["a", "b"]),
    "index of times": lambda: pd.DatetimeIndex(["2020-01-01"]),
    "levels alone": lambda: pd.MultiIndex.from_product([["x"], [1, 2]]),
    "timestamp": lambda: pd.Timestamp("2020-01-01T00:00:00.000000001"),
    "array": lambda: pd.array([1, None], "Int64"),
    "categorical": lambda: pd.Categorical(["a", "b"]),
}
POLARS = {
    "numbers": lambda: pl.DataFrame({"a": [1, None], "b": [1.5, float("nan")], "c": [True, None]}),
    "smaller": lambda: pl.DataFrame(
        {"a": [1, None], "b": [1.5, float("nan")], "c": [True, None]}, schema_overrides={"a": pl.Int8}
    ),
    "texts": lambda: pl.DataFrame({"a": ["x", None, "bé" * 30]}),
    "binary": lambda: pl.DataFrame({"a": [b"x", None]}),
    "categorical": lambda: pl.DataFrame({"a": pl.Series(["x", None, "y"], dtype=pl.Categorical)}),
    "enum": lambda: pl.DataFrame({"a": pl.Series(["x", None, "y"], dtype=pl.Enum(["y", "x"]))}),
    "enum otherwise": lambda: pl.DataFrame({"a": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"]))}),
    "nested": lambda: pl.DataFrame({"a": [[1, None], None, []], "b": [{"x": 1}, None, {"x": None}]}),
    "array": lambda: pl.DataFrame({"a": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2))}),
    "times": lambda: pl.DataFrame({"a": [NEW_YEAR, None], "b": [datetime.timedelta(1), None]}),
    "times of day": lambda: pl.DataFrame({"a": [datetime.time(1), None], "b": [datetime.date(2020, 1, 1), None]}),
    "decimals": lambda: pl.DataFrame({"a": [decimal.Decimal("1.5"), None]}),
    "nulls": lambda: pl.DataFrame({"a": [None, None]}),
    "nothing": pl.DataFrame,
    "no rows": lambda: pl.DataFrame({"a": []}, {"a": pl.String}),
    "series": lambda: pl.Series("a", [1, 2]),
}


def _with_attrs(frame):
    frame.attrs["source"] = "x"
    return frame


def _array(name):
    kind, items = ARRAYS[name]
    return pa.array(items, kind)


def _arrow():
    found = {name: lambda name=name: _array(name) for name in ARRAYS}
    found["table"] = lambda: pa.table({"a": [1, None], "b": ["x", "y"]})
    found["table with metadata"] = lambda: pa.table({"a": [1, None], "b": ["x", "y"]}).replace_schema_metadata(
        {"k": "v"}
    )
    found["batch"] = lambda: pa.record_batch({"a": [1, None], "b": ["x", "y"]})
    found["chunks"] = lambda: pa.chunked_array([[1], [None, 3]])
    found["no chunk"] = lambda: pa.chunked_array([], pa.int16())
    return found


class TestEncoders(EncoderContract):
    def encoders(self):
        return ENCODERS

    def values(self):
        types = {
            "schema": lambda: pa.schema([("a", pa.int64())]),
            "type": pa.int64,
            "scalar": lambda: pa.scalar(5),
            "field": lambda: pa.field("a", pa.int64(), nullable=False),
        }
        return {
            **{f"arrow: {name}": make for name, make in (_arrow() | types).items()},
            **{f"pandas: {name}": make for name, make in (FRAMES | PICKLED | INDEXES).items()},
            **{f"polars: {name}": make for name, make in POLARS.items()},
        }

    def alike(self):
        odd = np.array([1.0, np.nan])
        odd.view("u8")[1] |= 1 << 63
        below = pa.Array.from_buffers(
            pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, 77, 3]).tobytes())], null_count=1
        )
        below_text = pa.Array.from_buffers(
            pa.string(),
            2,
            [pa.py_buffer(b"\x02"), pa.py_buffer(np.array([0, 3, 4], "i4").tobytes()), pa.py_buffer(b"xxxa")],
        )
        frame = FRAMES["numbers"]()
        built = pd.DataFrame(index=pd.RangeIndex(2))
        for name in frame.columns:
            built[name] = frame[name]
        built.columns = built.columns.astype(frame.columns.dtype)
        return {
            "arrow: chunks": (pa.chunked_array([[1], [2, 3]]), pa.chunked_array([[1, 2], [], [3]], pa.int64())),
            "arrow: bitmap": (pa.array([1, 2, None])[:2], pa.array([1, 2])),
            "arrow: below nulls": (below, pa.array([1, None, 3])),
            "arrow: below a null text": (below_text, pa.array([None, "a"])),
            "arrow: nan": (pa.array([1.0, float("nan")]), pa.array(odd)),
            "arrow: order of a dictionary": (
                pa.DictionaryArray.from_arrays(pa.array([0, 1], "int8"), ["a", "b"]),
                pa.DictionaryArray.from_arrays(pa.array([1, 0], "int8"), ["b", "a"]),
            ),
            **{
                f"arrow: slice of {name}": (
                    pa.concat_arrays([_array(name)] * 3)[len(_array(name)) :][: len(_array(name))],
                    _array(name),
                )
                for name in ARRAYS
                if name != "dictionary"
            },
            "pandas: blocks": (built, frame),
            "pandas: order of items in memory": (
                pd.DataFrame(np.arange(6.0).reshape(2, 3), columns=list("abc")),
                pd.DataFrame(np.asfortranarray(np.arange(6.0).reshape(2, 3)), columns=list("abc")),
            ),
            "pandas: nan": (pd.Series([1.0, np.nan]), pd.Series(odd)),
            "pandas: unused levels": (
                pd.DataFrame({"a": [1, 2]}, pd.MultiIndex.from_product([["x", "y"], [1]])).iloc[:1].index,
                pd.MultiIndex.from_product([["x"], [1]]),
            ),
            "polars: chunks": (
                pl.concat([pl.DataFrame({"a": ["x"]})] * 2, rechunk=False),
                pl.DataFrame({"a": ["x", "x"]}),
            ),
            "polars: slice": (pl.DataFrame({"a": [[1], [2], None]})[1:], pl.DataFrame({"a": [[2], None]})),
        }


class TestArrow(SerializerContract):
    def serializer(self):
        return ArrowSerializer()

    def encoders(self):
        return ENCODERS

    def values(self):
        return _arrow()


class TestPandas(SerializerContract):
    def serializer(self):
        return PandasSerializer()

    def encoders(self):
        return ENCODERS

    def values(self):
        return FRAMES


class TestPolars(SerializerContract):
    def serializer(self):
        return PolarsSerializer()

    def encoders(self):
        return ENCODERS

    def values(self):
        return POLARS


ALL = [ArrowSerializer(), PandasSerializer(), PolarsSerializer()]


@pytest.mark.parametrize("name", PICKLED | INDEXES)
def test_what_arrow_cannot_hold_is_pickled_and_comes_back_as_it_was(name):
    value = (PICKLED | INDEXES)[name]()
    codec = Codec(ALL)
    encoding, data = codec.encode(value)
    back = codec.decode(encoding, memoryview(data))

    assert encoding in ("pickle", "frame-pickle")
    assert type(back) is type(value)
    assert TestEncoders().token(back) == TestEncoders().token(value)


CELLS = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(),
    "str": st.text(max_size=4) | st.none(),
    "Int64": st.integers(-5, 5) | st.none(),
    "category": st.sampled_from(["x", "y"]),
    "bool": st.booleans(),
}


@EXAMPLES
@given(st.data())
def test_any_frame_of_pandas_comes_back_with_its_types_and_digest(data):
    rows = data.draw(st.integers(0, 4))
    kinds = data.draw(
        st.dictionaries(st.text("abc", min_size=1, max_size=2), st.sampled_from(sorted(CELLS)), max_size=4)
    )
    columns = {
        name: pd.array(data.draw(st.lists(CELLS[kind], min_size=rows, max_size=rows)), dtype=kind)
        for name, kind in kinds.items()
    }
    value = pd.DataFrame(columns, index=pd.RangeIndex(rows))
    codec = Codec(ALL)
    back = codec.decode(*codec.encode(value))

    pd.testing.assert_frame_equal(back, value)
    assert TestEncoders().token(back) == TestEncoders().token(value)
    assert TestEncoders().token(value.iloc[::-1].iloc[::-1].reset_index(drop=True)) == TestEncoders().token(value)


@EXAMPLES
@given(
    st.lists(st.one_of(st.none(), st.integers(-9, 9), st.lists(st.none() | st.integers(-9, 9), max_size=3))), st.data()
)
def test_any_array_of_arrow_comes_back_also_when_it_is_a_slice(items, data):
    items = [item if isinstance(item, list) or item is None else [item] for item in items]
    array = pa.array(items, pa.list_(pa.int64()))
    start = data.draw(st.integers(0, len(items)))
    value = array[start:]
    codec = Codec(ALL)
    back = codec.decode(*codec.encode(value))

    assert back.equals(value)
    assert back.type == value.type
    assert (
        TestEncoders().token(back)
        == TestEncoders().token(value)
        == TestEncoders().token(pa.array(items[start:], value.type))
    )


def test_a_table_is_read_without_a_copy():
    value = pa.table({"a": np.arange(100_000)})
    codec = Codec(ALL)
    name, data = codec.encode({"deep": [value]})
    before = pa.total_allocated_bytes()
    back = codec.decode(name, memoryview(data))["deep"][0]

    assert pa.total_allocated_bytes() == before
    assert back.equals(value)


def test_the_plugin_is_loaded_without_any_of_the_libraries():
    program = (
        "import sys, alonzo_serializer_arrow as p; p.alonzo_encoders(); p.alonzo_serializers(); "
        "print({'numpy', 'pandas', 'polars', 'pyarrow'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


CALLS = []


@task
def frame(rows):
    return pd.DataFrame({"a": range(rows), "t": [f"row {row}" for row in range(rows)]})


@task
def height(table):
    CALLS.append(1)
    return len(table)


def test_tables_go_from_task_to_task_and_through_the_store(tmp_path):
    CALLS.clear()
    for _ in range(2):
        with Runtime(store=f"sqlite:{tmp_path}/alonzo.db") as runtime:
            assert runtime.run(height(frame(5000))) == 5000
            assert runtime.run(frame(5000)).t[4999] == "row 4999"
            for chunks in ([[1], [2, 3]], [[1, 2, 3]]):
                assert runtime.run(height(pa.table({"x": pa.chunked_array(chunks)}))) == 3

    assert len(CALLS) == 2


class Sheet(pd.DataFrame):
    @property
    def _constructor(self):
        return Sheet

    def total(self):
        return int(self.to_numpy().sum())


class Row(pd.Series):
    pass


@task
def sheet(n):
    made = Sheet({"a": [n, 2]})
    object.__setattr__(made, "unit", "kg")
    return made


@task
def total(frame):
    return frame.total()


@task
def the_same(value):
    return value


@pytest.mark.parametrize("executor", ["threads", "inprocess"])
def test_subclasses_of_frames_and_series_are_arguments_and_results(executor):
    with Runtime(store="memory:", executor=executor) as runtime:
        assert runtime.run([total(sheet(1)), total(sheet(3))]) == [3, 5]
        assert runtime.run(total(Sheet({"a": [1, 3]}))) == 4
        assert type(runtime.run(the_same(Row([1])))) is Row
        assert runtime.run(total(Sheet({"a": [1, 3]}))) == 4
        assert dict(runtime.last.ran) == {}


def test_what_a_frame_of_a_subclass_holds_besides_counts_and_what_pandas_keeps_for_itself_does_not():
    from alonzo._builtins import digester

    def token(value):
        return made.token(value, _Anything())

    made = digester(ENCODERS, {}, None, lambda _: None)
    heavy, light, looked_at = Sheet({"a": [1]}), Sheet({"a": [1]}), Sheet({"a": [1]})
    object.__setattr__(heavy, "unit", "kg")
    assert (looked_at["a"] == 1).all()
    looked_at.describe()

    assert token(light) == token(looked_at)
    assert len({token(each) for each in (heavy, light, pd.DataFrame({"a": [1]}), Sheet({"a": [2]}))}) == 4
    assert token(Row([1], name="x")) != token(Row([1], name="y"))


class _Anything:
    def definition(self, kind, thing):
        return None

    def external(self, kind, place):
        return None

    def found(self, found):
        """Nothing."""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pd.Timestamp("2024-01-01").as_unit("s"), pd.Timestamp("2024-01-01").as_unit("ns")),
        (pd.Timedelta(1, "s").as_unit("s"), pd.Timedelta(1, "s").as_unit("ns")),
        (pd.Timedelta(1, "ns"), pd.Timedelta(2, "ns")),
        (pd.Timestamp(1), pd.Timestamp(2)),
    ],
)
def test_moments_and_durations_that_differ_in_unit_or_nanoseconds_are_different(one, other):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        values = runtime.run([the_same(one), the_same(other)])

    assert [(value, value.unit) for value in values] == [(one, one.unit), (other, other.unit)]
    assert sum(runtime.last.ran.values()) == 2
