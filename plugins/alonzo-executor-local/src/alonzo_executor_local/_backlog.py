"""Jobs that wait for a worker process, and how many of them make a batch."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable
from typing import Any

from alonzo.plugin import Apply, Lost, Post, Ticket

BUDGET = 0.010  # seconds of expected work that a worker is given at once
_REFILL = 0.005  # a worker that has less than this left to do may be given more
_CRUMB = 0.0005  # so little work is not divided among workers: a frame of its own costs as much
_LEAST = 20e-6  # seconds that the way to a worker and back costs, even for a job that does nothing
_SEEN = 32  # jobs from the front among which a worker looks for one whose arguments it has
_PATIENCE = 32  # times that a job may be passed over because another worker has its arguments


class Job:
    """A job on its way to a worker, perhaps not for the first time."""

    __slots__ = (
        "alone",
        "apply",
        "home",
        "is_late",
        "losses",
        "name",
        "passed_over",
        "post",
        "serial",
        "ticket",
        "undecoded",
    )

    def __init__(self, ticket: Ticket, apply: Apply, post: Post) -> None:
        # By this number a worker says that it has begun the job; the dispatch gives it.
        self.serial = 0
        self.ticket = ticket
        self.apply = apply
        self.post = post
        self.name: str = apply.task.full_name if apply.task is not None else apply.operation
        # A worker's answer that it could not decode arguments: they are decoded here, and pickled.
        self.undecoded: Lost | None = None
        # How often a worker died with this job before it had begun any; then it is sent without others.
        self.losses = 0
        self.alone = False
        # Its time is over, and its worker is being killed for that.
        self.is_late = False
        # The place whose worker has a large argument in memory, None: it is all the same. The dispatch knows.
        self.home: Any = None
        self.passed_over = 0

    def is_as_well_done_at(self, place: object) -> bool:
        """Is no other place's worker nearer to its arguments?"""
        return self.home is None or self.home is place


class Backlog:
    """First in, first out, but that a worker begins with jobs whose large arguments it has. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._jobs: deque[Job] = deque()
        self._seconds: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, jobs: Iterable[Job]) -> None:
        self._jobs.extend(jobs)

    def put_back(self, jobs: list[Job]) -> None:
        self._jobs.extendleft(reversed(jobs))

    def clear(self) -> list[Job]:
        jobs = list(self._jobs)
        self._jobs.clear()
        return jobs

    def withdraw(self, post: Post) -> list[Ticket]:
        """Take out the jobs of this post."""
        given_back = [job.ticket for job in self._jobs if job.post is post]
        self._jobs = deque(job for job in self._jobs if job.post is not post)
        return given_back

    def note(self, name: str, seconds: float) -> None:
        """An application of this task took so long."""
        known = self._seconds.get(name, 0.0)
        # Up at once, down by and by: a batch that is too long holds up what could run elsewhere.
        self._seconds[name] = max(seconds, _LEAST, (known + seconds) / 2)

    def expected(self, jobs: Iterable[Job]) -> float:
        """How long these will take, in seconds; infinite when one is of an unknown task."""
        return sum([self._seconds.get(job.name, float("inf")) for job in jobs])

    def batch(self, workers: int, under_way: Iterable[Job] = (), place: object = None) -> list[Job]:
        """The next jobs for one of so many workers, at this place, which has these under way; empty when it should finish them first."""
        budget = spare = BUDGET
        left = self.expected(under_way)
        if left:
            if left > _REFILL:
                return []
            budget = spare = BUDGET - left
        # At the end of the backlog all workers get a share.
        most = -(-len(self._jobs) // max(1, workers))
        taken: list[Job] = []
        while self._jobs and (len(taken) < most or spare - budget < _CRUMB):
            job = self._jobs[0]
            if not job.is_as_well_done_at(place):
                job = self._nearest(place)
                if (taken or left) and not job.is_as_well_done_at(place):
                    break  # it has enough to begin with
            budget -= self._seconds.get(job.name, float("inf"))
            if (taken or left) and (budget < 0 or job.alone):
                break
            self._jobs.remove(job)
            taken.append(job)
            if budget <= 0 or job.alone or job.undecoded is not None:
                break
        return taken

    def _nearest(self, place: object) -> Job:
        """The first job that is as well done here as elsewhere; else the very first: better far from its data than late."""
        first = self._jobs[0]
        first.passed_over += 1
        if first.passed_over > _PATIENCE:
            return first
        near = (job for job in itertools.islice(self._jobs, _SEEN) if job.is_as_well_done_at(place))
        return next(near, first)
