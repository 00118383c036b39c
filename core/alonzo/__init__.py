"""Alonzo: workflows as ordinary programs.

A function marked `@task` returns a lazy expression when it is called; `run` reduces it, redoing exactly what a change of code or data
made necessary.
"""

from __future__ import annotations

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
from ._forms import catch, cond, get_context, seq
from ._runtime import AlonzoWarning, Runtime
from ._settings import Settings
from ._tasks import Partial, Task

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
