"""Walked containers: where expressions may stand besides being arguments themselves.

Exactly these types are looked into: list, tuple, namedtuple, dict, OrderedDict, defaultdict, Counter, set, frozenset, deque,
dataclasses, attrs classes, and partial applications. Nothing here recurses, so a container may be nested 100,000 deep.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any

from ._effects import Found
from ._errors import EncodeError, LoopError
from ._expressions import Call, Expression, Form, Operation, describe
from ._special import SpecialForm
from ._tasks import Partial, Task

_BUILT_IN = (list, tuple, dict, set, frozenset, deque, str, bytes, int, float)
_PLAIN = frozenset({int, str, float, bool, bytes, type(None), complex, bytearray, type(Ellipsis), range})
_LEAF = _PLAIN | {Task, SpecialForm, Found}
_NODES = (Call, Operation, Form)
_MAPS = frozenset({dict, OrderedDict, defaultdict, Counter})
_SETS = frozenset({set, frozenset})
_ROWS = frozenset({list, tuple, deque})
_OTHERS = {Partial: ("args", "kwargs"), slice: ("start", "stop", "step")}


def expressions(value: Any) -> list[Expression]:
    """The expressions in `value`, outermost only, each as often as it stands there, in a fixed order."""
    kind = type(value)
    if kind in _LEAF:
        return []
    if kind in _NODES:
        return [value]
    if kind in _ROWS:
        flat = _of_flat(value)
        if flat is not None:
            return flat
    found: list[Expression] = []
    seen: set[int] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        kind = type(item)
        if kind in _LEAF:
            continue
        if kind in _NODES:
            found.append(item)
            continue
        inside = children(item)
        if inside and id(item) not in seen:
            seen.add(id(item))
            flat = _of_flat(inside)
            if flat is None:
                todo.extend(reversed(inside))
            else:
                found += flat
    return found


def _of_flat(row: Iterable[Any]) -> list[Expression] | None:
    """The expressions in a row that holds no containers; None: it does. Nearly all are flat: arguments, and lists of results."""
    flat: list[Expression] = []
    for item in row:
        kind = type(item)
        if kind in _NODES:
            flat.append(item)
        elif kind not in _LEAF:
            return None
    return flat


def children(container: Any) -> list[Any] | tuple[Any, ...] | deque[Any]:
    """What a walked container holds, in a fixed order (a set's expressions by creation); empty for anything else."""
    kind = type(container)
    if kind in _ROWS:
        return container  # type: ignore[no-any-return]
    if kind in _MAPS:
        return [*container.keys(), *container.values()]
    if kind in _SETS:
        return _by_creation(container)
    if kind is Partial:
        return [*container.args, *container.kwargs.values()]
    if kind is slice:
        return [container.start, container.stop, container.step]
    if is_namedtuple(kind):
        return container  # type: ignore[no-any-return]
    names = field_names(kind)
    return [getattr(container, name) for name in names if hasattr(container, name)] if names else []


def is_namedtuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def field_names(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass or attrs class; empty for any other type, also one that holds items besides."""
    if issubclass(kind, _BUILT_IN):
        return ()
    # Of the class itself: a subclass that is not decorated may hold more than the fields it inherits.
    if "__dataclass_fields__" in kind.__dict__:
        return tuple(field.name for field in dataclasses.fields(kind))  # type: ignore[arg-type]
    fields = kind.__dict__.get("__attrs_attrs__")
    return tuple(field.name for field in fields) if fields is not None else ()


def topological(roots: Iterable[Expression]) -> dict[Expression, int]:
    """The nodes below these, operands before what is made of them; each with its place in this order, from 0.

    Raises:
        LoopError: one of them is below itself.
    """
    done: dict[Expression, int] = {}
    entered: set[Expression] = set()
    todo = list(roots)
    todo.reverse()
    while todo:
        node = todo[-1]
        if node in done:
            todo.pop()
            continue
        inside = expressions(node._operands)
        missing = [inner for inner in inside if inner not in done] if inside else inside
        if not missing:
            done[todo.pop()] = len(done)
            continue
        if node in entered:  # and not done: it is among what is being looked through
            raise LoopError(f"{describe(node)} was made part of its own arguments")
        entered.add(node)
        missing.reverse()
        todo += missing
    return done


def fill(template: Any, value_of: Callable[[Any], Any], kinds: tuple[type, ...] = _NODES) -> Any:
    """`template` with each expression replaced by its value; what holds none is passed through as the same object.

    With other `kinds`, instances of exactly these types are replaced instead.
    """
    kind = type(template)
    if kind in kinds:
        return value_of(template)
    if kind in _LEAF:
        return template
    if (kind is tuple or kind is list) and _is_flat(template, kinds):
        return _flat_filled(template, value_of, kinds)
    done: dict[int, Any] = {}
    entered: set[int] = set()
    todo: list[tuple[Any, bool]] = [(template, False)]
    while todo:
        item, inside_done = todo.pop()
        kind = type(item)
        if kind in kinds:
            if id(item) not in done:
                done[id(item)] = value_of(item)
            continue
        if kind in _LEAF or id(item) in done:
            continue
        if (kind is tuple or kind is list) and not inside_done and _is_flat(item, kinds):
            done[id(item)] = _flat_filled(item, value_of, kinds)
            continue
        inside = children(item)
        if inside_done:
            new = [done.get(id(child), child) for child in inside]
            done[id(item)] = item if all(map(is_, new, inside)) else _rebuilt(item, inside, new)
        elif inside:
            if id(item) in entered:  # and not done: it is inside itself
                raise EncodeError(f"a {kind.__qualname__} that holds a lazy value holds itself too")
            entered.add(id(item))
            todo.append((item, True))
            todo.extend((child, False) for child in reversed(inside) if type(child) not in _PLAIN)
    return done.get(id(template), template)


def _is_flat(row: Iterable[Any], kinds: tuple[type, ...]) -> bool:
    for item in row:  # a generator in `all` takes twice the time
        kind = type(item)
        if kind not in _LEAF and kind not in kinds:
            return False
    return True


def _flat_filled(row: Any, value_of: Callable[[Any], Any], kinds: tuple[type, ...]) -> Any:
    new = [value_of(item) if type(item) in kinds else item for item in row]
    return row if all(map(is_, new, row)) else type(row)(new)


def located(value: Any, attempt: Callable[[Any], object], error: EncodeError) -> EncodeError:
    """The error that `attempt` raised for a value, as it is for the part that is to blame: `[1]['b'].c: …`, found by trying the parts."""
    path = ""
    for _ in range(20):
        for step, part in steps(value):
            try:
                attempt(part)
            except EncodeError as worse:
                path, value, error = path + step, part, worse
                break
        else:
            break
    return EncodeError(f"{path}: {error}")


def steps(value: Any) -> list[tuple[str, Any]]:
    """What a value holds, each with the step to it, but for the keys of mappings."""
    kind = type(value)
    if isinstance(value, Mapping):
        return [(f"[{key!r}]", item) for key, item in value.items()]
    if isinstance(value, (list, deque)) or (isinstance(value, tuple) and not hasattr(kind, "_fields")):
        return [(f"[{place}]", item) for place, item in enumerate(value)]
    if kind in _LEAF or kind in _NODES or isinstance(value, type):
        return []
    names = field_names(kind) or getattr(kind, "_fields", ()) or tuple(getattr(value, "__dict__", ()))
    if names and not isinstance(value, (set, frozenset)):
        return [(f".{name}", getattr(value, name)) for name in names if hasattr(value, name)]
    if isinstance(value, (set, frozenset)):
        return [("{…}", item) for item in value]
    return [(f".{name}", getattr(value, name)) for name in _OTHERS.get(kind, ())]


def key_steps(value: Any) -> list[tuple[str, Any]]:
    """The keys of a mapping in which something may stand, each with the step to it."""
    if not isinstance(value, Mapping):
        return []
    return [(f".keys()[{place}]", key) for place, key in enumerate(value) if type(key) not in _LEAF]


def _by_creation(items: Iterable[Any]) -> list[Any]:
    lazy: list[tuple[int, Any]] = []
    rest: list[Any] = []  # outcomes may stand there, of which only the bytes are at hand
    for item in items:
        inside = expressions(item)
        if inside:
            lazy.append((min(node._serial for node in inside), item))
        else:
            rest.append(item)
    return [*[item for _, item in sorted(lazy, key=lambda pair: pair[0])], *rest]


def _rebuilt(old: Any, inside: Iterable[Any], new: list[Any]) -> Any:
    kind = type(old)
    if kind in _MAPS:
        keys, values = new[: len(old)], new[len(old) :]
        pairs = zip(keys, values, strict=True)
        if kind is defaultdict:
            return defaultdict(old.default_factory, pairs)
        return kind(dict(pairs)) if kind is Counter else kind(pairs)
    if kind in _SETS:
        moved = {id(was): now for was, now in zip(inside, new, strict=True)}
        return kind(moved.get(id(item), item) for item in old)
    if kind is deque:
        return deque(new, old.maxlen)
    if kind is slice:
        return slice(*new)
    if kind is Partial:
        count = len(old.args)
        return Partial(old.task, tuple(new[:count]), dict(zip(old.kwargs, new[count:], strict=True)))
    if kind in _ROWS:
        return kind(new)
    if is_namedtuple(kind):
        made = kind._make(new)
        getattr(made, "__dict__", {}).update(getattr(old, "__dict__", {}))
        return made
    return _with_fields(old, new)


def _with_fields(old: Any, new: list[Any]) -> Any:
    """A copy of a dataclass or attrs instance, made without its `__init__`: it has run once, on what is now replaced."""
    kind = type(old)
    copy = object.__new__(kind)
    for name, value in getattr(old, "__dict__", {}).items():
        object.__setattr__(copy, name, value)
    names = [name for name in field_names(kind) if hasattr(old, name)]
    for name, value in zip(names, new, strict=True):
        object.__setattr__(copy, name, value)
    return copy
