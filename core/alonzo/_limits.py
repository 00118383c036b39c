"""Named limits: counts of a runtime that attempts hold while they run, in whatever runs of it, and in which order they get them.

A request gets all that it wants at once, or waits and holds nothing. Requests stand in one order, by priority and then by when they
came; one is granted when it is the first of those that wait for each of its limits and all of them have room. So the first in the
order waits only for what is held, never for who came later: a wide request is not starved by narrow ones, and nobody waits in a circle.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from ._errors import LimitError
from ._typed import nearest


class Request:
    """What one attempt wants of the limits. `granted` is called, from any thread, when it gets that after having had to wait."""

    __slots__ = ("granted", "held", "order", "priority", "waits", "wanted")

    def __init__(self, wanted: Mapping[str, int], priority: int = 0, granted: Callable[[], object] = int) -> None:
        self.wanted = wanted
        self.granted = granted
        self.priority = priority
        self.order: tuple[int, int] = (0, 0)
        self.held = False
        self.waits = False

    def __lt__(self, other: Request) -> bool:
        return self.order < other.order


class Limits:
    """The capacities, who holds what of them, and who waits. Thread-safe."""

    def __init__(self, capacities: Mapping[str, int]) -> None:
        self._capacities = dict(capacities)
        self._free = dict(capacities)
        self._waiting: dict[str, list[Request]] = {name: [] for name in capacities}  # heaps
        self._lock = threading.Lock()
        self._numbers = count()

    def check(self, wanted: Mapping[str, int], who: str) -> None:
        """
        Raises:
            LimitError: `who` asks for more than there ever is.
        """
        for name, number in wanted.items():
            if name not in self._capacities:
                raise LimitError(
                    f"{who} asks for the limit {name!r}, which has no capacity{nearest(name, self._capacities)}: "
                    f"set [limits] {name} in the settings, or run(limits=...)"
                )
            if number > self._capacities[name]:
                raise LimitError(
                    f"{who} asks for {number} of the limit {name!r}: its capacity is {self._capacities[name]}"
                )

    def ask(self, request: Request) -> bool:
        """True: it holds what it wants; False: it waits, and will be told."""
        with self._lock:
            request.order = (-request.priority, next(self._numbers))
            if self._has_room(request) and not any(self._is_passed(name, request) for name in request.wanted):
                self._take(request)
                return True
            request.waits = True
            for name in request.wanted:
                heapq.heappush(self._waiting[name], request)
            return False

    def give_back(self, request: Request) -> None:
        """It ends: what it holds is free for others, or it waits no more. Nothing happens when it has ended before."""
        with self._lock:
            if request.held:
                request.held = False
                for name, number in request.wanted.items():
                    self._free[name] += number
            elif not request.waits:
                return
            request.waits = False
            granted = self._grant(request.wanted)
        for other in granted:
            other.granted()

    def _grant(self, names: Mapping[str, Any]) -> list[Request]:
        granted: list[Request] = []
        todo = dict.fromkeys(names)
        while todo:
            first = self._first(todo.popitem()[0])
            if (
                first is None
                or not self._has_room(first)
                or any(self._first(name) is not first for name in first.wanted)
            ):
                continue
            self._take(first)
            granted.append(first)
            todo.update(dict.fromkeys(first.wanted))  # whoever came behind it may be next
        return granted

    def _take(self, request: Request) -> None:
        request.held, request.waits = True, False
        for name, number in request.wanted.items():
            self._free[name] -= number

    def _has_room(self, request: Request) -> bool:
        return all(number <= self._free[name] for name, number in request.wanted.items())

    def _is_passed(self, name: str, request: Request) -> bool:
        first = self._first(name)
        return first is not None and first < request

    def _first(self, name: str) -> Request | None:
        """The first that waits for this limit; those that do not wait any more are taken out as they come up."""
        waiting = self._waiting[name]
        while waiting and not waiting[0].waits:
            heapq.heappop(waiting)
        return waiting[0] if waiting else None
