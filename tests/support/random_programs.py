"""Random workflows as plain data, read in two ways: `plain` evaluates one as Python would, `lazy` writes it with tasks and forms.

A program is a tuple: a kind and its operands, which are programs, numbers or names. Every program's value is an int; `fail` raises
`Boom`. `KINDS` is every form, container and option that occurs; `kinds(program)` says which are in one.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import attrs
from hypothesis import strategies as st

from alonzo import catch, cond, get_context, seq, task

CONTEXT = {"a": 7, "table": {"inner": 11}}
PATHS = ("a", "table.inner", "table.none", "zzz")
OVER = {"a": 5, "table": {"none": 13}}


class Boom(Exception):
    """What `fail` raises."""


Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - that of collections is meant


@dataclasses.dataclass(frozen=True)
class Plate:
    left: Any
    right: Any = 0


@attrs.frozen
class Tray:
    left: Any
    right: Any = 0


# -- the tasks ---------------------------------------------------------------------------------------


@task
def inc(x):
    return x + 1


@task
def add(x, y):
    return x + y


@task
def with_default(x, y=inc(40)):
    return x * y


@task
def spread(x, /, *more, key=0, **named):
    return x + sum(more) + key + sum(named.values())


@task(nout=2)
def both(x):
    return x + 3, x * 2


@task(cache=False)
def uncached(x):
    return x - 1


@task(check="each")
def checked(x):
    return inc(x) * 2


@task
def fail(x):
    raise Boom(x)


@task
def listed(x):
    return [x, x + 1, x + 2]


@task
def total(box):
    return summed(box)


@task
def use(function, x):
    return function(x)


@task
def give():
    return inc


@task
def excuse(error):
    return error.args[0] + 100


@task
def climb(n, x):
    return x if n == 0 else climb(n - 1, x + n)


@task
def tree(n):
    return 1 if n < 2 else tree(n - 1) + tree(n - 2)


@task
async def awaiting(x):
    return await inc(x) + await inc(x + 1)


@task
async def forgiving(program, x):
    try:
        return await body(program, x)
    except Boom as error:
        return inc(error.args[0])


@task
def body(program, x):
    return lazy(program, x)


@task(share=False)
def unshared(x):
    return x + 6


@task(ignore=["noise"])
def steady(x, noise):
    return x + 7


def summed(box: Any) -> int:
    """The numbers in a container, weighted by kind so that a lost type shows."""
    if isinstance(box, str):
        return len(box)
    if isinstance(box, int):
        return box
    if isinstance(box, dict):
        return len(type(box).__name__) + sum(summed(k) * 3 + summed(v) for k, v in box.items())
    if isinstance(box, Plate | Tray):
        return len(type(box).__name__) + summed(box.left) + 5 * summed(box.right)
    return len(type(box).__name__) + sum(summed(item) for item in box)


# -- containers: how each is made of two items -----------------------------------------------------

BOXES = {
    "list": lambda a, b: [a, b, [a]],
    "tuple": lambda a, b: (a, b, ()),
    "namedtuple": Pair,
    "dict": lambda a, b: {"a": a, "b": {"c": b}},
    "OrderedDict": lambda a, b: OrderedDict([("a", a), ("b", b)]),
    "defaultdict": lambda a, b: defaultdict(int, {"a": a, "b": b}),
    "Counter": lambda a, b: Counter({"a": a, "b": b}),
    "set": lambda a, b: {a, b},
    "frozenset": lambda a, b: frozenset([a, (b,)]),
    "deque": lambda a, b: deque([a, b], maxlen=9),
    "dataclass": Plate,
    "attrs": Tray,
}

# kind -> how many programs it is made of
INNER = {
    "call": 1, "add": 2, "sub": 2, "item": 1, "slice": 2, "attribute": 1, "method": 2, "cond": 3, "many conds": 3, "seq": 2,
    "catch": 1, "catch value": 1, "catch other": 1, "partial": 2, "partial value": 2, "task value": 1, "lazy task": 1,
    "default": 1, "spread": 2, "nout": 1, "cache=False": 1, "check=each": 1, "fail": 1, "async": 1, "async catch": 2, "body": 2,
    "options": 1, "options below": 2, "uncached below": 2, "within": 2, "share=False": 1, "ignore": 2,
    "shared": 1, "climb": 1, "tree": 0, "context": 1, "context path": 0,
}  # fmt: skip
KINDS = (*INNER, *BOXES)


def kinds(program: Any) -> set[str]:
    """The kinds in a program."""
    if not isinstance(program, tuple):
        return set()
    return {program[0]}.union(*(kinds(part) for part in program[1:]))


@st.composite
def programs(draw: Any, depth: int = 4) -> Any:
    """Programs of some ten nodes, which shrink."""
    if depth == 0:
        return draw(st.one_of(st.tuples(st.just("const"), st.integers(0, 3)), st.just(("arg",))))
    kind = draw(st.sampled_from(KINDS))
    count = INNER.get(kind, 2)
    inner = [draw(programs(depth - 1)) for _ in range(count)]
    more = [draw(st.integers(0, 4))] if kind in ("climb", "tree") else []
    if kind in ("context", "context path"):
        more = [draw(st.sampled_from(PATHS))]
    return (kind, *inner, *more)


# -- as Python would -----------------------------------------------------------------------------------


# The context where plain evaluation is: what is outermost comes first.
_WHERE: list[dict[str, int]] = [{"a": 7, "table.inner": 11}]


def plain(p: Any, x: int) -> int:  # noqa: C901 - a table of kinds, mirrored by `lazy`
    """The value of a program, evaluated from left to right; raises Boom."""
    kind, rest = p[0], p[1:]
    if kind == "within":
        given = plain(rest[1], x)
        _WHERE.append({**_WHERE[-1], "a": 5, "table.none": 13})
        try:
            return plain(rest[0], given)
        finally:
            _WHERE.pop()
    if kind == "const":
        return rest[0]
    if kind == "arg":
        return x
    if kind in BOXES:
        return summed(BOXES[kind](plain(rest[0], x), plain(rest[1], x)))
    if kind in ("cond", "many conds"):
        if plain(rest[0], x) % 2 == 1:
            return plain(rest[1], x)
        return plain(rest[2], x) if kind == "cond" else (0 if plain(rest[2], x) < 3 else 5)
    if kind in ("catch", "catch value", "catch other", "async catch"):
        try:
            return plain(rest[0], x if kind != "async catch" else plain(rest[1], x))
        except Boom as error:
            if kind == "catch other" or (kind == "async catch" and _outer(rest, x)):
                raise
            return {"catch": error.args[0] + 100, "catch value": -5, "async catch": error.args[0] + 1}[kind]
    if kind in ("body", "options below", "uncached below"):
        return plain(rest[0], plain(rest[1], x))
    if kind == "slice":  # of a list that needs nothing else
        return 2 if plain(rest[1], x) % 2 else 3
    if kind == "context path":
        return _WHERE[-1].get(rest[0], 2)
    if kind == "context":
        return _WHERE[-1][rest[1]] if rest[1] in _WHERE[-1] else plain(rest[0], x)
    if kind == "tree":
        return (1, 1, 2, 3, 5)[rest[0]]
    values = [plain(part, x) for part in rest if isinstance(part, tuple)]
    a, b = values[0], values[-1]
    if kind == "fail":
        raise Boom(a)
    return {
        "call": lambda: a + 1,
        "add": lambda: a + b + 4,
        "sub": lambda: 3 - (a - b),
        "item": lambda: a + 2,
        "attribute": lambda: a + 1,
        "method": lambda: [a, a + 1, a + 2].count(b),
        "seq": lambda: 4 + a + b,
        "partial": lambda: a + b,
        "partial value": lambda: a + b,
        "task value": lambda: a + 1,
        "lazy task": lambda: a + 1,
        "default": lambda: a * 41,
        "spread": lambda: a + b + 1 + 2 + b,
        "nout": lambda: a + 3 - a * 2,
        "cache=False": lambda: a - 1,
        "options": lambda: a + 1,
        "share=False": lambda: a + 6,
        "ignore": lambda: a + 7,
        "check=each": lambda: (a + 1) * 2,
        "async": lambda: 2 * a + 3,
        "shared": lambda: 2 * (a + 1),
        "climb": lambda: a + sum(range(rest[1] + 1)),
    }[kind]()


def _outer(rest: Any, x: int) -> bool:
    """Does the argument itself fail, before the task begins?"""
    try:
        plain(rest[1], x)
    except Boom:
        return True
    return False


# -- as a user of tasks would ------------------------------------------------------------------------


def lazy(p: Any, x: Any) -> Any:  # noqa: C901 - as above
    """The expression of a program."""
    kind, rest = p[0], p[1:]
    if kind == "const":
        return rest[0]
    if kind == "arg":
        return x
    if kind == "body":
        return body(rest[0], lazy(rest[1], x))
    if kind == "options below":
        return body.options_below(priority=inc(1), retries=2)(rest[0], lazy(rest[1], x))
    if kind == "uncached below":
        return body.options_below(cache=False)(rest[0], lazy(rest[1], x))
    if kind == "within":
        return body.context(OVER)(rest[0], lazy(rest[1], x))
    if kind == "async catch":
        return forgiving(rest[0], lazy(rest[1], x))
    if kind == "context path":
        return get_context(rest[0], inc(1))
    if kind == "context":
        return get_context(rest[1], lazy(rest[0], x))
    if kind == "tree":
        return tree(rest[0])
    values = [lazy(part, x) for part in rest if isinstance(part, tuple)]
    a, b = values[0], values[-1]
    if kind in BOXES:
        return total(BOXES[kind](a, b))
    if kind == "nout":
        left, right = both(a)
        return left - right
    if kind == "shared":
        once = inc(a)
        return add(once, once)
    return {
        "call": lambda: inc(a),
        "add": lambda: a + b + inc(3),
        "sub": lambda: add(3, 0) - (a - b),
        "item": lambda: listed(a)[inc(1)],
        "slice": lambda: total(listed(0)[: cond(inc(b) % 2 == 0, 2, 3)]) - 4 + cond(inc(b) % 2 == 0, 1, 0),
        "attribute": lambda: inc(a).real,
        "method": lambda: listed(a).count(b),
        "cond": lambda: cond(inc(a) % 2 == 0, values[1], values[2]),
        "many conds": lambda: cond(inc(a) % 2 == 0, values[1], inc(values[2]) < 4, 0, 5),
        "seq": lambda: total(seq([a, inc(b) - 1])),
        "catch": lambda: catch(inc(a) - 1, Boom, excuse),
        "catch value": lambda: catch([a, 0][0], (KeyError, Boom), -5),
        "catch other": lambda: catch(a, KeyError, 1, ZeroDivisionError, excuse),
        "partial": lambda: add.partial(a)(b),
        "partial value": lambda: use(add.partial(a), b),
        "task value": lambda: use(inc, a),
        "lazy task": lambda: give()(a),
        "default": lambda: with_default(a),
        "spread": lambda: spread(a, b, 1, key=2, named=b),
        "cache=False": lambda: uncached(a),
        "options": lambda: inc.options(priority=a, tags={"by": "chance"})(a),
        "share=False": lambda: unshared(a),
        "ignore": lambda: steady(a, noise=b),
        "check=each": lambda: checked(a),
        "fail": lambda: fail(a),
        "async": lambda: awaiting(a),
        "climb": lambda: climb(rest[1], a),
    }[kind]()
