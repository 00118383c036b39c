"""Alonzo: workflows as ordinary programs.

A function marked `@task` returns a lazy expression when it is called; `run` reduces it, redoing exactly what a change of code or data
made necessary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._api import arun, run, task
from ._errors import (
    AlonzoError,
    EncodeError,
    LazyValueError,
    LimitError,
    LoopError,
    OptionError,
    OutOfMemoryError,
    PluginError,
    PreemptedError,
    RemoteError,
    SettingsError,
    StoreError,
    TaskTimeoutError,
    WorkerLostError,
)
from ._expressions import Expression
from ._language import catch, cond, get_context, seq
from ._tasks import Partial, Task

if TYPE_CHECKING:
    from ._runtime import AlonzoWarning, Runtime
    from ._settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AlonzoError",
    "AlonzoWarning",
    "EncodeError",
    "Expression",
    "LazyValueError",
    "LimitError",
    "LoopError",
    "OptionError",
    "OutOfMemoryError",
    "Partial",
    "PluginError",
    "PreemptedError",
    "RemoteError",
    "Runtime",
    "Settings",
    "SettingsError",
    "StoreError",
    "Task",
    "TaskTimeoutError",
    "WorkerLostError",
    "arun",
    "catch",
    "cond",
    "get_context",
    "run",
    "seq",
    "task",
]


def __getattr__(name: str) -> Any:
    # These bring settings, plugins and asyncio with them: imported when they are first asked for.
    if name == "Settings":
        from . import _settings as module
    elif name in ("Runtime", "AlonzoWarning"):
        from . import _runtime as module  # type: ignore[no-redef]
    else:
        raise AttributeError(f"module 'alonzo' has no attribute {name!r}")
    value = getattr(module, name)
    globals()[name] = value
    return value
