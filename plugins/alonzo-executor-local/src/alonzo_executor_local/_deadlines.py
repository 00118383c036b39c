"""Functions to be called when their time has come: one thread, which is there only while there are any."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_LOOK = 1.0  # seconds after which the thread looks whether it is needed any more
_JOIN = 1.0  # seconds that close() gives a function that is being called

Deadline = tuple[float, Callable[[], object]]


class Deadlines:
    """What is to be called, and when. Thread-safe; the functions are called one after another and must not block."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        # As many as jobs with a timeout that are being applied: so few that the next is found by looking at all.
        self._waiting: set[Deadline] = set()
        self._wakes = 0.0
        self._thread: threading.Thread | None = None
        self._closed = False

    def add(self, seconds: float, call: Callable[[], object]) -> Deadline:
        """Call this in so many seconds."""
        deadline = (time.monotonic() + seconds, call)
        with self._changed:
            if self._closed:
                return deadline
            self._waiting.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            elif deadline[0] < self._wakes:
                self._changed.notify()
        return deadline

    def cancel(self, deadline: Deadline) -> None:
        """Do not call it; too late when it is being called."""
        with self._changed:
            self._waiting.discard(deadline)

    def close(self) -> None:
        """Nothing is called any more. Idempotent."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN)

    def _run(self) -> None:
        while (due := self._due()) is not None:
            for _, call in due:
                call()

    def _due(self) -> list[Deadline] | None:
        """Wait for those whose time has come; None when there is nothing to wait for."""
        with self._changed:
            while self._waiting:
                now = time.monotonic()
                due = sorted([deadline for deadline in self._waiting if deadline[0] <= now], key=lambda each: each[0])
                if due:
                    self._waiting.difference_update(due)
                    return due
                self._wakes = min(now + _LOOK, *[at for at, _ in self._waiting])
                self._changed.wait(self._wakes - now)
            self._thread = None
            return None
