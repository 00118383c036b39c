"""Where the plain function of a task is taken (`t.func`): to call that is no call of `t`, so that its code counts there and then."""

from __future__ import annotations

import dis
from collections.abc import Callable, Sequence
from inspect import getattr_static
from types import FrameType, ModuleType
from typing import Any

_TAKES = ("func", "__wrapped__")
_BY_NAME = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_CLASSDEREF")
_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD")


def plain_of(value: object, names: Sequence[str], is_task: Callable[[object], bool]) -> Any:
    """The task whose function is taken by these attributes of a value, one after the other; None when there is none."""
    for name in names:
        if name in _TAKES and is_task(value):
            return value
        value = vars(value).get(name) if isinstance(value, ModuleType) else getattr_static(value, name, None)
        value = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
    return None


def is_by_name(task: object, frame: FrameType) -> bool:
    """Whether a frame, which is just taking the function of a task, got to that task by a name that its definition is known to reach.

    A parameter, a local variable or what a call answered is no such name.
    """
    names: list[str] = []
    for each in reversed([each for each in dis.get_instructions(frame.f_code) if each.offset <= frame.f_lasti]):
        if each.opname in _ATTRIBUTES:
            names.append(each.argval)
        elif each.opname not in ("EXTENDED_ARG", "CACHE"):
            value = frame.f_locals.get(each.argval, frame.f_globals.get(each.argval)) if names else None
            # A local name of a module is an import's, which is followed.
            is_known = each.opname in _BY_NAME or isinstance(value, ModuleType)
            return is_known and plain_of(value, names[::-1], lambda found: found is task) is task
    return False
