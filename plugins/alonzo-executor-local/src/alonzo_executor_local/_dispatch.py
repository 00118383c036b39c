"""Which worker is given which jobs, and when. It starts nothing and sends nothing; threads of the workers ask it.

Laws: a job is in the backlog, or under way at one place, or given up for an answer; it moves under `_lock` alone. A place that has
jobs is not given more while another one has none. When a worker dies, the job that it had begun is lost, the others that were under
way there go back to the front of the backlog. When it is killed because a job's time is over, that one is lost, whatever it began since.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterable, Sequence
from typing import Literal

from alonzo.plugin import Found, Post, Ticket
from alonzo.worker import STORED

from ._backlog import Backlog, Job

_UNLUCKY = 3  # workers that may die under a job before they began one: then it is lost
_TRIES = 3  # starts that may fail, one after another, before no more are tried at that place
_HOMES = 1024  # large values of which it is known where they were made
START: Literal["start"] = "start"
Order = list[Job] | Literal["start"]


class Place:
    """Where one worker process at a time lives. The dispatch alone changes it."""

    def __init__(self, lock: threading.Lock) -> None:
        self.called = threading.Condition(lock)
        self.state: Literal["empty", "starting", "ready"] = "empty"
        self.under_way: dict[int, Job] = {}
        # A worker could not be started here; it is not tried again while there are others.
        self.broken = False
        # The worker is being killed, because the time of a job of its is over.
        self.killed = False


class Dispatch:
    """Jobs, and the places of up to `width` workers. Thread-safe."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.closed = False
        self.places: list[Place] = []
        self._lock = threading.Lock()
        self._backlog = Backlog()
        self._serials = itertools.count(1)
        self._failed_starts = 0
        self._homes: dict[bytes, Place] = {}  # by token, the oldest first

    def add(self, jobs: Iterable[Job]) -> list[Place]:
        """New jobs. The places that were opened for them are returned: each needs a thread that calls `next`."""
        with self._lock:
            if self.closed:
                return []
            new = list(map(self._numbered, jobs))
            if self._homes:
                for job in new:
                    job.home = self._home(job)
            self._backlog.add(new)
            missing = min(self._call_for(), self.width - len(self.places))
            opened = [Place(self._lock) for _ in range(missing)]
            self.places.extend(opened)
            return opened

    def withdraw(self, post: Post) -> list[Ticket]:
        """Take back the jobs of this post that were sent to no worker."""
        with self._lock:
            return self._backlog.withdraw(post)

    def next(self, place: Place) -> Order | None:
        """Wait for what is to be done here: START a worker, send it jobs, or None: the end."""
        with self._lock:
            while not self.closed:
                order = self._decide(place)
                if order:
                    return order
                place.called.wait()
            return None

    def take(self, place: Place) -> Order:
        """What is to be done here now, perhaps nothing."""
        with self._lock:
            return self._decide(place)

    def ready(self, place: Place) -> None:
        """The worker started here is ready for jobs."""
        with self._lock:
            place.state = "ready"
            self._failed_starts = 0
            place.called.notify()

    def answered(
        self, place: Place, times: Iterable[tuple[int, float | None]], made: Sequence[bytes] = ()
    ) -> list[Job]:
        """The jobs with these serial numbers are done here, in so many seconds each (None: no measure of their task).

        made  the tokens of large values that the worker here has in memory now
        """
        with self._lock:
            for token in made:
                self._homes.pop(token, None)
                self._homes[token] = place
                if len(self._homes) > _HOMES:
                    del self._homes[next(iter(self._homes))]
            jobs = []
            for serial, seconds in times:
                job = place.under_way.pop(serial)
                jobs.append(job)
                if seconds is not None:
                    self._backlog.note(job.name, seconds)
            if self._backlog:
                place.called.notify()
            return jobs

    def withdrawn(self, place: Place, job: Job) -> bool:
        """This job is not sent here after all. False: it is not under way here any more, for the worker died."""
        with self._lock:
            return place.under_way.pop(job.serial, None) is not None

    def again(self, jobs: Sequence[Job]) -> None:
        """These are to be done after all."""
        with self._lock:
            if not self.closed:
                self._backlog.put_back(list(map(self._numbered, jobs)))
                self._call_for()

    def overdue(self, place: Place, begun: int, seconds: float) -> float | None:
        """The worker here began this job so many seconds ago: in how many must somebody look again?

        0: its time is over, and the worker is to be killed. None: nothing that is under way here has a timeout.
        """
        with self._lock:
            left = [
                job.apply.timeout - (seconds if serial == begun else 0.0)
                for serial, job in place.under_way.items()
                if job.apply.timeout is not None
            ]
            job = place.under_way.get(begun)
            if job is None or job.apply.timeout is None or seconds < job.apply.timeout:
                return min(left, default=None)
            place.killed = job.is_late = True
            return 0.0

    def ended(self, place: Place, begun: int) -> tuple[list[Job], list[Job]]:
        """The worker here has ended, or could not be started; `begun` is the number of the job that it began last.

        Returns the jobs that are lost with it, and those that nobody will do because no worker can be started.
        """
        with self._lock:
            jobs, place.under_way = list(place.under_way.values()), {}
            state, place.state = place.state, "empty"
            killed, place.killed = place.killed, False
            if self.closed:
                return [], []
            lost = [job for job in jobs if job.is_late] if killed else _lost(jobs, begun)
            self._backlog.put_back([job for job in jobs if job not in lost])
            hopeless: list[Job] = []
            if state == "starting":
                self._failed_starts += 1
                place.broken = self._failed_starts >= _TRIES
                hopeless = self._given_up()
            self._call_for()
            return lost, hopeless

    def close(self) -> None:
        """Forget all jobs; every place is told the end."""
        with self._lock:
            self.closed = True
            self._backlog.clear()
            for place in self.places:
                place.called.notify_all()

    def _numbered(self, job: Job) -> Job:
        # Anew each time: a worker that began the job under its old number has answered that.
        job.serial = next(self._serials)
        job.is_late = False
        return job

    def _decide(self, place: Place) -> Order:
        waiting = len(self._backlog)
        if not waiting or place.state == "starting":
            return []
        if place.state == "empty":
            if place.broken or waiting <= self._free():
                return []
            place.state = "starting"
            return START
        if place.under_way and self._idle():
            return []
        ready = sum(other.state == "ready" for other in self.places)
        batch = self._backlog.batch(ready, place.under_way.values(), place)
        place.under_way.update([(job.serial, job) for job in batch])
        return batch

    def _home(self, job: Job) -> Place | None:
        for value in job.apply.args if job.apply.carried else ():
            if type(value) is Found and value.codec.startswith(STORED) and value.token in self._homes:
                return self._homes[value.token]
        return None

    def _idle(self) -> int:
        return sum(place.state == "ready" and not place.under_way for place in self.places)

    def _free(self) -> int:
        """Workers that have nothing to do yet, those that are being started among them."""
        return self._idle() + sum(place.state == "starting" for place in self.places)

    def _call_for(self) -> int:
        """Wake those who can do something about the backlog; returns how many workers more it could use."""
        missing = len(self._backlog)
        for place in self.places:
            if missing > 0 and place.state == "ready" and not place.under_way:
                place.called.notify()
                missing -= 1
        missing -= sum(place.state == "starting" for place in self.places)
        for place in self.places:
            if missing > 0 and place.state == "empty" and not place.broken:
                place.called.notify()
                missing -= 1
        return max(0, missing)

    def _given_up(self) -> list[Job]:
        if any(place.state != "empty" or not place.broken for place in self.places):
            return []
        for place in self.places:
            place.broken = False  # the next jobs are a new occasion
        self._failed_starts = 0
        return self._backlog.clear()


def _lost(jobs: list[Job], begun: int) -> list[Job]:
    """Which of the jobs under way are lost with a worker that began that one last."""
    lost = [job for job in jobs if job.serial == begun]
    if lost:
        return lost
    for job in jobs:
        job.losses += 1
        job.alone = True  # to find out which of them it is that kills workers
    return [job for job in jobs if job.losses >= _UNLUCKY]
