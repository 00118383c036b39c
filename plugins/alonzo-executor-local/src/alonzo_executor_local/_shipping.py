"""What is sent to a worker process of tasks and arguments.

A task that the worker can import is sent by module and full name. What it cannot import, because it belongs to the main program, to
a notebook or to a function's inside, is sent by value.
"""

from __future__ import annotations

import copyreg
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

import cloudpickle

from alonzo import EncodeError, Expression, Secret, Task
from alonzo.plugin import ABSENT, Apply, Found, SpecialForm
from alonzo.worker import (
    Surroundings,
    configured_task,
    imported_task,
    lazy_value,
    main_globals,
    main_thing,
    new_task,
    quoted,
    same,
    task_state,
)

from ._backlog import Job
from ._homeward import why_not

_MAIN = ("__main__", "__mp_main__")
_BY_NAME = ("name", "task")  # in definitions: what counts by its name, not by its code
_LIBRARY = re.compile(r"[/\\\\](site-packages|dist-packages|lib[/\\\\]python\d+\.\d+)[/\\\\]", re.IGNORECASE)
Definition = tuple[Any, ...]


def surroundings() -> Surroundings:
    """What of this process a worker shares: working directory, where modules are found, environment."""
    try:
        folder = str(Path.cwd())
    except OSError:  # it was deleted
        folder = None
    return folder, tuple(sys.path), os.environ.copy()


def loaded_modules() -> dict[str, Any]:
    """The modules of this process that are not installed, each with the object that says from where it was loaded, and when."""
    found = {}
    for name, module in list(sys.modules.items()):
        spec = _spec_of(module)
        origin = getattr(spec, "origin", None) or ""
        if name not in _MAIN and os.path.isabs(origin) and not _LIBRARY.search(origin):
            found[name] = spec
    return found


def is_loaded_anew(before: dict[str, Any]) -> bool:
    """Has one of these modules been loaded again since? Then what a worker may have imported of it is not what runs here."""
    return any(_spec_of(sys.modules.get(name)) is not spec for name, spec in before.items())


def _spec_of(module: Any) -> Any:
    # Not by getattr: some modules answer every question anew.
    return getattr(module, "__dict__", {}).get("__spec__")


class Shipping:
    """Definitions of tasks, one for each fingerprint, and pickles of jobs. Thread-safe."""

    def __init__(self, applier: Any) -> None:
        self._applier = applier
        self._lock = threading.Lock()
        self._definitions: dict[tuple[Any, bytes], Definition] = {}
        self._made: dict[int, dict[Any, Any]] = {}  # the tasks made inside functions that went with each of them

    def definition(self, job: Job) -> Definition:
        """What a worker must know before this job; the first item is its number, 0 for an operation.

        Raises:
            EncodeError: the task can neither be imported by a worker nor be sent.
        """
        task = job.apply.task
        if task is None:
            return (0,)
        place = (task, job.apply.fingerprint)
        with self._lock:
            known = self._definitions.get(place)
            if known is None:
                number = len(self._definitions) + 1
                known, made = _definition(number, task, job.apply.fingerprint, self._applier)
                self._definitions[place], self._made[number] = known, made
            # What comes back from there of these goes by what they are called here.
            self._applier.codec.made.update(self._made[known[0]])
            return known

    def rows(self, jobs: Sequence[tuple[Job, int]]) -> bytes:
        """Jobs, each with its definition's number, and the definitions of what is among their arguments, as one pickle.

        Raises:
            Exception: whatever an argument raises that cannot be pickled.
        """
        pickler = _Pickler(self._applier)
        pickler.opens = any(job.undecoded is not None for job, _ in jobs)
        checks = pickler.checks = []
        # The second list is filled while the first is pickled.
        return pickler.pickled(([_row(job.apply, number) for job, number in jobs], checks))


def _row(job: Apply, number: int) -> tuple[Any, ...]:
    return (
        number,
        job.job,
        job.args,
        job.operation,
        job.key,
        job.fingerprint,
        job.carried,
        job.externals,
        job.inspect,
    )


class _Carried:
    """A class or function of the main program that is being pickled by value."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing


class _MainGlobals(dict[str, Any]):
    """Stands in a pickle for the namespace of the main program."""


def _definition(number: int, task: Any, fingerprint: bytes, applier: Any) -> tuple[Definition, dict[Any, Any]]:
    module = _importable_from(task)
    if module is not None:
        return (number, "module", module, task.full_name, fingerprint), {}
    pickler = _Pickler(applier)
    try:
        return (number, "value", task.full_name, pickler.pickled(task), applier.tree_of(task)), pickler.made
    except Exception as error:
        why = why_not(task, error, lambda value: _Pickler(applier).pickled(value))
        raise EncodeError(f"task {task.full_name} cannot be sent to a worker process: {why}") from error


def _importable_from(task: Any) -> str | None:
    """The module in which a worker finds this task by its full name."""
    name = getattr(task.func, "__module__", None)
    module = sys.modules.get(name) if name not in _MAIN and name is not None else None
    if module is None:
        return None
    found: Any = module
    for part in task.func.__qualname__.split("."):
        found = getattr(found, part, None)
    known = found is task or any(thing is task for thing in vars(module).values())
    return name if known else None


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles by value what belongs to the main program, all else as cloudpickle does.

    opens   values that are at hand as bytes are pickled as objects
    checks  takes the classes and functions of the project that it met, or the names of those in encoded values, each with its definitions
    made    tasks made inside functions that it met, by what they are called there
    """

    def __init__(self, applier: Any) -> None:
        self._buffer = io.BytesIO()
        super().__init__(self._buffer, protocol=5)
        self.opens = False
        self.checks: list[tuple[Any, Mapping[str, str]]] | None = None
        self._applier = applier
        self.made: dict[tuple[str, bytes], Any] = {}
        self._main = vars(sys.modules["__main__"])
        self._carried: dict[int, _Carried] = {}
        # Functions of the main program share one namespace in the worker too.
        self.globals_ref[id(self._main)] = _MainGlobals(__name__="__main__")

    def pickled(self, value: Any) -> bytes:
        self.dump(value)
        return self._buffer.getvalue()

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        special = _SPECIAL.get(kind)
        if special is not None:
            return special(self, thing)
        if issubclass(kind, Expression):
            # A default, or a constant of the main program: it travels as it is written.
            return lazy_value, (quoted(thing),)
        if kind is FunctionType or issubclass(kind, type):
            self._check(thing)
        if (kind is FunctionType or issubclass(kind, type)) and self._is_named_in_main(thing):
            # The wrapper must be one object, so that what refers to itself finds it in the memo.
            carried = self._carried.setdefault(id(thing), _Carried(thing))
            return main_thing, (thing.__qualname__, carried)
        return super().reducer_override(thing)

    def _check(self, what: Any) -> None:
        """The worker may have imported another definition of this: it is to compare."""
        if self.checks is not None:
            tree = self._applier.tree_of(what)
            if any(digest not in _BY_NAME for digest in tree.values()):
                self.checks.append((what, dict(tree)))

    def _is_named_in_main(self, thing: Any) -> bool:
        return thing.__module__ in _MAIN and self._main.get(thing.__qualname__) is thing

    def _value(self, carried: _Carried) -> Any:
        return super().reducer_override(carried.thing)

    def _globals(self, _: _MainGlobals) -> Any:
        return main_globals, ()

    def _absent(self, _: Any) -> Any:
        return "ABSENT"

    def _found(self, found: Found) -> Any:
        if self.opens or found.data is None or found.codec.endswith("pickle-main"):
            return same, (self._applier.decode(found),)
        for name in found.names:
            self._check(name)
        return Found, (ABSENT, found.token, found.codec, found.data)

    def _secret(self, secret: Any) -> Any:
        # In clear: the pipe to a worker is the one place where a secret travels so.
        return Secret, (secret.reveal(),)

    def _form(self, form: Any) -> Any:
        if form.__module__ not in _MAIN:
            return NotImplemented  # by its name
        return copyreg.__newobj__, (SpecialForm,), {**vars(form), "_shape": None}  # type: ignore[attr-defined]

    def _task(self, task: Any) -> Any:
        if task.how is not None:
            return configured_task, (task.base, tuple(map(dict, task.how)))
        module = _importable_from(task)
        if module is not None:
            return imported_task, (module, task.full_name)
        _, identity = self._applier.codec.called(task)
        if identity is not None:
            self.made[task.full_name, identity] = task
        return new_task, (task.full_name,), task_state(task, identity)


_SPECIAL: dict[type, Callable[[_Pickler, Any], Any]] = {
    type(ABSENT): _Pickler._absent,
    Found: _Pickler._found,
    Secret: _Pickler._secret,
    SpecialForm: _Pickler._form,
    Task: _Pickler._task,
    _Carried: _Pickler._value,
    _MainGlobals: _Pickler._globals,
}
