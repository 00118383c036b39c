"""A parameter's value from text, or from JSON, as its annotation says."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin

NONE_WORDS = ("none", "null")
TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")

_LISTS: dict[Any, Callable[[Any], Any]] = {
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
_ISO = (datetime.datetime, datetime.date, datetime.time)


class Misfit(ValueError):
    """The text is no such value; the message says what was expected, and what came."""


def from_texts(texts: Sequence[str], annotation: Any) -> Any:
    """The value that the texts mean, one for each time that the option was given.

    A container is one JSON text, or one text for each item.

    Raises:
        Misfit: they are no such value, or several were given for what is one.
    """
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        return _first_that_fits(texts, members, kind, from_texts)
    if _is_list(kind):
        return _list_from_texts(texts, kind)
    if len(texts) > 1:
        raise Misfit(f"expected {described(kind)} once, not {len(texts)} times")
    return from_text(texts[0], kind)


def from_text(text: str, annotation: Any) -> Any:
    """The value that one text means.

    Raises:
        Misfit: it is no such value.
    """
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        return _first_that_fits(text, members, kind, from_text)
    if kind in (Any, object, str):
        return text
    if kind is types.NoneType and text.lower() in NONE_WORDS:
        return None
    if kind is bool:
        return _bool(text)
    if get_origin(kind) is Literal:
        return _literal(text, kind)
    if _is_list(kind) or _is_table(kind):
        return from_json(_json(text, kind), kind)
    if isinstance(kind, type):
        return _of_class(text, kind)
    raise _misfit(text, kind)


def from_json(value: Any, annotation: Any) -> Any:
    """The value that a part of a JSON text means.

    Raises:
        Misfit: it is no such value.
    """
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        return _first_that_fits(value, members, kind, from_json)
    if kind in (Any, object) or (kind is types.NoneType and value is None):
        return value
    if get_origin(kind) is Literal:
        return _literal(value, kind)
    if _is_list(kind) and isinstance(value, list):
        return _items(value, kind, from_json)
    if _is_table(kind) and isinstance(value, dict):
        return _table(value, kind)
    if kind is float and type(value) is int:
        return float(value)
    if kind in (bool, int, float, str):
        if type(value) is not kind:
            raise _misfit(value, kind)
        return value
    if isinstance(kind, type) and not _is_list(kind) and not _is_table(kind):
        if isinstance(value, str):
            return _of_class(value, kind)
        if issubclass(kind, enum.Enum):
            return _enum(value, kind)
    raise _misfit(value, kind)


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
    """The members of a union, None last where it is one of them, so that `none` may still be a string."""
    if get_origin(kind) not in (Union, types.UnionType):
        return ()
    members = tuple(plain(arg) for arg in get_args(kind))
    if types.NoneType in members:
        # None first: every other member may well be a string, which anything fits.
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
        return f"one of {', '.join(_word(arg) for arg in get_args(kind))}"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return f"one of {', '.join(member.name for member in kind)}"
    if _is_list(kind):
        inner = [arg for arg in get_args(kind) if arg is not Ellipsis]
        return f"a JSON list of {', '.join(shown(arg) for arg in inner)}" if inner else "a JSON list"
    if _is_table(kind):
        return f"a JSON object ({kind.__name__})" if _has_fields(kind) else "a JSON object"
    return _WORDS.get(kind, f"a {shown(kind)}") if isinstance(kind, collections.abc.Hashable) else shown(kind)


def shown(annotation: Any) -> str:
    """The annotation as it is written, without module names."""
    kind = plain(annotation)
    if isinstance(kind, type) and not get_args(kind):
        return "None" if kind is types.NoneType else kind.__name__
    members = union_members(kind)
    if members:
        return " | ".join([shown(m) for m in members if m is not types.NoneType] + ["None"] * (types.NoneType in members))
    if get_origin(kind) is Literal:
        return "|".join(_word(arg) for arg in get_args(kind))
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and args:
        return f"{origin.__name__}[{', '.join('...' if arg is Ellipsis else shown(arg) for arg in args)}]"
    return str(kind).replace("typing.", "")


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


def _first_that_fits(value: Any, members: Sequence[Any], kind: Any, convert: Callable[[Any, Any], Any]) -> Any:
    for member in members:
        try:
            return convert(value, member)
        except Misfit:
            continue
    raise _misfit(value[0] if isinstance(value, list) and len(value) == 1 else value, kind)


def _is_list(kind: Any) -> bool:
    return (get_origin(kind) or kind) in _LISTS if isinstance(kind, collections.abc.Hashable) else False


def _is_table(kind: Any) -> bool:
    return (get_origin(kind) or kind) in _TABLES or _has_fields(kind)


def _has_fields(kind: Any) -> bool:
    if not isinstance(kind, type):
        return False
    if dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__") or typing.is_typeddict(kind):
        # One that is made from a single text, such as a path to a file, says so by a converter of its own.
        return not hasattr(kind, "__fspath__")
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _list_from_texts(texts: Sequence[str], kind: Any) -> Any:
    if len(texts) == 1:
        try:
            parsed = json.loads(texts[0])
        except ValueError:
            parsed = None
        if isinstance(parsed, list):
            try:
                return from_json(parsed, kind)
            except Misfit as misfit:
                # `[1, 2]` may also be the one item of a list of lists.
                try:
                    return _items(texts, kind, from_text)
                except Misfit:
                    raise misfit from None
    return _items(texts, kind, from_text)


def _items(values: Sequence[Any], kind: Any, convert: Callable[[Any, Any], Any]) -> Any:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(args) != len(values):
            raise Misfit(f"expected {described(kind)}, {len(args)} in all, not {len(values)}")
        kinds: Sequence[Any] = args
    else:
        kinds = [args[0] if args else Any] * len(values)
    items = [convert(value, each) for value, each in zip(values, kinds, strict=True)]
    try:
        return _LISTS[origin](items)
    except TypeError as error:
        raise Misfit(f"expected {described(kind)}: {error}") from None


def _table(table: dict[str, Any], kind: Any) -> Any:
    if _has_fields(kind):
        return _instance(table, kind)
    args = get_args(kind)
    if not args:
        return table
    return {from_text(key, args[0]): from_json(value, args[1]) for key, value in table.items()}


def _instance(table: Mapping[str, Any], kind: Any) -> Any:
    hints = hints_of(kind)
    known = inspect.signature(kind).parameters if not typing.is_typeddict(kind) else hints
    unknown = [name for name in table if name not in known]
    if unknown:
        raise Misfit(f"{kind.__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    missing = sorted(kind.__required_keys__ - table.keys()) if typing.is_typeddict(kind) else []
    if missing:
        raise Misfit(f"{kind.__name__} needs {', '.join(missing)}")
    fields = {}
    for name, value in table.items():
        # The parameter of a private attrs field has no underscore.
        hint = hints.get(name, hints.get(f"_{name}", Any))
        try:
            fields[name] = from_json(value, hint)
        except Misfit as misfit:
            raise Misfit(f"{kind.__name__}.{name}: {misfit}") from None
    try:
        return kind(**fields)
    except Exception as error:
        raise Misfit(f"{kind.__name__}: {str(error).removeprefix(f'{kind.__name__}.__init__() ')}") from error


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


def _of_class(text: str, kind: type) -> Any:
    if issubclass(kind, enum.Enum):
        return _enum(text, kind)
    if issubclass(kind, bytes):
        return text.encode()
    try:
        if kind in _ISO:
            return kind.fromisoformat(text)  # type: ignore[attr-defined]
        return kind(text)
    except Exception as error:
        told = "" if kind in (int, float) or issubclass(kind, (*_ISO, PurePath)) else f" ({error})"
        raise Misfit(f"expected {described(kind)}, not {text!r}{told}") from error


def _bool(text: str) -> bool:
    if text.lower() in TRUE_WORDS:
        return True
    if text.lower() in FALSE_WORDS:
        return False
    raise _misfit(text, bool)


def _enum(value: Any, kind: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, str) and value in kind.__members__:
        return kind[value]
    for member in kind:
        if member.value == value or (isinstance(value, str) and str(member.value) == value):
            return member
    raise _misfit(value, kind)


def _literal(value: Any, kind: Any) -> Any:
    for arg in get_args(kind):
        # The type too: 1 is not True, although it equals it.
        if type(arg) is type(value) and arg == value:
            return arg
    for arg in get_args(kind):
        if isinstance(value, str) and _word(arg) == value:
            return arg
    raise _misfit(value, kind)


def _word(arg: Any) -> str:
    if isinstance(arg, enum.Enum):
        return arg.name
    return str(arg).lower() if arg is None or isinstance(arg, bool) else str(arg)


def _json(text: str, kind: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misfit(f"expected {described(kind)}, not {text!r} ({error})") from None


def _misfit(value: Any, kind: Any) -> Misfit:
    text = repr(value)
    return Misfit(f"expected {described(kind)}, not {text if len(text) <= 80 else text[:77] + '...'}")
