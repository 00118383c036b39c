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
from ._options import Backoff
from ._secret import Secret
from ._tasks import THIS_JOB, JobInfo, Partial, Task

# Forms are typed as what they give, which only a stub can say.
if TYPE_CHECKING:
    from ._form_types import (
        and_,
        apply_func,
        as_task,
        catch,
        catch_all,
        compose,
        cond,
        const,
        contains,
        delay,
        filter_,
        flat_map,
        flatten,
        fmt,
        force,
        get_context,
        identity,
        map_,
        not_,
        or_,
        quote,
        reduce_,
        seq,
        starmap,
        subrun,
        tagged,
        throw,
        unquote,
        zip_,
    )
    from ._language import form
    from ._runtime import AlonzoWarning, Runtime
    from ._settings import Settings

__version__ = "0.1.0"

__all__ = [
    "AlonzoError",
    "AlonzoWarning",
    "Backoff",
    "EncodeError",
    "Expression",
    "JobInfo",
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
    "Secret",
    "Settings",
    "SettingsError",
    "StoreError",
    "THIS_JOB",
    "Task",
    "TaskTimeoutError",
    "WorkerLostError",
    "and_",
    "apply_func",
    "arun",
    "as_task",
    "catch",
    "catch_all",
    "compose",
    "cond",
    "const",
    "contains",
    "delay",
    "filter_",
    "flat_map",
    "flatten",
    "fmt",
    "force",
    "form",
    "get_context",
    "identity",
    "map_",
    "not_",
    "or_",
    "quote",
    "reduce_",
    "run",
    "seq",
    "starmap",
    "subrun",
    "tagged",
    "task",
    "throw",
    "unquote",
    "zip_",
]


def __getattr__(name: str) -> Any:
    # These bring attrs, and some of them settings, plugins and asyncio: imported when they are first asked for.
    if name not in __all__:
        raise AttributeError(f"module 'alonzo' has no attribute {name!r}")
    if name == "subrun":
        from . import _subrun as module
    elif name == "Settings":
        from . import _settings as module  # type: ignore[no-redef]
    elif name in ("Runtime", "AlonzoWarning"):
        from . import _runtime as module  # type: ignore[no-redef]
    else:
        from . import _language as module  # type: ignore[no-redef]
    value = getattr(module, name)
    globals()[name] = value
    return value
