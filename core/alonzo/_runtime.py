"""A runtime: settings, plugins, a store and executors, put together once, for any number of runs."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

import attrs

from ._applications import Host
from ._apply import LocalApplier
from ._beginning import CalmerGc, check_arguments, main_name, matcher, run_start
from ._builtins import digester
from ._catalog import Catalog
from ._codec import Codec
from ._committer import Committer
from ._driver import Drive
from ._effects import Found, Raised
from ._errors import AlonzoError, LoopError, OptionError, StoreError, error_text
from ._expressions import APPLYING, IMPORTING, Expression
from ._hidden import refuse_at_root
from ._limits import Limits
from ._loading import BytesGone
from ._machine import Machine
from ._opening import check_executors, executor_kind, open_store, open_values, values_url
from ._options import NONE
from ._plans import unknown_executor
from ._plugins import Providers, assemble, decides_values
from ._ports import Closes, Executor, ExecutorSite, Lenient, Moment, RunStart
from ._sealing import SecretKey
from ._settings import Settings, load_settings
from ._tasks import merged
from ._telling import Failure, Summary
from ._waiting import Clock
from ._within import Given, Site

if TYPE_CHECKING:
    from typing import Unpack

    from ._option_types import RunOptions

K = TypeVar("K")
T = TypeVar("T")
log = logging.getLogger("alonzo")


class AlonzoWarning(UserWarning):
    """What a run has to say that is no error: something will run more often than it need, or was not remembered."""


class Runtime:
    """A reusable context manager that runs workflows. Thread-safe: several threads may run at the same time.

    store      URL of the store, such as `sqlite:path/to.db` or `memory:`
    values     URL of the value store, where values of more than 64 KiB are kept, such as `dir:path`; `inline:`: in the store itself
    executor   name of a kind of executor or of an `[executors.NAME]` in the settings
    workers    width of every local executor
    context    entries that `get_context` looks up; merged over the settings' `[context]`
    limits     capacities of named limits, merged over the settings' `[limits]`
    options    options of tasks, by pattern of full names: `{"flow.*": {"retries": 3}}`; over whatever the program says
    tags       of every run
    cache      False: nothing is recalled; what runs is recorded all the same
    keep_going after a failure, everything that can run still does
    plugins    objects with hook implementations, besides the installed plugins; "no:NAME" leaves one out
    settings   a Settings, the path of a file, or a mapping of overrides; by default the project's file and the environment

    Raises:
        SettingsError, OptionError, PluginError, StoreError: what is asked for cannot be put together.
    """

    def __init__(
        self,
        *,
        store: str | None = None,
        values: str | None = None,
        executor: str | None = None,
        workers: int | None = None,
        context: Mapping[str, Any] | None = None,
        limits: Mapping[str, int] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        tags: Mapping[str, str] | None = None,
        cache: bool = True,
        keep_going: bool = False,
        plugins: Iterable[object] | None = None,
        settings: Settings | str | os.PathLike[str] | Mapping[str, Any] | None = None,
    ) -> None:
        refuse_nesting()
        check_arguments(
            context=context, tags=tags, cache=cache, keep_going=keep_going, plugins=plugins, settings=settings
        )
        given: dict[str, Any] = {"store": store, "values": values, "executor": executor, "workers": workers}
        given.update(limits=limits, options=options)
        self.settings = _settings(settings, {key: value for key, value in given.items() if value is not None})
        self.last = Summary()
        self._context = merged(self.settings.context, context or {})
        self._tags = dict(tags or {})
        self._cache = cache
        self._keep_going = keep_going
        self._lock = threading.Lock()
        self._drives: set[Drive] = set()
        self._running = 0
        self._stopping = False
        self._executors: dict[str, Executor] = {}
        self._local = threading.local()
        self._closed = False
        self._plugins = tuple(plugins or ())
        self.providers: Providers = assemble(self.settings, self._plugins, warn=self._warn)
        check_executors(self.settings, self.providers.executors, self._warn)
        self._main = main_name()
        self._key = SecretKey(self.settings.root)
        self._digester = digester(self.providers.encoders, self.providers.inspectors, self._main, self._warn, self._key)
        self._url = ""
        self._below: Mapping[str, Any] = NONE
        self._around: tuple[tuple[bytes, Mapping[str, Any]], ...] = ()
        self._committer = Committer(self._open_store())
        self._catalog = Catalog(self._digester, self.settings, self._main, self._committer.epochs, self._warn)
        self._values_url = values_url(self.settings, self._committer.store)
        self._values = open_values(self._values_url, self.settings, self.providers)
        self._codec = Codec(
            self.providers.serializers,
            self._catalog.resolve,
            self._main,
            self._catalog.identify,
            self._key,
            values=self._values,
            made=self._catalog.made,
        )
        applier_kind: Any = LocalApplier
        if self.settings.check_pure:
            from ._pure import watching  # paid by who asks for it

            applier_kind = watching(self.settings)
        self._applier: LocalApplier = applier_kind(self._digester, self._codec, self.providers.inspectors)
        self._applier.ways = self.settings.ways
        self._applier.tree_of = self._catalog.tree
        inspectors = self.providers.inspectors.values()
        self._lenient = frozenset(i.kind for i in inspectors if isinstance(i, Lenient) and i.absent_is_valid)
        self._observers = list(self.providers.observers)
        self._default = self._default_executor()
        self._limits = Limits(self.settings.limits)
        self._clock = Clock()

    # -- running -----------------------------------------------------------------------------------

    @overload
    def run(self, expression: Expression[T], **options: Unpack[RunOptions]) -> T: ...
    @overload
    def run(self, expression: list[Expression[T]], **options: Unpack[RunOptions]) -> list[T]: ...
    @overload
    def run(self, expression: dict[K, Expression[T]], **options: Unpack[RunOptions]) -> dict[K, T]: ...
    @overload
    def run(self, expression: T, **options: Unpack[RunOptions]) -> T: ...
    def run(
        self,
        expression: Any,
        *,
        force: Sequence[str] = (),
        dry_run: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """Reduce an expression, or a container of expressions, and return its value.

        force    patterns of full names: these tasks run again though their results are recorded
        dry_run  apply nothing; `last.would_run` lists what would have run first, and the value is None

        Raises:
            the failed task's own exception, with the chain of calls as notes; all failures are in `last.failures`
            StoreError: results could not be kept
            AlonzoError: misuse, such as `run` inside a task
            KeyboardInterrupt: `stop` was called
        """
        return self._entered(expression, _Halt(), force, dry_run, tags)

    def _entered(
        self, expression: T, halt: _Halt, force: Sequence[str], dry_run: bool, tags: Mapping[str, str] | None
    ) -> T:
        refuse_nesting()
        check_arguments(force=force, dry_run=dry_run, tags=tags)
        refuse_at_root(expression)
        if self._closed:
            raise AlonzoError("this runtime is closed")
        summary = Summary()
        with self._lock:
            if not self._running:
                self._catalog.refresh()
                self._stopping = False
            self._running += 1
        try:
            start = run_start(expression, {**self._tags, **(tags or {})})
            with CalmerGc():
                value: T = self._run(expression, start, summary, halt, force=tuple(force), dry_run=dry_run)
                return value
        finally:
            with self._lock:
                self._running -= 1

    @overload
    async def arun(self, expression: Expression[T], **options: Unpack[RunOptions]) -> T: ...
    @overload
    async def arun(self, expression: list[Expression[T]], **options: Unpack[RunOptions]) -> list[T]: ...
    @overload
    async def arun(self, expression: dict[K, Expression[T]], **options: Unpack[RunOptions]) -> dict[K, T]: ...
    @overload
    async def arun(self, expression: T, **options: Unpack[RunOptions]) -> T: ...
    async def arun(
        self,
        expression: Any,
        *,
        force: Sequence[str] = (),
        dry_run: bool = False,
        tags: Mapping[str, str] | None = None,
    ) -> Any:
        """As `run`, in any event loop; the loop goes on meanwhile. Cancelled, it stops this run as `stop` stops all."""
        import asyncio

        halt = _Halt()
        try:
            return await asyncio.to_thread(self._entered, expression, halt, force, dry_run, tags)
        except asyncio.CancelledError:
            halt.ask()
            raise

    def stop(self) -> None:
        """Nothing new starts, what is under way finishes and is kept; each run then raises KeyboardInterrupt. From any thread."""
        self._stopping = self._running > 0
        for drive in list(self._drives):
            drive.stop()

    @property
    def store(self) -> Any:
        """The opened store, for reading the record: `store.runs()`, `store.jobs(run)`."""
        return self._committer.store

    def close(self) -> None:
        """End executors, write what is pending, close the store. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for drive in list(self._drives):
            drive.abort()
        for executor in self._executors.values():
            executor.close()
        for inspector in self.providers.inspectors.values():
            if isinstance(inspector, Closes):
                inspector.close()
        self._committer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    # -- one run -----------------------------------------------------------------------------------

    def _run(
        self,
        expression: Any,
        start: RunStart,
        summary: Summary,
        halt: _Halt,
        *,
        force: tuple[str, ...],
        dry_run: bool,
    ) -> Any:
        summary.id = run = 0 if dry_run else self._committer.begin(start)
        self._tell(Moment("run_started", run, start.started, start.task))
        gone: frozenset[Any] = frozenset()
        status, error, value = "failed", "", None
        drive = None
        try:
            while True:
                machine = Machine(
                    expression,
                    self._digester,
                    context=self._context,
                    recall=self._cache,
                    forced=matcher(force),
                    gone=gone,
                    lenient=self._lenient,
                    below=self._below,
                )
                drive = Drive(self._host(), machine, run, summary, dry_run=dry_run)
                with self._lock:
                    self._drives.add(drive)
                halt.drive = drive
                if self._stopping or halt.is_asked:  # it was asked for before this drive could hear it
                    drive.stop()
                try:
                    self._local.drive = drive
                    drive.reduce()
                    self._rests_on(machine)
                    outcome = machine.outcome
                    value = drive.value(outcome) if type(outcome) is Found else None
                    break
                except BytesGone as problem:
                    if problem.things <= gone:  # computed again, and again not to be had
                        raise StoreError(f"{problem}, also after they were computed again") from problem
                    gone |= problem.things
                    if problem.damaged:
                        drive.warn(f"{problem}: what they were the results of is computed again")
                finally:
                    self._local.drive = None
                    with self._lock:
                        self._drives.discard(drive)
            failure = _failure(outcome, machine.doomed, summary, stopped=drive.stopping)
            status = "done" if failure is None else "interrupted" if drive.stopping else "failed"
            error = "" if failure is None else error_text(failure)
        except BaseException as problem:
            status = "interrupted" if isinstance(problem, KeyboardInterrupt) else "failed"
            error = error_text(problem)
            raise
        finally:
            self.last = summary
            self._finish(run, status, summary, error)
        self._say(summary.warnings)
        if failure is not None:
            raise failure
        return value

    def _say(self, texts: Sequence[str]) -> None:
        """The run's warnings, at its end."""
        for text in texts:
            warnings.warn_explicit(text, AlonzoWarning, *_place(text))

    def _rests_on(self, machine: Machine) -> None:
        """For sub-runs, which tell the run around them what theirs rests on."""

    def _site(self, inside: Any, key: bytes, quoted: Any) -> Site:
        """What the sub-run of this key and scope is given; its store has to be another process's way to what is recorded here.

        Raises:
            LoopError: it is within itself.
        """
        entries = self._context if inside is None else inside.entries
        here = (key, entries)
        if here in self._around:
            raise LoopError("a sub-run demands its own result")
        settings = attrs.evolve(self.settings, store=self._url, values=self._values_url, executor=None)
        quoted = self._applier.decode(quoted) if type(quoted) is Found else quoted
        below = NONE if inside is None else inside.below
        known = self._catalog.known(quoted.expression)
        plugins = tuple(Given(plugin) for plugin in self._plugins if decides_values(plugin))
        return Site(settings, entries, below, self._cache, (*self._around, here), known, plugins)

    def _finish(self, run: int, status: Any, summary: Summary, error: str) -> None:
        counts = {name: sum(getattr(summary, name).values()) for name in ("ran", "recalled", "shared", "failed")}
        lost = self._committer.finish(run, status, counts, error) if run else 0
        self._tell(Moment("run_finished", run, time.time(), details={"status": status, "counts": counts}))
        if self._committer.error is not None:
            problem = self._committer.error
            raise StoreError(f"{lost} results of this run were not kept: {problem}") from problem

    def _host(self) -> Host:
        asynchronous = "asyncio" if "asyncio" in self.providers.executors else "inprocess"
        return Host(
            self._catalog,
            self._committer,
            self._applier,
            self._executor,
            self._default,
            asynchronous,
            self._tell if self._observers else None,
            self._keep_going,
            self._limits,
            self._clock,
            self._site,
        )

    # -- providers ---------------------------------------------------------------------------------

    def _executor(self, name: str) -> Executor:
        with self._lock:
            known = self._executors.get(name)
            if known is None:
                known = self._executors[name] = self._open_executor(name)
            return known

    def _open_executor(self, name: str) -> Executor:
        kind, options = executor_kind(name, self.settings, self.providers.executors)
        site = ExecutorSite(name, options, self.settings.workers, self._applier, self._wiring(), self.settings.root)
        return kind.open(site)

    def _wiring(self) -> Mapping[str, Any]:
        """What a worker process needs to digest, encode and fingerprint as this process does; it pickles."""
        return {
            "encoders": self.providers.encoders,
            "inspectors": dict(self.providers.inspectors),
            "serializers": self.providers.serializers,
            "main": self._main,
            "key": self._key,
            "values": self._values,
            **self.settings.for_workers,
        }

    def _default_executor(self) -> str:
        known = {**self.providers.executors, **self.settings.executors}
        chosen = self.settings.executor
        if chosen is not None and chosen not in known:
            raise OptionError(f"{self.settings.set_by('executor')}: {unknown_executor(chosen, list(known))}")
        return chosen or ("threads" if "threads" in known else "inprocess")

    def _open_store(self) -> Any:
        store, self._url = open_store(self.settings, self.providers)
        return store

    # -- telling -----------------------------------------------------------------------------------

    def _tell(self, moment: Moment) -> None:
        for named in list(self._observers):
            try:
                named[1].observe(moment)
            except Exception as error:
                self._observers.remove(named)
                log.warning("the observer of plugin %s failed and is not told any more: %r", named[0], error)

    def _warn(self, text: str) -> None:
        drive = getattr(self._local, "drive", None)
        if drive is not None:
            drive.warn(text)
        else:
            warnings.warn(text, AlonzoWarning, stacklevel=3)


def refuse_nesting() -> None:
    """
    Raises:
        AlonzoError: a task is being applied here, or a module imported for one.
    """
    if APPLYING.get() is not None:
        raise AlonzoError("run() was called inside a task: return the expression, or await it in an `async def` task")
    if IMPORTING.get():
        raise AlonzoError(
            f"run() was called while a worker process imports {IMPORTING.get()}: put what the program does below "
            "`if __name__ == '__main__':`, or into another module than its tasks"
        )


def _failure(outcome: Any, doomed: Raised | None, summary: Summary, *, stopped: bool) -> BaseException | None:
    """The exception that the run ends with."""
    if type(outcome) is Found or summary.would_run:
        return None
    reason = outcome if type(outcome) is Raised else doomed
    if reason is None:
        if stopped:
            return KeyboardInterrupt("the run was stopped; the same call goes on where it was")
        return StoreError(
            "the store could not be written for a while, and the run was stopped; the same call goes on where it was"
        )
    error = reason.error
    failure: Failure | None = next((known for known in summary.failures if known.error is error), None)
    if failure is not None:
        for name, arguments in failure.chain:
            # An exception may be frozen, or refuse notes otherwise: it is raised all the same.
            with contextlib.suppress(Exception):
                error.add_note(f"in task {name}({arguments})")
    return error


def _settings(given: Any, overrides: Mapping[str, Any]) -> Settings:
    if isinstance(given, Settings):
        return given.changed(overrides) if overrides else given
    if isinstance(given, str | os.PathLike):
        return load_settings(file=Path(given), overrides=overrides)
    return load_settings(overrides=[dict(given), dict(overrides)] if given else overrides)


def _place(text: str) -> tuple[str, int]:
    """A warning's own file and line where it begins with them."""
    name, _, rest = text.partition(":")
    line = rest.partition(":")[0]
    return (name, int(line)) if line.isdigit() else ("alonzo", 0)


class _Halt:
    """By which one run is stopped, also before it has begun."""

    def __init__(self) -> None:
        self.is_asked = False
        self.drive: Drive | None = None

    def ask(self) -> None:
        self.is_asked = True
        if self.drive is not None:
            self.drive.stop()
