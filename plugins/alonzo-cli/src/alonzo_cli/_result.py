"""A result as text for standard output."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import enum
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

_WIDTH = 100


@contextlib.contextmanager
def _all_digits() -> Iterator[None]:
    """Within, a number may have any number of digits: Python's limit is for what strangers send, and this is the user's own result."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(limit)


@_all_digits()
def as_text(value: Any) -> str:
    """Strings as they are, files as their paths, all else as Python writes it; what does not fit a line on several."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    text = _repr(value)
    if len(text) <= _WIDTH:
        return text
    import pprint  # paid by who has a long result

    try:
        return pprint.pformat(value, width=_WIDTH, sort_dicts=False)
    except Exception:
        return text


@_all_digits()
def as_json(value: Any) -> tuple[str, list[str]]:
    """The value as JSON, and the names of the types that JSON cannot hold and of which it has the repr instead."""
    foreign: dict[str, None] = {}
    try:
        return json.dumps(_plain(value, foreign), ensure_ascii=False, allow_nan=False), list(foreign)
    except RecursionError:
        return json.dumps(_repr(value), ensure_ascii=False), [f"{type(value).__name__} (too deep)"]


def _plain(value: Any, foreign: dict[str, None]) -> Any:
    """The value as JSON has it; what of it has no place there is noted in `foreign`."""
    if value is None or isinstance(value, bool | int | float | str):
        return _scalar(value, foreign)
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: _plain(item, foreign) for name, item in zip(value._fields, value, strict=True)}
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, foreign) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        items = [_plain(item, foreign) for item in value]
        return sorted(items, key=lambda item: (type(item).__name__, json.dumps(item)))
    if isinstance(value, list | tuple):
        return [_plain(item, foreign) for item in value]
    return _single(value, foreign)


def _scalar(value: Any, foreign: dict[str, None]) -> Any:
    if isinstance(value, enum.Enum):
        return value.name
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        foreign[repr(value)] = None
        return repr(value)
    kind = next(kind for kind in (int, float, str) if isinstance(value, kind))
    return kind(value)


def _single(value: Any, foreign: dict[str, None]) -> Any:
    import decimal  # paid by who asks for JSON
    import uuid

    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID):
        return str(value)
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return path if isinstance(path, str) else _repr(value)
    fields = _fields(value)
    if fields is not None:
        return {name: _plain(getattr(value, name), foreign) for name in fields}
    foreign[type(value).__qualname__] = None
    return _repr(value)


def _fields(value: Any) -> list[str] | None:
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    attributes = getattr(type(value), "__attrs_attrs__", None)
    return None if attributes is None else [field.name for field in attributes]


def _key(key: Any) -> str:
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, bool):
        return json.dumps(key)
    return key.name if isinstance(key, enum.Enum) else str(key)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__qualname__}: repr() raised {type(error).__name__}>"
