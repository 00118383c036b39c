"""Plain values have canonical bytes, which no release may read otherwise."""

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo import AlonzoError
from alonzo._codec import Codec
from alonzo._digests import Digester
from alonzo._plain import dump_plain, load_plain

EXAMPLES = settings(max_examples=150, derandomize=True, database=None)
SCALARS = st.one_of(
    st.none(),
    st.just(...),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
)
HASHABLE = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=6)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=25,
)

# Written by hand from the table at the top of the module.
GOLDEN = {
    "none": (None, "4e"),
    "bool": ([True, False, ...], "5b03000000 54 46 2e"),
    "int": ((1, -1, 2**31 - 1, -(2**31)), "2804000000 6901000000 69ffffffff 69ffffff7f 6900000080"),
    "long": ((2**31, -((2**15) ** 2) * 4), "2802000000 6c03000000 0000 0000 0200 6cfdffffff 0000 0000 0400"),
    "float": ([1.0, -0.0], "5b02000000 67000000000000f03f 670000000000000080"),
    "complex": ([1j], "5b01000000 79 0000000000000000 000000000000f03f"),
    "str": (["a", "é", "\ud800"], "5b03000000 7501000000 61 7502000000 c3a9 7503000000 eda080"),
    "bytes": ((b"", b"x"), "2802000000 7300000000 7301000000 78"),
    "dict": ({"b": 1, "a": []}, "7b 7501000000 62 6901000000 7501000000 61 5b00000000 30"),
    "set": ([{2, 1}], "5b01000000 3c02000000 6901000000 6902000000"),
    "frozenset": (frozenset({"b", "a"}), "3e02000000 7501000000 61 7501000000 62"),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_bytes_are_as_they_were_written_down(name):
    value, expected = GOLDEN[name]

    assert dump_plain(value) == bytes.fromhex(expected)
    assert _typed(load_plain(bytes.fromhex(expected))) == _typed(value)


def _typed(value):
    """A value with the types of all that is in it; floats by their bits."""
    kind = type(value)
    if kind in (list, tuple):
        return kind, [_typed(item) for item in value]
    if kind is dict:
        return kind, [(_typed(key), _typed(item)) for key, item in value.items()]
    if kind in (set, frozenset):
        return kind, sorted(repr(_typed(item)) for item in value)
    return kind, value.hex() if kind is float else repr(value)


@EXAMPLES
@given(PLAIN)
def test_any_plain_value_comes_back_with_its_types_and_its_digest(value):
    codec, data = Codec().encode(value)
    for given_as in (data, bytearray(data), memoryview(data)):
        back = Codec().decode(codec, given_as)

        assert _typed(back) == _typed(value)
        assert Digester().token(back, None) == Digester().token(value, None)
    assert Codec().encode(back) == (codec, data)


def test_true_and_one_and_one_point_zero_are_three_values():
    back = load_plain(dump_plain([True, 1, 1.0, (1,), [1]]))

    assert [type(item) for item in back] == [bool, int, float, tuple, list]


def test_parts_that_are_one_object_are_written_like_parts_that_are_equal():
    part = ["x" * 20]

    assert dump_plain([part, part]) == dump_plain([["x" * 20], ["".join(["x"] * 20)]])


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_bytes_of_a_set_do_not_follow_the_hash_seed(seed):
    program = (
        "from alonzo._plain import dump_plain; print(dump_plain([{'a', 'b', 'c', ('d', 1)}, frozenset('xyz')]).hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)

    assert done.stdout.strip() == dump_plain([{"a", "b", "c", ("d", 1)}, frozenset("xyz")]).hex()


class Odd(int):
    pass


@pytest.mark.parametrize(
    "value", [Odd(1), [Odd(1)], {"a": (object,)}, [bytearray(b"x")], [memoryview(b"x")], {range(3): 1}, [[[Odd(1)], 2]]]
)
def test_what_is_not_plain_is_left_to_others(value):
    assert dump_plain(value) is None


def test_what_is_deep_or_holds_itself_is_left_to_others():
    deep = []
    for _ in range(600):
        deep = [deep]
    loop = []
    loop.append(loop)

    assert dump_plain(deep) is None
    assert dump_plain(loop) is None


@pytest.mark.parametrize("data", [b"", b"c", b"r", b"[", b"i12", b"u\x01\x00\x00\x00\xff"])
def test_bytes_that_are_no_plain_value_are_an_error_of_the_engine(data):
    with pytest.raises(AlonzoError, match="cannot be decoded"):
        Codec().decode("plain", data)
