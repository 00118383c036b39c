"""Where in a function's text it does what was seen to be done, but not where."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from types import CodeType
from typing import Any

_CHANGES = frozenset(
    "append extend insert remove pop clear sort reverse update setdefault popitem add discard appendleft extendleft popleft rotate "
    "difference_update intersection_update symmetric_difference_update subtract fill resize put".split()
)


def line_of_change(code: CodeType | None, names: set[str]) -> int:
    """The first line at which one of these parameters is changed; 0: the text does not say."""
    return _first(code, lambda node: any(_root(target) in names for target in _changed(node)))


def line_of_draw(code: CodeType | None, namespace: dict[str, Any]) -> int:
    """The first line that calls a function of `numpy.random` which draws from the generator that all share; 0: none does."""
    shared = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)

    def draws(node: ast.AST) -> bool:
        if not isinstance(node, ast.Call):
            return False
        function = node.func
        if isinstance(function, ast.Name):
            return shared is not None and getattr(namespace.get(function.id), "__self__", None) is shared
        if not isinstance(function, ast.Attribute) or not hasattr(shared, function.attr):
            return False
        owner = function.value
        if isinstance(owner, ast.Name):
            return getattr(namespace.get(owner.id), "__name__", "") == "numpy.random"
        return isinstance(owner, ast.Attribute) and owner.attr == "random" and _root(owner) in _numpys(namespace)

    return _first(code, draws)


def _numpys(namespace: dict[str, Any]) -> set[str]:
    named = {name for name, value in namespace.items() if getattr(value, "__name__", "") == "numpy"}
    return named | {"np", "numpy"}  # imported in the function


def _first(code: CodeType | None, is_it: Callable[[ast.AST], bool]) -> int:
    if code is None:
        return 0
    try:
        lines, first = inspect.getsourcelines(code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError, TypeError):
        return 0
    found = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt | ast.expr) and is_it(node)]
    return min(found) + first - 1 if found else 0


def _changed(node: ast.AST) -> list[ast.expr]:
    """The expressions of which this node changes what they stand for."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        return [node.func.value]
    if isinstance(node, ast.AugAssign):
        return [node.target]
    targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else []
    return [target.value for target in targets if isinstance(target, ast.Attribute | ast.Subscript)]


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
