"""Every exception that Alonzo raises on purpose, under one base.

A task's own exception is raised as it is; these classes are for what the engine, its plugins or the platform have to say.
"""

from __future__ import annotations


class AlonzoError(Exception):
    """The base of all errors of the engine; also raised itself for misuse that has no class of its own."""


class LazyValueError(AlonzoError, TypeError):
    """A lazy value was used where only a real one can be: in `if`, `len()`, a loop, an f-string."""


class OptionError(AlonzoError, TypeError):
    """An option of a task, a run or an executor is unknown or has a value of the wrong type."""


class SettingsError(AlonzoError, ValueError):
    """The settings file, the environment or an override cannot be used as it stands."""


class PluginError(AlonzoError):
    """A plugin failed to load, or gave what nobody can use; the message names the plugin."""

    def __init__(self, plugin: str, problem: str) -> None:
        super().__init__(f"plugin {plugin}: {problem}")
        self.plugin = plugin
        self.problem = problem

    def __reduce__(self) -> tuple[type[PluginError], tuple[str, str]]:
        return (type(self), (self.plugin, self.problem))


class StoreError(AlonzoError):
    """A store cannot be opened, read or written."""


class EncodeError(AlonzoError):
    """A value cannot be digested or turned into bytes; the message says where in it and of what type."""


class LoopError(AlonzoError):
    """A call demanded its own result; the message names the cycle."""


class LimitError(AlonzoError):
    """More was asked of a named limit than its capacity."""


class TaskTimeoutError(AlonzoError, TimeoutError):
    """An attempt took longer than the task's `timeout`."""

    @classmethod
    def after(cls, task: str, seconds: float) -> TaskTimeoutError:
        """The error of an attempt of this task that was given so many seconds."""
        return cls(f"task {task} timed out after {seconds:g} s")


class WorkerLostError(AlonzoError):
    """The worker that was applying a task died."""


class OutOfMemoryError(AlonzoError, MemoryError):
    """The platform ended an attempt because it used too much memory."""


class PreemptedError(AlonzoError):
    """The platform took the machine away from an attempt."""


class RemoteError(AlonzoError):
    """A task raised, elsewhere, an exception that could not be brought here; text and type are kept.

    `type_names` has the qualified names of the exception's class and its bases, by which `catch` matches.
    """

    def __init__(self, message: str, type_names: tuple[str, ...] = (), traceback: str = "") -> None:
        super().__init__(message)
        self.type_names = type_names
        self.traceback = traceback

    @classmethod
    def standing_for(cls, error: BaseException, traceback: str = "") -> RemoteError:
        """What stands in for an exception that cannot go where it is wanted."""
        return cls(error_text(error), type_names(error), traceback)

    def __reduce__(self) -> tuple[type[RemoteError], tuple[str, tuple[str, ...], str]]:
        return (type(self), (str(self), self.type_names, self.traceback))


def type_names(error: BaseException) -> tuple[str, ...]:
    """The qualified names of an exception's class and its bases."""
    return tuple(f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__)


def error_text(error: BaseException) -> str:
    """An exception in one line: its class and what it says."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__  # its own __str__ fails


# Users meet them as `alonzo.StoreError`, also in tracebacks.
for _kind in (AlonzoError, *AlonzoError.__subclasses__()):
    _kind.__module__ = "alonzo"
del _kind
