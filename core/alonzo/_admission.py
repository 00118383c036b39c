"""Which application goes next to an executor, and how many it is given ahead: pure bookkeeping, no clock.

An executor is handed what keeps it busy for a moment, not everything: as many jobs as its width, and more only while jobs are short,
because what it has been handed cannot be taken back when the run is to stop.
What consumes results of other calls goes before what only makes new ones, so that results do not pile up in memory.
"""

from __future__ import annotations

from collections import deque
from typing import Any

# What an executor is given ahead of its width: at most this many jobs, about this many seconds of work.
MOST = 2_000
AHEAD = 0.02


class Admission:
    """The jobs that wait for one executor of this width; `ahead`: it may be given more than it works on at once."""

    def __init__(self, width: int, *, ahead: bool = True) -> None:
        self._width = width
        self._ahead = ahead
        self._consumers: deque[Any] = deque()
        self._producers: deque[Any] = deque()
        self._mean: float | None = None
        self.under_way = 0

    def __len__(self) -> int:
        return len(self._consumers) + len(self._producers)

    def add(self, job: Any, *, consumes: bool) -> None:
        (self._consumers if consumes else self._producers).append(job)

    def next(self) -> list[Any]:
        """The jobs to hand over now; they count as under way until `finished`."""
        room = self.capacity - self.under_way
        batch: list[Any] = []
        for queue in (self._consumers, self._producers):
            while queue and len(batch) < room:
                batch.append(queue.popleft())
        self.under_way += len(batch)
        return batch

    @property
    def capacity(self) -> int:
        if self._mean is None or not self._ahead:
            return self._width
        return self._width + min(MOST, int(self._width * AHEAD / max(self._mean, 1e-6)))

    def finished(self, seconds: float) -> None:
        """One that was under way has ended after so many seconds of work."""
        self.under_way -= 1
        self._mean = seconds if self._mean is None else self._mean + (seconds - self._mean) * 0.1

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
