"""A parameter's value from text, or from JSON, as its annotation says."""

from __future__ import annotations

import datetime
import enum
import inspect
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Literal, get_args, get_origin

from ._annotations import (
    LISTS,
    described,
    has_fields,
    hints_of,
    is_list,
    is_table,
    plain,
    union_members,
    word,
)

NONE_WORDS = ("none", "null")
TRUE_WORDS = ("true", "yes", "on", "1")
FALSE_WORDS = ("false", "no", "off", "0")
_ISO: dict[type, Callable[[str], Any]] = {
    kind: kind.fromisoformat for kind in (datetime.datetime, datetime.date, datetime.time)
}


class MisfitError(ValueError):
    """The text is no such value; the message says what was expected, and what came."""


def from_texts(texts: Sequence[str], annotation: Any) -> Any:
    """The value that the texts mean, one for each time that the option was given.

    A container is one JSON text, or one text for each item.

    Raises:
        MisfitError: they are no such value, or several were given for what is one.
    """
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        return _first_that_fits(texts, members, kind, from_texts)
    if is_list(kind):
        return _list_from_texts(texts, kind)
    if len(texts) > 1:
        raise MisfitError(f"expected {described(kind)} once, not {len(texts)} times")
    return from_text(texts[0], kind)


def from_text(text: str, annotation: Any) -> Any:
    """The value that one text means.

    Raises:
        MisfitError: it is no such value.
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
    if is_list(kind) or is_table(kind):
        return from_json(_json(text, kind), kind)
    if isinstance(kind, type):
        return _of_class(text, kind)
    raise _misfit(text, kind)


def from_json(value: Any, annotation: Any) -> Any:
    """The value that a part of a JSON text means.

    Raises:
        MisfitError: it is no such value.
    """
    kind = plain(annotation)
    members = union_members(kind)
    if members:
        return _first_that_fits(value, members, kind, from_json)
    if kind in (Any, object) or (kind is types.NoneType and value is None):
        return value
    if get_origin(kind) is Literal:
        return _literal(value, kind)
    if is_list(kind) and isinstance(value, list):
        return _items(value, kind, from_json)
    if is_table(kind) and isinstance(value, dict):
        return _table(value, kind)
    if kind is float and type(value) is int:
        return float(value)
    if kind in (bool, int, float, str):
        if type(value) is not kind:
            raise _misfit(value, kind)
        return value
    if isinstance(kind, type) and not is_list(kind) and not is_table(kind):
        if isinstance(value, str):
            return _of_class(value, kind)
        if issubclass(kind, enum.Enum):
            return _enum(value, kind)
    raise _misfit(value, kind)


def _first_that_fits(value: Any, members: Sequence[Any], kind: Any, convert: Callable[[Any, Any], Any]) -> Any:
    for member in members:
        try:
            return convert(value, member)
        except MisfitError:
            continue
    raise _misfit(value[0] if isinstance(value, list) and len(value) == 1 else value, kind)


def _list_from_texts(texts: Sequence[str], kind: Any) -> Any:
    if len(texts) == 1:
        try:
            parsed = json.loads(texts[0])
        except ValueError:
            parsed = None
        if isinstance(parsed, list):
            try:
                return from_json(parsed, kind)
            except MisfitError:
                # `[1, 2]` may also be the one item of a list of lists.
                if not any(is_list(plain(arg)) for arg in get_args(kind)):
                    raise
    return _items(texts, kind, from_text)


def _items(values: Sequence[Any], kind: Any, convert: Callable[[Any, Any], Any]) -> Any:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(args) != len(values):
            raise MisfitError(f"expected {described(kind)}, {len(args)} in all, not {len(values)}")
        kinds: Sequence[Any] = args
    else:
        kinds = [args[0] if args else Any] * len(values)
    items = [convert(value, each) for value, each in zip(values, kinds, strict=True)]
    try:
        return LISTS[origin](items)
    except TypeError as error:
        raise MisfitError(f"expected {described(kind)}: {error}") from None


def _table(table: dict[str, Any], kind: Any) -> Any:
    if has_fields(kind):
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
        raise MisfitError(f"{kind.__name__} has no {', '.join(unknown)}; it has {', '.join(known)}")
    missing = sorted(kind.__required_keys__ - table.keys()) if typing.is_typeddict(kind) else []
    if missing:
        raise MisfitError(f"{kind.__name__} needs {', '.join(missing)}")
    fields = {}
    for name, value in table.items():
        # The parameter of a private attrs field has no underscore.
        hint = hints.get(name, hints.get(f"_{name}", Any))
        try:
            fields[name] = from_json(value, hint)
        except MisfitError as misfit:
            raise MisfitError(f"{kind.__name__}.{name}: {misfit}") from None
    try:
        return kind(**fields)
    except Exception as error:
        raise MisfitError(f"{kind.__name__}: {str(error).removeprefix(f'{kind.__name__}.__init__() ')}") from error


def _of_class(text: str, kind: type) -> Any:
    if issubclass(kind, enum.Enum):
        return _enum(text, kind)
    if issubclass(kind, bytes):
        return text.encode()
    make: Callable[[str], Any] = getattr(kind, "__alonzo_parse__", None) or _ISO.get(kind, kind)
    try:
        return make(text)
    except Exception as error:
        told = (
            "" if kind in (int, float) or issubclass(kind, (datetime.date, datetime.time, PurePath)) else f" ({error})"
        )
        raise MisfitError(f"expected {described(kind)}, not {text!r}{told}") from error


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
        if isinstance(value, str) and word(arg) == value:
            return arg
    raise _misfit(value, kind)


def _json(text: str, kind: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MisfitError(f"expected {described(kind)}, not {text!r} ({error})") from None


def _misfit(value: Any, kind: Any) -> MisfitError:
    text = repr(value)
    return MisfitError(f"expected {described(kind)}, not {text if len(text) <= 80 else text[:77] + '...'}")
