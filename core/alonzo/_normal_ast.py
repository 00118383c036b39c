"""The normal form of a piece of Python: one string for all texts that mean the same.

Blind to comments, formatting, docstrings, `pass`, annotations of local variables, and those of
parameters and results but where a decorator may read them. The same in every version of Python
(`ast.dump` is not): a node is its class's name and those of its fields that are set, sorted.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterable, Iterator
from functools import cache

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
DefinitionNode = FunctionNode | ast.ClassDef

_IGNORED = frozenset({"ctx", "kind", "returns", "type_comment", "type_ignores"})
_RARELY = frozenset({"annotation", "defaults", "kw_defaults", "format_spec"})
_NEUTRAL = frozenset(
    [
        "abstractmethod",
        "asynccontextmanager",
        "cache",
        "cached_property",
        "classmethod",
        "contextmanager",
        "deleter",
        "final",
        "getter",
        "lru_cache",
        "overload",
        "override",
        "property",
        "setter",
        "staticmethod",
        "task",
        "wraps",
    ]
)
"""Decorators that look at no annotation, by their last name."""
_HAVE_DOCSTRINGS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)


def normal_form(
    nodes: ast.AST | Iterable[ast.AST],
    *,
    without_defaults: ast.AST | None = None,
    without: Iterable[ast.AST] = (),
) -> str:
    """The normal form of a node, or of several one after the other.

    The function node given as *without_defaults* is shown without the defaults of its parameters;
    nodes in *without* (decorators, for example) are left out where they stand in a list.
    """
    form = _NormalForm(without)
    if without_defaults is not None:
        form.leave_out_defaults(without_defaults)
    return form.text([nodes] if isinstance(nodes, ast.AST) else list(nodes))


def is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement would be a docstring, were it the first of a body."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def read_annotations(node: ast.AST, without: Container[ast.AST] = ()) -> list[ast.expr]:
    """The annotations of a function that its decorators, but for those in *without*, may read."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return []
    if all(decorator in without or _is_neutral(decorator) for decorator in node.decorator_list):
        return []
    found = [each.annotation for each in _parameters(node.args)]
    return [each for each in (*found, node.returns) if each is not None]


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly within a node, without those that only name an operator or a context."""
    found: list[ast.AST] = []
    for name in node._fields:
        if name in ("ctx", "op", "ops"):
            continue
        value = getattr(node, name, None)
        if isinstance(value, list):
            found.extend(each for each in value if isinstance(each, ast.AST))
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


class _NormalForm:
    """One walk. A stack instead of recursion: long sums nest deeper than Python's own limit."""

    def __init__(self, without: Iterable[ast.AST]) -> None:
        self._left_out = frozenset(without)
        self._without = {id(node) for node in self._left_out}
        self._without_defaults: set[int] = set()
        self._fields: set[int] = (
            set()
        )  # what has an annotation that counts: fields of a class, parameters of a decorated function

    def leave_out_defaults(self, node: ast.AST) -> None:
        arguments = getattr(node, "args", None)
        if isinstance(arguments, ast.arguments):
            self._without_defaults.add(id(arguments))

    def text(self, nodes: list[ast.AST]) -> str:
        out: list[str] = []
        stack: list[object] = list(reversed(nodes))
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                out.append(item)
            elif isinstance(item, ast.Name):
                out.append(f"(Name id={item.id!a})")
            elif isinstance(item, ast.AST):
                stack.extend(reversed(list(self._shown(item))))
        return "".join(out)

    def _shown(self, node: ast.AST) -> Iterator[object]:
        if isinstance(node, ast.Constant):
            yield _constant(node.value)
            return
        if isinstance(node, ast.JoinedStr):
            yield from _joined(node)
            return
        if isinstance(node, ast.ClassDef):
            self._fields.update(id(each) for each in node.body if isinstance(each, ast.AnnAssign))
        counts = read_annotations(node, self._left_out)
        if counts and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self._fields.update(id(each) for each in _parameters(node.args))
        if isinstance(node, ast.AnnAssign) and id(node) not in self._fields:
            yield "(Assign targets=["
            yield node.target
            yield "] value="
            yield node.value
            yield ")"
            return
        yield "(" + type(node).__name__
        for name in _fields(node._fields):
            value = getattr(node, name, None)
            if value is None or value == [] or (name in _RARELY and self._hides(node, name, value)):
                continue
            if not isinstance(value, list):
                yield f" {name}="
                yield value if isinstance(value, ast.AST) else _constant(value)
            elif shown := list(self._shown_items(node, name, value)):
                yield f" {name}=["
                yield from shown
                yield "]"
        if counts and (returns := getattr(node, "returns", None)) is not None:
            yield " returns="
            yield returns
        yield ")"

    def _hides(self, node: ast.AST, name: str, value: object) -> bool:
        if name == "annotation":
            return id(node) not in self._fields
        if name == "format_spec":
            return isinstance(value, ast.JoinedStr) and not value.values
        return id(node) in self._without_defaults

    def _shown_items(self, node: ast.AST, name: str, items: list[object]) -> Iterator[object]:
        for position, item in enumerate(items):
            if not isinstance(item, ast.AST):
                yield "~" if item is None else _constant(item)
            elif not self._is_left_out(node, name, position, item):
                yield item

    def _is_left_out(self, node: ast.AST, name: str, position: int, item: ast.AST) -> bool:
        if id(item) in self._without or isinstance(item, ast.Pass):
            return True
        if isinstance(item, ast.AnnAssign) and item.value is None:
            return id(item) not in self._fields
        if position or name != "body" or not isinstance(node, _HAVE_DOCSTRINGS):
            return False
        return isinstance(item, ast.stmt) and is_docstring(item)


def _parameters(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    yield from (each for each in (arguments.vararg, arguments.kwarg) if each is not None)


def _is_neutral(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in _NEUTRAL


@cache
def _fields(names: tuple[str, ...]) -> list[str]:
    return sorted(set(names) - _IGNORED)


def _joined(node: ast.JoinedStr) -> Iterator[object]:
    # Versions differ in how they split an f-string's constant parts.
    yield "(JoinedStr"
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        if text:
            yield " " + _constant(text)
            text = ""
        yield value
    if text:
        yield " " + _constant(text)
    yield ")"


def _constant(value: object) -> str:
    if isinstance(value, str):
        return ascii(value)
    if type(value) is int:
        return "#" + hex(value)  # repr refuses more than 4,300 digits
    return f"#{type(value).__name__}:{value!r}"
