"""Raw settings, as TOML, an environment variable or a caller gives them, made into typed values.

An attrs class is the schema: its fields are the keys, its annotations their types.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from alonzo._errors import OptionError, SettingsError

T = TypeVar("T")


class Text(str):
    """A value that came as text (environment, `KEY=VALUE`): the wanted type says its meaning."""

    __slots__ = ()


def typed(
    cls: type[T],
    raw: Mapping[str, Any],
    *,
    where: str,
    origins: Mapping[str, str] | None = None,
) -> T:
    """An instance of the attrs class `cls` from the table `raw`.

    `where` names the table in messages (`[plugins.files]`), `origins` says for each key where it
    was set. Raises SettingsError for an unknown key, a missing one, a wrong type, and for what the
    class's own validators refuse; OptionError when the class is no schema.
    """
    origins = origins or {}
    kinds = schema(cls)
    arguments: dict[str, Any] = {}
    for key, value in raw.items():
        place = f"{origins[key]}: {where}" if key in origins else where
        if key not in kinds:
            raise SettingsError(f"{place}: unknown key {shown(key)}{nearest(key, kinds)}")
        arguments[key] = convert(value, kinds[key], where=f"{place}: {key}")
    place = ": ".join([", ".join(dict.fromkeys(origins.values())), where] if origins else [where])
    for field in _fields(cls):
        if field.default is attrs.NOTHING and _key(field) not in arguments:
            purpose = field.metadata.get("help")
            raise SettingsError(f"{place}: missing key {shown(_key(field))}" + (f": {purpose}" if purpose else ""))
    try:
        return cls(**arguments)
    except (TypeError, ValueError) as error:
        # Validators of attrs put more than the message into `args`.
        raise SettingsError(f"{place}: {error.args[0] if error.args else error}") from error


def check_settings_class(cls: type, *, need_default: bool) -> None:
    """Raise OptionError, naming class and field, unless `cls` can be the schema of a table.

    It must be an attrs class whose every field has a `help` in its metadata, an annotation that
    values can be converted to and, where `need_default`, a default.
    """
    if not (isinstance(cls, type) and attrs.has(cls)):
        raise OptionError(f"{cls!r} is not an attrs class")
    kinds = schema(cls)
    for field in _fields(cls):
        name = f"{cls.__qualname__}.{field.name}"
        if not field.metadata.get("help"):
            raise OptionError(f'{name} has no help: write attrs.field(metadata={{"help": "…"}})')
        if need_default and field.default is attrs.NOTHING:
            raise OptionError(f"{name} has no default")
        try:
            described(kinds[_key(field)])
        except OptionError as error:
            raise OptionError(f"{name}: {error}") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean "store"?)` with the one of `known` that is most like `word`, or nothing."""
    import difflib  # only for error messages, and slow to import

    folded = {folded_name(name): name for name in known}
    found = difflib.get_close_matches(folded_name(word), folded, n=1)
    return f" (did you mean {shown(folded[found[0]])}?)" if found else ""


def folded_name(name: str) -> str:
    """`name` without what a variable's name cannot express: case, and `-` beside `_`."""
    return name.lower().replace("-", "_")


def schema(cls: type) -> dict[str, Any]:
    """The keys of an attrs class, with their annotations; OptionError if one does not resolve."""
    try:
        hints = typing.get_type_hints(cls)
    except NameError as error:
        raise OptionError(f"{cls.__qualname__}: {error}: annotations must be importable at run time") from error
    return {_key(field): hints.get(field.name, Any) for field in _fields(cls)}


def convert(value: Any, kind: Any, *, where: str) -> Any:
    """`value` as the annotation `kind` wants it, or a SettingsError that begins with `where`.

    Only `Text` is interpreted; other values must have the type, but for int as float, list as
    tuple, str as Path. `Any` interprets Text as TOML; `object` keeps it for a later reader.
    """
    origin = get_origin(kind) or kind
    if kind is object:
        return value
    if origin in (Union, types.UnionType):
        return _member(value, kind, where=where)
    if isinstance(value, Text):
        value = _of_text(value, kind)
    if kind is Any:
        return _without_text(value)
    if origin in (list, tuple, Sequence) and isinstance(value, list | tuple):
        return _items(value, kind, where=where)
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        return _table(value, kind, where=where)
    if origin is Literal and any(type(value) is type(arg) and value == arg for arg in get_args(kind)):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if isinstance(kind, type) and attrs.has(kind) and isinstance(value, Mapping):
        return typed(kind, value, where=where)
    if _is_plain(kind) and isinstance(value, kind) and (kind is bool or type(value) is not bool):
        return value
    raise SettingsError(f"{where}: expected {described(kind)}, not {shown_with_type(value)}")


def described(kind: Any) -> str:
    """The annotation `kind` in words; OptionError if nothing can be converted to it."""
    origin, args = get_origin(kind) or kind, get_args(kind)
    if kind in (Any, object):
        return "any value"
    if _is_plain(kind):
        return _PLAIN[kind]
    if origin is Literal:
        return " or ".join(shown(arg) for arg in args)
    if origin in (Union, types.UnionType):
        return " or ".join(described(arg) for arg in args if arg is not types.NoneType)
    if origin is tuple and args and args[-1] is not Ellipsis:
        return f"a list of {len(args)} ({', '.join(described(arg) for arg in args)})"
    if origin in (list, tuple, Sequence):
        return f"a list ({described(args[0])} each)" if args else "a list"
    if origin in (dict, Mapping) and (not args or args[0] is str):
        return f"a table ({described(args[1])} each)" if args and args[1] not in (Any, object) else "a table"
    if isinstance(kind, type) and attrs.has(kind):
        return "a table"
    raise OptionError(f"settings cannot be converted to {kind!r}")


def shown_with_type(value: Any) -> str:
    """A wrong value for a message, with its type."""
    name = "table" if isinstance(value, Mapping) else type(value).__name__
    return f"{shown(value)} ({'str' if isinstance(value, Text) else name})"


def shown(value: Any) -> str:
    """A value for a message: one line, strings in double quotes, long ones cut."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def toml_value(text: str) -> Any:
    """`text` read as one TOML value, or itself when it is none."""
    import tomllib  # not needed by a program without settings

    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return str(text)
    return document["value"] if len(document) == 1 else str(text)


_PLAIN: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    Path: "a path",
    types.NoneType: "nothing",
}

_TRUE_OR_FALSE = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def _fields(cls: type) -> list[attrs.Attribute[Any]]:
    return [field for field in attrs.fields(cls) if field.init]


def _key(field: attrs.Attribute[Any]) -> str:
    return field.alias or field.name


def _is_plain(kind: Any) -> bool:
    return isinstance(kind, type) and kind in _PLAIN


def _of_text(text: Text, kind: Any) -> Any:
    parsed = toml_value(text)
    if kind in (str, Path):
        return parsed if isinstance(parsed, str) else str(text)
    if kind is bool:
        return _TRUE_OR_FALSE.get(text.strip().lower(), parsed)
    if get_origin(kind) is Literal and str(text) in get_args(kind):
        return str(text)
    return parsed


def _member(value: Any, kind: Any, *, where: str) -> Any:
    # First what TOML makes of it: "4" is a number for `str | int`, a string for `str | None`.
    readings = (toml_value(value), value) if isinstance(value, Text) else (value,)
    for reading in readings:
        for member in get_args(kind):
            try:
                return convert(reading, member, where=where)
            except SettingsError:
                continue
    raise SettingsError(f"{where}: expected {described(kind)}, not {shown_with_type(value)}")


def _items(values: Sequence[Any], kind: Any, *, where: str) -> Any:
    origin, args = get_origin(kind) or kind, get_args(kind)
    if origin is tuple and args and args[-1] is not Ellipsis:
        if len(args) != len(values):
            raise SettingsError(f"{where}: expected {described(kind)}, not {shown_with_type(values)}")
        kinds = list(args)
    else:
        kinds = [args[0] if args else Any] * len(values)
    items = [
        convert(value, each, where=f"{where}[{index}]")
        for index, (value, each) in enumerate(zip(values, kinds, strict=True))
    ]
    return items if origin is list else tuple(items)


def _table(table: Mapping[Any, Any], kind: Any, *, where: str) -> dict[str, Any]:
    args = get_args(kind)
    for key in table:
        if not isinstance(key, str):
            raise SettingsError(f"{where}: expected a string as key, not {shown_with_type(key)}")
    each = args[1] if args else Any
    return {key: convert(value, each, where=f"{where}: {key}") for key, value in table.items()}


def _without_text(value: Any) -> Any:
    if isinstance(value, Text):
        return toml_value(value)
    if isinstance(value, dict):
        return {key: _without_text(item) for key, item in value.items()}
    return value
