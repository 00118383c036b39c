"""Defaults of functions: which of them their text does not tell, and which are the function's own state."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import FunctionType

from ._captured import given_defaults
from ._source_walks import changed_names, is_literal

_MUTABLE = (list, dict, set, bytearray)


def computed_defaults(function: FunctionType, node: ast.AST) -> Iterator[tuple[str, object]]:
    """Defaults whose text does not say what they are, such as `i=i` in a loop."""
    arguments = getattr(node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    written: dict[str, ast.expr | None] = {}
    written |= zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    written |= {each.arg: value for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)}
    for name, value in given_defaults(function):
        expression = written.get(name)
        # A constant of the text may have been set from outside.
        is_other = isinstance(expression, ast.Constant) and not _is_equal(value, expression.value)
        if expression is None or is_other or not is_literal(expression):
            yield name, value


def _is_equal(value: object, constant: object) -> bool:
    return type(value) is type(constant) and value == constant


def is_changed(value: object, name: str, node: ast.AST) -> bool:
    """Whether a function changes a default of its own: it is the function's state, as a cache is."""
    return isinstance(value, _MUTABLE) and name in changed_names(node)
