"""What a run begins with: how it is described in the record, its context, what it forces; and how often garbage is looked for meanwhile."""

from __future__ import annotations

import fnmatch
import getpass
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from ._definitions import module_name
from ._errors import OptionError
from ._expressions import Call, Expression
from ._ports import RunStart
from ._preview import preview, shown
from ._settings import Settings
from ._typed import shown_with_type

_GC_THRESHOLD = (50_000, 20, 100)


def check_arguments(**given: Any) -> None:
    """Those of `run` and of `Runtime` that are no settings, by name.

    Raises:
        OptionError: one is of the wrong type.
    """
    for name, value in given.items():
        fits, what = _ARGUMENTS[name]
        if not fits(value):
            raise OptionError(f"run({name}=...): expected {what}, not {shown_with_type(value)}")


def run_start(expression: Any, tags: Mapping[str, str]) -> RunStart:
    """The row of a run that begins now, in this process."""
    task, arguments = _describe(expression)
    command = " ".join(sys.argv)
    return RunStart(task, arguments, time.time(), platform.node(), os.getpid(), _user(), tags, command)


def matcher(patterns: Sequence[str]) -> Any:
    if not patterns:
        return lambda _: False
    return lambda name: any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def main_name() -> str | None:
    main = sys.modules.get("__main__")
    name = module_name(vars(main)) if main is not None else "__main__"
    return None if name == "__main__" else name


class CalmerGc:
    """Collections find nothing in a growing graph, and cost a third of the time: they are made rarer while a run goes on."""

    _depth = 0
    _before = (700, 10, 10)
    _guard = threading.Lock()

    def __enter__(self) -> None:
        import gc

        with self._guard:
            if CalmerGc._depth == 0:
                CalmerGc._before = gc.get_threshold()
                gc.set_threshold(*_GC_THRESHOLD)
            CalmerGc._depth += 1

    def __exit__(self, *_: object) -> None:
        import gc

        with self._guard:
            CalmerGc._depth -= 1
            if CalmerGc._depth == 0:
                gc.set_threshold(*CalmerGc._before)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _has_names(value: Any) -> bool:
    return value is None or (isinstance(value, Mapping) and all(isinstance(name, str) for name in value))


def _is_tags(value: Any) -> bool:
    return _has_names(value) and all(isinstance(text, str) for text in (value or {}).values())


def _is_settings(value: Any) -> bool:
    return isinstance(value, Settings | str | os.PathLike) or _has_names(value)


def _is_patterns(value: Any) -> bool:
    return isinstance(value, Collection) and not isinstance(value, str) and all(isinstance(item, str) for item in value)


_TRUE_OR_FALSE = (_is_bool, "True or False")
_ARGUMENTS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "context": (_has_names, "a mapping from strings to values"),
    "tags": (_is_tags, "a mapping from strings to strings"),
    "cache": _TRUE_OR_FALSE,
    "keep_going": _TRUE_OR_FALSE,
    "dry_run": _TRUE_OR_FALSE,
    "plugins": (lambda value: value is None or isinstance(value, Iterable), "a list of plugins"),
    "settings": (_is_settings, "a Settings, the path of a file, or a mapping of settings"),
    "force": (_is_patterns, "a list of patterns"),
}


def _describe(expression: Any) -> tuple[str, str]:
    if type(expression) is Call:
        named = [f"{name}={shown(value)}" for name, value in expression._kwargs.items()]
        return expression._task.full_name, ", ".join(filter(None, [preview(expression._args), *named]))
    return (repr(expression) if isinstance(expression, Expression) else type(expression).__name__), ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
