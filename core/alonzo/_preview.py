"""Short texts of arguments for people: never long, never slow, and never by a user's `repr`."""

from __future__ import annotations

from typing import Any

from ._containers import field_names, is_namedtuple
from ._effects import ABSENT, Found
from ._expressions import Expression, describe
from ._plain import load_plain
from ._quoted import Quoted
from ._scalars import scalar_of
from ._secret import Secret
from ._tasks import THIS_JOB, Partial, Task

LONGEST = 120
_WORD = 40
_ITEMS = 4
_FEW = 4096  # bytes that are decoded only to be shown
_SMALL = 1_000_000_000


def preview(args: Any) -> str:
    """Arguments as they would be written in a call, at most 120 characters."""
    if isinstance(args, str):
        return args
    if type(args) is not tuple:
        return ""
    if len(args) == 1 and type(args[0]) is int and -_SMALL < args[0] < _SMALL:
        return str(args[0])
    args = tuple([value for value in args if value is not THIS_JOB])  # it says nothing of the call
    text = ", ".join([shown(value) for value in args[: _ITEMS * 2]])
    if len(args) > _ITEMS * 2:
        text += ", …"
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def shown(value: Any, depth: int = 0) -> str:
    """A short text of a value."""
    kind = type(value)
    if kind in (int, float, bool, type(None), complex):
        text = repr(value) if kind is not int or abs(value) < 10**_WORD else hex(value)
    elif kind in (str, bytes):
        text = repr(value) if len(value) <= _WORD else repr(value[: _WORD - 1]) + "…"
    elif kind is Found:
        return _of_found(value, depth)
    elif isinstance(value, Expression):
        text = describe(value)
    elif kind in (Task, Partial, Secret):
        text = repr(value)
    elif kind is Quoted:
        text = f"quote({shown(value.expression, depth + 1)})"
    elif depth > 1:
        text = "…"
    elif kind in (list, tuple, set, frozenset):
        inner = ", ".join(shown(item, depth + 1) for item in list(value)[:_ITEMS]) + (
            ", …" if len(value) > _ITEMS else ""
        )
        text = f"[{inner}]" if kind is list else f"({inner})" if kind is tuple else f"{{{inner}}}"
    elif kind is dict:
        pairs = [f"{shown(k, depth + 1)}: {shown(v, depth + 1)}" for k, v in list(value.items())[:_ITEMS]]
        text = "{" + ", ".join(pairs) + (", …" if len(value) > _ITEMS else "") + "}"
    elif field_names(kind) or is_namedtuple(kind):
        names = field_names(kind) or kind._fields
        text = (
            f"{kind.__name__}({', '.join(f'{n}={shown(getattr(value, n, None), depth + 1)}' for n in names[:_ITEMS])})"
        )
    elif hasattr(kind, "__fspath__"):
        text = f"{kind.__name__}({value.__fspath__()!r})"
    else:
        text = f"<{kind.__name__}>"
    return text if len(text) <= _WORD * 2 else text[: _WORD * 2 - 1] + "…"


def _of_found(found: Found, depth: int) -> str:
    if found.value is not ABSENT:
        return shown(found.value, depth)
    if found.codec == "scalar" and found.data is not None:
        return shown(scalar_of(found.data), depth)
    if found.codec == "plain" and found.data is not None and len(found.data) <= _FEW:
        return shown(load_plain(found.data), depth)
    return f"<{found.size} bytes>"
