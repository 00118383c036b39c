"""Primitive operations on values: what the operators, attributes and methods of lazy values come to."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    name.removesuffix("_"): getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "and_",
        "or_",
        "xor",
        "lshift",
        "rshift",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "getitem",
    )
}
_BINARY["divmod"] = divmod
_UNARY: dict[str, Callable[..., Any]] = {name: getattr(operator, name) for name in ("neg", "pos", "abs", "invert")}
_UNARY["round"] = round


# Operations on these are done at once, where the workflow runs; others' may be long, or a user's own code.
_QUICK = frozenset({int, float, complex, bool, str, bytes, type(None), list, tuple, dict, set, frozenset, slice, range})


def is_quick(operation: str, operands: tuple[Any, ...]) -> bool:
    """Can this be performed without keeping everything else waiting? Operands that are not here as objects count as not quick."""
    if operation in ("gather", "truth", "getattr"):
        return True
    return all(type(operand) in _QUICK for operand in operands[:2]) if operation != "call" else False


def perform(operation: str, operands: tuple[Any, ...]) -> Any:
    """The result of an operation on values; raises what Python raises."""
    binary = _BINARY.get(operation)
    if binary is not None:
        return binary(*operands)
    unary = _UNARY.get(operation)
    if unary is not None:
        return unary(*operands)
    if operation == "truth":
        return bool(operands[0])
    if operation == "getattr":
        return getattr(*operands)
    if operation == "method":
        target, name, args, kwargs = operands
        return getattr(target, name)(*args, **kwargs)
    function, args, kwargs = operands
    return function(*args, **kwargs)
