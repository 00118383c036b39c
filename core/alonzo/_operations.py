"""Primitive operations on values: what the operators, attributes and methods of lazy values come to."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, name)
    for name in (
        "add",
        "sub",
        "mul",
        "truediv",
        "floordiv",
        "mod",
        "pow",
        "matmul",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "getitem",
    )
}


def perform(operation: str, operands: tuple[Any, ...]) -> Any:
    """The result of an operation on values; raises what Python raises."""
    binary = _BINARY.get(operation)
    if binary is not None:
        return binary(*operands)
    if operation == "truth":
        return bool(operands[0])
    if operation == "getattr":
        return getattr(*operands)
    if operation == "method":
        target, name, args, kwargs = operands
        return getattr(target, name)(*args, **kwargs)
    function, args, kwargs = operands
    return function(*args, **kwargs)
