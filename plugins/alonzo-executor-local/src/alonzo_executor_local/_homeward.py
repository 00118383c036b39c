"""Tasks that were made inside functions in a worker process, on their way to the coordinator.

What the coordinator has goes by its name: tasks with a name of their own and those that it sent, what the main program binds to a name,
what can be imported. A function made in the worker goes by value, and lives in the coordinator in the namespace of the module that it
was written in, as if it had been made there: what it reads is what that module has, and it is fingerprinted like any other.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import sys
from collections.abc import Iterator, Mapping
from types import CellType, CodeType, FunctionType
from typing import Any

import cloudpickle

from alonzo import EncodeError, Expression, Secret, Task
from alonzo.plugin import SpecialForm
from alonzo.worker import configured_task, lazy_value, made_state, main_globals, namespace, quoted

_MAIN = ("__main__", "__mp_main__")
_ATTRIBUTES = ("__qualname__", "__module__", "__doc__", "__defaults__", "__kwdefaults__", "__annotations__")


def packed(task: Task[..., Any]) -> bytes:
    """Bytes of a task that was made here, in a worker.

    Raises:
        EncodeError: it cannot travel.
    """
    try:
        return _bytes(task)
    except Exception as error:
        raise EncodeError(
            f"{described(task)} was made in a worker process and cannot be sent from there to where it is called: "
            f'{why_not(task, error, _bytes)}, or apply the task that makes this one with executor="threads"'
        ) from error


def unpacked(data: bytes, codec: Any) -> Task[..., Any]:
    """The task, here in the coordinator; `codec` knows the others.

    Raises:
        Exception: whatever looking up what it names raises.
    """
    task: Task[..., Any] = _Unpickler(io.BytesIO(data), codec).load()
    return task


def described(task: Task[..., Any]) -> str:
    code = getattr(task.func, "__code__", None)
    return f"task {task.full_name}" + (f' ("{code.co_filename}", line {code.co_firstlineno})' if code else "")


def why_not(task: Task[..., Any], error: Exception, encode: Any) -> str:
    """What a task cannot travel for, and what to do."""
    cells = getattr(task.func, "__closure__", None) or ()
    free = task.func.__code__.co_freevars if cells else ()
    names = [name for name, cell in zip(free, cells, strict=True) if not _travels(cell, encode)]
    cause = f"it has captured {', '.join(names)}: " if names else ""
    return f"{cause}{type(error).__name__}: {error}; make that inside the task, or hand it over as an argument"


def _travels(cell: CellType, encode: Any) -> bool:
    try:
        encode(_contents(cell))
    except Exception:
        return False
    return True


def _bytes(value: Any) -> bytes:
    pickler = _Pickler()
    pickler.dump(value)
    return pickler.buffer.getvalue()


class _Namespace:
    """Stands in a pickle for the globals of functions."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        super().__init__(self.buffer, protocol=5)
        self._main = main_globals()
        self._namespaces: dict[int, _Namespace] = {}

    def persistent_id(self, thing: Any) -> Any:
        if type(thing) is Task and thing.how is None and (thing.sent_as is not None or not thing.is_made):
            return thing.full_name, thing.sent_as
        return None

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if kind is Task:
            if thing.how is not None:
                return configured_task, (thing.base, tuple(map(dict, thing.how)))
            return copyreg.__newobj__, (Task,), made_state(thing)  # type: ignore[attr-defined]
        if kind is Secret:
            return Secret, (thing.reveal(),)  # as to a worker, through the same pipe
        if kind is _Namespace:
            return namespace, (thing.names["__name__"],)
        if issubclass(kind, Expression):
            return lazy_value, (quoted(thing),)
        if kind is FunctionType or kind is SpecialForm or issubclass(kind, type):
            name = getattr(thing, "__qualname__", None) or thing.full_name
            if thing.__module__ in _MAIN and self._main.get(name) is thing:
                return _in_main, (name,)
        reduced = super().reducer_override(thing)
        return reduced if kind is not FunctionType or reduced is NotImplemented else self._function(thing)

    def _function(self, function: FunctionType) -> Any:
        names, code = function.__globals__, function.__code__
        where = self._namespaces.setdefault(id(names), _Namespace(names))
        # The copy that came with a function which was sent here is worth nothing where the module itself is.
        read = {} if _is_a_module_s(names) else {name: names[name] for name in _names(code) if name in names}
        attributes = {name: getattr(function, name) for name in _ATTRIBUTES}
        state = (vars(function), attributes, tuple(map(_contents, function.__closure__ or ())), read)
        return _new_function, (code, where, function.__name__), state, None, None, _fill


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, codec: Any) -> None:
        super().__init__(file)
        self._codec = codec

    def persistent_load(self, place: Any) -> Any:
        return self._codec.task(*place)


def _in_main(name: str) -> Any:
    return main_globals()[name]


def _new_function(code: CodeType, names: dict[str, Any], name: str) -> FunctionType:
    return FunctionType(code, names, name, None, tuple([CellType() for _ in code.co_freevars]))


def _fill(function: FunctionType, state: tuple[Any, Any, tuple[tuple[Any, ...], ...], Mapping[str, Any]]) -> None:
    held, attributes, contents, read = state
    vars(function).update(held)
    for name, value in attributes.items():
        setattr(function, name, value)
    for cell, inside in zip(function.__closure__ or (), contents, strict=True):
        if inside:
            cell.cell_contents = inside[0]
    if not _is_a_module_s(function.__globals__):
        function.__globals__.update(read)


def _is_a_module_s(names: dict[str, Any]) -> bool:
    module = sys.modules.get(names.get("__name__", ""))
    return module is not None and vars(module) is names


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _contents(cell: CellType) -> tuple[Any, ...]:
    """What is in a cell; nothing where its variable has no value yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()
