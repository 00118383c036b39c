"""The language's own forms: choice, order, failure, context, functions of functions. What a form is stands in _special."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import _list_forms
from ._containers import expressions, fill
from ._effects import ABSENT, Raised
from ._errors import RemoteError
from ._expressions import Form, Operation
from ._quoted import Quoted
from ._special import Become, Context, Course, Demand, Fail, SpecialForm, Steps, called, item, own
from ._tasks import Partial, Task


def begun(node: Form) -> Course:
    """The course of the form that the node is of."""
    form = node._form
    return Course(FORMS[form] if type(form) is str else form, node._operands)


@own
def value(of: Any) -> Any:
    """The value of what it is given."""
    return of


@own
def apply(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Steps[Any]:
    """A value is called: what it is decides whether that is a call of a task or a primitive operation."""
    found = yield Demand(function, look=True)
    if isinstance(found.value, Task | Partial | SpecialForm | Quoted):
        return found.value(*args, **kwargs)
    return Operation("call", (found, args, kwargs))


# -- choice and order --------------------------------------------------------------------------------


def _is_true(operand: Any) -> Steps[bool]:
    # Truth is an operation: `bool` of a user's value is user code, which only an application may run.
    found = yield Demand(Operation("truth", (operand,)), look=True)
    truth: bool = found.value
    return truth


@own
def cond(test: Any, then: Any, *more: Any) -> Steps[Any]:
    """`then` if `test` is true, else what follows: `cond(test, then, test2, then2, …, otherwise)`.

    Only the tests up to the first true one and the branch it chooses are reduced. A missing `otherwise` is None.
    """
    operands = (test, then, *more)
    for place in range(0, len(operands) - 1, 2):
        if (yield from _is_true(operands[place])):
            return operands[place + 1]
    return operands[-1] if len(operands) % 2 else None


@own
def and_(*operands: Any) -> Steps[Any]:
    """The first of these that is false, as Python's `and`; else the last. What follows is not reduced. `and_()` is True."""
    for operand in operands[:-1]:
        if not (yield from _is_true(operand)):
            return operand
    return operands[-1] if operands else True


@own
def or_(*operands: Any) -> Steps[Any]:
    """The first of these that is true, as Python's `or`; else the last. What follows is not reduced. `or_()` is False."""
    for operand in operands[:-1]:
        if (yield from _is_true(operand)):
            return operand
    return operands[-1] if operands else False


@own
def seq(items: Any) -> Steps[list[Any]]:
    """The list of these, reduced one after the other: each begins when the one before it has its value."""
    made = []
    for operand in items:
        made.append((yield Demand(operand)))  # noqa: PERF401 - it is sent what came of it
    return made


# -- failure -----------------------------------------------------------------------------------------


@own
def catch(expression: Any, errors: Any, recover: Any, *more: Any) -> Steps[Any]:
    """The value of `expression`, or what the first pair of errors and recovery that matches makes of its failure."""
    outcome = yield Demand(expression, caught=True)
    if type(outcome) is not Raised:
        return outcome
    pairs = (errors, recover, *more)
    for place in range(0, len(pairs), 2):
        if matches(outcome.error, pairs[place]):
            return _recovery(pairs[place + 1], outcome.error)
    return Fail(outcome)


@own
def catch_all(structure: Any, errors: Any, recover: Any) -> Steps[Any]:
    """The value of a container of expressions once all have settled; what `recover` makes of it if some failed with one of `errors`."""
    nodes = list(dict.fromkeys(expressions(structure)))
    found = yield Demand([Form("failed", (node, errors)) for node in nodes], look=True)
    failed = {node for node, has_failed in zip(nodes, found.value, strict=True) if has_failed}
    if not failed:
        return structure
    shown = fill(structure, lambda node: Form("failure", (node,)) if node in failed else node)
    return _recovery(recover, shown)


@own
def failed(expression: Any, errors: Any) -> Steps[bool]:
    """Has it failed with one of these? With another failure this fails too."""
    outcome = yield Demand(expression, caught=True)
    if type(outcome) is not Raised:
        return False
    return True if matches(outcome.error, errors) else Fail(outcome)  # type: ignore[return-value]


@own
def failure(expression: Any) -> Steps[Any]:
    """The exception with which it has failed."""
    outcome = yield Demand(expression, caught=True)
    return outcome.error


@own
def throw(error: Any) -> Steps[Any]:
    """A failure: `error` is an exception, also one that is not known yet. Nothing fails before this is demanded.

    Raises:
        TypeError: in the run: it is no exception.
    """
    found = yield Demand(error, look=True)
    if not isinstance(found.value, Exception):
        raise TypeError(f"throw() takes an exception, throw(ValueError('no rows')), not {found.value!r}")
    return Fail(Raised(found.value), fresh=True)


def matches(error: BaseException, classes: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    """Is it one of these? One that could not be brought here as itself is matched by the names of its bases."""
    if isinstance(error, classes):
        return True
    if isinstance(error, RemoteError):
        wanted = classes if isinstance(classes, tuple) else (classes,)
        return any(f"{kind.__module__}.{kind.__qualname__}" in error.type_names for kind in wanted)
    return False


def _recovery(recover: Any, failure: Any) -> Any:
    return recover(failure) if isinstance(recover, Task | Partial | SpecialForm) else recover


# -- context, tags -----------------------------------------------------------------------------------


@own
def get_context(path: str, default: Any = None) -> Steps[Any]:
    """The entry of the context at a dotted path, or `default`: `get_context("db.host", "localhost")`.

    `path` and `default` may be lazy; `default` is reduced only when there is no entry.
    """
    found = yield Demand(path, look=True)
    entry = yield Context(found.value)
    return default if entry is ABSENT else entry


@own
def tagged(expression: Any, tags: Mapping[str, Any]) -> Steps[Any]:
    """The value of `expression`, which gets these tags in the record."""
    found = yield Demand(tags, look=True)
    return Become(expression, tags={name: str(text) for name, text in found.value.items()})


# -- functions of functions, expressions as values ------------------------------------------------------


@own
def identity(value: Any) -> Any:
    """What it is given."""
    return value


@own
def constant(value: Any, *ignored: Any, **named: Any) -> Any:
    """`value`, whatever else it is given, which is not reduced."""
    return value


@own
def composed(functions: tuple[Any, ...], *args: Any, **kwargs: Any) -> Any:
    """The last of these of the arguments, the one before it of that, and so on to the first."""
    *outer, first = functions
    made = called(first, args, kwargs)
    for function in reversed(outer):
        made = called(function, (made,))
    return made


@own
def unquote(quoted: Any) -> Steps[Any]:
    """The value of what was quoted, reduced here and now.

    Raises:
        TypeError: in the run: `quoted` is nothing that was quoted.
    """
    found = yield Demand(quoted, look=True)
    if type(found.value) is not Quoted:
        raise TypeError(f"unquote() takes what quote() has given, not {found.value!r}")
    return found.value.expression


@own
def force(delayed: Any) -> Steps[Any]:
    """The value of what was delayed, and if that is delayed too, the value of that; of anything else, what it is."""
    while True:
        found = yield Demand(delayed, look=True)
        if type(found.value) is not Quoted:
            return found
        delayed = found.value.expression


FORMS: Mapping[str, SpecialForm[..., Any]] = {
    form.full_name: form
    for form in (
        *(value, apply, item, cond, and_, or_, seq, catch, catch_all, failed, failure, throw, get_context, tagged),
        *(identity, constant, composed, unquote, force),
        *_list_forms.FORMS,
    )
}
