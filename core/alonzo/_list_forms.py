"""Forms over collections whose width may be known only when it is reduced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ._expressions import Form, Operation
from ._special import Demand, Steps, called, given, is_lazy, items_of, own


@own
def map_(task: Any, xs: Iterable[Any]) -> Steps[list[Any]]:
    """`[task(x) for x in xs]`, also when `xs` is not known yet; all of them at once.

    A list that is written out is not waited for: each call begins when its own item is there.

    Raises:
        TypeError: in the run: `xs` cannot be gone through, or is a set, which has no order.
    """
    source, items = yield from items_of(xs)
    return [called(task, (given(source, item),)) for item in items]


@own
def starmap(task: Any, rows: Iterable[Any]) -> Steps[list[Any]]:
    """`[task(**row) for row in rows]`; a row that is a list or tuple is given by position.

    Raises:
        TypeError: in the run: `rows` cannot be gone through, or a row is neither.
    """
    source, items = yield from items_of(rows)
    if source is None and not any(is_lazy(row) for row in items):
        return [_starred(task, None, row) for row in items]
    return [Form("star", (task, given(source, row))) for row in items]


@own
def star(task: Any, row: Any) -> Steps[Any]:
    """`task(**row)`, of a row that is not known yet."""
    if not is_lazy(row):
        return _starred(task, None, row)
    found = yield Demand(row, look=True)
    return _starred(task, row, found.value)


@own
def flat_map(task: Any, xs: Iterable[Any]) -> Any:
    """`[y for x in xs for y in task(x)]`, also when `xs` is not known yet.

    Raises:
        TypeError: in the run: `xs` or a result cannot be gone through, or is a set, which has no order.
    """
    return Operation("flatten", (Form("map_", (task, xs)),))


@own
def zip_(*collections: Iterable[Any]) -> Steps[list[tuple[Any, ...]]]:
    """`list(zip(*collections))`, also when they are not known yet: as long as the shortest.

    Raises:
        TypeError: in the run: one of them cannot be gone through, or is a set, which has no order.
    """
    yield Demand([collection for collection in collections if is_lazy(collection)])
    columns = []
    for collection in collections:
        _, items = yield from items_of(collection)
        columns.append(items)
    return list(zip(*columns, strict=False))


@own
def filter_(task: Any, xs: Iterable[Any]) -> Steps[list[Any]]:
    """`[x for x in xs if task(x)]`, also when `xs` is not known yet; all tests at once.

    Raises:
        TypeError: in the run: `xs` cannot be gone through, or is a set, which has no order.
    """
    source, items = yield from items_of(xs)
    tests = [Operation("truth", (called(task, (given(source, item),)),)) for item in items]
    found = yield Demand(tests, look=True)
    return [item for item, is_wanted in zip(items, found.value, strict=True) if is_wanted]


@own
def reduce_(task: Any, xs: Iterable[Any], *initial: Any) -> Steps[Any]:
    """All of `xs` made one by an associative task of two: neighbours first, then their results, in a tree."""
    source, items = yield from items_of(xs)
    layer: list[Any] = [*initial, *(given(source, item) for item in items)]
    if not layer:
        raise TypeError("reduce_() of nothing: give it an initial value")
    while len(layer) > 1:
        pairs = [called(task, (layer[at], layer[at + 1])) for at in range(0, len(layer) - 1, 2)]
        layer = pairs + layer[len(pairs) * 2 :]
    return layer[0]


def _starred(task: Any, source: Any, row: Any) -> Any:
    if isinstance(row, Mapping):
        return called(task, (), {name: given(source, operand) for name, operand in row.items()})
    if isinstance(row, list | tuple):
        return called(task, [given(source, operand) for operand in row])
    raise TypeError(f"starmap() takes dicts of keyword arguments, or lists of positional ones, not {row!r}")


FORMS = (map_, starmap, star, flat_map, zip_, filter_, reduce_)
