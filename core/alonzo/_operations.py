"""Primitive operations on values: what the operators, attributes and methods of lazy values come to."""

from __future__ import annotations

import math
import operator
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from typing import Any

from ._expressions import ARITHMETIC, ORDER

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    name: getattr(operator, f"__{name}__") for name in (*ARITHMETIC, *ORDER, "eq", "ne", "getitem", "contains")
}
_BINARY["divmod"] = divmod
_BINARY["pow"] = pow  # of three, also
_UNARY: dict[str, Callable[..., Any]] = {
    name.removesuffix("_"): getattr(operator, name) for name in ("neg", "pos", "abs", "invert", "not_")
}
_UNARY |= {"round": round, "trunc": math.trunc, "floor": math.floor, "ceil": math.ceil}


# Operations on these are done at once, where the workflow runs; others' may be long, or a user's own code.
_QUICK = frozenset({int, float, complex, bool, str, bytes, type(None), list, tuple, dict, set, frozenset, slice, range})


# Methods of Python's own mutable types that change them: a lazy value is one value, whatever is asked of it, and in which order.
_CHANGES: dict[type, str] = {
    list: "append extend insert remove pop clear sort reverse",
    bytearray: "append extend insert remove pop clear reverse",
    deque: "append appendleft extend extendleft insert remove pop popleft clear reverse rotate",
    dict: "update setdefault pop popitem clear",
    OrderedDict: "update setdefault pop popitem clear move_to_end",
    Counter: "update subtract",
    set: "add remove discard pop clear update difference_update intersection_update symmetric_difference_update",
}
_IN_PLACE: dict[str, list[Any]] = {}
for _kind, _names in _CHANGES.items():
    for _name in _names.split():
        _IN_PLACE.setdefault(_name, []).append(getattr(_kind, _name))


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
    if operation == "unpack":
        values, place, width = operands
        if len(values) != width:
            raise ValueError(f"a result of {len(values)} values was to be unpacked into {width} (nout={width})")
        return values[place]
    if operation == "truth":
        return bool(operands[0])
    if operation == "getattr":
        return getattr(*operands)
    if operation == "list":
        return _listed(operands[0])
    if operation == "flatten":
        return [item for row in _listed(operands[0]) for item in _listed(row)]
    if operation == "method":
        target, name, args, kwargs = operands
        if any(getattr(type(target), name, None) is method for method in _IN_PLACE.get(name, ())):
            raise TypeError(
                f"{name}() would change a {type(target).__name__} that other calls may have, too: write a task that returns a new one"
            )
        return getattr(target, name)(*args, **kwargs)
    function, args, kwargs = operands
    return function(*args, **kwargs)


def _listed(collection: Any) -> list[Any]:
    if isinstance(collection, set | frozenset):
        raise TypeError("a set has no order that is the same in every run: sort it first, in a task")
    return list(collection)
