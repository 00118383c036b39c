"""Special forms: each decides which of its operands are demanded, and in which order.

A form is a function of its operands and of the outcomes of what it has demanded so far. It answers with what it wants next:
`Demand` (reduce this, then ask me again), `Become` (my value is that of this), `Fail`. Forms run nothing and keep no state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import attrs

from ._effects import ABSENT, Found, Raised
from ._errors import RemoteError
from ._expressions import Operation
from ._tasks import Partial, Task
from ._traces import EMPTY, Footprint


@final
@attrs.define(eq=False)
class Demand:
    """Reduce this. `caught`: its failure does not have to be the form's. `look`: its object is looked at, not only passed on."""

    template: Any
    caught: bool = False
    look: bool = False


@final
@attrs.define(eq=False)
class Become:
    """The value is this one's. `rests` is what that was decided by, beyond the outcomes of demands; `recovered`: after a failure."""

    template: Any
    rests: Footprint = EMPTY
    recovered: bool = False


@final
@attrs.define(eq=False)
class Fail:
    outcome: Raised


class Scope:
    """What a form may ask about where it stands."""

    def context(self, path: str) -> Any: ...
    def context_token(self, path: str) -> bytes | None: ...


Step = Demand | Become | Fail
Known = Sequence[Found | Raised]


def _value(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    return Become(operands[0])


def _cond(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    """test, then, test, then, …, else"""
    asked = len(known)
    if asked:
        last = known[-1]
        if type(last) is Raised:
            return Fail(last)
        if last.value:
            return Become(operands[2 * asked - 1])
    if 2 * asked + 1 < len(operands):
        # Truth is an operation: `bool` of a user's value is user code, which only an application may run.
        return Demand(Operation("truth", (operands[2 * asked],)), look=True)
    return Become(operands[-1] if len(operands) % 2 else None)


def _seq(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    items = operands[0]
    if known and type(known[-1]) is Raised:
        return Fail(known[-1])
    if len(known) < len(items):
        return Demand(items[len(known)])
    return Become(list(known))


def _catch(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    """expression, errors, recover, errors, recover, …"""
    if not known:
        return Demand(operands[0], caught=True)
    outcome = known[0]
    if type(outcome) is not Raised:
        return Become(outcome)
    for place in range(1, len(operands), 2):
        if matches(outcome.error, operands[place]):
            recover = operands[place + 1]
            if isinstance(recover, Task | Partial):
                return Become(recover(outcome.error), recovered=True)
            return Become(recover, recovered=True)
    return Fail(outcome)


def _apply(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    """A lazy value is called: what it is decides whether that is a call of a task or a primitive operation."""
    function, args, kwargs = operands
    if not known:
        return Demand(function, look=True)
    if type(known[0]) is Raised:
        return Fail(known[0])
    callee = known[0].value
    if isinstance(callee, Task | Partial):
        return Become(callee(*args, **kwargs))
    return Become(Operation("call", (known[0], args, kwargs)))


def _get_context(operands: tuple[Any, ...], known: Known, scope: Scope) -> Step:
    path, default = operands
    if not known:
        return Demand(path, look=True)
    if type(known[0]) is Raised:
        return Fail(known[0])
    path = known[0].value
    value, token = scope.context(path), scope.context_token(path)
    rests = frozenset([("context", path, token)])
    return Become(default if value is ABSENT else value, rests)


FORMS: Mapping[str, Callable[[tuple[Any, ...], Known, Scope], Step]] = {
    "value": _value,
    "cond": _cond,
    "seq": _seq,
    "catch": _catch,
    "apply": _apply,
    "get_context": _get_context,
}


def matches(error: BaseException, classes: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """Is it one of these? One that could not be brought here as itself is matched by the names of its bases."""
    if isinstance(error, classes):
        return True
    if isinstance(error, RemoteError):
        wanted = classes if isinstance(classes, tuple) else (classes,)
        return any(f"{kind.__module__}.{kind.__qualname__}" in error.type_names for kind in wanted)
    return False
