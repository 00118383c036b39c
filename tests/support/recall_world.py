"""A world for tests of recall: an external type in memory, a store that counts and forgets, and one call that runs an expression.

with Bench() as bench:
    bench.places["in"] = 1            # what the external value Cup("in") holds now; missing while it is not there
    done = bench.run(main())          # done.value or done.error; done.ran, done.recalled, done.shared by name; done.keys asked
"""

from __future__ import annotations

import sys
import types
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import attrs

from alonzo import Runtime, Task, WorkerLostError, task
from alonzo._builtins import InProcess, InProcessOptions
from alonzo._memory_store import MemoryStore, _Kept, _Shelves
from alonzo.plugin import ExecutorKind, Lost, Note, Remember, Report, StoreKind, hookimpl

flow = sys.modules.setdefault("recall_flow", types.ModuleType("recall_flow"))
"""The module whose tasks are under test; `define` fills it."""

PLACES: dict[str, Any] = {}
"""What is at each place, for the bench that is in use."""


class Cup:
    """An external value: what is in it lives in `PLACES`, under its name, and may change at any time."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def content(self) -> Any:
        return PLACES[self.name]

    def get(self, default: Any = None) -> Any:
        return PLACES.get(self.name, default)

    def fill(self, content: Any) -> Cup:
        PLACES[self.name] = content
        return self

    def __truediv__(self, name: str) -> Cup:
        return Cup(f"{self.name}/{name}")

    def __eq__(self, other: object) -> bool:
        return type(other) is Cup and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Cup({self.name!r})"


class CupInspector:
    """Counts the places it is asked for in `looked`."""

    kind = "cup"
    kinds = (Cup,)

    def __init__(self) -> None:
        self.looked: Counter[str] = Counter()

    def place(self, value: Cup) -> str:
        return value.name

    def inspect(self, places: Sequence[str]) -> list[bytes | None]:
        self.looked.update(places)
        return [repr(PLACES[place]).encode() if place in PLACES else None for place in places]


class Probe(MemoryStore):
    """A memory store that counts the keys it is asked for, and has forgotten what `forgets` says (of "normal", "reduction", key)."""

    def __init__(self) -> None:
        super().__init__(_Shelves())
        self.asked: list[bytes] = []
        self.noted: list[Remember] = []
        self.forgets: Callable[[str, bytes], bool] | None = None

    def recall(self, keys: Sequence[bytes]) -> Sequence[Any]:
        self.asked += keys
        found = super().recall(keys)
        forgets = self.forgets
        if forgets is None:
            return found
        out = []
        for key, records in zip(keys, found, strict=True):
            if records is not None:
                normals = () if forgets("normal", key) else records.normals
                records = attrs.evolve(
                    records, normals=normals, reductions=() if forgets("reduction", key) else records.reductions
                )
            out.append(records)
        return out

    def commit(self, run: int, notes: Sequence[Note]) -> None:
        self.noted += [note.remember for note in notes]
        super().commit(run, notes)

    def clear(self) -> None:
        """A new store."""
        self._shelves.__init__()  # type: ignore[misc]
        self.noted.clear()

    def take(self, other: Probe) -> None:
        """Forget everything, and know what the other store knows."""
        self.noted.clear()
        mine, theirs = self._shelves, other._shelves
        mine.memo = {key: _Kept(dict(kept.reductions), dict(kept.normals)) for key, kept in theirs.memo.items()}
        mine.values = dict(theirs.values)
        mine.epochs = dict(theirs.epochs)

    @property
    def memo(self) -> dict[bytes, _Kept]:
        return self._shelves.memo


class Losing(InProcess):
    """The in-process executor, which loses the tasks named in `LOST`: their worker dies."""

    def submit(self, jobs: Sequence[tuple[Any, Any]], post: Any) -> None:
        for ticket, job in jobs:
            if job.task is not None and job.task.name in LOST:
                post(ticket, Lost(WorkerLostError(f"the worker of {job.task.name} died")), Report(0.0, 0.0))
            else:
                super().submit([(ticket, job)], post)


LOST: set[str] = set()


class _Plugin:
    def __init__(self, probe: Probe, inspector: CupInspector) -> None:
        self._probe = probe
        self._inspector = inspector

    @hookimpl
    def alonzo_inspectors(self) -> list[Any]:
        return [self._inspector]

    @hookimpl
    def alonzo_executors(self) -> list[ExecutorKind]:
        return [ExecutorKind("losing", InProcessOptions, Losing)]

    @hookimpl
    def alonzo_stores(self) -> list[StoreKind]:
        return [StoreKind(("probe",), lambda site: self._probe)]


@attrs.frozen
class Done:
    """What a run came to, and what it did: names of tasks without their namespace."""

    value: Any
    error: BaseException | None
    ran: Counter[str]
    recalled: Counter[str]
    shared: Counter[str]
    failed: Counter[str]
    keys: int
    warnings: list[str]


class Bench:
    """Runtimes over one probe store, in process. `each`: every task has check="each"."""

    def __init__(
        self,
        *,
        context: Mapping[str, Any] | None = None,
        each: bool = False,
        probe: Probe | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.probe = probe or Probe()
        self.settings = dict(settings or {})
        self.inspector = CupInspector()
        self.places = PLACES
        PLACES.clear()
        self._each = each
        self._runtime: Runtime | None = None
        self._context = dict(context or {})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.fresh()

    @property
    def context(self) -> dict[str, Any]:
        return self._context

    @context.setter
    def context(self, context: dict[str, Any]) -> None:
        self.fresh()
        self._context = context

    def fresh(self) -> None:
        """The next run has a new runtime, which has met no task yet."""
        if self._runtime is not None:
            self._runtime.close()
        self._runtime = None

    @property
    def runtime(self) -> Runtime:
        if self._runtime is None:
            settings = {"tasks": {"*": {"check": "each"}}} if self._each else self.settings
            self._runtime = Runtime(
                store="probe:",
                executor="losing",
                context=self._context,
                plugins=[_Plugin(self.probe, self.inspector)],
                settings=settings,
                keep_going=True,  # how far a failed run came is no matter of recall
            )
        return self._runtime

    def run(self, expression: Any, *, force: Sequence[str] = ()) -> Done:
        runtime, before = self.runtime, len(self.probe.asked)
        value, error = None, None
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            try:
                value = runtime.run(expression, force=force)
            except (Exception, KeyboardInterrupt) as problem:
                error = problem
        last = runtime.last
        names = [Counter(_short(getattr(last, what))) for what in ("ran", "recalled", "shared", "failed")]
        return Done(value, error, *names, len(self.probe.asked) - before, list(last.warnings))


def _short(counts: Mapping[str, int]) -> dict[str, int]:
    return {name.rpartition(".")[2]: count for name, count in counts.items()}


def define(func: Callable[..., Any], version: str = "1", **options: Any) -> Task[..., Any]:
    """A task of this function, under its own name in the module `recall_flow`; with another version, an edit of it."""
    made = task(name=func.__name__, namespace="recall_flow", version=version, **options)(func)
    setattr(flow, func.__name__, made)
    return made
