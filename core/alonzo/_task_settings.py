"""Options of tasks as settings have them: `[tasks."PATTERN"]`, and `options`, which the command line feeds.

They are kept as they were written, checked, and brought into the form that `TaskOptions` has when a task asks for its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ._errors import OptionError, SettingsError
from ._expressions import Call
from ._options import Backoff, checked
from ._typed import Text, convert, nearest, shown

# The options that settings may give, and what each is written as; `checked` says more of some.
TASK_SETTINGS: dict[str, Any] = {
    "cache": bool,
    "check": Literal["footprint", "each"],
    "share": bool,
    "executor": str,
    "retries": int | Mapping[str, int],
    "retry_delay": float | Mapping[str, float],
    "retry_on": str | tuple[str, ...],
    "timeout": float,
    "limits": Mapping[str, int] | tuple[str, ...] | str,
    "priority": int,
    "cpus": float,
    "memory": int | float | str,
    "gpus": float,
    "disk": int | float | str,
    "tags": Mapping[str, str],
    "inspect": str,
}

_OF_THE_TASK = "it is part of what the task is: write it on @task"
_NOT_HERE = {
    **dict.fromkeys(("version", "depends_on", "tracking", "ignore", "script"), _OF_THE_TASK),
    "nout": "it is needed when the call is made, before settings count: write it on @task",
}
_CAN_BE_NONE = frozenset({"timeout", "cpus", "memory", "gpus", "disk"})


def check_task_options(raw: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options of one pattern, each known and of its type; `Text` is read as its type says.

    Raises:
        SettingsError: one is not, or cannot be set here; it begins with `where`.
    """
    out: dict[str, Any] = {}
    for name, value in raw.items():
        if name in _NOT_HERE:
            raise SettingsError(f"{where}: {name} cannot be set here: {_NOT_HERE[name]}")
        if name not in TASK_SETTINGS:
            raise SettingsError(f"{where}: unknown option {shown(name)}{nearest(name, TASK_SETTINGS)}")
        out[name] = _read(name, value, where)
        # Classes are looked for when a task is met: settings import nobody's code.
        if name != "retry_on" or _is_python(value):
            _check(name, out[name], where)
    return out


def options_for(full_name: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The options that these tables, by pattern, give a task; of several that match, the longest pattern decides each option.

    The task's own name is over every pattern; of equally long ones the last is.

    Raises:
        SettingsError: a class that `retry_on` names is not to be had.
    """
    if not tables:
        return {}
    import fnmatch  # only by who has such a table

    matching = [pattern for pattern in tables if fnmatch.fnmatchcase(full_name, pattern)]
    options: dict[str, Any] = {}
    for pattern in sorted(matching, key=lambda pattern: (pattern == full_name, len(pattern))):
        options.update(tables[pattern])
    if "retry_on" in options and not _is_python(options["retry_on"]):
        options["retry_on"] = _classes(options["retry_on"])
    return checked(options, "settings")


class Ways:
    """How the external values in the arguments of calls are inspected: the option `inspect`, as far as a call that is written says it.

    tasks, options  as in the settings; only what they say of `inspect` is kept
    """

    def __init__(self, tasks: Mapping[str, Mapping[str, Any]], options: Mapping[str, Mapping[str, Any]]) -> None:
        self.tasks = _only("inspect", tasks)
        self.options = _only("inspect", options)
        self._known: dict[str, tuple[Any, Any]] = {}

    def of(self, node: Call) -> str | None:
        """The call's own option; what lies around it (`options_below`) is not known where it is written."""
        over, under = self._told(node._task.full_name) if self.tasks or self.options else (None, None)
        how = node._how
        if over is None and how is not None and "inspect" in how.options:
            own: str | None = how.options["inspect"]
            return own
        return over or under or node._task.declared.inspect

    def _told(self, full_name: str) -> tuple[Any, Any]:
        known = self._known.get(full_name)
        if known is None:
            over, under = (options_for(full_name, tables).get("inspect") for tables in (self.options, self.tasks))
            known = self._known[full_name] = (over, under)
        return known


def _only(option: str, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {pattern: {option: table[option]} for pattern, table in tables.items() if option in table}


def _read(name: str, value: Any, where: str) -> Any:
    if _is_python(value):
        return value
    if name in _CAN_BE_NONE and (value is None or (isinstance(value, Text) and value.strip().lower() == "none")):
        return None
    return convert(value, TASK_SETTINGS[name], where=f"{where}: {name}")


def _is_python(value: Any) -> bool:
    """Whether it is what no file can say: classes, functions of the attempt, lazy values."""
    items = value if isinstance(value, list | tuple) else (value,)
    return isinstance(value, Backoff) or any(callable(item) for item in items)


def _check(name: str, value: Any, where: str) -> None:
    try:
        checked({name: value}, where)
    except OptionError as error:
        raise SettingsError(str(error)) from error


def _classes(paths: str | Sequence[str]) -> tuple[type[BaseException], ...]:
    return tuple(_class(path) for path in ([paths] if isinstance(paths, str) else paths))


def _class(path: str) -> type[BaseException]:
    """The exception class of this name: a builtin's, or module and name with a dot between.

    Raises:
        SettingsError: there is none.
    """
    import builtins
    import importlib

    module, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module) if module else builtins, name, None)
    except ImportError as error:
        raise SettingsError(f"retry_on: {shown(path)} cannot be imported: {error}") from error
    if isinstance(found, type) and issubclass(found, BaseException):
        return found
    raise SettingsError(f"retry_on: {shown(path)} is no class of exceptions: write ValueError, or module.ClassName")
