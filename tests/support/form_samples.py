"""Every special form once or more, with the value that it has, worked out by hand: name -> (expression maker, value).

`root(name)` is a task whose body is the form of that name: what it returns is stored and decoded as any body is.
"""

from __future__ import annotations

import operator
from typing import Any

from alonzo import (
    and_,
    apply_func,
    as_task,
    catch,
    catch_all,
    compose,
    cond,
    const,
    contains,
    delay,
    filter_,
    flat_map,
    flatten,
    fmt,
    force,
    form,
    get_context,
    identity,
    map_,
    not_,
    or_,
    quote,
    reduce_,
    seq,
    starmap,
    tagged,
    task,
    throw,
    unquote,
    zip_,
)
from alonzo.plugin import Demand


class Boom(Exception):
    """What `fail` raises."""


@task
def inc(x):
    return x + 1


@task
def add(x, y):
    return x + y


@task
def count(n):
    return list(range(n))


@task
def is_odd(x):
    return x % 2 == 1


@task
def repeat(x):
    return [x] * x


@task
def rows(n):
    return [{"x": n, "y": 1}, (n, 2), [n, 3]]


@task
def fail(x):
    raise Boom(x)


@task
def never(x=0):
    raise AssertionError("this is not to be reduced")


@task
def healed(items):
    return [-1 if isinstance(item, Boom) else item for item in items]


@task
def total(items):
    return sum(items)


@task
def use(function, x):
    return function(x)


@task
def later(n):
    return quote(inc(n))


@task
def now(quoted, x):
    return [unquote(quoted), x]


@task
def error(x):
    return Boom(x)


@task
def joined(left, right):
    return left + right


@form
def first_that_works(*operands):
    """The value of the first operand that does not fail; the others are not reduced."""
    for operand in operands:
        outcome = yield Demand(operand, caught=True)
        if not hasattr(outcome, "error"):
            return outcome
    raise LookupError("none of them works")


@form
def power(base, *, exponent=2):
    """Needs no step: an expression made of others."""
    return base**exponent


# ruff: noqa: PLW0108 - each is called when it is tested
SAMPLES: dict[str, tuple[Any, Any]] = {
    "cond": (lambda: cond(inc(-1), never(), inc(1), inc(2), never()), 3),
    "cond without else": (lambda: cond(inc(-1), never()), None),
    "seq": (lambda: seq([inc(1), 5, [inc(2)]]), [2, 5, [3]]),
    "seq of a generator": (lambda: seq(inc(n) for n in range(3)), [1, 2, 3]),
    "catch": (lambda: catch(fail(3), Boom, 7), 7),
    "catch_all": (lambda: catch_all([inc(1), fail(1), inc(2), fail(2)], Boom, healed), [2, -1, 3, -1]),
    "catch_all in a dict": (lambda: catch_all({"a": inc(1), "b": [fail(1)]}, (KeyError, Boom), "some failed"), "some failed"),
    "catch_all where nothing fails": (lambda: catch_all([inc(1), [inc(2)]], Boom, healed), [2, [3]]),
    "catch_all of one": (lambda: catch_all(fail(1), Boom, const("no")), "no"),
    "throw": (lambda: catch(throw(Boom("thrown")), Boom, 4), 4),
    "throw of a lazy error": (lambda: catch(throw(error(1)), Boom, 5), 5),
    "throw that is not demanded": (lambda: cond(inc(0), 1, throw(Boom())), 1),
    "map_": (lambda: map_(inc, count(3)), [1, 2, 3]),
    "map_ of a written list": (lambda: map_(inc, [inc(0), 5, inc(1)]), [2, 6, 3]),
    "map_ of nothing": (lambda: map_(inc, count(0)), []),
    "map_ of a partial": (lambda: map_(add.partial(10), count(2)), [10, 11]),
    "map_ of a plain function": (lambda: map_(str, count(2)), ["0", "1"]),
    "map_ of a lazy task": (lambda: map_(identity(inc), count(2)), [1, 2]),
    "map_ of a form": (lambda: map_(identity, count(2)), [0, 1]),
    "map_ over a dict": (lambda: map_(inc, {1: "a", 2: "b"}), [2, 3]),
    "map_ over a range": (lambda: map_(inc, range(2)), [1, 2]),
    "map_ of map_": (lambda: map_(inc, map_(inc, count(2))), [2, 3]),
    "starmap": (lambda: starmap(add, [{"x": inc(0), "y": 5}, {"x": 1, "y": 2}]), [6, 3]),
    "starmap of lazy rows": (lambda: starmap(add, rows(4)), [5, 6, 7]),
    "starmap of a lazy row": (lambda: starmap(add, [identity({"x": inc(0), "y": 5}), [1, 2]]), [6, 3]),
    "flat_map": (lambda: flat_map(repeat, count(4)), [1, 2, 2, 3, 3, 3]),
    "flatten": (lambda: flatten([count(2), (5,), [inc(5)]]), [0, 1, 5, 6]),
    "zip_": (lambda: zip_(count(3), [inc(1), "b"]), [(0, 2), (1, "b")]),
    "zip_ of nothing": (lambda: zip_(), []),
    "filter_": (lambda: filter_(is_odd, count(6)), [1, 3, 5]),
    "filter_ of a written list": (lambda: filter_(is_odd, [inc(0), inc(1), 5]), [1, 5]),
    "reduce_": (lambda: reduce_(joined, map_(repeat, count(4))), [1, 2, 2, 3, 3, 3]),
    "reduce_ of one": (lambda: reduce_(never, [inc(1)]), 2),
    "reduce_ with initial": (lambda: reduce_(joined, ["b", "c", "d"], "a"), "abcd"),
    "reduce_ of initial only": (lambda: reduce_(never, count(0), initial=9), 9),
    "reduce_ of a plain function": (lambda: reduce_(operator.add, count(5)), 10),
    "compose": (lambda: compose(inc, add)(inc(1), 3), 6),
    "compose as a value": (lambda: use(compose(str, inc), 4), "5"),
    "compose of nothing": (lambda: compose()(inc(1)), 2),
    "compose in map_": (lambda: map_(compose(inc, inc), count(2)), [2, 3]),
    "identity": (lambda: identity([inc(1)]), [2]),
    "const": (lambda: const(inc(1))(never()), 2),
    "const of two": (lambda: const(5, never()), 5),
    "const in map_": (lambda: map_(const("x"), count(2)), ["x", "x"]),
    "quote": (lambda: now(quote([inc(1), inc(2)]), inc(3)), [[2, 3], 4]),
    "unquote a result": (lambda: unquote(later(4)), 5),
    "a quoted one is called": (lambda: quote(inc(1))(), 2),
    "a lazy quoted one is called": (lambda: later(4)(), 5),
    "a quoted one is not reduced": (lambda: const(1)(use(identity, delay(never()))), 1),
    "force": (lambda: force(delay(delay(inc(1)))), 2),
    "force of a value": (lambda: force(inc(1)), 2),
    "as_task": (lambda: tenfold(inc(1)), 20),
    "apply_func": (lambda: apply_func(helper, inc(1)), 20),
    "apply_func of a lazy task": (lambda: apply_func(identity(inc), inc(1)), 3),
    "apply_func of a builtin": (lambda: apply_func(len, count(3)), 3),
    "fmt": (lambda: fmt("{0} {x:>3}|{1!r:5}", inc(0), "b", x=inc(1)), "1   2|'b'  "),
    "fmt of a lazy text": (lambda: fmt(identity("<{}>"), inc(0)), "<1>"),
    "and_": (lambda: and_(inc(0), [], never()), []),
    "and_ of true": (lambda: and_(inc(0), inc(1)), 2),
    "and_ of nothing": (lambda: and_(), True),
    "or_": (lambda: or_(inc(-1), inc(0), never()), 1),
    "or_ of false": (lambda: or_(inc(-1), ""), ""),
    "or_ of nothing": (lambda: or_(), False),
    "not_": (lambda: [not_(inc(0)), not_(inc(-1))], [False, True]),
    "contains": (lambda: [contains(count(3), 2), contains([inc(1)], 5)], [True, False]),
    "get_context": (lambda: get_context(identity("a"), never()), 7),
    "tagged": (lambda: tagged(inc(1), why="test", n=inc(0)), 2),
    "another's form": (lambda: first_that_works(fail(1), inc(1), never()), 2),
    "another's form with a keyword": (lambda: [power(inc(1)), power(inc(1), exponent=inc(2))], [4, 8]),
    "another's form as a value": (lambda: use(first_that_works, inc(1)), 2),
}  # fmt: skip
RECOVERING = {name for name in SAMPLES if name.startswith(("catch", "throw", "another's form"))} - {
    "catch_all where nothing fails", "throw that is not demanded", "another's form with a keyword", "another's form as a value",
}  # fmt: skip


def helper(x):
    return x * 10


tenfold = as_task(helper)


@task
def root(name):
    return SAMPLES[name][0]()
