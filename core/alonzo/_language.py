"""The special forms as users write them; what they mean is in _forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._expressions import Form


def cond(test: Any, then: Any, *more: Any) -> Any:
    """`then` if `test` is true, else what follows: `cond(test, then, test2, then2, …, otherwise)`.

    Only the tests up to the first true one and the branch it chooses are reduced. A missing `otherwise` is None.
    """
    return Form("cond", (test, then, *more))


def seq(expressions: Sequence[Any]) -> Any:
    """The list of these, reduced one after the other: each begins when the one before it has its value."""
    return Form("seq", (list(expressions),))


def catch(expression: Any, errors: Any, recover: Any, *more: Any) -> Any:
    """`expression`, or what `recover` makes of its failure if that is one of `errors` (a class or a tuple of classes).

    `recover` is a task (or partial) that gets the exception; anything else is the value itself. Further pairs may follow. A call
    that failed is tried again in every later run.

    Raises:
        TypeError: `errors` is not a class of exceptions or a tuple of them; a pair is incomplete.
    """
    operands = (expression, errors, recover, *more)
    if len(operands) % 2 == 0:
        raise TypeError("catch() takes pairs: catch(expression, Error, recover, Error2, recover2, …)")
    for place in range(1, len(operands), 2):
        classes = operands[place] if isinstance(operands[place], tuple) else (operands[place],)
        if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in classes):
            raise TypeError(f"catch() takes classes of exceptions, not {operands[place]!r}")
    return Form("catch", operands)


def get_context(path: str, default: Any = None) -> Any:
    """The entry of the run's context at a dotted path, or `default`: `get_context("db.host", "localhost")`."""
    return Form("get_context", (path, default))
