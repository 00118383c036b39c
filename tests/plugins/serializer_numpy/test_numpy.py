"""NumPy arrays: digests by content, bytes as they lie in memory."""

import mmap
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alonzo import AlonzoError, AlonzoWarning, Runtime, task
from alonzo._codec import Codec
from alonzo.testing import EncoderContract, SerializerContract
from alonzo_serializer_numpy._encoders import ENCODERS
from alonzo_serializer_numpy._serializer import ArraySerializer

EXAMPLES = settings(max_examples=150, derandomize=True, database=None, deadline=None)
PAIRS = np.dtype([("a", "u1"), ("b", "<f8")])
PADDED = np.dtype([("a", "u1"), ("b", "<f8")], align=True)
NESTED = np.dtype([("x", PAIRS, (2,)), ("when", "M8[s]")])
BYTES = {
    "bool": lambda: np.array([True, False]),
    "u1": lambda: np.array([1, 0], "u1"),
    "i1": lambda: np.array([1, 0], "i1"),
    "i8": lambda: np.array([1, 0]),
    "row": lambda: np.array([[1, 0]]),
    "column": lambda: np.array([[1], [0]]),
    "f2": lambda: np.array([1, 0], "f2"),
    "f4": lambda: np.array([1, 0], "f4"),
    "f8": lambda: np.array([1.0, 0.0]),
    "-0.0": lambda: np.array([1.0, -0.0]),
    "nan": lambda: np.array([1.0, np.nan]),
    "c8": lambda: np.array([1, 0], "c8"),
    "c16": lambda: np.array([1, 0j]),
    "longdouble": lambda: np.array([1, 0], "longdouble"),
    "third": lambda: np.array([1, 3], "longdouble") / 3,
    "clongdouble": lambda: np.array([1, 0], "clongdouble"),
    "datetime": lambda: np.array(["2020-01-01", "NaT"], "M8[s]"),
    "datetime by days": lambda: np.array(["2020-01-01", "NaT"], "M8[D]"),
    "timedelta": lambda: np.array([1, 0], "m8[s]"),
    "U": lambda: np.array(["a", "bé"]),
    "wider": lambda: np.array(["a", "bé"], "U5"),
    "S": lambda: np.array([b"a", b"b"]),
    "V": lambda: np.array([b"a", b"b"], "V3"),
    "no dimension": lambda: np.array(5),
    "no dimension, float": lambda: np.array(5.0),
    "empty": lambda: np.empty((0,)),
    "empty rows": lambda: np.empty((0, 3)),
    "empty columns": lambda: np.empty((3, 0)),
    "empty texts": lambda: np.array(["", ""]),
    "one empty text": lambda: np.array([""]),
    "structured": lambda: np.array([(1, 2.0), (3, np.nan)], PAIRS),
    "other names": lambda: np.array([(1, 2.0), (3, np.nan)], [("a", "u1"), ("c", "<f8")]),
    "nested": lambda: np.zeros(2, NESTED),
    "large": lambda: np.arange(100_000).reshape(100, 10, 100),
    "large, other shape": lambda: np.arange(100_000).reshape(10, 100, 100),
}
OTHERS = {
    "objects": lambda: np.array([1, "a", None, [2.5]], object),
    "float of Python": lambda: 1.0,
    "float64": lambda: np.float64(1.0),
    "float32": lambda: np.float32(1.0),
    "float64 nan": lambda: np.float64("nan"),
    "int64": lambda: np.int64(1),
    "bool_": lambda: np.bool_(1),
    "str_": lambda: np.str_("a"),
    "datetime64": lambda: np.datetime64("2020-01-01"),
    "datetime64 s": lambda: np.datetime64("2020-01-01", "s"),
    "void": lambda: np.array([(1, 2.0)], PAIRS)[0],
    "longdouble scalar": lambda: np.longdouble(1) / 3,
    "dtype": lambda: np.dtype("f8"),
    "dtype of pairs": lambda: PAIRS,
    "matrix": lambda: np.array([[1.0, 0.0]]).view(np.matrix),
    "recarray": lambda: np.array([(1, 2.0), (3, 4.0)], PAIRS).view(np.recarray),
    "masked": lambda: np.ma.masked_array([1.0, 2.0], [False, True]),
    "masked otherwise": lambda: np.ma.masked_array([1.0, 2.0], [True, False]),
    "masked nowhere": lambda: np.ma.masked_array([1.0, 2.0]),
    "masked, filled": lambda: np.ma.masked_array([1.0, 2.0], [False, True], fill_value=7),
    "masked pairs": lambda: np.ma.masked_array(np.array([(1, 2.0)], PAIRS), [(True, False)]),
    "in containers": lambda: {"a": [np.array([1.0]), (np.float64(1.0),)]},
}


class TestEncoders(EncoderContract):
    def encoders(self):
        return ENCODERS

    def values(self):
        texts = {"StringDType": lambda: np.array(["a", "bé"], np.dtypes.StringDType())}
        return BYTES | OTHERS | (texts if hasattr(np.dtypes, "StringDType") else {})

    def alike(self):
        table = np.arange(12.0).reshape(3, 4)
        garbage = np.array([1.0, np.nan])
        garbage.view("u8")[1] |= (1 << 63) | 5
        complex_garbage = np.array([complex(np.nan, 1), complex(1, 2)])
        complex_garbage.view("u8")[0] ^= 1 << 63
        padded = np.frombuffer(b"\xff" * 2 * PADDED.itemsize, PADDED).copy()
        for field in ("a", "b"):
            padded[field] = 1
        long = np.frombuffer(b"\xff" * 2 * np.dtype("g").itemsize, "g").copy()
        long[:] = [1, 2]
        return {
            "order": (table, np.asfortranarray(table)),
            "strides": (table[::2, ::-1], table[::2, ::-1].copy()),
            "broadcast": (np.broadcast_to(np.float64(2), (3,)), np.full(3, 2.0)),
            "transposed": (table.T, table.T.copy()),
            "byte order": (table, table.astype(">f8")),
            "byte order of text": (np.array(["ab"]), np.array(["ab"], ">U2")),
            "byte order of fields": (np.ones(2, PAIRS), np.ones(2, [("a", "u1"), ("b", ">f8")])),
            "padding": (np.ones(2, PAIRS), padded),
            "read-only": (np.frombuffer(table.tobytes()).reshape(3, 4), table),
            "nan": (np.array([1.0, np.nan]), garbage),
            "nan, other byte order": (np.array([1.0, np.nan]), garbage.astype(">f8")),
            "complex nan": (np.array([complex(np.nan, 1), complex(1, 2)]), complex_garbage),
            "longdouble": (np.array([1, 2], "g"), long),
            "below the mask": (np.ma.masked_array([1.0, 2.0], [0, 1]), np.ma.masked_array([1.0, 9.0], [0, 1])),
            "no mask": (np.ma.masked_array([1.0, 2.0]), np.ma.masked_array([1.0, 2.0], [0, 0])),
            "large and odd": (np.full(3_000_000, np.nan), -np.full(3_000_000, np.nan)),
        }


class TestSerializer(SerializerContract):
    def serializer(self):
        return ArraySerializer()

    def encoders(self):
        return ENCODERS

    def values(self):
        return {
            **{name: make for name, make in BYTES.items() if "longdouble" not in name and name != "third"},
            "fortran": lambda: np.asfortranarray(np.arange(12.0).reshape(3, 4)),
            "strides": lambda: np.arange(12.0).reshape(3, 4)[:, ::2],
            "big": lambda: np.arange(3, dtype=">i4"),
            "padded": lambda: np.zeros(3, PADDED),
        }


@EXAMPLES
@given(st.data())
def test_any_array_comes_back_equal_with_its_type_and_digest(data):
    kinds = arrays.scalar_dtypes() | arrays.array_dtypes() | arrays.nested_dtypes()
    value = data.draw(arrays.arrays(data.draw(kinds), arrays.array_shapes(min_dims=0, min_side=0, max_side=4)))
    if value.ndim > 1 and data.draw(st.booleans()):
        value = value.T[::2]
    codec = Codec([ArraySerializer()])
    back = codec.decode(*codec.encode(value))

    assert back.dtype == value.dtype
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()
    contract = TestEncoders()
    assert contract.token(back) == contract.token(value) == contract.token(np.array(value, order="F"))


@pytest.mark.parametrize("kind", ["f8", "O", "M8[s]", "T"])
def test_an_array_of_any_kind_comes_back_as_it_was(kind):
    if kind == "T" and not hasattr(np.dtypes, "StringDType"):
        pytest.skip("this NumPy has no such type")
    value = np.array(["2020-01-01", "2021-01-01"], "M8[s]" if kind == "M8[s]" else None)
    value = value.astype(np.dtypes.StringDType() if kind == "T" else kind) if kind != "f8" else np.arange(3.0)
    codec = Codec([ArraySerializer()])
    back = codec.decode(*codec.encode([value]))[0]

    assert back.dtype == value.dtype
    assert back.tolist() == value.tolist()


def test_an_array_from_a_mapped_file_is_a_view_of_it_that_cannot_be_written_to(tmp_path):
    value = np.arange(100_000.0)
    for whole in (value, {"deep": [value, np.ones(3)]}):
        codec = Codec([ArraySerializer()])
        name, data = codec.encode(whole)
        (tmp_path / "data").write_bytes(data)
        with (tmp_path / "data").open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

        back = codec.decode(name, view)
        back = back if whole is value else back["deep"][0]
        assert np.shares_memory(back, np.frombuffer(view, "u1"))
        assert np.array_equal(back, value)
        assert back.flags.aligned
        with pytest.raises(ValueError, match="read-only"):
            back += 1


def test_an_array_from_a_row_of_the_store_can_be_written_to():
    codec = Codec([ArraySerializer()])
    back = codec.decode(*codec.encode(np.arange(3.0)))
    back += 1

    assert back.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.int8(3), np.bool_(True), np.str_("a"), np.datetime64("2020-01-01")]
)
def test_scalars_keep_their_types(value):
    codec = Codec([ArraySerializer()])
    for back in (codec.decode(*codec.encode(value)), codec.decode(*codec.encode([value]))[0]):
        assert type(back) is type(value)
        assert back == value


def test_damaged_bytes_are_an_error_of_the_engine():
    with pytest.raises(AlonzoError, match="cannot be decoded"):
        Codec([ArraySerializer()]).decode("plugin:numpy.1", b"\x40\0\0\0O|C|3" + b" " * 100)


def test_an_array_is_digested_without_a_copy():
    import tracemalloc

    value = np.arange(4_000_000.0)
    contract = TestEncoders()
    tracemalloc.start()
    try:
        contract.token(value)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 12_000_000  # of 32,000,000: blocks are looked through for odd nans


def test_the_plugin_is_loaded_without_numpy():
    program = "import sys, alonzo_serializer_numpy as p; p.alonzo_encoders(); p.alonzo_serializers(); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@task
def grid(size):
    return {"grid": np.asfortranarray(np.arange(float(size * size)).reshape(size, size)), "sum": np.float64(1.5)}


@task
def total(parts):
    return float(parts["grid"].sum() + parts["sum"])


@task
def incremented(array):
    array += 1
    return array


@task
def zeros(size):
    return np.zeros(size)


@pytest.mark.parametrize("size", [3, 200_000])
def test_a_task_that_changes_an_array_in_place_is_named_and_what_others_see_is_kept(size):
    with Runtime(store="memory:") as runtime:
        array = zeros(size)
        if size == 3:
            with pytest.warns(AlonzoWarning, match="incremented changed its argument array in place"):
                assert runtime.run([incremented(array), array])[1].tolist() == [0, 0, 0]
        else:
            with pytest.warns(AlonzoWarning, match="no copy could be made|changed its argument"):
                assert runtime.run(incremented(array))[0] == 1


def test_a_large_array_that_is_changed_in_a_worker_is_as_it_was_for_all_others(tmp_path):
    url = f"sqlite:{tmp_path}/alonzo.db"
    with Runtime(store=url, executor="processes", workers=1) as runtime:
        array = zeros(200_000)
        with pytest.warns(AlonzoWarning, match="no copy could be made|changed its argument"):
            assert runtime.run(incremented(array))[0] == 1
        assert runtime.run(array).sum() == 0
        assert runtime.run(counted(array)) == 0


CALLS = []


@task
def counted(array):
    CALLS.append(1)
    return array.sum()


def test_arrays_go_from_task_to_task_and_through_the_store(tmp_path):
    url = f"sqlite:{tmp_path}/alonzo.db"
    for _ in range(2):
        with Runtime(store=url) as runtime:
            assert runtime.run(total(grid(100))) == 49995000.0 + 1.5
            assert runtime.run(grid(100))["grid"].flags.f_contiguous


def test_a_task_is_not_run_again_for_the_same_items_in_another_order(tmp_path):
    CALLS.clear()
    table = np.arange(12.0).reshape(3, 4)
    with Runtime(store=f"sqlite:{tmp_path}/alonzo.db") as runtime:
        results = [runtime.run(counted(given)) for given in (table, np.asfortranarray(table), table.astype(">f8"))]

    assert results == [66.0] * 3
    assert len(CALLS) == 1


def _titled(*titles):
    return np.zeros(2, np.dtype({"names": ["a", "b"], "formats": ["i4", "f8"], "titles": list(titles)}))


def test_titles_of_fields_count_and_come_back():
    encoder = ENCODERS[0]
    one, other, none = _titled("x", "y"), _titled("x", "z"), np.zeros(2, [("a", "i4"), ("b", "f8")])
    codec = Codec([ArraySerializer()])

    assert len({repr(encoder.simplify(each)[0]) for each in (one, other, none)}) == 3
    assert encoder.simplify(none)[0] == (("a", "<i4"), ("b", "<f8"))
    assert codec.decode(*codec.encode(one)).dtype == one.dtype
    assert codec.decode(*codec.encode(one)).dtype.fields["x"] == one.dtype.fields["a"]
