"""What a worker process and its coordinator say to each other: frames of bytes, each with its length before it.

    to the worker      Setup; then batches: (surroundings or None, definitions, (serials, a pickle of rows and checks)); with "outdated"
                       for definitions, it answers "stale" for each row, and ends: it may have imported what was loaded anew there
    from the worker    ("ready", process id), ("failed", text), ("answers", rows), ("unreadable", serials, text)

Surroundings are the working directory, `sys.path` and the environment. A definition is (id, "module", module, full name,
fingerprint) or (id, "value", full name, pickle, tree of the fingerprint). A check is a class or function that is among the arguments,
or its full name, and the tree of its fingerprint.
The functions of this module are what pickles of definitions call, in the worker.
"""

from __future__ import annotations

import builtins
import importlib
import struct
import sys
import types
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from typing import Any, BinaryIO

import attrs

from ._expressions import IMPORTING
from ._options import How, TaskOptions
from ._quoted import Quoted
from ._tasks import Task

_LENGTH = struct.Struct("<Q")
# Native numbers, each written as a whole: the coordinator reads them meanwhile.
BEGUN = struct.Struct("@dQ")
Surroundings = tuple[str | None, tuple[str, ...], dict[str, str]]


@attrs.frozen
class Setup:
    """What a worker is told first.

    begun         path of a file of BEGUN.size bytes, in which the worker writes of each job that it begins when, by its
                  `time.perf_counter` (which is one clock for all processes of a machine), and then its serial number
    surroundings  the coordinator's working directory, `sys.path` and environment
    wiring        a pickle of the mapping from which the worker builds its applier; decoded when the surroundings are set
    main_file     the coordinator's main program, None: it has none
    main_spec     its name if it was started with -m
    """

    begun: str
    surroundings: Surroundings
    wiring: bytes
    main_file: str | None
    main_spec: str | None


def write_frame(file: BinaryIO, data: bytes) -> None:
    """Write one frame, whole."""
    if len(data) < 65536:
        _write(file, _LENGTH.pack(len(data)) + data)
    else:
        _write(file, _LENGTH.pack(len(data)))
        _write(file, data)


def read_frame(file: BinaryIO) -> bytes | None:
    """The next frame; None at the end, also in the middle of a frame."""
    head = _read(file, _LENGTH.size)
    return None if head is None else _read(file, _LENGTH.unpack(head)[0])


def _write(file: BinaryIO, data: bytes) -> None:
    # The files are unbuffered: a write may take only a part.
    written = file.write(data)
    if written == len(data):
        return
    rest = memoryview(data)[written:]
    while rest:
        rest = rest[file.write(rest) :]


def _read(file: BinaryIO, size: int) -> bytes | None:
    data = file.read(size) if size else b""
    if len(data) == size:
        return data
    parts, missing = [data], size - len(data)
    while missing:
        data = file.read(min(missing, 1 << 20))
        if not data:
            return None
        parts.append(data)
        missing -= len(data)
    return b"".join(parts)


# -- the main program's stand-in, in the worker ---------------------------------------------------


class MainProgram(types.ModuleType):
    """Stands in a worker for the coordinator's main program, whose file is never run: what was sent of it by value is found here."""

    def __init__(self, file: str | None, spec: str | None) -> None:
        super().__init__("__main__")
        self.alonzo_tasks: dict[str, Task[..., Any]] = {}
        if file is not None:
            self.__file__ = file
        if spec is not None:
            self.__spec__ = ModuleSpec(spec, None)


def main_globals() -> dict[str, Any]:
    """The namespace in which functions of the main program run."""
    return vars(sys.modules["__main__"])


def namespace(module: str) -> dict[str, Any]:
    """The namespace of the module of this name, here where it comes home to; a new one where there is no such module."""
    found = sys.modules.get(module)
    return vars(found) if found is not None else {"__name__": module, "__builtins__": builtins}


def main_thing(name: str, thing: Any) -> Any:
    """`thing`, which the main program has under this name."""
    vars(sys.modules["__main__"])[name] = thing
    return thing


def same(value: Any) -> Any:
    """The value itself: what stands in a pickle for something that is replaced by it."""
    return value


def new_task(full_name: str) -> Task[..., Any]:
    """A task whose state follows; it is known by its full name from now on."""
    task = known_tasks()[full_name] = object.__new__(Task)
    return task


def task_state(task: Task[..., Any], sent_as: bytes | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state that `new_task` is to be given for this task, to pickle."""
    attributes, slots = made_state(task)
    declared = task.declared
    # The other options are the coordinator's business, and may be lazy or hold what cannot travel.
    slots["declared"] = TaskOptions(
        nout=declared.nout, version=declared.version, tracking=declared.tracking, script=declared.script
    )
    return {**attributes, "sent_as": sent_as}, slots


def made_state(task: Task[..., Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The whole state of a task that was made in a worker process, to pickle."""
    slots = {
        name: getattr(task, name)
        for name in ("_func", "name", "namespace", "full_name", "is_async", "is_open", "_is_bound", "declared")
    }
    slots |= {"base": task, "how": None, "_signature": None, "_is_inner": task.is_made}
    return dict(task.__dict__), slots


def configured_task(base: Task[..., Any], how: tuple[dict[str, Any], ...]) -> Task[..., Any]:
    """The task with options and context as `.options`, `.options_below` and `.context` have given them."""
    return base._configured(How(*how))


def quoted(expression: Any) -> Quoted:
    """What pickles in the place of a lazy value; `lazy_value` gives it back."""
    return Quoted(expression)


def lazy_value(quoted: Quoted) -> Any:
    """The lazy value that travelled as `quoted`."""
    return quoted.expression


def known_tasks() -> dict[str, Task[..., Any]]:
    """The tasks that were sent or looked up so far, by full name."""
    main = sys.modules["__main__"]
    assert isinstance(main, MainProgram)
    return main.alonzo_tasks


def imported_task(module: str, full_name: str) -> Task[..., Any]:
    """The task of that full name in an importable module.

    Raises:
        LookupError: the module has no such task. Whatever importing it raises is raised.
    """
    known = known_tasks().get(full_name)
    if known is not None:
        return known
    for task in _tasks_in(imported_module(module)):
        if task.full_name == full_name:
            known_tasks()[full_name] = task
            return task
    raise LookupError(f"no task {full_name} in module {module}")


def imported_module(name: str) -> types.ModuleType:
    """The module; a program that calls `run` as it is imported is told so, instead of starting workers that import it, and so on."""
    importing = IMPORTING.set(name)
    try:
        return importlib.import_module(name)
    finally:
        IMPORTING.reset(importing)


def _tasks_in(module: types.ModuleType) -> Iterator[Task[..., Any]]:
    todo: list[Any] = list(vars(module).values())
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        thing = thing.__func__ if isinstance(thing, staticmethod | classmethod) else thing
        if type(thing) is Task:
            yield thing
        elif isinstance(thing, type) and thing.__module__ == module.__name__ and id(thing) not in seen:
            seen.add(id(thing))
            todo += vars(thing).values()
