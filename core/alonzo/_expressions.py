"""Expressions: calls of tasks, operations on lazy values, special forms.

An expression is a node of a graph. It compares and hashes by identity, because structural comparison recurses, and expressions grow
100,000 deep; contents are compared by digest. Users meet expressions as lazy values: what Python lets us defer is deferred
(operators, attributes, methods, indexing), what it does not (`if`, `len`, iteration, formatting) raises a `LazyValueError` that
names the call and says what to write instead.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Generic, NoReturn, Protocol, TypeVar, final

from ._errors import AlonzoError, LazyValueError

if TYPE_CHECKING:
    from typing_extensions import TypeVar as TypeVarWithDefault  # every type checker has it; a program needs it not

    from ._options import How
    from ._tasks import Task

    R_co = TypeVarWithDefault("R_co", covariant=True, default=Any)

    def _unary_operator(self: Any, /) -> Any: ...
    def _binary_operator(self: Any, other: Any, /) -> Any: ...
    def _round(self: Any, digits: Any = None, /) -> Any: ...
else:
    R_co = TypeVar("R_co", covariant=True)

# Creation order: expressions in a set are visited by it, whatever their hashes.
_serials = itertools.count()


class Application(Protocol):
    """What is known, while a task's function runs, about the application that runs it."""

    made: list[tuple[Expression, str, int]]
    ask: Callable[[Expression], Awaitable[Any]] | None

    def took(self, task: Task[..., Any]) -> None:
        """Called when `func` was taken of a task."""


APPLYING: ContextVar[Application | None] = ContextVar("alonzo_applying", default=None)
# The module that a worker process is importing, for a task in it.
IMPORTING: ContextVar[str] = ContextVar("alonzo_importing", default="")


class Expression(Generic[R_co]):
    """A lazy value. Its parts are private, so that every public name means an attribute of the value to come.

    _operands  what it was made of, one flat tuple; of a call its arguments, then the values of options and context that it was given
    """

    __slots__ = ("_serial",)
    _serial: int
    _operands: tuple[Any, ...]

    # -- what can be deferred ------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Libraries probe for protocols by dunder and notebook names; a lazy value has none of them.
        if (name.startswith("__") and name.endswith("__")) or name.startswith(("_repr_", "_ipython_")):
            raise AttributeError(f"{_say(self)} has no {name}: it is a lazy value")
        return Operation("getattr", (self, name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if type(self) is Operation and self._op == "getattr":
            return Operation("method", (*self._operands, args, kwargs))
        return Form("apply", (self, args, kwargs))

    def __getitem__(self, item: Any) -> Any:
        return Operation("getitem", (self, item))

    def __eq__(self, other: object) -> Any:
        return Operation("eq", (self, other))

    def __ne__(self, other: object) -> Any:
        return Operation("ne", (self, other))

    __hash__ = object.__hash__

    def __await__(self) -> Generator[Any, None, R_co]:
        application = APPLYING.get()
        if application is None:
            raise AlonzoError(
                f"await {_say(self)}: expressions are awaited inside an `async def` task; elsewhere use `await arun(...)`"
            )
        if application.ask is None:
            raise AlonzoError(
                f"await {_say(self)}: this executor cannot await; give the task executor='asyncio' or return the expression"
            )
        value: R_co = yield from application.ask(self).__await__()
        return value

    if TYPE_CHECKING:  # the operators, which are set below: what they give has a type that nobody knows here
        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _binary_operator
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _binary_operator
        __pow__ = __rpow__ = __matmul__ = __rmatmul__ = __divmod__ = __rdivmod__ = _binary_operator
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _binary_operator
        __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _binary_operator
        __lt__ = __le__ = __gt__ = __ge__ = _binary_operator
        __neg__ = __pos__ = __abs__ = __invert__ = _unary_operator
        __round__ = _round

    # -- what cannot ---------------------------------------------------------------------------

    def __bool__(self) -> NoReturn:
        raise _lazy(
            self,
            "its truth is not known yet",
            "cond(test, then, otherwise), and_(…), or_(…), not_(…), or make the decision inside a task",
        )

    def __len__(self) -> int:
        return _width(self, "its length is not known yet")

    def __iter__(self) -> Iterator[Any]:
        width = _width(self, "it cannot be iterated: how many items it has is not known yet")
        return iter([Operation("unpack", (self, i, width)) for i in range(width)])

    def __contains__(self, item: object) -> NoReturn:
        raise _lazy(self, "what it contains is not known yet", "contains(xs, x), or a task that looks into it")

    def __str__(self) -> NoReturn:
        raise _lazy(
            self, "it has no text yet", "fmt('{}', x), or a task that formats it (repr() works, for looking at it)"
        )

    def __format__(self, spec: str) -> NoReturn:
        raise _lazy(self, "it cannot be formatted yet", "fmt('{:>10}', x), or a task that formats it")

    def __index__(self) -> NoReturn:
        raise _lazy(self, "it is not a number yet", "a task that takes it as an argument")

    __int__ = __index__
    __float__ = __index__
    __complex__ = __index__

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise _lazy(
            self, "it cannot be pickled or copied", "run() first, or pass it in a list, tuple, dict, set or dataclass"
        )

    def __repr__(self) -> str:
        return f"<lazy {_say(self)}>"


ARITHMETIC = tuple("add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split())  # on either side
ORDER = ("lt", "le", "gt", "ge")


def _unary(op: str) -> Callable[..., Any]:
    def applied(self: Any, *more: Any) -> Any:
        return Operation(op, (self, *more))

    return applied


def _binary(op: str) -> tuple[Callable[[Any, Any], Any], Callable[[Any, Any], Any]]:
    def forward(self: Any, other: Any, *more: Any) -> Any:  # pow() alone may have a third operand
        return Operation(op, (self, other, *more))

    def reflected(self: Any, other: Any) -> Any:
        return Operation(op, (other, self))

    return forward, reflected


for _op in (*ARITHMETIC, "divmod"):
    _forward, _reflected = _binary(_op)
    setattr(Expression, f"__{_op}__", _forward)
    setattr(Expression, f"__r{_op}__", _reflected)
for _op in ORDER:
    setattr(Expression, f"__{_op}__", _binary(_op)[0])
for _op in ("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil"):
    setattr(Expression, f"__{_op}__", _unary(_op))
del _op, _forward, _reflected


@final
class Call(Expression):
    """A task applied to arguments, as they were written; bound to the signature when it is reduced."""

    __slots__ = ("_args", "_how", "_kwargs", "_operands", "_task")

    def __init__(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], how: How | None = None
    ) -> None:
        self._serial = next(_serials)
        Call._take(self, task, args, kwargs, how)
        _made(self)

    def _take(
        self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], how: How | None = None
    ) -> None:
        self._task = task
        self._args = args
        self._kwargs = kwargs
        self._how = how  # the options and the context that it was given
        self._operands = args
        if kwargs or how is not None:
            more = () if how is None else (*how.options.values(), *how.below.values(), dict(how.context))
            self._operands = (*args, *kwargs.values(), *more)


@final
class Operation(Expression):
    """A primitive operation: an operator, an attribute, an index, a method call. It has no job and no key."""

    __slots__ = ("_op", "_operands")

    def __init__(self, op: str, operands: tuple[Any, ...]) -> None:
        self._serial = next(_serials)
        self._op = op
        self._operands = operands


@final
class Form(Expression):
    """A special form: it decides itself which of its operands are demanded, and in which order."""

    __slots__ = ("_form", "_operands")

    def __init__(
        self, form: Any, operands: tuple[Any, ...]
    ) -> None:  # the name of one of the language's own, or a SpecialForm
        self._serial = next(_serials)
        self._form = form
        self._operands = operands


def describe(node: Expression) -> str:
    """A short name of an expression for messages: `flow.f(…)`, `operation getitem`, `cond`."""
    return _say(node)


def hidden(node: Expression) -> LazyValueError:
    """What to raise for an expression where none is looked for: it would never be reduced."""
    return LazyValueError(f"{_say(node)} stands where it is not looked for: in an object or a subclass of a container")


def _say(node: Expression) -> str:
    if type(node) is Call:
        return f"{node._task.full_name}(…)"
    if type(node) is Operation:
        inner = next((o for o in node._operands if isinstance(o, Expression)), None)
        name = f"{node._op} {node._operands[1]!r}" if node._op in ("getattr", "method") else node._op
        return f"operation {name} on {_head(inner)}" if inner is not None else f"operation {name}"
    return f"{node._form}(…)" if type(node) is Form else "an expression"


def _head(node: Expression) -> str:
    """The call that a chain of operations starts from, found without recursion."""
    while type(node) is Operation:
        inner = next((o for o in node._operands if isinstance(o, Expression)), None)
        if inner is None:
            return f"operation {node._op}"
        node = inner
    return _say(node)


def _lazy(node: Expression, problem: str, instead: str) -> LazyValueError:
    return LazyValueError(f"the result of {_head(node)} is lazy: {problem}. Write instead: {instead}.")


def _width(node: Expression, problem: str) -> int:
    width = None
    if type(node) is Call:
        width = node._task.declared.nout
        if node._how is not None:
            width = node._how.options.get("nout", width)
    if width is None:
        raise _lazy(
            node, problem, "@task(nout=2) to unpack a known number, map_(task, xs), or a task that takes all of it"
        )
    return width


def _made(call: Call) -> None:
    application = APPLYING.get()
    if application is not None:
        # Past Call.__init__ and Task.__call__, and where it was a partial application past that too: where the user wrote the call.
        frame = sys._getframe(3)
        own = sys._getframe(2).f_code.co_filename
        while frame.f_code.co_filename == own and frame.f_back is not None:
            frame = frame.f_back
        application.made.append((call, frame.f_code.co_filename, frame.f_lineno))
