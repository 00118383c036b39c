"""What is in a class: its functions, its constants, where it was written."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping
from types import FunctionType

from ._definitions_project import globals_of
from ._sources import ModuleText, Namespace


def class_globals(cls: type) -> Namespace:
    """The globals of the module in which a class was written."""
    for _, method in methods(cls):
        if is_own(method, cls) and not method.__code__.co_filename.startswith("<"):
            return method.__globals__
    return globals_of(cls)


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


def constants(cls: type, text: ModuleText, node: ast.AST) -> Iterator[tuple[str, object]]:
    """The constants of a class, but for what anything in its module changes."""
    if "_member_map_" in vars(cls):
        return  # an Enum: its text says it all
    assigned = {
        target.id
        for statement in getattr(node, "body", ())
        for target in getattr(statement, "targets", [getattr(statement, "target", None)])
        if isinstance(target, ast.Name)
    }
    for name in sorted(assigned - text.stored_attributes):
        value = vars(cls).get(name)
        if type(value) in (bool, int, float, complex, str, bytes):
            yield name, value
