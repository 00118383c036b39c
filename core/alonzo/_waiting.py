"""What is due later, and the clock by which that is told: nothing sleeps, the driver waits for a message until the next thing is due."""

from __future__ import annotations

import heapq
import math
import queue
import time
from collections.abc import Callable
from itertools import count
from typing import Any

NEVER = math.inf


class Clock:
    """Seconds that only go forward, and waiting; tests have one whose time passes when nothing else can happen."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, inbox: queue.SimpleQueue[Any], seconds: float) -> Any:
        """The next message, or None when so many seconds have passed without one."""
        try:
            return inbox.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None


class Due:
    """Things to be done at their time, the earliest first; among equals in the order in which they were put."""

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, Callable[..., None], Any]] = []  # empty: nothing is due, now or later
        self._numbers = count()

    @property
    def next(self) -> float:
        """When the earliest is due, or NEVER."""
        return self.heap[0][0] if self.heap else NEVER

    def put(self, when: float, action: Callable[..., None], subject: Any) -> None:
        """`action(subjects)` is to be called then, with all the subjects that are due together."""
        heapq.heappush(self.heap, (when, next(self._numbers), action, subject))

    def run(self, now: float) -> None:
        """Do what is due."""
        ready: dict[Callable[..., None], list[Any]] = {}
        while self.heap and self.heap[0][0] <= now:
            _, _, action, subject = heapq.heappop(self.heap)
            ready.setdefault(action, []).append(subject)
        for action, subjects in ready.items():
            action(subjects)

    def clear(self) -> None:
        self.heap.clear()
