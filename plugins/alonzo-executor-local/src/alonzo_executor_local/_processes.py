"""The kind `processes`: worker processes of our own, which are given jobs in batches."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Sequence

from alonzo.plugin import Apply, ExecutorSite, Found, Lost, Post, Raised, Ticket

from ._answers import Answers
from ._backlog import Job
from ._deadlines import Deadlines
from ._dispatch import Dispatch
from ._shipping import Shipping
from ._slot import Slot

_GRACE = 0.5  # seconds that close() gives workers to end by themselves
_JOIN = 2.0  # seconds for the threads of workers that were killed


class ProcessExecutor:
    """Applies tasks in worker processes, which are started when they are needed.

    Workers do not run the program's main file: what belongs to it is sent by value. A timeout counts from when the worker has what it
    needs and calls the task; with a worker that is killed for it, the programs end that its task has started.
    """

    honours = frozenset({"timeout"})

    def __init__(self, site: ExecutorSite) -> None:
        self._site = site
        self._width = site.workers or site.options.workers or os.cpu_count() or 1
        self._open()

    @property
    def width(self) -> int:
        return self._width

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        if self._process != os.getpid():  # forked: threads and workers are the parent's
            self._open()
        entries = [Job(ticket, apply, post) for ticket, apply in jobs]
        for place in self._dispatch.add(entries):
            name = f"alonzo-{self._site.name}-{len(self._slots) + 1}"
            self._slots.append(
                Slot(
                    self._dispatch,
                    place,
                    shipping=self._shipping,
                    answers=self._answers,
                    deadlines=self._deadlines,
                    wiring=self._site.wiring,
                    name=name,
                )
            )

    def withdraw(self, post: Post) -> Sequence[Ticket]:
        """What has not been sent to a worker; a batch that was sent is at most some 10 ms of work."""
        return self._dispatch.withdraw(post)

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        """Never called: applications in worker processes ask for nothing."""

    def close(self) -> None:
        self._finalizer()

    def _open(self) -> None:
        self._process = os.getpid()
        self._dispatch = Dispatch(self._width)
        self._shipping = Shipping(self._site.applier)
        self._answers = Answers(self._site.applier)
        self._deadlines = Deadlines(f"alonzo-{self._site.name}-deadlines")
        self._slots: list[Slot] = []
        # Also called when the executor is forgotten, and at the interpreter's exit.
        self._finalizer = weakref.finalize(self, _end, self._dispatch, self._slots, self._deadlines, self._process)


def _end(dispatch: Dispatch, slots: list[Slot], deadlines: Deadlines, process: int) -> None:
    if process != os.getpid():
        return
    dispatch.close()
    deadlines.close()
    _join(slots, _GRACE)
    for slot in slots:
        slot.kill()
    _join(slots, _JOIN)


def _join(slots: list[Slot], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for slot in slots:
        slot.join(max(0.0, deadline - time.monotonic()))
