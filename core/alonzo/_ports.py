"""What plugins provide, as Protocols; `alonzo.testing` has a contract class for each.

A new ability of a port comes as a new optional Protocol, never as a new method: a plugin that worked goes on working.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import attrs

from ._effects import Apply, Asks, Found, Lost, Raised, Records, Remember
from ._options import NONE
from ._traces import External

# What is only handed over is a named tuple: making an attrs class takes five times as long, in every start of a program.


@runtime_checkable
class Encoder(Protocol):
    """How values of some types are digested: by a simpler value (builtins, containers of them, or what has an encoder).

    A `memoryview` among them is digested where it lies: the way for large buffers. A type of a module that need not have been imported
    is named by its full name, as `"numpy.ndarray"`.
    Equal values must simplify equally in every process, on every machine; values that differ must not.
    Subclasses of `kinds` are digested so too, under their own name, with what their instances hold in `__dict__`, but for the attributes
    in `simplify.tells`, where there is that: what instances of the base have, and `simplify` tells of.
    """

    @property
    def kinds(self) -> tuple[type | str, ...]: ...
    def simplify(self, value: Any) -> Any: ...


@runtime_checkable
class Inspector(Protocol):
    """What external values of one kind are now. Instances travel to workers by pickle.

    place    the name of where the content lives: the same for the same thing, wherever it is asked
    inspect  the digest of what is at each place, None where nothing is; in one batch, from any thread
    """

    @property
    def kind(self) -> str: ...
    @property
    def kinds(self) -> tuple[type, ...]: ...
    def place(self, value: Any) -> str: ...
    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]: ...


@runtime_checkable
class Serializer(Protocol):
    """Bytes of values of some types. `name` and `version` are stored with the bytes: what was written must stay readable.

    kinds  exactly these types, none of their subclasses; one of a module that need not have been imported by its full name
    dumps  the bytes. What comes back from them is of the same type and has the same digest
    loads  `data` is any bytes-like object, such as a view of a mapped file, and may be read-only: what needs its bytes to stay as
           they are refers to them instead of copying
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def kinds(self) -> tuple[type | str, ...]: ...
    def dumps(self, value: Any) -> bytes: ...
    def loads(self, data: Any, version: int) -> Any: ...


@runtime_checkable
class Selective(Protocol):
    """A serializer that does not take every value of its kinds: what it leaves is pickled."""

    def takes(self, value: Any) -> bool: ...


@runtime_checkable
class InPieces(Protocol):
    """A serializer of large values: the bytes-like objects that `dumps` would put together, which are copied once less."""

    def pieces(self, value: Any) -> Sequence[Any]: ...


@runtime_checkable
class Reduces(Protocol):
    """A serializer that knows how functions and classes are stored that cannot be found by name. One per runtime is asked.

    reducer  made for each value that is encoded: what `__reduce__` would answer for an object, or NotImplemented; it is asked for such
             functions and classes, and, once there was one, for whatever else is in the value
    """

    def reducer(self) -> Callable[[Any], Any]: ...


@runtime_checkable
class Lenient(Protocol):
    """An inspector of things that may be deleted: what is recorded with a digest holds also where nothing is any more."""

    absent_is_valid: bool


@runtime_checkable
class OfFiles(Protocol):
    """An inspector whose places mean files or directories, which tasks are seen to open when they are checked for purity.

    local_path  where on this machine: absolute, or relative to the project's root; a pattern is one, and what is below a directory
                belongs to it. None: it is elsewhere. Without this, the place itself is taken for the path
    """

    def local_path(self, place: str) -> str | None: ...


@runtime_checkable
class Closes(Protocol):
    """An inspector that keeps something open. It is closed with the runtime, when nothing runs any more; in a worker process it is not."""

    def close(self) -> None: ...


@runtime_checkable
class ValueStore(Protocol):
    """Where encoded values are kept that are too large to travel and for a row, by the SHA-256 of their bytes.

    Used from any thread and process at once; instances travel to workers by pickle. Bytes are whole and in place when `put` returns.

    put  keep these bytes (any bytes-like object); answers their SHA-256, 32 bytes. Raises StoreError: they cannot be kept
    get  the bytes, verified; a bytes-like object. Raises LookupError: they are gone, or damaged, or not to be reached
    """

    def put(self, data: Any) -> bytes: ...
    def get(self, content: bytes) -> Any: ...


# -- executors ------------------------------------------------------------------------------------


@attrs.define(eq=False, weakref_slot=False)
class Report:
    """What an executor tells of an application besides its answer.

    started, finished  seconds since the epoch, measured where the task ran
    worker             where: a thread's name, a process id, a host
    output             what the task printed, where that is captured
    seen               the arguments' external values as they were when the attempt had ended
    warnings           for the user, one line each
    mutated            the names of the parameters that the application changed in place: nothing of it may be remembered
    reduced            of a sub-run: what it did besides its value (see _within)
    overwritten        kinds and places in the result where something else stands than the application has written (see SeesWrites)
    goes_on            the job is answered, its code could not be stopped: `ENDED` will be posted (see Honours)
    undone             the external values that the application has undone (see Capture)
    """

    started: float
    finished: float
    worker: str = ""
    output: str = ""
    seen: tuple[External, ...] = ()
    warnings: tuple[str, ...] = ()
    mutated: tuple[str, ...] = ()
    goes_on: bool = False
    reduced: Any = None
    overwritten: tuple[tuple[str, str], ...] = ()
    undone: tuple[tuple[str, str], ...] = ()


class _Ended:
    __slots__ = ()

    def __repr__(self) -> str:
        return "ENDED"


# Posted for a job that was answered before and whose code has now come to its end (see Honours).
ENDED = _Ended()

Ticket = Any
Applied = Found | Raised | Lost | Asks | _Ended
# Thread-safe, never blocks; an executor calls it once for each job (and once for each `Asks` before that).
Post = Callable[[Ticket, Applied, Report], None]
Ask = Callable[[Any], Awaitable[Any]]


class Applier(Protocol):
    """Applies tasks to arguments, wherever an executor wants that done: decodes what is carried, calls the function, digests and encodes
    the result, inspects external values again, and turns every exception into an answer. Never raises."""

    def apply(self, job: Apply) -> tuple[Found | Raised | Lost, Report]:
        """For plain functions; for an `async def` task it runs an event loop of its own, in which expressions cannot be awaited."""

    def decode(self, found: Found) -> Any:
        """The object of a value of which the bytes are at hand. Raises AlonzoError when it cannot be decoded here."""

    async def apply_async(self, job: Apply, ask: Ask | None) -> tuple[Found | Raised | Lost, Report]:
        """For `async def` tasks, in a running event loop; `ask` makes an awaited expression's value."""


@runtime_checkable
class Executor(Protocol):
    """Applies tasks somewhere. Shared by all runs of a runtime; all methods are called from any thread and return at once."""

    @property
    def width(self) -> int:
        """How many applications it works on at once."""

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        """Apply these, in any order; `post` each answer. What cannot be sent is posted as Raised or Lost, not raised here."""

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        """Give an application what it awaited under this number."""

    def close(self) -> None:
        """Stop at once: nothing more is posted for what has not begun; workers are ended and waited for. Idempotent."""


@runtime_checkable
class Withdraws(Protocol):
    """An executor that can give back what it has not begun: a run that is to stop asks for it."""

    def withdraw(self, post: Post) -> Sequence[Ticket]:
        """The tickets of jobs that were submitted with this `post` and have not begun; nothing is posted for them any more."""


@runtime_checkable
class Honours(Protocol):
    """An executor that says which of the options `timeout`, `cpus`, `memory`, `gpus`, `disk` it honours; without this it honours none.

    One that times out a job posts `Lost` with a TaskTimeoutError for it, `Apply.timeout` seconds after the job's own code has begun.
    If that code cannot be stopped, the report says so (`goes_on`), and `ENDED` is posted through the same post and under the same
    ticket when it has ended after all: until then what the job holds (named limits) stays held. What it comes to is dropped.
    Without `goes_on` no `ENDED` follows.
    """

    honours: frozenset[str]


@runtime_checkable
class AppliesHere(Protocol):
    """An executor that applies in `submit` itself. It is given one job at a time: what is known must not wait for the next one."""

    applies_here: bool


class ExecutorSite(NamedTuple):
    """What an executor is opened with.

    name     its name in the settings
    options  an instance of its kind's options class
    workers  the width that the run asked for, None: its own default
    applier  for executors that apply in this process
    wiring   what a worker process needs to build an applier of its own (see alonzo.worker)
    root     the project's directory
    """

    name: str
    options: Any
    workers: int | None
    applier: Applier
    wiring: Mapping[str, Any]
    root: Path


class ExecutorKind(NamedTuple):
    """A kind of executor: its name, an attrs class of options (each with help and default), and how to open one."""

    name: str
    options: type
    open: Callable[[ExecutorSite], Executor]
    help: str = ""


# -- stores ---------------------------------------------------------------------------------------

RunStatus = Literal["running", "done", "failed", "interrupted", "lost"]


@attrs.frozen
class RunStart:
    """What is known of a run when it begins. `task` and `arguments` describe the root."""

    task: str
    arguments: str
    started: float
    host: str
    process: int
    user: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)
    command: str = ""


# How an attempt ended: with an answer; the task raised; or one of the faults that are not the task's, or not only.
Outcome = Literal["done", "raised", "timeout", "memory", "lost", "preempted"]


@attrs.define(weakref_slot=False)
class Attempt:
    """One application of a job by an executor; times in seconds since the epoch."""

    executor: str
    worker: str
    started: float
    finished: float
    outcome: Outcome = "done"
    error: str = ""


@attrs.define(eq=False, weakref_slot=False)
class Note:
    """What is to be written: the machine's note and what the host knows besides."""

    remember: Remember
    attempts: tuple[Attempt, ...] = ()
    output: str = ""
    # Fingerprint trees of tasks that this run has not told yet: full name -> (fingerprint, tree, untracked).
    definitions: Mapping[str, Any] = NONE


@attrs.frozen
class RunRow:
    """A recorded run, as `alonzo log` shows it."""

    id: int
    task: str
    arguments: str
    status: RunStatus
    started: float
    finished: float | None
    counts: Mapping[str, int]
    error: str = ""
    tags: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class JobRow:
    """A recorded job. `parent` is the number of the job whose body it is part of, 0 for the root's own parts.

    `attempts` counts how often it was applied: 0 when it was recalled or shared.
    """

    number: int
    parent: int
    task: str
    status: str
    arguments: str
    upstreams: tuple[int, ...]
    started: float | None
    finished: float | None
    executor: str
    error: str
    output: str
    attempts: int = 0
    tags: Mapping[str, str] = NONE


@attrs.frozen
class TagRow:
    """A tag that a run gave: itself (no job, no value), a job, or a value (by digest; no job)."""

    run: int
    job: int
    value: bytes
    name: str
    text: str


@runtime_checkable
class Store(Protocol):
    """Memo and record. Called from several threads, never by two at once: the host holds a lock around each call.

    recall  what is recorded for each key, newest first, at most 8 normal forms and 8 reductions each; None: nothing.
            Values of at most 1 KiB come with their bytes, larger ones with `data=None`, to be loaded when they are wanted.
            A record that refers to what is not there (rule 19) is left out.
    load    the bytes of the values with these digests, None: not here, or damaged
    epochs  how often results of each (full name, fingerprint) have disagreed (rule 18)
    begin   a new run, shown as running until `finish`; answers its id (> 0)
    commit  the notes, in one transaction: whole or not at all
    beat    this run is alive; called every few seconds
    finish  the end of a run
    runs    the newest runs first; those whose process is gone are shown as lost
    jobs    the jobs of a run by number

    All raise StoreError, in one clear line, when the store cannot be read or written.
    """

    def recall(self, keys: Sequence[bytes]) -> Sequence[Records | None]: ...
    def load(self, digests: Sequence[bytes]) -> Sequence[Found | None]: ...
    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> Sequence[int]: ...
    def begin(self, start: RunStart) -> int: ...
    def commit(self, run: int, notes: Sequence[Note]) -> None: ...
    def beat(self, run: int) -> None: ...
    def finish(self, run: int, status: RunStatus, counts: Mapping[str, int], error: str = "") -> None: ...
    def runs(self, limit: int = 20) -> Sequence[RunRow]: ...
    def jobs(self, run: int) -> Sequence[JobRow]: ...
    def close(self) -> None: ...


@runtime_checkable
class Claims(Protocol):
    """A store by which runs, of any process, keep out of each other's way.

    claim    this run is at these keys; answers those that it did not get, because another living run is at them. A claim ends when
             a note of the run tells of the key, whatever became of it, when the run is finished, and when the run is not alive any
             more (its process is gone, or it has not beaten for long)
    release  this run is at these keys no more, or not for now, and has nothing to tell of them
    held     those of these keys that another living run is at; cheap, as it is asked for every key that is looked up
    """

    def claim(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]: ...
    def release(self, run: int, keys: Sequence[bytes]) -> None: ...
    def held(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]: ...


@runtime_checkable
class Tagged(Protocol):
    """A store that finds what was tagged.

    tagged  the tags of this name, with this text if one is given; newest run first, within a run: its own, jobs by number, values
    """

    def tagged(self, name: str, text: str | None = None) -> Sequence[TagRow]: ...


@runtime_checkable
class Holds(Protocol):
    """A store whose look-ups cost less when several are answered from one moment: notes wait, so that a commit follows within 50 ms."""

    def hold(self) -> None:
        """Until the next commit, look-ups may leave out what others have written since this call."""


class StoreSite(NamedTuple):
    """What a store is opened with: the URL as given, the project's directory, and whether another user's data is trusted.

    `create` False: it is only read from: one that is not there is an error, and not made.
    """

    url: str
    root: Path
    trust: bool
    create: bool = True


class StoreKind(NamedTuple):
    """A kind of store: the URL schemes it opens, and how."""

    schemes: tuple[str, ...]
    open: Callable[[StoreSite], Store]
    help: str = ""


@runtime_checkable
class KeepsBeside(Protocol):
    """A store with a place on this machine.

    beside  the directory in which what belongs to it can be kept: large values, by default
    """

    @property
    def beside(self) -> Path: ...


class ValueStoreKind(NamedTuple):
    """A kind of value store: the URL schemes it opens, and how."""

    schemes: tuple[str, ...]
    open: Callable[[StoreSite], ValueStore]
    help: str = ""


class Moment(NamedTuple):
    """Something that happened in a run.

    what     run_started, queued, started, applied, timed_out, retried, finished, recalled, shared, failed, printed, warned,
             committed, run_finished
             (applied: the function has ended; finished: the call has its value, the body that was returned being reduced;
             retried: an attempt failed, and there will be another, which is queued and started anew)
    task     the full name of the task concerned, or ""
    job      its number, 0 for the run itself
    at       seconds since the epoch
    details  by kind: finished and failed have started, finished, executor, and attempts when there were several; failed has error;
             retried has attempt (its number, from 1), outcome, error, delay (seconds); timed_out has attempt, timeout, executor;
             printed and warned have text
    """

    what: str
    run: int
    at: float
    task: str = ""
    job: int = 0
    details: Mapping[str, Any] = NONE


@runtime_checkable
class Observer(Protocol):
    """Told what happens; never asked. One that raises is named once and dropped for the run."""

    def observe(self, moment: Moment) -> None: ...
