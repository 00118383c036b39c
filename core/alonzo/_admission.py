"""Which application goes next to an executor, and how many it is given ahead: pure bookkeeping, no clock.

An executor is handed what keeps it busy for a moment, not everything: as many jobs as its width, and more only of tasks that are
known to be short, because what it has been handed cannot be taken back when the run is to stop.
First goes what has been under way before, then what had to wait for something, then by priority; among equals, what consumes results
of other calls goes before what only makes new ones, so that results do not pile up in memory. Nothing overtakes what waits for room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

# What an executor is given ahead of its width: at most this many jobs, about this many seconds of work.
MOST = 2_000
AHEAD = 0.02

_Queue = deque[tuple[Any, Hashable]]


class Admission:
    """The jobs that wait for one executor of this width.

    ahead  it may be given more than it works on at once; one that applies here, in `submit` itself, may not
    means  by task: seconds of work that a job of it takes
    since  kept by whoever adds: none of the jobs that wait was looked up before this moment
    """

    def __init__(self, width: int, *, ahead: bool = True) -> None:
        self.is_here = not ahead
        self._width = width
        self._ahead = ahead
        self._returning: _Queue = deque()
        self._first: _Queue = deque()
        self._consumers: _Queue = deque()
        self._producers: _Queue = deque()
        self._levels: dict[int, tuple[_Queue, _Queue]] = {0: (self._producers, self._consumers)}
        self._queues: list[_Queue] = [self._returning, self._first, self._consumers, self._producers]
        self.waiting = 0
        self.means: dict[Hashable, float] = {}
        self.under_way = 0
        self.since = 0.0

    def __len__(self) -> int:
        return self.waiting

    def add(self, job: Any, task: Hashable, *, consumes: bool, priority: int = 0) -> None:
        self.waiting += 1
        if not priority:
            (self._consumers if consumes else self._producers).append((job, task))
            return
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = (deque(), deque())
            ordered = [self._levels[number] for number in sorted(self._levels, reverse=True)]
            self._queues = [self._returning, self._first]
            self._queues += [queue for producers, consumers in ordered for queue in (consumers, producers)]
        level[consumes].append((job, task))

    def add_first(self, job: Any, task: Hashable) -> None:
        """One that has been passed over by `next`, and now has what it needs."""
        self.waiting += 1
        self._first.append((job, task))

    def add_returning(self, job: Any, task: Hashable) -> None:
        """One that paused and is to go on: it needs a place again, goes before all others, and is not dropped."""
        self.waiting += 1
        self._returning.append((job, task))

    def next(self, has_all: Callable[[Any], bool] | None = None) -> list[Any]:
        """The jobs to hand over now; they count as under way until `finished`.

        has_all  says of each job, at the moment when there is room for it, whether it has what else it needs; if not, it is passed
                 over and forgotten here
        """
        batch: list[Any] = []
        for queue in self._queues:
            last: Hashable = None
            room = 0
            while queue:
                job, task = queue[0]
                if task is not last or not batch:
                    last, room = task, self.capacity(task) - self.under_way
                if len(batch) >= room:
                    self.under_way += len(batch)
                    return batch
                queue.popleft()
                self.waiting -= 1
                if has_all is None or has_all(job):
                    batch.append(job)
        self.under_way += len(batch)
        return batch

    def capacity(self, task: Hashable) -> int:
        """How many jobs may be under way for a further one of this task to be handed over."""
        mean = self.means.get(task)
        if mean is None or not self._ahead:
            return self._width
        return self._width + min(MOST, int(self._width * AHEAD / max(mean, 1e-6)))

    def finished(self, seconds: float, task: Hashable) -> None:
        """One of this task, which was under way, has ended after so many seconds of work."""
        self.under_way -= 1
        mean = self.means.get(task)
        self.means[task] = seconds if mean is None else mean + (seconds - mean) * 0.1

    def withdrawn(self) -> None:
        """One that was under way has been given back without having begun."""
        self.under_way -= 1

    def pause(self) -> None:
        """One that was under way awaits something, and gives its place to another meanwhile."""
        self.under_way -= 1

    def go_on(self) -> None:
        """One that had paused is under way again, whether there is a place or not."""
        self.under_way += 1

    def drop(self) -> int:
        """Forget what waits and has not begun; answers how many."""
        count = self.waiting - len(self._returning)
        for queue in self._queues[1:]:
            queue.clear()
        self.waiting = len(self._returning)
        return count
