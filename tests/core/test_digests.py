"""Digests of values: canonical, by type, blind to identity. Expected ones are worked out by an encoder of the tests' own."""

import copy
import datetime
import enum
import math
import re
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import attrgetter, itemgetter, methodcaller
from zoneinfo import ZoneInfo

import attrs
import digest_values
import pytest
from digest_values import alonzo_digest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_driver import Drive, World

from alonzo import EncodeError, Runtime, run, task
from alonzo._digests import node_token

# Not from output: hashlib.blake2b(b"i5", digest_size=16, person=b"alonzo.digest.2"), and so on.
GOLDEN = {
    "int": b"i5",
    "negative": b"i-ff",
    "True": b"T",
    "None": b"N",
    "str": b"s\xc3\xa9",
    "float": b"f\x3f\xf0\0\0\0\0\0\0",
    "nan": b"f\x7f\xf8\0\0\0\0\0\0",
    "range": b"R1,64,3",
    "empty list": b"l",
    "Counter": b"DCounter2:sa2:i22:sb2:i1",
    "slice": b":2:i11:N2:i2",
    "deque": b"q2:i52:i12:i2",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_an_encoding_is_as_it_was_written_down(name):
    assert digest_values.encoding(digest_values.values()[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", digest_values.values())
def test_a_digest_is_that_of_an_encoder_written_from_the_description(name):
    value = digest_values.values()[name]

    assert alonzo_digest(value) == digest_values.digest(value)


def _plain():
    scalars = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(max_size=50),
        st.complex_numbers(allow_nan=True),
    )
    hashable = st.recursive(
        scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=4), max_leaves=5
    )
    return st.recursive(
        hashable,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(hashable, inner, max_size=4) | st.sets(hashable, max_size=4)
        ),
        max_leaves=12,
    )


@settings(max_examples=60, derandomize=True, database=None)
@given(_plain())
def test_any_builtin_value_has_the_digest_of_the_independent_encoder_and_so_has_its_copy(value):
    assert alonzo_digest(value) == digest_values.digest(value)
    assert alonzo_digest(copy.deepcopy(value)) == alonzo_digest(value)


Left = namedtuple("Left", "x y")  # noqa: PYI024 - those of collections are meant
Right = namedtuple("Right", "x y")  # noqa: PYI024


@dataclass
class Cup:
    x: int


@dataclass
class Mug:
    x: int


@attrs.define
class Jug:
    x: int


class Words(list):
    pass


class Name(str):
    __slots__ = ()


class Odd(enum.Flag):
    A = 1
    B = 2


def _cached(k, size=2):
    @lru_cache(maxsize=size)
    def f():
        return k

    return f


DIFFERENT = [
    [1, True, 1.0, 1 + 0j, "1", b"1", bytearray(b"1"), Name("1")],
    [0.0, -0.0, 0, False, None, "", b"", [], (), {}, set(), frozenset(), ...],
    [
        [1, 2],
        (1, 2),
        {1, 2},
        frozenset([1, 2]),
        deque([1, 2]),
        deque([1, 2], 2),
        Left(1, 2),
        Right(1, 2),
        Words([1, 2]),
        [[1], 2],
        [1, [2]],
    ],
    [
        {"a": 1, "b": 2},
        {"b": 2, "a": 1},
        OrderedDict(a=1, b=2),
        Counter(a=1, b=2),
        defaultdict(int, a=1, b=2),
        defaultdict(list, a=1, b=2),
    ],
    [Cup(1), Mug(1), Jug(1), Cup(2), Cup(True), {"x": 1}],
    ["a" * 40, "a" * 41, b"a" * 40, ["a" * 40]],
    [range(3), range(0, 3, 2), [0, 1, 2], slice(0, 3)],
    [
        datetime.date(2024, 1, 1),
        datetime.datetime(2024, 1, 1),  # noqa: DTZ001 - without a zone
        datetime.datetime(2024, 1, 1, fold=1),  # noqa: DTZ001
    ],
    [int, str, "builtins.int", Cup, Mug],
    [ValueError(1), TypeError(1), ValueError("1"), ValueError()],
    [["ab", "c"], ["a", "bc"], ["abc"], ["ab", "c", ""]],
    [
        OSError(2, "m", "a"),
        OSError(2, "m", "b"),
        OSError(2, "m"),
        OSError(2, "m", "a", None, "b"),
        OSError(1, "m", "a"),
    ],
    [ImportError("a"), ImportError("a", name="n"), ImportError("a", name="o"), ImportError("a", path="n")],
    [AttributeError("a"), AttributeError("a", name="n"), AttributeError("a", obj=1), AttributeError("a", obj=2)],
    [re.compile("a"), re.compile("b"), re.compile("a", re.IGNORECASE), re.compile(b"a")],
    [int | None, str | None, list[int], list[str]],
    [methodcaller("split", sep="a"), methodcaller("split", sep="b"), methodcaller("split", "a"), methodcaller("join")],
    [itemgetter(1), itemgetter(2), attrgetter("a"), attrgetter("b")],
]


@pytest.mark.parametrize("values", DIFFERENT, ids=lambda values: repr(values[0]))
def test_different_values_have_different_digests(values):
    digester = World().applier

    assert len({digester.found(value).token for value in values}) == len(values)


def test_values_are_told_apart_by_content_not_by_identity():
    x = ["a", {"b": 1}]

    assert alonzo_digest([x, x]) == alonzo_digest([x, copy.deepcopy(x)])
    assert alonzo_digest({"k": Cup(1), "l": Cup(1)}) == alonzo_digest(dict.fromkeys("kl", Cup(1)))


def test_what_an_attribute_was_looked_for_in_does_not_keep_an_error_from_having_a_digest():
    held = [AttributeError("a", obj=kind()) for kind in (threading.Lock, threading.RLock)]

    assert len({alonzo_digest(error) for error in held}) == 2


def test_cached_functions_count_as_the_functions_inside():
    assert len({alonzo_digest(cached) for cached in (_cached(1), _cached(2), _cached(1, size=3))}) == 3


SAME_NAME = [datetime.datetime(2024, 1, 1, tzinfo=zone) for zone in (ZoneInfo("UTC"), datetime.UTC)]


def test_moments_in_zones_of_one_name_and_different_types_are_different():
    assert alonzo_digest(SAME_NAME[0]) != alonzo_digest(SAME_NAME[1])
    assert alonzo_digest(SAME_NAME[0].timetz()) != alonzo_digest(SAME_NAME[1].timetz())


def test_there_is_one_nan():
    import struct

    other = struct.unpack(">d", b"\xff\xf8\0\0\0\0\0\1")[0]

    assert alonzo_digest(other) == alonzo_digest(math.nan)
    assert alonzo_digest(complex(other, -0.0)) == alonzo_digest(complex(math.nan, -0.0))


def test_sets_have_no_order():
    items = [f"item{i}" for i in range(50)]
    backwards = items[::-1]

    assert alonzo_digest(set(items)) == alonzo_digest(set(backwards))


ZONES = [datetime.timezone(datetime.timedelta(hours=h), "EST") for h in (1, -5)]


@pytest.mark.parametrize(
    "of", [lambda z: z, lambda z: datetime.datetime(2024, 1, 1, tzinfo=z)], ids=["timezone", "datetime"]
)
def test_time_zones_of_one_name_and_two_offsets_are_different(of):
    assert alonzo_digest(of(ZONES[0])) != alonzo_digest(of(ZONES[1]))


@pytest.mark.parametrize("flag", [Odd(0), Odd.A | Odd.B])
def test_flags_without_a_name_of_their_own_have_digests(flag):
    assert alonzo_digest(flag) != alonzo_digest(Odd.A)
    assert run(same(Odd(0)), store="memory:", executor="inprocess") == Odd(0)


@task
def same(x):
    return x


@pytest.mark.parametrize("make", [lambda: [1], lambda: {"a": 1}, lambda: deque([1])], ids=["list", "dict", "deque"])
def test_a_container_that_holds_itself_cannot_be_digested(make):
    box = make()
    box["self" if isinstance(box, dict) else 0] = box

    with pytest.raises(EncodeError, match="holds itself"):
        alonzo_digest(box)
    with pytest.raises(EncodeError, match="holds itself"):
        Drive(same(box), traced=False).value()


class Bag:
    def __init__(self, items):
        self.items = items


class Lock:
    def __init__(self):
        self.lock = threading.Lock()


@pytest.mark.parametrize(
    ("value", "path", "name"),
    [
        (threading.Lock(), "", r"_thread\.lock"),
        (Lock(), r"\.lock", r"_thread\.lock"),
        ((i for i in "ab"), "", r"builtins\.generator"),
    ],
    ids=["lock", "object", "generator"],
)
def test_what_cannot_be_digested_is_named_with_its_path_and_its_type(value, path, name):
    with pytest.raises(EncodeError, match=rf"^the arguments\[0\]\['deep'\]\[1\]{path}: a value of type {name} "):
        Drive(same({"deep": [1, value]})).value()


@attrs.define(slots=False)
class Pot:
    x: int


@dataclass
class Rows(dict):
    x: int


class Wide(Left):
    pass


class Late(ValueError):
    pass


def _with(value, **held):
    vars(value).update(held)
    return value


def _filled(value, *pairs):
    value.update(pairs)
    return value


BESIDES = {
    "a dataclass": (lambda: Cup(1), lambda: _with(Cup(1), y=1), lambda: _with(Cup(1), y=2)),
    "attrs": (lambda: Pot(1), lambda: _with(Pot(1), y=1), lambda: _with(Pot(1), y=2)),
    "a dataclass that is a dict": (
        lambda: Rows(1),
        lambda: _filled(Rows(1), ("k", 1)),
        lambda: _filled(Rows(1), ("k", 2)),
    ),
    "a subclass of a namedtuple": (lambda: Wide(1, 2), lambda: _with(Wide(1, 2), z=1), lambda: _with(Wide(1, 2), z=2)),
    "an error": (lambda: Late(1), lambda: _with(Late(1), y=1), lambda: _with(Late(1), y=2)),
    "functools.partial": (lambda: partial(int), lambda: partial(int, "1"), lambda: partial(int, "1", base=2)),
    "a subclass of list": (lambda: Words([1]), lambda: _with(Words([1]), y=1), lambda: _with(Words([1]), y=2)),
}


@pytest.mark.parametrize("kind", BESIDES)
def test_what_a_value_holds_besides_what_its_type_declares_counts(kind):
    digests = [alonzo_digest(make()) for make in BESIDES[kind]]

    assert len(set(digests)) == 3
    assert [alonzo_digest(make()) for make in BESIDES[kind]] == digests


def test_an_object_that_holds_a_set_is_digested_without_a_warning():
    world = World()

    assert Drive(same(Bag({"p", "q", "r"})), world).value().items == {"p", "q", "r"}
    assert world.warned == []


class Shaky:
    made = 0

    def __reduce__(self):
        Shaky.made += 1
        return (Shaky._again, (Shaky.made,))

    @staticmethod
    def _again(number):
        return Shaky()


def test_a_type_with_an_unstable_pickle_is_warned_about_once():
    world = World()
    Drive([same(Shaky()), same(Shaky())], world).reduce()

    assert len(world.warned) == 1
    assert f"{Shaky.__module__}.Shaky" in world.warned[0]


# -- soundness: values that differ in what they do must differ in their digests ------------------


def test_lambdas_on_one_line_are_different_arguments():
    one, other = lambda x: x + 1, lambda x: x + 2

    assert run([call(one, 1), call(other, 1)], store="memory:", executor="inprocess") == [2, 3]


@task(executor="inprocess")
def call(function, x):
    return function(x)


def _made(k):
    @task
    def add_k(x):
        return x + k

    return add_k


def test_tasks_made_by_one_function_are_different_arguments():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        values = [runtime.run(call(_made(captured), 10)) for captured in (1, 2)]

    assert values == [11, 12]


@task
def named(x=0, N=0):
    return [x, N]


@task
def body_by_position(which):
    return named(None, 5) if which else named(N=5)


def test_a_keyword_is_not_mistaken_for_a_value_in_the_digest_of_an_expression():
    world = World()

    class Look:
        def expression(self, node):
            raise AssertionError(node)

    assert node_token(world.digester, named(None, 5), Look()) != node_token(world.digester, named(N=5), Look())
