"""Quoted expressions: expressions as values, which nothing reduces until they are unquoted."""

from __future__ import annotations

import itertools
from typing import Any, final

from . import _expressions
from ._containers import expressions, fill, topological
from ._expressions import Call, Expression, Form
from ._options import How


@final
class Quoted:
    """An expression, or a container of expressions, that is passed on as it is. Calling it gives its value."""

    __slots__ = ("expression",)

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    def __call__(self) -> Any:
        return Form("unquote", (self,))

    def __reduce__(self) -> Any:
        """One flat table, so that depth is bounded by memory only."""
        nodes = topological(expressions(self.expression))
        places = {node: _Place(number) for node, number in nodes.items()}
        order = sorted(nodes.values(), key=[node._serial for node in nodes].__getitem__)
        rows = [(type(node), fill(_parts(node), places.__getitem__)) for node in nodes]
        return restored, (rows, order, fill(self.expression, places.__getitem__))

    def __repr__(self) -> str:
        return f"quote({self.expression!r})"


@final
class _Place:
    """Stands in a table for the node of that number."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> Any:
        return _Place, (self.number,)


def restored(rows: list[tuple[type[Any], tuple[Any, ...]]], order: list[int], expression: Any) -> Quoted:
    """The quoted expression of a table."""
    nodes: list[Expression] = []

    def node_at(place: _Place) -> Expression:
        return nodes[place.number]

    for kind, parts in rows:
        node = object.__new__(kind)
        filled = fill(parts, node_at, (_Place,))
        if kind is Call:
            task, args, kwargs, how = filled
            node._take(task, args, kwargs, None if how is None else How(*how))
        elif kind is Form:
            node._form, node._operands = filled
        else:
            node._op, node._operands = filled
        nodes.append(node)
    # In the order of creation, by which expressions in a set are visited.
    for number, serial in zip(order, _serials(len(order)), strict=True):
        nodes[number]._serial = serial
    return Quoted(fill(expression, node_at, (_Place,)))


def _parts(node: Any) -> tuple[Any, ...]:
    if type(node) is Call:
        return node._task, node._args, node._kwargs, None if node._how is None else tuple(map(dict, node._how))
    return (node._form if type(node) is Form else node._op), node._operands


def _serials(count: int) -> list[int]:
    return list(itertools.islice(_expressions._serials, count))
