"""A world for tests of recall: an external type in memory, a store that counts and forgets, and one call that runs an expression.

    with Bench() as bench:
        bench.places["in"] = 1            # what the external value Cup("in") holds now; missing while it is not there
        done = bench.run(main())          # done.value or done.error; done.ran, done.recalled, done.shared by name; done.keys asked
        bench.each().run(main())          # the same memory and world, copied, with check="each" on every task
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from alonzo import Runtime, Task, task
from alonzo._memory_store import MemoryStore, _Kept, _Shelves
from alonzo.plugin import Note, Remember, StoreKind, hookimpl

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
    """Counts the places it is asked for in `looked`; calls `before` first, so that a test may change the world meanwhile."""

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
                records = attrs.evolve(records, normals=normals, reductions=() if forgets("reduction", key) else records.reductions)
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
        mine, theirs = self._shelves, other._shelves
        mine.memo = {key: _Kept(dict(kept.reductions), dict(kept.normals)) for key, kept in theirs.memo.items()}
        mine.values = dict(theirs.values)
        mine.epochs = dict(theirs.epochs)

    @property
    def memo(self) -> dict[bytes, _Kept]:
        return self._shelves.memo


class _Plugin:
    def __init__(self, probe: Probe, inspector: CupInspector) -> None:
        self._probe = probe
        self._inspector = inspector

    @hookimpl
    def alonzo_inspectors(self) -> list[Any]:
        return [self._inspector]

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

    def __init__(self, *, context: Mapping[str, Any] | None = None, each: bool = False, **options: Any) -> None:
        self.probe = Probe()
        self.inspector = CupInspector()
        self.places = PLACES
        self.places.clear()
        self._each = each
        self._options = options
        self._runtime: Runtime | None = None
        self._context = dict(context or {})

    def __enter__(self) -> Bench:
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
            settings = {"tasks": {"*": {"check": "each"}}} if self._each else {}
            self._runtime = Runtime(
                store="probe:",
                executor="inprocess",
                context=self._context,
                plugins=[_Plugin(self.probe, self.inspector)],
                settings=settings,
                keep_going=True,  # how far a failed run came is no matter of recall
                **self._options,
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
    """A task of this function, found under its own name in the module `flow`; another version is an edit of it."""
    import flow  # a module that is filled by `define`

    made = task(name=func.__name__, namespace="flow", version=version, **options)(func)
    setattr(flow, func.__name__, made)
    return made
