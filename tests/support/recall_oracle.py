"""What a random program comes to, without any engine (ALWAYS), and what each of its calls rests on, by the naive definition.

What is below a call is

    its task, and the external values written anywhere in the expression it returned; and of all that was demanded to reduce that:
    of each part, the external values in its arguments, and what is below it
    of each operator, the external values that it was given or made
    the context entries that were looked up; of a call under a context of its own, those that this does not decide, as they are outside
    the same of each awaited expression, and the external values written in it and in what it came to

It refuses when it has cache=False or check="each", of its own or from options_below around it, when a part or an awaited expression
refuses, and when a failure was recovered below it.

`off` names rules of this definition that are switched off: the suite shows that each is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from recall_programs import CONTEXTS_OVER, Spec, TaskName, begin, plain
from recall_world import Cup

RULES = (
    "own", "written", "arguments", "arguments not below", "made", "test", "items", "operands", "callee", "handled", "defaults",
    "context", "context missing", "context outside", "missing", "looked", "awaited", "awaited values", "written in awaited",
    "shared", "cache=False", "contagious", "recovered",
)  # fmt: skip
REFUSED = ("refused",)
DEEPEST = 40


class EndlessError(Exception):
    """The program does not end, or has no single result: it is of no use here."""


@attrs.frozen
class Failure:
    error: Exception


class Always:
    """Evaluates in Python; every call's outcome and what it rests on are in `calls`: (name, key) -> (outcome, entries)."""

    def __init__(
        self, program: Mapping[str, Spec], context: Mapping[str, Any], off: frozenset[str] = frozenset()
    ) -> None:
        self.program, self.context, self.off = program, context, off
        self.rests: frozenset[Any] = frozenset()
        self._refusing = False
        self._depth = 0
        self.calls: dict[tuple[str, str], tuple[Any, frozenset[Any]]] = {}

    def root(self, name: str) -> Any:
        """The outcome of this task's call of 0, 0; what it rests on is in `rests`.

        Raises:
            EndlessError: it has none.
        """
        outcome, _ = self._call(name, [0, 0], 2)
        self.rests = next(rests for (task, _), (_, rests) in reversed(self.calls.items()) if task == name)
        return outcome

    @property
    def remembered(self) -> set[tuple[str, frozenset[Any]]]:
        """The calls that are remembered as normal forms, and what they rest on; context entries without their values."""
        return {
            (name, frozenset(entry[:2] if entry[0] == "context" else entry for entry in rests))
            for (name, _), (outcome, rests) in self.calls.items()
            if not isinstance(outcome, Failure) and REFUSED not in rests
        }

    def on(self, rule: str) -> bool:
        return rule not in self.off

    # -- calls -----------------------------------------------------------------------------------

    def _call_under(
        self, name: str, given: list[Any] | Failure, count: int, *, over: Any = None, below: bool = False
    ) -> tuple[Any, set[Any]]:
        """The same of a call with entries of its own over the context, or with options for all below it that make it refuse."""
        outer, refusing = self.context, self._refusing
        self.context = outer if over is None else _merged(outer, over)
        if self.context == outer:
            over = None  # scopes of equal content are one: then what it decides stays in the footprint, which is no less true
        try:
            outcome, rests = self._call(name, given, count, below=below)
        finally:
            self.context, self._refusing = outer, refusing
        if over is None or not self.on("context outside"):
            return outcome, rests
        kept = {entry for entry in rests if entry[0] != "context"}
        paths = {entry[1] for entry in rests if entry[0] == "context" and not _decided(over, entry[1])}
        return outcome, kept | {("context", path, repr(self._entry(path))) for path in paths}

    def _entry(self, path: str) -> Any:
        value: Any = self.context
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def _call(
        self, name: str, given: list[Any] | Failure, count: int = 1, *, below: bool = False
    ) -> tuple[Any, set[Any]]:
        """The outcome of a call whose `count` given arguments came to this, and all that its caller rests on for it."""
        spec, rests = self.program[name], set()
        own, self._refusing = self._refusing, self._refusing or below
        if count == 1:
            default, rests = self.reduce(spec.default, {})
            rests = rests if self.on("defaults") else set()
            given = default if isinstance(default, Failure) and not isinstance(given, Failure) else given
            given = given if isinstance(given, Failure) else [*given, default]
        if isinstance(given, Failure):
            return given, rests | ({("task", name)} if self.on("own") else set())
        bound = tuple(given)
        if self.on("arguments"):
            rests |= self.externals(bound)
        key = (name, repr((plain(bound), own, self._refusing, self.context)))
        if key in self.calls:
            outcome, below = self.calls[key]
            return outcome, rests | (below if self.on("shared") else set())
        self._depth += 1
        if self._depth > DEEPEST:
            raise EndlessError
        outcome, met = self._body(spec, bound)
        if own and self.on("cache=False"):
            met.add(REFUSED)
        self._depth -= 1
        below = frozenset(met | (set() if self.on("arguments not below") else self.externals(bound)))
        if not self.on("contagious"):
            below -= {REFUSED} if spec.cache else set()
        self.calls[key] = outcome, below
        return outcome, rests | below

    def _body(self, spec: Spec, args: tuple[Any, ...]) -> tuple[Any, set[Any]]:
        met: set[Any] = {("task", spec.name)} if self.on("own") else set()
        if not spec.cache and self.on("cache=False"):
            met.add(REFUSED)
        try:
            leaves = begin(spec, args)
        except ValueError as error:
            return Failure(error), met
        for place, template in enumerate(spec.awaits):
            value, rests = self.reduce(template, leaves)
            if self.on("awaited"):
                met |= rests | (self.written(template, leaves) if self.on("written in awaited") else set())
            if isinstance(value, Failure):
                if self.on("recovered"):
                    met.add(REFUSED)
                if not spec.guard:
                    return value, met
                value = str(value.error)
            elif self.on("awaited") and self.on("awaited values"):
                met |= self.externals(value)
            leaves["w", place] = value
        if self.on("written"):
            met |= self.written(spec.body, leaves)
        outcome, rests = self.reduce(spec.body, leaves)
        return outcome, met | rests

    # -- expressions -----------------------------------------------------------------------------

    def reduce(self, template: Any, leaves: Mapping[Any, Any]) -> tuple[Any, set[Any]]:  # noqa: C901 - one case a form
        if type(template) is not tuple:
            return template, set()
        if template in leaves:
            return leaves[template], set()

        def all_of(parts: Any) -> tuple[Any, set[Any]]:
            values, rests = [], set()
            for part in parts:
                value, met = self.reduce(part, leaves)
                values.append(value)
                rests |= met
            failed = [value for value in values if isinstance(value, Failure)]
            return (failed[0] if failed else values), rests

        match template:
            case ("call", name, args):
                values, rests = all_of(args)
                outcome, met = self._call(name, values, len(args))
                return outcome, rests | met
            case ("over", name, args, place):
                values, rests = all_of(args)
                outcome, met = self._call_under(name, values, len(args), over=CONTEXTS_OVER[place])
                return outcome, rests | met
            case ("below", name, args, _):
                values, rests = all_of(args)
                outcome, met = self._call_under(name, values, len(args), below=True)
                return outcome, rests | met
            case ("over task", name, place):
                return TaskName(name, CONTEXTS_OVER[place]), set()
            case ("apply", head, args):
                callee, rests = self.reduce(head, leaves)
                rests = rests if self.on("callee") else set()
                if isinstance(callee, Failure):
                    return callee, rests
                values, met = all_of(args)
                if isinstance(callee, TaskName):
                    outcome, below = self._call_under(callee.name, values, len(args), over=callee.over)
                    return outcome, rests | met | below
                if isinstance(values, Failure):
                    return values, rests | met
                return self.operate(lambda: callee(*values), rests | met, [callee, *values])
            case ("task", name):
                return TaskName(name), set()
            case ("tuple", parts):
                values, rests = all_of(parts)
                return (values if isinstance(values, Failure) else tuple(values)), rests
            case ("seq", parts) | ("pick", _, parts):
                values, rests = [], set()
                for part in parts:
                    value, met = self.reduce(part, leaves)
                    rests |= met if self.on("items") else set()
                    if isinstance(value, Failure):
                        return value, rests
                    values.append(value)
                return (
                    (values, rests)
                    if template[0] == "seq"
                    else self.operate(lambda: values[template[1]], rests, values)
                )
            case ("cond", test, then, other):
                value, rests = self.reduce(test, leaves)
                rests = rests | self.looked(value) if self.on("test") else set()
                if isinstance(value, Failure):
                    return value, rests
                outcome, met = self.reduce(then if value else other, leaves)
                return outcome, rests | met
            case ("catch", body, handler):
                value, rests = self.reduce(body, leaves)
                if not isinstance(value, Failure):
                    return value, rests
                outcome, met = self._call(handler, [value.error])
                refusal = {REFUSED} if self.on("recovered") else set()
                return outcome, refusal | rests | (met if self.on("handled") else set())
            case ("get", path):
                value = self._entry(path)
                entry = {("context", path, repr(value))} if self.on("context") else set()
                if value is None:
                    return 0, entry if self.on("context missing") else set()
                return value, entry
            case ("cup", choice) | ("read", choice):
                value, rests = self.reduce(choice, leaves)
                rests = rests | self.looked(value) if self.on("operands") else set()
                if isinstance(value, Failure):
                    return value, rests
                cup, rests = self.operate(lambda: Cup("in") / ("0" if value else "1"), rests, Cup("in"))
                return (cup, rests) if template[0] == "cup" else (cup.get(7), rests | self.looked(cup))
            case ("peek", place):
                return Cup(place).get(7), self.looked(Cup(place))
            case ("eq" | "need", left, right):
                values, rests = all_of((left, right))
                rests = rests if self.on("operands") else set()
                if isinstance(values, Failure):
                    return values, rests
                if _is_configured(values):
                    raise EndlessError  # tasks with a context of their own are compared by identity, which no digest knows
                same = values[0] == values[1]
                rests = rests | self.looked(values)
                return (same, rests) if template[0] == "eq" else self.operate(lambda: 1 // same, rests, same)
            case _:
                return 0, set()

    def looked(self, operands: Any) -> set[Any]:
        """An operator may look into whatever it is given."""
        return self.externals(operands) if self.on("looked") else set()

    def operate(self, operation: Any, rests: set[Any], operands: Any) -> tuple[Any, set[Any]]:
        rests = rests | self.looked(operands)
        try:
            value = operation()
        except (TypeError, ZeroDivisionError, IndexError) as error:
            return Failure(error), rests
        return value, rests | (self.externals(value) if self.on("made") else set())

    # -- external values -------------------------------------------------------------------------

    def externals(self, value: Any) -> set[Any]:
        if isinstance(value, tuple | list):
            return set().union(*map(self.externals, value))
        if isinstance(value, Cup) and (value.get() is not None or self.on("missing")):
            return {("external", value.name, repr(value.get()))}
        return set()

    def written(self, template: Any, leaves: Mapping[Any, Any]) -> set[Any]:
        """The external values written anywhere in what a template builds."""
        if type(template) is not tuple:
            return self.externals(template)
        if template in leaves:
            return self.externals(leaves[template])
        if not template or type(template[0]) is not str:
            return set().union(*[self.written(part, leaves) for part in template])
        own = {"cup": "in", "read": "in", "peek": template[-1]}.get(template[0])
        inner = set().union(*[self.written(part, leaves) for part in template[1:]])
        return inner if own is None else inner | self.externals(Cup(own))


def _is_configured(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(map(_is_configured, value))
    return isinstance(value, TaskName) and value.over is not None


def _merged(under: Any, over: Mapping[str, Any]) -> dict[str, Any]:
    """What `over` makes of a context: tables are merged, everything else is replaced."""
    out = dict(under) if isinstance(under, dict) else {}
    for name, value in over.items():
        out[name] = _merged(out.get(name), value) if isinstance(value, dict) else value
    return out


def _decided(over: Any, path: str) -> bool:
    """Is what stands at this path the same under `over`, whatever the context around it has?"""
    outers: tuple[Any, ...] = ({}, {"a": 5, "b": 5}, {"a": {"x": 6, "y": 6}, "b": {"x": 6}})
    found = set()
    for outer in outers:
        value: Any = _merged(outer, over)
        for part in path.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        found.add(repr(value))
    return len(found) == 1


def same(outcome: Any) -> Any:
    """An outcome, of the oracle's or the engine's, as something comparable."""
    if isinstance(outcome, Failure):
        return ("failed", type(outcome.error).__name__, str(outcome.error))
    return repr(plain(outcome))
