"""Which application goes next to an executor, and how many it is given ahead: pure bookkeeping, no clock.

An executor is handed what keeps it busy for a moment, not everything: as many jobs as its width, and more only of tasks that are
known to be short, because what it has been handed cannot be taken back when the run is to stop.
What consumes results of other calls goes before what only makes new ones, so that results do not pile up in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

# What an executor is given ahead of its width: at most this many jobs, about this many seconds of work.
MOST = 2_000
AHEAD = 0.02


class Admission:
    """The jobs that wait for one executor of this width; `ahead`: it may be given more than it works on at once."""

    def __init__(self, width: int, *, ahead: bool = True) -> None:
        self._width = width
        self._ahead = ahead
        self._consumers: deque[tuple[Any, Hashable]] = deque()
        self._producers: deque[tuple[Any, Hashable]] = deque()
        self._means: dict[Hashable, float] = {}  # seconds of work, by task
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._consumers) + len(self._producers)

    def add(self, job: Any, task: Hashable, *, consumes: bool) -> None:
        (self._consumers if consumes else self._producers).append((job, task))

    def next(self) -> list[Any]:
        """The jobs to hand over now; they count as under way until `finished`."""
        batch: list[Any] = []
        for queue in (self._consumers, self._producers):
            last: Hashable = None
            room = 0
            while queue:
                job, task = queue[0]
                if task is not last or not batch:
                    last, room = task, self.capacity(task) - self.under_way
                if len(batch) >= room:
                    break
                queue.popleft()
                batch.append(job)
        self.under_way += len(batch)
        return batch

    def capacity(self, task: Hashable) -> int:
        """How many jobs may be under way for a further one of this task to be handed over."""
        mean = self._means.get(task)
        if mean is None or not self._ahead:
            return self._width
        return self._width + min(MOST, int(self._width * AHEAD / max(mean, 1e-6)))

    def finished(self, seconds: float, task: Hashable) -> None:
        """One of this task, which was under way, has ended after so many seconds of work."""
        self.under_way -= 1
        mean = self._means.get(task)
        self._means[task] = seconds if mean is None else mean + (seconds - mean) * 0.1

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
        """Forget what waits; answers how many."""
        count = len(self)
        self._consumers.clear()
        self._producers.clear()
        return count
