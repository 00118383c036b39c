"""Walked containers: which are looked into, what comes back, and what is refused."""

import collections
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import attrs
import pytest
from machine_driver import Drive, World

from alonzo import AlonzoError, LazyValueError, Runtime, run, task
from alonzo._containers import expressions, fill

Pair = namedtuple("Pair", "x y")  # noqa: PYI024 - one of collections is meant


class Typed(NamedTuple):
    x: Any
    y: Any = 0


@dataclass
class Plain:
    x: Any
    y: Any = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    x: Any


@dataclass
class Late:
    x: Any
    twice: Any = field(init=False)

    def __post_init__(self):
        self.twice = [self.x, self.x]


@attrs.frozen
class Dish:
    x: Any


@attrs.define
class Made:
    x: Any = attrs.field(converter=lambda value: [value])


@task
def inc(x):
    return x + 1


@task(cache=False)
def look(x):
    return (type(x).__name__, repr(x))


BOXES = {
    "list": (lambda e: [e, 0], [2, 0]),
    "tuple": (lambda e: (e,), (2,)),
    "namedtuple": (lambda e: Pair(e, 1), Pair(2, 1)),
    "NamedTuple": (Typed, Typed(2)),
    "dict value": (lambda e: {"k": e}, {"k": 2}),
    "dict key": (lambda e: {e: "k"}, {2: "k"}),
    "OrderedDict": (lambda e: OrderedDict(b=e, a=1), OrderedDict(b=2, a=1)),
    "defaultdict": (lambda e: defaultdict(list, k=e), defaultdict(list, k=2)),
    "Counter": (lambda e: Counter(k=e), Counter(k=2)),
    "set": (lambda e: {e, 9}, {2, 9}),
    "frozenset": (lambda e: frozenset([(e, 1)]), frozenset([(2, 1)])),
    "deque": (lambda e: deque([e, 5], 2), deque([2, 5], 2)),
    "dataclass": (Plain, Plain(2)),
    "frozen dataclass": (Frozen, Frozen(2)),
    "dataclass with a late field": (Late, Late(2)),
    "attrs": (Dish, Dish(2)),
    "attrs with converter": (Made, Made(2)),
    "slice": (lambda e: slice(e, None), slice(2, None)),
    "nested": (lambda e: [{"a": (Plain(e), {e})}], [{"a": (Plain(2), {2})}]),
}


@pytest.mark.parametrize("name", BOXES)
def test_an_expression_in_a_container_is_replaced_and_the_type_is_kept(name):
    make, expected = BOXES[name]
    value = Drive(make(inc(1))).value()

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize("name", BOXES)
def test_a_container_of_recalled_results_reaches_a_task_as_one_of_values(name):
    make, expected = BOXES[name]
    with Runtime(store="memory:", executor="inprocess") as runtime:
        runtime.run(inc(1))

        assert runtime.run(look(make(inc(1)))) == (type(expected).__name__, repr(expected))


@pytest.mark.parametrize("name", BOXES)
def test_a_container_without_expressions_is_passed_through_as_the_same_object(name):
    box = BOXES[name][0](7)

    assert fill(box, lambda node: None) is box
    assert expressions(box) == []


class Wide(Pair):
    pass


def test_a_subclass_of_a_namedtuple_keeps_what_it_holds_besides():
    box = Wide(inc(1), 0)
    box.note = "kept"
    value = Drive([box]).value()[0]

    assert (type(value), value, value.note) == (Wide, Pair(2, 0), "kept")


def test_only_the_parts_that_hold_expressions_are_made_anew():
    kept = {"a": [1]}
    value = Drive([kept, [inc(1)], kept]).value()

    assert value[0] is kept
    assert value[2] is kept


def test_a_container_that_stands_twice_stands_twice_as_one_object():
    box = [inc(1)]
    value = Drive([box, {"k": box}]).value()

    assert value == [[2], {"k": [2]}]
    assert value[0] is value[1]["k"]


def test_equal_keys_collapse_as_in_python():
    assert Drive({inc(1): "a", inc(inc(0)): "b"}).value() == {2: "b"}


class Words(list):
    pass


class Holder:
    def __init__(self, x):
        self.x = x


@dataclass
class Base:
    x: Any


class Undecorated(Base):
    pass


REFUSED = {
    "a subclass of list": lambda e: Words([e]),
    "an object": Holder,
    "a subclass of a dataclass": Undecorated,
    "ChainMap": lambda e: collections.ChainMap({"a": e}),
    "a container in itself": lambda e: _in_itself(e),  # noqa: PLW0108 - defined below
}

# At the root and in results the looking through finds the one in itself; what is digested finds it as an argument.
REFUSAL = {**dict.fromkeys(REFUSED, LazyValueError), "a container in itself": AlonzoError}


def _in_itself(expression):
    box = [expression]
    box.append(box)
    return box


@pytest.mark.parametrize("name", REFUSED)
def test_an_expression_anywhere_else_is_refused_as_an_argument(name):
    with pytest.raises(REFUSAL[name]):
        Drive(look([REFUSED[name](inc(1))]), traced=False).value()


@pytest.mark.parametrize("name", REFUSED)
def test_an_expression_anywhere_else_is_refused_as_a_result(name):
    @task
    def body():
        return [REFUSED[name](inc(1))]

    with pytest.raises(REFUSAL[name]):
        run(body(), store="memory:", executor="inprocess")


@pytest.mark.parametrize(
    "name",
    REFUSED,
)
def test_an_expression_anywhere_else_is_refused_at_the_root(name):
    with pytest.raises(REFUSAL[name]):
        run([REFUSED[name](inc(1))], store="memory:", executor="inprocess")


def test_an_expression_anywhere_else_is_refused_also_when_it_stands_elsewhere_too():
    same = inc(1)

    with pytest.raises(LazyValueError):
        Drive(look([Words([same]), same]), traced=False).value()


@dataclass
class Table(dict):
    x: Any
    __hash__ = None


def test_a_dataclass_that_is_a_dict_too_is_not_looked_into():
    with pytest.raises(LazyValueError):
        Drive(look([Table(inc(1))]), traced=False).value()


def test_a_set_of_many_recalled_results_holds_values():
    world = World()
    calls = {inc(i) for i in range(30)}
    assert Drive(list(calls), world).value()

    assert Drive(look({inc(i) for i in range(30)}), world).value() == ("set", repr(set(range(1, 31))))
