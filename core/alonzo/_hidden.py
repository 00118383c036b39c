"""Expressions that stand where none is looked for: in objects, subclasses of containers, iterators, exceptions, arrays, closures.

They would never be reduced, so they are refused, with the path to them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, MappingView
from functools import partial
from itertools import islice
from types import BuiltinMethodType, CellType, FunctionType, MethodType, MethodWrapperType, ModuleType
from typing import Any

from ._containers import _LEAF, _NODES, children, key_steps, steps
from ._errors import LazyValueError
from ._tasks import _ONCE

_MOST = 100_000  # objects that are looked into: what holds more has been digested by then, or will be
_ELSEWHERE = (type, ModuleType)


def refuse_hidden(value: Any) -> None:
    """
    Raises:
        LazyValueError: an expression stands where it is not looked for.
    """
    seen: dict[int, Any] = {}  # kept alive: what is made here to be looked into would leave its id to others
    todo: list[tuple[str, Any, str]] = [("", value, "")]  # with what is above it and is not looked into, if anything
    while todo and len(seen) < _MOST:
        path, item, holder = todo.pop()
        kind = type(item)
        if kind in _NODES:
            if holder:
                where = f" at {path}" if path else ""
                raise LazyValueError(
                    f"a {holder} holds a lazy value{where}, and is not looked into: "
                    "use a list, tuple, dict, set, dataclass or attrs class, or a task that makes it"
                )
            continue
        if kind in _LEAF or id(item) in seen or isinstance(item, _ELSEWHERE):
            continue
        seen[id(item)] = item
        if kind.__module__.partition(".")[0] == "alonzo" and not children(item):
            continue  # a quoted expression, a runtime
        if not holder and children(item):
            inside = [(path + step, part, "") for step, part in (*key_steps(item), *steps(item))]
        else:
            holder = holder or f"{kind.__qualname__}{f' at {path}' if path else ''}"
            inside = [(path + step, part, holder) for step, part in _held(item)]
        todo += reversed(inside)


def refuse_at_root(value: Any) -> None:
    """
    Raises:
        LazyValueError: as `refuse_hidden`.
        TypeError: there is what makes values while it is gone through, and may make calls.
    """
    todo: list[tuple[str, Any]] = [("", value)]
    seen: dict[int, Any] = {}
    while todo:
        path, item = todo.pop()
        if type(item) in _LEAF or type(item) in _NODES or id(item) in seen:
            continue
        if type(item) in _ONCE:
            where = f" at {path}" if path else ""
            raise TypeError(
                f"run() is given a {type(item).__name__}{where}, which can be gone through only once: make a list of it"
            )
        seen[id(item)] = item
        if children(item):
            todo += [(path + step, part) for step, part in (*key_steps(item), *steps(item))]
    refuse_hidden(value)


def _held(item: Any) -> Iterator[tuple[str, Any]]:
    """What an object holds, each with the step to it."""
    if isinstance(item, CellType):
        yield "", next(iter(gc.get_referents(item)), None)
    elif isinstance(item, partial):
        yield from [(".func", item.func), (".args", item.args), (".keywords", item.keywords)]
    elif isinstance(item, (MethodType, BuiltinMethodType, MethodWrapperType)):
        yield ".__self__", item.__self__
    elif isinstance(item, FunctionType):
        names = item.__code__.co_freevars
        yield from ((f".<{name}>", cell) for name, cell in zip(names, item.__closure__ or (), strict=False))
        yield from [(".__defaults__", item.__defaults__), (".__kwdefaults__", item.__kwdefaults__)]
    elif isinstance(item, BaseException):
        yield ".args", item.args
    elif isinstance(item, (Mapping, list, tuple, set, frozenset)):
        yield from key_steps(item)
        yield from steps(item)
    elif type(item).__module__.partition(".")[0] in ("numpy", "pandas"):
        yield from _cells(item)
        return
    elif isinstance(item, (Iterator, MappingView)):
        yield from (("", part) for part in gc.get_referents(item) if not isinstance(part, (FunctionType, *_ELSEWHERE)))
    yield from ((f".{name}", part) for name, part in list(getattr(item, "__dict__", {}).items()))
    for kind in type(item).__mro__:
        names = vars(kind).get("__slots__", ())
        for name in (names,) if isinstance(names, str) else tuple(names):
            member = vars(kind).get(name)
            if member is not None and hasattr(item, name):
                yield f".{name}", getattr(item, name)


def _cells(table: Any) -> Iterator[tuple[str, Any]]:
    """What stands in an array or a table of objects."""
    columns = getattr(table, "columns", None)
    if columns is not None:
        yield from ((f"[{name!r}]", table[name]) for name in columns)
        return
    array = getattr(table, "values", table)
    if getattr(getattr(array, "dtype", None), "hasobject", False) and hasattr(array, "ravel"):
        flat = array.ravel().tolist()
        yield from ((f"[{place}]", part) for place, part in enumerate(islice(flat, _MOST)))
