"""Random programs for tests of recall: a small language, its compilation to real tasks, and edits of it.

A program is a dict of `Spec` by name; `t0` is a root and so is `t1`. A template is a value (int, `Cup`) or one of

    ("p", i) ("k",) ("s",) ("h",) ("w", i)   an argument; the task's constant; the cup it filled; the cup it looked into; what it awaited
    ("call", name, args) ("apply", head, args) ("task", name) ("tuple", parts) ("seq", parts) ("cond", test, then, other)
    ("catch", body, handler) ("get", path) ("cup", choice) ("read", choice) ("peek", place) ("pick", i, parts) ("eq", a, b) ("need", a, b)
    ("over", name, args, i) ("below", name, args, i) ("over task", name, i)   under the override i of CONTEXTS_OVER or OPTIONS_BELOW
"""

from __future__ import annotations

import hashlib
from random import Random
from typing import Any

import attrs
from recall_world import PLACES, Cup, define, flow

from alonzo import catch, cond, get_context, seq
from alonzo._tasks import Task

CONTEXT_PATHS = ("a", "a.x", "b")
INPUTS = ("in", "in/0", "in/1")
CONTEXTS_OVER: tuple[dict[str, Any], ...] = (
    {"a": {"x": 3}},
    {"a": {"y": 1}},
    {"a": 7},
    {"b": 4},
    {"a": {"x": 1}, "b": 2},
)
OPTIONS_BELOW: tuple[dict[str, Any], ...] = ({"cache": False}, {"check": "each"})
FORMS = (
    "call", "apply", "task", "tuple", "seq", "cond", "catch", "get", "cup", "read", "peek", "pick", "eq", "need",
    "over", "below", "over task",
)  # fmt: skip


@attrs.frozen
class Spec:
    """A task. `fails`: raises when the number made of its arguments is below it, modulo 3; `guard`: an await's failure is caught."""

    name: str
    kind: str = "expr"  # expr write read look fail chance async
    body: Any = 0
    const: int = 0
    cache: bool = True
    default: Any = 0
    fails: int = 0
    awaits: tuple[Any, ...] = ()
    guard: bool = False

    @property
    def version(self) -> str:
        """Stands for the code; what policy says (the default, `cache`) is not in it (rule 17)."""
        return short((self.kind, self.body, self.const, self.fails, self.awaits, self.guard))


@attrs.frozen
class TaskName:
    """A task as a value, where there is no engine; with a context of its own, perhaps."""

    name: str
    over: Any = None


class Hands:
    """What a history does while tasks run: `entropy` is what chance gives; `at_run` is called as each body begins."""

    entropy = 0
    runs = 0
    at_run: Any = None


def plain(value: Any) -> Any:
    """A value without identity: tasks and cups by name."""
    if isinstance(value, tuple | list):
        return (type(value).__name__, *[plain(part) for part in value])
    if isinstance(value, dict):
        return ("dict", *[(key, plain(part)) for key, part in value.items()])
    if isinstance(value, BaseException):
        return str(value)
    if isinstance(value, TaskName):
        return ("task", value.name, repr(value.over or {}))
    if isinstance(value, Task):
        return ("task", value.name, repr({} if value.how is None else dict(value.how.context)))
    return value if not isinstance(value, Cup) else ("cup", value.name)


def short(value: Any) -> str:
    return hashlib.md5(repr(plain(value)).encode(), usedforsecurity=False).hexdigest()[:6]


def number(value: Any) -> int:
    if isinstance(value, tuple | list):
        return sum(map(number, value))
    return int(value) if isinstance(value, int) else len(str(plain(value)))


def contents(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [inner for part in value for inner in contents(part)]
    return [value.get()] if isinstance(value, Cup) else []


# -- compiled to tasks -----------------------------------------------------------------------------


def install(program: dict[str, Spec]) -> None:
    """The module `recall_flow` is imported anew with these tasks."""
    for spec in sorted(program.values(), key=lambda spec: spec.name, reverse=True):
        default = build(spec.default, {})
        function = _async_function(spec) if spec.kind == "async" else _function(spec)
        function.__name__ = spec.name
        function.__defaults__ = (default,)
        define(function, spec.version, cache=spec.cache)


def root(name: str) -> Any:
    return getattr(flow, name)(0, 0)


def begin(spec: Spec, args: tuple[Any, ...]) -> dict[Any, Any]:
    """What a body does before it returns: the leaves of its template."""
    args = tuple(str(arg) if isinstance(arg, BaseException) else arg for arg in args)
    leaves: dict[Any, Any] = {("p", 0): args[0], ("p", 1): args[1], ("k",): spec.const}
    if spec.kind == "write":
        leaves["s",] = Cup(f"out/{spec.name}/{short(args)}").fill(100 + spec.const)
    elif spec.kind == "read":
        leaves["k",] = short((spec.const, contents(args)))
    elif spec.kind == "look":
        leaves["h",] = Cup("in/0")
        leaves["k",] = short((spec.const, Cup("in/0").get()))
    elif spec.kind == "chance":
        leaves["k",] = spec.const + Hands.entropy
    elif spec.kind == "fail" and number(args) % 3 < spec.fails:
        raise ValueError(f"{spec.name}({short(args)})")
    return leaves


def _function(spec: Spec) -> Any:
    def function(p0, p1=0):
        _noticed()
        return build(spec.body, begin(spec, (p0, p1)))

    return function


def _async_function(spec: Spec) -> Any:
    async def function(p0, p1=0):
        _noticed()
        leaves = begin(spec, (p0, p1))
        for place, template in enumerate(spec.awaits):
            try:
                leaves["w", place] = await lazily(build(template, leaves))
            except (ValueError, TypeError, ZeroDivisionError) as error:
                if not spec.guard:
                    raise
                leaves["w", place] = str(error)
        return build(spec.body, leaves)

    return function


def _noticed() -> None:
    Hands.runs += 1
    if Hands.at_run is not None:
        Hands.at_run(Hands.runs)


def lazily(value: Any) -> Any:
    return cond(1, value)


def build(template: Any, leaves: dict[Any, Any]) -> Any:  # noqa: C901 - one case a form
    """The template as Python would write it: expressions where something is lazy."""
    if type(template) is not tuple:
        return template
    if template in leaves:
        return leaves[template]

    def b(part: Any) -> Any:
        return build(part, leaves)

    match template:
        case ("call", name, args):
            return getattr(flow, name)(*[b(arg) for arg in args])
        case ("over", name, args, place):
            return getattr(flow, name).context(CONTEXTS_OVER[place])(*[b(arg) for arg in args])
        case ("below", name, args, place):
            return getattr(flow, name).options_below(**OPTIONS_BELOW[place])(*[b(arg) for arg in args])
        case ("over task", name, place):
            return getattr(flow, name).context(CONTEXTS_OVER[place])
        case ("apply", head, args):
            return lazily(b(head))(*[b(arg) for arg in args])
        case ("task", name):
            return getattr(flow, name)
        case ("tuple", parts):
            return tuple(b(part) for part in parts)
        case ("seq", parts):
            return seq([b(part) for part in parts])
        case ("cond", test, then, other):
            return cond(b(test), b(then), b(other))
        case ("catch", body, handler):
            return catch(b(body), (ValueError, TypeError, ZeroDivisionError), getattr(flow, handler))
        case ("get", path):
            return get_context(path, 0)
        case ("cup", choice):
            return lazily(Cup("in")) / cond(b(choice), "0", "1")
        case ("read", choice):
            return (lazily(Cup("in")) / cond(b(choice), "0", "1")).get(7)
        case ("peek", place):
            return lazily(Cup(place)).get(7)
        case ("pick", place, parts):
            return seq([b(part) for part in parts])[place]
        case ("eq", left, right):
            return lazily(b(left)) == b(right)
        case ("need", left, right):
            return 1 // (lazily(b(left)) == b(right))
        case _:
            return 0  # a leaf that this kind of task does not have


# -- made at random --------------------------------------------------------------------------------


class Maker:
    """Makes programs of n tasks; each calls only later ones. `without`: forms and kinds that are left out."""

    def __init__(self, chance: Random, n: int, without: frozenset[str] = frozenset()) -> None:
        self.chance, self.n = chance, n
        forms = ["call"] * 6 + [form for form in FORMS if form != "call"] + ["catch", "tuple", "over", "get"]
        kinds = ["expr"] * 4 + ["write", "read", "read", "look", "fail", "fail", "chance", "async", "async"]
        self.forms = [form for form in forms if form not in without]
        self.kinds = [kind for kind in kinds if kind not in without]

    def program(self) -> dict[str, Spec]:
        return {f"t{i}": self.spec(i) for i in range(self.n)}

    def spec(self, i: int, old: Spec | None = None) -> Spec:
        chance = self.chance
        kind = old.kind if old else chance.choice(self.kinds)
        leaves: list[Any] = [("p", 0), ("p", 1), ("k",)]
        leaves += {"write": [("s",)] * 3, "look": [("h",)] * 2, "async": [("w", 0), ("w", 1)] * 2}.get(kind, [])
        body = self.template(i, chance.choice([1, 2, 2, 3]) if i < self.n - 1 else 1, leaves)
        # What a body made or looked into and does not return is seen by nobody.
        if kind == "write":
            body = chance.choice([("s",), ("tuple", (("s",), body))])
        elif kind == "look":
            body = chance.choice([("cond", 1, body, ("h",)), ("tuple", (body, ("h",)))])
        default: Any = 0
        if chance.random() < 0.5:
            default = chance.choice([1, Cup("in/1"), self.template(i, 1, []), ("cup", chance.choice([0, 1]))])
        awaits = tuple(self.template(i, chance.choice([1, 2]), [("p", 0), ("w", 0)]) for _ in range(2))
        return Spec(
            f"t{i}", kind, body, chance.choice([0, 1, 2]), kind != "chance" and chance.random() > 0.05, default,
            chance.choice([1, 2, 3]) if kind == "fail" else 0, awaits if kind == "async" else (), chance.random() < 0.5,
        )  # fmt: skip

    def template(self, i: int, depth: int, leaves: list[Any]) -> Any:  # noqa: C901 - one case a form
        chance = self.chance
        later = [f"t{j}" for j in range(i + 1, self.n)]
        if depth <= 0 or chance.random() < 0.1:
            return chance.choice([0, 1, 2, Cup("in/0"), *leaves])

        def t(down: int = 1) -> Any:
            return self.template(i, depth - down, leaves)

        form = chance.choice(self.forms)
        if form in ("call", "catch", "task", "over", "below", "over task") and not later:
            return chance.choice([0, 1, *leaves])
        match form:
            case "call":
                return ("call", chance.choice(later), tuple(t() for _ in range(chance.choice([1, 1, 2]))))
            case "over" | "below":
                overrides = CONTEXTS_OVER if form == "over" else OPTIONS_BELOW
                args = tuple(t() for _ in range(chance.choice([1, 1, 2])))
                return (form, chance.choice(later), args, chance.randrange(len(overrides)))
            case "over task":
                return (form, chance.choice(later), chance.randrange(len(CONTEXTS_OVER)))
            case "apply":
                tasks = [("task", chance.choice(later)) for _ in range(2)] if later else [("p", 0), ("p", 1)]
                return ("apply", chance.choice([("p", 0), tasks[0], ("cond", t(), *tasks)]), (t(),))
            case "task":
                return ("task", chance.choice(later))
            case "tuple" | "seq":
                return (form, tuple(t() for _ in range(chance.choice([1, 2, 2]))))
            case "cond":
                return ("cond", t(), t(), t())
            case "catch":
                return ("catch", t(), chance.choice(later))
            case "get":
                return ("get", chance.choice(CONTEXT_PATHS))
            case "peek":
                return ("peek", chance.choice(INPUTS))
            case "pick":
                return ("pick", chance.choice([0, 1]), (t(), t()))
            case "cup" | "read":
                return (form, t())
        return (form, t(), t())


__all__ = [
    "CONTEXTS_OVER",
    "CONTEXT_PATHS",
    "FORMS",
    "INPUTS",
    "OPTIONS_BELOW",
    "PLACES",
    "Hands",
    "Maker",
    "Spec",
    "TaskName",
    "begin",
    "install",
    "plain",
    "root",
    "short",
]
