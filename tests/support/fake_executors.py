"""Executors of tests, and a clock whose time passes only when nothing else can happen.

faulty = Faulty()                                applies where it is submitted; posts scripted faults instead
faulty.faults[task.full_name] = [error, None]    the first application is lost to `error`, the second one is applied
shuffled = Shuffled(Random(1), width=4)          a thread ends open jobs in any order; calls `begun` and `ended`
with runtime(faulty, clock=FakeClock()) as r: ...
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import attrs

from alonzo import Runtime
from alonzo._effects import Apply, Lost
from alonzo._waiting import Clock
from alonzo.plugin import ENDED, ExecutorKind, Report, hookimpl


class FakeClock(Clock):
    """Waiting for a message that is not there takes no time, and the time is then what was waited for."""

    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    def wait(self, inbox: queue.SimpleQueue[Any], seconds: float) -> Any:
        try:
            return inbox.get_nowait()
        except queue.Empty:
            self.waits.append(round(seconds, 9))
            self.time += max(0.0, seconds)
            return None


@attrs.define
class NoOptions:
    pass


class Faulty:
    """Applies each job in `submit`, but for those whose fault is scripted: an exception is posted as Lost.

    sticks      the code of a job with a fault "could not be stopped": `end()` posts ENDED for the first of those
    ends_after  as many seconds after it has been posted, that happens by itself
    """

    width = 1

    def __init__(self, *honours: str) -> None:
        self.honours = frozenset(honours)
        self.faults: dict[str, list[BaseException | None]] = {}
        self.jobs: list[tuple[str, float | None, dict[str, Any]]] = []
        self.stuck: list[tuple[Any, Any]] = []
        self.sticks = False
        self.ends_after: float | None = None

    def open(self, site: Any) -> Faulty:
        self.applier = site.applier
        return self

    def submit(self, jobs: Sequence[tuple[Any, Apply]], post: Any) -> None:
        for ticket, job in jobs:
            name = job.task.full_name
            self.jobs.append((name, job.timeout, dict(job.resources)))
            faults = self.faults.get(name)
            fault = faults.pop(0) if faults else None
            if fault is None:
                post(ticket, *self.applier.apply(job))
                continue
            if self.sticks:
                self.stuck.append((ticket, post))
            post(ticket, Lost(fault), Report(0.0, 0.0, "w", goes_on=self.sticks))
            if self.ends_after is not None:
                threading.Timer(self.ends_after, self.end).start()

    def end(self) -> None:
        ticket, post = self.stuck.pop(0)
        post(ticket, ENDED, Report(0.0, 0.0))

    def resume(self, ticket: Any, number: int, outcome: Any) -> None:
        pass

    def close(self) -> None:
        pass


class Shuffled:
    """One thread ends the open jobs in an order by chance. `begun` and `ended` are told of each job, under one lock."""

    def __init__(self, chance: Random, *, width: int = 4) -> None:
        self.width = width
        self.begun: Callable[[Apply], None] = lambda job: None
        self.ended: Callable[[Apply], None] = lambda job: None
        self.failures: list[BaseException] = []
        self._chance = chance
        self._lock = threading.Condition()
        self._open: list[tuple[Any, Apply, Any]] = []
        self._closed = False

    def open(self, site: Any) -> Shuffled:
        self.applier = site.applier
        threading.Thread(target=self._work, daemon=True).start()
        return self

    def submit(self, jobs: Sequence[tuple[Any, Apply]], post: Any) -> None:
        with self._lock:
            for ticket, job in jobs:
                self._open.append((ticket, job, post))
                self._told(self.begun, job)
            self._lock.notify()

    def resume(self, ticket: Any, number: int, outcome: Any) -> None:
        pass

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._lock.notify()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._open or self._closed)
                if self._closed:
                    return
                ticket, job, post = self._open.pop(self._chance.randrange(len(self._open)))
                now = time.time()
                try:
                    answer, report = self.applier.apply(job)
                except BaseException as error:
                    answer, report = Lost(error), Report(now, now)
                self._told(self.ended, job)
            post(ticket, answer, report)

    def _told(self, hear: Callable[[Apply], None], job: Apply) -> None:
        try:
            hear(job)
        except AssertionError as error:
            self.failures.append(error)


class Plugin:
    """Supplies an executor under a name, and observes."""

    def __init__(self, executor: Any, name: str) -> None:
        self.executor, self.name = executor, name
        self.moments: list[Any] = []

    @hookimpl
    def alonzo_executors(self):
        return [ExecutorKind(self.name, NoOptions, self.executor.open)]

    @hookimpl
    def alonzo_observers(self):
        return [self]

    def observe(self, moment: Any) -> None:
        self.moments.append(moment)

    def told(self, what: str) -> list[Any]:
        return [moment for moment in self.moments if moment.what == what]


def runtime(
    executor: Any, *, clock: Clock | None = None, name: str = "fake", plugins: Sequence[Any] = (), **options: Any
):
    """A runtime that applies everything on this executor, and its plugin as `.plugin`."""
    plugin = Plugin(executor, name)
    made = Runtime(**{"store": "memory:", "executor": name, "plugins": [plugin, *plugins], **options})
    made.plugin = plugin
    if clock is not None:
        made._clock = clock
    return made
