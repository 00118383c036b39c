"""Annotations as the command line understands them: taken apart, and in words."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

LISTS: dict[Any, Callable[[Any], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
}
_TABLES = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    types.NoneType: "none",
    datetime.datetime: "a date and time (2026-01-31T12:00)",
    datetime.date: "a date (2026-01-31)",
    datetime.time: "a time (12:00)",
}


def plain(annotation: Any) -> Any:
    """The annotation without `Annotated`, `NewType`, type aliases and `Final`, as a type where it is one."""
    while True:
        if get_origin(annotation) in (Annotated, typing.Final, typing.Required, typing.NotRequired):
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":  # Python 3.12's `type` statement
            annotation = annotation.__value__
        elif isinstance(annotation, typing.TypeVar):
            annotation = annotation.__bound__ or Any
        elif annotation is inspect.Parameter.empty:
            return Any
        else:
            return types.NoneType if annotation is None else annotation


def union_members(kind: Any) -> tuple[Any, ...]:
    """The members of a union in their order, but None first where it is one; of anything else, none."""
    if get_origin(kind) not in (Union, types.UnionType):
        return ()
    members = tuple(plain(arg) for arg in get_args(kind))
    if types.NoneType in members:
        # Another member may well be a string, which anything fits.
        return (types.NoneType, *(member for member in members if member is not types.NoneType))
    return members


def is_flag(annotation: Any) -> bool:
    """Whether the option needs no value: a bool, or a bool or None."""
    kind = plain(annotation)
    members = [member for member in union_members(kind) if member is not types.NoneType]
    return kind is bool or members == [bool]


def described(annotation: Any) -> str:
    """The annotation in words, for messages."""
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        words = [described(member) for member in members if member is not types.NoneType]
        return " or ".join([*words, *(["none"] if types.NoneType in members else [])])
    if get_origin(kind) is Literal:
        return f"one of {', '.join(word(arg) for arg in get_args(kind))}"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return f"one of {', '.join(member.name for member in kind)}"
    if is_list(kind):
        inner = [arg for arg in get_args(kind) if arg is not Ellipsis]
        return f"a JSON list of {', '.join(shown(arg) for arg in inner)}" if inner else "a JSON list"
    if is_table(kind):
        return f"a JSON object ({kind.__name__})" if has_fields(kind) else "a JSON object"
    return _WORDS.get(kind, f"a {shown(kind)}") if isinstance(kind, collections.abc.Hashable) else shown(kind)


def shown(annotation: Any) -> str:
    """The annotation as it is written, without module names."""
    kind = plain(annotation)
    if isinstance(kind, type) and not get_args(kind):
        return "None" if kind is types.NoneType else kind.__name__
    members = union_members(kind)
    if members:
        return " | ".join(
            [shown(m) for m in members if m is not types.NoneType] + ["None"] * (types.NoneType in members)
        )
    if get_origin(kind) is Literal:
        return "|".join(word(arg) for arg in get_args(kind))
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and args:
        return f"{origin.__name__}[{', '.join('...' if arg is Ellipsis else shown(arg) for arg in args)}]"
    return str(kind).replace("typing.", "")


def is_list(kind: Any) -> bool:
    """Whether its values are made of a JSON list."""
    return (get_origin(kind) or kind) in LISTS if isinstance(kind, collections.abc.Hashable) else False


def is_table(kind: Any) -> bool:
    """Whether its values are made of a JSON object."""
    return (get_origin(kind) or kind) in _TABLES or has_fields(kind)


def has_fields(kind: Any) -> bool:
    """Whether it is a class whose values are made of named fields: dataclass, attrs class, named tuple, TypedDict."""
    if not isinstance(kind, type):
        return False
    if dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or typing.is_typeddict(kind):
        # One that is made from a single text, such as a path to a file, says so by a converter of its own.
        return not hasattr(kind, "__fspath__")
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def hints_of(thing: Any, names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What `typing.get_type_hints` says; where one annotation cannot be resolved, only that one is left out."""
    try:
        return typing.get_type_hints(thing, globalns=dict(names) if names is not None else None, include_extras=True)
    except Exception:
        hints = {}
        for name, annotation in getattr(thing, "__annotations__", {}).items():

            def probe() -> None: ...

            probe.__annotations__ = {name: annotation}
            scope = getattr(inspect.unwrap(thing), "__globals__", None) or vars(inspect.getmodule(thing) or typing)
            try:
                hints.update(typing.get_type_hints(probe, globalns=scope, include_extras=True))
            except Exception:  # noqa: S112 - only for type checkers: the parameter counts as one without annotation
                continue
        return hints


def word(arg: Any) -> str:
    """A member of a `Literal` as it is typed."""
    if isinstance(arg, enum.Enum):
        return arg.name
    return str(arg).lower() if arg is None or isinstance(arg, bool) else str(arg)
