"""What is in a class: its functions, its attributes, where it was written."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from types import FunctionType, MemberDescriptorType
from typing import Any

from ._definitions_project import globals_of
from ._sources import ModuleText, Namespace

_SCALARS = (bool, int, float, complex, str, bytes)
_ABSENT = object()
_MOST_HELD = 1000
_DEEPEST = 3
_NO_DEFAULTS = frozenset(["_MISSING_TYPE", "_Nothing", "PydanticUndefinedType", "Factory"])


def class_globals(cls: type) -> Namespace:
    """The globals of the module in which a class was written."""
    own = [method for _, method in methods(cls) if is_own(method, cls)]
    for method in own:
        if not method.__code__.co_filename.startswith("<"):
            return method.__globals__
    # Made by exec() under the name of no module, its methods know where.
    return globals_of(cls) or (own[0].__globals__ if own else {})


def is_own(method: FunctionType, cls: type) -> bool:
    """Whether a function was written in the body of a class."""
    return method.__code__.co_qualname.startswith(cls.__qualname__ + ".")


def methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The functions in a class, those inside descriptors and decorators too."""
    for name, value in vars(cls).items():
        for function in functions_in(value):
            yield name, function


def functions_in(value: object) -> list[FunctionType]:
    """The functions behind an attribute of a class: itself, its accessors, what decorators
    wrapped.
    """
    candidates: list[object] = [value]
    if isinstance(value, property):
        candidates = [value.fget, value.fset, value.fdel]
    elif isinstance(value, (staticmethod, classmethod)):
        candidates = [value.__func__]
    elif isinstance(value, (functools.cached_property, functools.partialmethod)):
        candidates = [value.func]
    elif isinstance(value, functools.singledispatchmethod):
        candidates = [value.func, *value.dispatcher.registry.values()]
    for candidate in candidates:
        inner = _held(candidate).get("__wrapped__")
        if inner is not None and not any(inner is each for each in candidates):
            candidates.append(inner)
    return [each for each in candidates if isinstance(each, FunctionType)]


def _held(thing: object) -> Mapping[str, object]:
    if isinstance(thing, type):
        return {}
    try:
        held = thing.__dict__
    except Exception:  # user code: what stands in for something else may raise whatever it likes (pydantic's do)
        return {}
    return held if isinstance(held, dict) else {}


def attributes(cls: type, text: ModuleText, node: ast.ClassDef) -> Iterator[tuple[str, object]]:
    """The attributes of a class that count by their values: those that its body computes, and scalars; but for what anything in
    its module changes.
    """
    for name, is_written in sorted(text.bound_in(node).items()):
        value = _attribute(cls, _mangled(name, node.name))
        if is_written and not (type(value) in _SCALARS and name not in text.stored_attributes):
            continue
        if value is not _ABSENT and not functions_in(value) and (is_written or name not in text.changed_attributes):
            yield name, value


def changed_attributes(cls: type, text: ModuleText, node: ast.ClassDef) -> list[str]:
    """The attributes that something in the module of a class changes, but for scalars that are written in its body."""
    return sorted(
        name
        for name, is_written in text.bound_in(node).items()
        if name in text.changed_attributes
        and not (is_written and isinstance(vars(cls).get(name), (type(None), *_SCALARS)))
    )


def held_definitions(value: object) -> Iterator[FunctionType | type]:
    """The functions and classes that an object holds in its attributes and the containers there: what was registered with it."""
    stack: list[tuple[object, int]] = [(each, 0) for each in _held(value).values()] or [(value, 0)]
    count = 0
    while stack and count < _MOST_HELD:
        count += 1
        each, depth = stack.pop()
        kind = type(each)  # what stands in for something else may raise when it is asked
        inside: list[object] = []
        if issubclass(kind, (FunctionType, type)):
            yield each  # type: ignore[misc]
        elif depth >= _DEEPEST:
            continue
        elif issubclass(kind, dict):
            inside = list(dict.values(each))  # type: ignore[arg-type]
        elif kind in (list, tuple):
            inside = list(each)  # type: ignore[call-overload]
        elif kind in (set, frozenset):
            named: list[Any] = [one for one in each if issubclass(type(one), (FunctionType, type))]  # type: ignore[attr-defined]
            inside = [*sorted(named, key=lambda one: f"{one.__module__}.{one.__qualname__}")]
        stack += [(one, depth + 1) for one in reversed(inside)]


def is_selected(method: ast.AST, node: ast.ClassDef) -> bool:
    """Whether a method stands within a statement of a class's body that decides which one there is."""
    return all(method is not statement for statement in node.body)


def _mangled(name: str, owner: str) -> str:
    is_private = name.startswith("__") and not name.endswith("__") and owner.strip("_")
    return f"_{owner.lstrip('_')}{name}" if is_private else name


def _attribute(cls: type, name: str) -> object:
    held = vars(cls)
    members, fields = held.get("_member_map_"), held.get("__attrs_attrs__", ())
    if isinstance(members, dict) and name in members:
        return getattr(members[name], "_value_", _ABSENT)
    if isinstance(defaults := held.get("_field_defaults"), dict) and name in defaults:
        return defaults[name]
    for field in fields if isinstance(fields, tuple) else ():
        if getattr(field, "name", None) == name:
            return _default(field)
    value = held.get(name, _ABSENT)
    if value is _ABSENT or isinstance(value, MemberDescriptorType):
        for fields in (held.get("__dataclass_fields__"), held.get("__pydantic_fields__")):
            if isinstance(fields, dict) and name in fields:
                return _default(fields[name])
    return value


def _default(field: object) -> object:
    """The default of a field; none where a function makes it, whose text counts."""
    default = getattr(field, "default", _ABSENT)
    return _ABSENT if type(default).__name__ in _NO_DEFAULTS else default
