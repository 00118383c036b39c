"""Sub-runs: a whole sub-workflow is reduced where an executor applies it, by a runtime of its own.

To the run around it a sub-run is one call, of the task `alonzo._subrun.reduced` on the quoted expression: it has a key, is shared and
recalled like any other. With its value comes back what the value rests on, which becomes the call's footprint, and the notes of all that
was done, which go into the store as parts of that call. What earlier runs have recorded is recalled inside too, part by part, where
the store can be opened from there.
"""

from __future__ import annotations

import contextvars
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ._api import task
from ._apply import CAPTURE
from ._effects import ABSENT, Found, Raised, Records
from ._errors import AlonzoError, RemoteError
from ._language import quote
from ._machine import Machine
from ._memory_store import open_memory_store
from ._ports import JobRow, Note, RunRow, RunStart, RunStatus, Store, StoreSite
from ._runtime import Runtime
from ._traces import EMPTY, Footprint
from ._within import Reduced, Site


def subrun(expression: Any, **options: Any) -> Any:
    """The value of `expression`, reduced as a whole by a runtime of its own: `subrun(analyse(x), executor="processes")`.

    For a part of a workflow that is best coordinated somewhere else: in another process, on another machine. Its tasks run there, in
    threads unless they name an executor; its jobs belong to this run; its result is recalled like that of a call, and rests on all that is
    below it. Options are those of a call (`executor`, `timeout`, `retries`, `limits`, ...) and hold for the sub-run as a whole.

    Raises:
        OptionError: an option is unknown or of the wrong type.
    """
    return reduced.options(**options)(quote(expression))


@task(version="1", ignore=("site",))
def reduced(quoted: Any, site: Any = None) -> Any:
    """Reduce a quoted expression here; the run around it says with what."""
    if type(site) is not Site:
        raise AlonzoError("a sub-run is applied by a run: write subrun(expression)")
    # In a context of its own: `run` inside a task is refused, and this is the one place where it is meant.
    answer = contextvars.Context().run(_reduced, quoted.expression, site)
    application = CAPTURE.get()
    if application is not None:
        application.undone += answer.undone
    return answer


reduced.is_open = True


def _reduced(expression: Any, site: Site) -> Reduced:
    with _Inner(site) as runtime:
        try:
            outcome: Any = runtime.run(expression)
        except Exception as error:
            outcome = Raised(error)
        return Reduced(outcome, runtime.below, tuple(runtime.told), tuple(runtime.warned), tuple(runtime.undone))


class _Inner(Runtime):
    """The runtime of a sub-run."""

    def __init__(self, site: Site) -> None:
        self.told: list[Note] = []
        self.warned: list[str] = []
        self.undone: list[tuple[str, str]] = []
        self.below: Footprint = EMPTY
        plugins = [given.plugin for given in site.plugins]
        super().__init__(settings=site.settings, context=site.context, cache=site.cache, plugins=plugins)
        self._catalog.given = site.known
        self._below = site.below
        self._around = site.around

    def _open_store(self) -> Store:
        outer: Store | None
        try:
            outer = super()._open_store()
        except AlonzoError:
            outer = None  # it is on another machine, say
        return _Collecting(outer, self.told, StoreSite("memory:", self.settings.root, trust=False))

    def _rests_on(self, machine: Machine) -> None:
        self.below = machine.footprint
        self.undone.extend(machine.told_undone)

    def _say(self, texts: Sequence[str]) -> None:
        self.warned.extend(texts)


class _Collecting:
    """The port `Store`: what is told is collected for the run around; what that run's store has recorded is recalled."""

    def __init__(self, outer: Store | None, told: list[Note], site: StoreSite) -> None:
        self._outer = outer
        self._own = open_memory_store(site)
        self._told = told

    def recall(self, keys: Sequence[bytes]) -> Sequence[Records | None]:
        return self._outer.recall(keys) if self._outer is not None else [None] * len(keys)

    def load(self, digests: Sequence[bytes]) -> Sequence[Found | None]:
        own = self._own.load(digests)
        missing = [digest for digest, found in zip(digests, own, strict=True) if found is None]
        if not missing or self._outer is None:
            return own
        there = dict(zip(missing, self._outer.load(missing), strict=True))
        return [found or there[digest] for digest, found in zip(digests, own, strict=True)]

    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        return self._outer.epochs(tasks) if self._outer is not None else [0] * len(tasks)

    def begin(self, start: RunStart) -> int:
        return self._own.begin(start)

    def commit(self, run: int, notes: Sequence[Note]) -> None:
        self._own.commit(run, notes)
        self._told.extend([_travelling(note) for note in notes])

    def beat(self, run: int) -> None:
        """The run around it beats."""

    def finish(self, run: int, status: RunStatus, counts: Mapping[str, int], error: str = "") -> None:
        self._own.finish(run, status, counts, error)

    def runs(self, limit: int = 20) -> Sequence[RunRow]:
        return self._own.runs(limit)

    def jobs(self, run: int) -> Sequence[JobRow]:
        return self._own.jobs(run)

    def close(self) -> None:
        self._own.close()
        if self._outer is not None:
            self._outer.close()


def _travelling(note: Note) -> Note:
    """The note without what can be used only here: objects, and exceptions that cannot be pickled."""
    told = note.remember
    job = told.job
    if job is not None:
        error = None if job.error is None else _plain(job.error)
        job = attrs.evolve(job, error=error, tags=dict(job.tags))
    tagged = None if told.tagged is None else (told.tagged[0], dict(told.tagged[1]))
    remember = attrs.evolve(
        told, job=job, reduction=_bytes_only(told.reduction), normal=_bytes_only(told.normal), tagged=tagged
    )
    return attrs.evolve(note, remember=remember, definitions=dict(note.definitions))


def _bytes_only(found: Found | None) -> Found | None:
    return None if found is None else attrs.evolve(found, value=ABSENT)


def _plain(error: BaseException) -> BaseException:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever its author's own way of being pickled raises
        return RemoteError.standing_for(error)
    return error
