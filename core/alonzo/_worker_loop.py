"""What a worker process does: it reads batches of jobs, applies them one after another, and answers in batches.

It ends when its standard input ends, that is also when the coordinator died. It says which job it has begun in a file that is
mapped into memory: no system call for each job, and still there to be read when the worker is killed.
"""

from __future__ import annotations

import contextlib
import importlib
import mmap
import os
import pickle
import signal
import sys
import threading
import traceback
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

from ._apply import raised
from ._effects import Apply, Found, Lost, Raised
from ._errors import AlonzoError, EncodeError, type_names
from ._loaded import notice
from ._tasks import Task
from ._within import Site
from ._worker_assembly import Assembly, assembled
from ._worker_frames import (
    BEGUN,
    MainProgram,
    Setup,
    Surroundings,
    imported_module,
    imported_task,
    known_tasks,
    read_frame,
    write_frame,
)
from ._worker_output import Output

_begins = BEGUN.pack_into
_PATIENCE = 0.002  # seconds that an answer may wait for the next ones
_WATCH = 1.0  # seconds between two looks whether the coordinator is there
_PACKS = 1000  # tasks whose bytes are kept, to be sent again
_FAREWELL = 2.0  # seconds that threads of user code may go on after the end


def main() -> None:
    """Work until standard input ends."""
    # Ctrl-C is for the coordinator, which decides what becomes of its workers. Not SIG_IGN: programs that tasks start inherit that.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    requests, answers = _own_pipes()
    output = Output()
    try:
        first = read_frame(requests)
        if first is None:
            return
        worker = Worker(pickle.loads(first), answers, output)
    except BaseException:
        write_frame(answers, pickle.dumps(("failed", traceback.format_exc())))
        return
    try:
        worker.serve(requests)
    except BrokenPipeError:
        return  # the coordinator is gone, and nobody waits for answers
    finally:
        end = threading.Timer(_FAREWELL, os._exit, (0,))
        end.daemon = True
        end.start()


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the coordinator, moved away from where tasks, and programs that they start, read and print."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    if hasattr(os, "register_at_fork"):
        # A process that a task forked would keep the pipes open, and the coordinator would not see this one's end.
        os.register_at_fork(after_in_child=requests.close)
        os.register_at_fork(after_in_child=answers.close)
    return requests, answers


class Worker:
    """The worker's state, after its setup."""

    def __init__(self, setup: Setup, answers: BinaryIO, output: Output) -> None:
        self._main = MainProgram(setup.main_file, setup.main_spec)
        sys.modules["__main__"] = self._main
        _surround(setup.surroundings)
        wiring = pickle.loads(setup.wiring)
        self._main_name = wiring.get("main")
        self._warnings: list[str] = []
        self._assembly: Assembly = assembled(wiring, self._resolve, self._warnings.append)
        self._output = output
        # A definition is not the coordinator's. Once this process has done some work, a new one may know better: then it ends.
        self._is_stale = False
        self._is_new = True
        self._answers = _Answers(answers)
        self._tasks: dict[int, Task[..., Any] | Lost] = {}
        self._alike: set[Any] = set()  # definitions of arguments that are the coordinator's
        self._packs: dict[tuple[str, bytes], bytes] = {}
        with open(setup.begun, "r+b") as file:  # noqa: PTH123
            self._begun = mmap.mmap(file.fileno(), BEGUN.size)
        # Both sides have mapped it: it need not stay behind when both are killed. Windows keeps it until the coordinator's end.
        with contextlib.suppress(OSError):
            Path(setup.begun).unlink()
        _end_with_the_coordinator()
        self._answers.tell(("ready", os.getpid()))

    def serve(self, requests: BinaryIO) -> None:
        while (frame := read_frame(requests)) is not None:
            surroundings, definitions, packed = pickle.loads(frame)
            del frame
            if definitions == "outdated":
                self._answers.tell(("answers", [(serial, 0.0, ("stale",), None) for serial in packed[0]]))
                return
            if surroundings is not None:
                _surround(surroundings)
            for definition in definitions:
                self._tasks[definition[0]] = self._defined(*definition[1:])
            notice()
            self._batch(*packed)
            if self._is_stale:
                return
            self._is_new = False

    def _batch(self, serials: list[int], packed: bytes) -> None:
        began = perf_counter()
        try:
            rows, checks = pickle.loads(packed)
            notice()
            other = self._other_definition(checks)
        except Exception as error:
            self._answers.tell(("unreadable", serials, f"{type(error).__name__}: {error}"))
            return
        if other is not None:
            self._refuse(serials, other)
            return
        last = perf_counter()
        share = (last - began) / len(rows)
        self._answers.expect(len(rows))
        for serial, row in zip(serials, rows, strict=True):
            _begins(self._begun, 0, last, serial)
            answer, report = self._applied(*row)
            now = perf_counter()
            self._answers.add((serial, now - last + share, answer, report))
            last = now
        self._answers.flush()

    def _other_definition(self, checks: list[tuple[Any, Any]]) -> str | None:
        """The name of a class or function among the arguments that is not what it is in the coordinator; None: there is none."""
        for what, tree in checks:
            name = what if type(what) is str else f"{what.__module__}.{what.__qualname__}"
            place = (name, frozenset(tree.items()))
            if place in self._alike:
                continue
            try:
                if self._assembly.catalog.differs(what, tree):
                    return name
            except AlonzoError:
                continue  # its module cannot be imported: decoding what it is in says so
            self._alike.add(place)
        return None

    def _refuse(self, serials: list[int], name: str) -> None:
        lost = self._not_the_coordinators(name)
        if len(serials) > 1 and not self._is_stale:
            self._answers.tell(("unreadable", serials, str(lost.error)))  # they come again, one by one
            return
        answer = ("stale",) if self._is_stale else _lost(lost)
        self._answers.tell(("answers", [(serial, 0.0, answer, None) for serial in serials]))

    def _applied(self, number: int, job: int, args: Any, *rest: Any) -> tuple[tuple[Any, ...], tuple[Any, ...] | None]:
        task = self._tasks[number] if number else None
        if type(task) is Lost:
            return (("stale",) if self._is_stale else _lost(task)), None
        if task is not None and task.is_open and args and type(args[-1]) is Site:
            old = self._assembly.catalog.outdated(args[-1].known, known_tasks())
            if old is not None:
                lost = self._not_the_coordinators(f"task {old}")
                return (("stale",) if self._is_stale else _lost(lost)), None
        apply = Apply(job, task, args, *rest[:-1])
        apply.inspect = rest[-1]
        try:
            answer, report = self._assembly.applier.apply(apply)
        except KeyboardInterrupt as error:  # the task's own: an applier lets those of the main thread pass
            return self._raised(raised(error)), None
        output = report.output + self._output.taken()
        told = (
            report.started,
            report.finished,
            output,
            report.seen,
            (*report.warnings, *self._warnings),
            report.mutated,
            False,
            report.reduced,
            report.overwritten,
            report.undone,
        )
        self._warnings.clear()
        made = self._assembly.catalog.made
        if type(answer) is Found:
            try:
                return self._found(answer, self._packed(made) if made else ()), told
            except EncodeError as error:
                answer = Raised(error)
        made.clear()
        return (self._raised(answer) if type(answer) is Raised else _lost(answer)), told

    def _packed(self, made: dict[tuple[str, bytes], Task[..., Any]]) -> tuple[tuple[str, bytes, bytes], ...]:
        """The tasks made here inside functions that the bytes of an answer name, in bytes that the coordinator can decode."""
        packs = self._packs
        if len(packs) > _PACKS:
            packs.clear()
        for place, task in made.items():
            if place not in packs and task.sent_as is None:
                packs[place] = self._assembly.pack(task)
        out = tuple([(*place, packs[place]) for place in made if place in packs])
        made.clear()
        return out

    def _found(self, answer: Found, made: tuple[Any, ...]) -> tuple[Any, ...]:
        if answer.data is None:
            return self._raised(Raised(EncodeError("a result has no bytes")))
        return (
            "found",
            answer.token,
            answer.codec,
            answer.data,
            answer.externals,
            answer.lazy,
            answer.size,
            answer.names,
            made,
        )

    def _raised(self, answer: Raised) -> tuple[Any, ...]:
        error = answer.error
        try:
            encoded = self._assembly.applier.codec.encode(error)
        except Exception:  # it cannot travel: its text and the names of its classes do
            encoded = ("", b"")
        return ("raised", *encoded, _text(error), type_names(error), answer.traceback)

    def _defined(self, kind: str, *definition: Any) -> Task[..., Any] | Lost:
        name = definition[1] if kind == "module" else definition[0]
        try:
            if kind == "module":
                importlib.invalidate_caches()  # the module may have been written since the last look
                task, digest = imported_task(definition[0], name), definition[2]
                differs = digest and self._assembly.fingerprint(task) != digest
            else:
                task = pickle.loads(definition[1])
                differs = self._assembly.catalog.differs(task, definition[2])
        except BaseException as error:  # user code runs when a module is imported: also SystemExit comes here
            return Lost(
                AlonzoError(f"task {name} is not to be had in a worker process: {type(error).__name__}: {error}")
            )
        return self._not_the_coordinators(f"task {name}") if differs else task

    def _not_the_coordinators(self, what: str) -> Lost:
        self._is_stale = not self._is_new
        return Lost(
            AlonzoError(
                f"the definition of {what} in this worker process is not the coordinator's: "
                "a file was changed or a module reloaded meanwhile; run again"
            )
        )

    def _resolve(self, full_name: str) -> Task[..., Any]:
        """The task of that name.

        Raises:
            LookupError: it is not here; one of the main program has to be sent.
        """
        known = known_tasks().get(full_name)
        if known is not None:
            return known
        module = full_name.rpartition(".")[0]
        if module in (self._main_name, "", "__main__"):
            raise LookupError(f"task {full_name} of the main program was not sent to this worker")
        try:
            imported_module(module)
        except Exception as error:
            raise LookupError(f"no task {full_name}: {error}") from error
        return imported_task(module, full_name)


class _Answers:
    """Collects answers and sends them: at the end of a batch, and when the oldest has waited for some milliseconds."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._rows: list[Any] = []
        self._oldest = 0.0
        self._many = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, message: tuple[Any, ...]) -> None:
        with self._lock:
            write_frame(self._file, pickle.dumps(message, 5))

    def expect(self, count: int) -> None:
        """So many answers will come; a job that takes long must not hold back those before it."""
        if count == 1:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._flush_now_and_then, name="alonzo-answers", daemon=True)
            self._thread.start()
        self._many.set()

    def add(self, row: Any) -> None:
        now = perf_counter()
        with self._lock:
            if not self._rows:
                self._oldest = now
            self._rows.append(row)
        if now - self._oldest > _PATIENCE:
            self._send()

    def flush(self) -> None:
        self._many.clear()
        self._send()

    def _send(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            if rows:
                write_frame(self._file, pickle.dumps(("answers", rows), 5))

    def _flush_now_and_then(self) -> None:
        while True:
            self._many.wait()
            # Not waiting for anything in particular: the time is the point.
            threading.Event().wait(_PATIENCE)
            try:
                if self._rows and perf_counter() - self._oldest > _PATIENCE:
                    self._send()
            except BrokenPipeError:
                return


def _end_with_the_coordinator() -> None:
    """End this process when the one that started it is gone, also in the middle of a job: nobody would get its answer.

    Only POSIX gives orphans another parent; elsewhere a worker ends when it reads its next request.
    """
    if os.name != "posix":
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            threading.Event().wait(_WATCH)
        os._exit(1)

    threading.Thread(target=watch, name="alonzo-watch", daemon=True).start()


def _lost(answer: Any) -> tuple[Any, ...]:
    return ("lost", _text(answer.error), answer.missing)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a broken __str__ of a user's exception
        return type(error).__name__


def _surround(surroundings: Surroundings) -> None:
    folder, path, environment = surroundings
    sys.path[:] = path
    for name in set(os.environ).difference(environment):
        del os.environ[name]
    os.environ.update(environment)
    if folder is not None:
        os.chdir(folder)
