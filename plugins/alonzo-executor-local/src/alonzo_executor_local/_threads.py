"""The kind `threads`: a pool of daemon threads and one queue.

Not concurrent.futures: that makes a future for each job, and its threads hold up the interpreter's end while user code runs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from alonzo.plugin import Applier, Apply, ExecutorSite, Found, Lost, Post, Raised, Report, Ticket

_Item = tuple[Ticket, Apply, Post]
_JOIN = 1.0  # seconds that close() gives threads to end; one that is stuck in user code is left behind


class ThreadExecutor:
    """Applies tasks in threads of this process, `async def` tasks too, each in an event loop of its own."""

    def __init__(self, site: ExecutorSite) -> None:
        default = min(32, (os.cpu_count() or 1) + 4)
        self._pool = Pool(site.applier, site.workers or site.options.workers or default, f"alonzo-{site.name}")

    @property
    def width(self) -> int:
        return self._pool.width

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        self._pool.submit(jobs, post)

    def withdraw(self, post: Post) -> Sequence[Ticket]:
        return self._pool.withdraw(post)

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        """Never called: applications in threads ask for nothing."""

    def close(self) -> None:
        self._pool.close()


class Pool:
    """Up to `width` threads, started as they are needed."""

    def __init__(self, applier: Applier, width: int, name: str) -> None:
        self.width = width
        self._applier = applier
        self._name = name
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._reset()
        self._closed = False

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        if self._closed:
            return
        if self._process != os.getpid():  # forked: the threads stayed behind
            self._process = os.getpid()
            self._reset()
        put = self._queue.put
        for ticket, job in jobs:
            put((ticket, job, post))
        if len(self._threads) < self.width:
            self._start_if_needed()

    def withdraw(self, post: Post) -> list[Ticket]:
        """Take back the jobs of this post that no thread has begun."""
        items = _drain(self._queue)
        for item in items:
            if item is None or item[2] is not post:
                self._queue.put(item)
        return [item[0] for item in items if item is not None and item[2] is post]

    def close(self) -> None:
        """Idempotent; threads in user code are waited for briefly and then left behind."""
        self._closed = True
        if self._process != os.getpid():
            return
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        deadline = time.monotonic() + _JOIN
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        _drain(self._queue)

    def _reset(self) -> None:
        self._queue: SimpleQueue[tuple[Ticket, Apply, Post] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        # One flag a thread, set by it alone: counting them needs no lock.
        self._busy: list[bool] = []

    def _start_if_needed(self) -> None:
        with self._lock:
            backlog = self._queue.qsize() + sum(self._busy)
            for place in range(len(self._threads), min(self.width, backlog)):
                if self._closed:
                    return
                self._busy.append(False)
                thread = threading.Thread(
                    target=self._work, args=(place,), name=f"{self._name}-{place + 1}", daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _work(self, place: int) -> None:
        queue, busy, apply, name = self._queue, self._busy, self._applier.apply, self._threads[place].name
        while True:
            item = queue.get()
            if item is None or self._closed:
                return
            busy[place] = True
            # A job that came between get() and the flag was counted as an idle thread's.
            if len(busy) < self.width and queue.qsize():
                self._start_if_needed()
            ticket, job, post = item
            answer, report = _answered(apply, job, name)
            del item, job
            # Before the post: who gets the answer may submit the next job, which this thread can take.
            busy[place] = False
            if not self._closed:
                post(ticket, answer, report)
            del answer, report, ticket, post


def _answered(
    apply: Callable[[Apply], tuple[Found | Raised | Lost, Report]], job: Apply, worker: str
) -> tuple[Found | Raised | Lost, Report]:
    started = time.time()
    try:
        answer, report = apply(job)
    except BaseException as error:  # an applier never raises; a broken one must not end the thread
        return Raised(error), Report(started, time.time(), worker)
    if not report.worker:
        report.worker = worker
    return answer, report


def _drain(queue: SimpleQueue[_Item | None]) -> list[_Item | None]:
    items: list[_Item | None] = []
    try:
        while True:
            items.append(queue.get_nowait())
    except Empty:
        return items
