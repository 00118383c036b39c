"""The kind `threads`: a pool of daemon threads and one queue.

Not concurrent.futures: that makes a future for each job, and its threads hold up the interpreter's end while user code runs.

A thread cannot be stopped. When its job's time is over, the job is answered and another thread takes its place; the old one works for
nobody, and ends when the job's code does.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Literal

from alonzo import TaskTimeoutError
from alonzo.plugin import ENDED, Applier, Apply, ExecutorSite, Found, Lost, Post, Raised, Report, Ticket

from ._deadlines import Deadlines

_Item = tuple[Ticket, Apply, Post]
_JOIN = 1.0  # seconds that close() gives threads to end; one that is stuck in user code is left behind


class ThreadExecutor:
    """Applies tasks in threads of this process, `async def` tasks too, each in an event loop of its own."""

    honours = frozenset({"timeout"})

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
        self._numbers = itertools.count(1)
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
        self._deadlines.close()
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
        self._deadlines = Deadlines(f"{self._name}-deadlines")

    def _start_if_needed(self) -> None:
        with self._lock:
            backlog = self._queue.qsize() + sum(self._busy)
            for place in range(len(self._threads), min(self.width, backlog)):
                if self._closed:
                    return
                self._busy.append(False)
                self._threads.append(self._thread(place))
                self._threads[place].start()

    def _thread(self, place: int) -> threading.Thread:
        name = f"{self._name}-{next(self._numbers)}"
        return threading.Thread(target=self._work, args=(place,), name=name, daemon=True)

    def _work(self, place: int) -> None:
        queue, busy, apply, name = self._queue, self._busy, self._applier.apply, threading.current_thread().name
        while True:
            item = queue.get()
            if item is None or self._closed:
                return
            busy[place] = True
            # A job that came between get() and the flag was counted as an idle thread's.
            if len(busy) < self.width and queue.qsize():
                self._start_if_needed()
            ticket, job, post = item
            if job.timeout is not None:
                timed = _Timed(self, place, item, name)
                deadline = self._deadlines.add(job.timeout, timed.time_out)
            answer, report = _answered(apply, job, name)
            if job.timeout is not None:
                self._deadlines.cancel(deadline)
                if timed.is_over():
                    if not self._closed:
                        post(ticket, ENDED, report)
                    return
            del item, job
            # Before the post: who gets the answer may submit the next job, which this thread can take.
            busy[place] = False
            if not self._closed:
                post(ticket, answer, report)
            del answer, report, ticket, post

    def replace(self, place: int) -> None:
        """Another thread takes the place of one that works for nobody any more."""
        with self._lock:
            if self._closed:
                return
            self._busy[place] = False
            self._threads[place] = self._thread(place)
            self._threads[place].start()

    def answer_late(self, item: _Item, report: Report) -> None:
        """Answer a job whose time is over."""
        ticket, job, post = item
        assert job.timeout is not None
        if not self._closed:
            post(ticket, Lost(TaskTimeoutError.after(_name(job), job.timeout)), report)


class _Timed:
    """A job with a timeout, in the hands of a thread: answered by that, or when its time is over, whichever is first."""

    __slots__ = ("_item", "_lock", "_place", "_pool", "_started", "_state", "_worker")

    def __init__(self, pool: Pool, place: int, item: _Item, worker: str) -> None:
        self._pool = pool
        self._place = place
        self._item = item
        self._worker = worker
        self._started = time.time()
        self._lock = threading.Lock()
        self._state: Literal["going on", "in time", "late"] = "going on"

    def time_out(self) -> None:
        """Called when its time is over."""
        with self._lock:
            if self._state != "going on":
                return
            self._state = "late"
            self._pool.replace(self._place)
            name = _name(self._item[1])
            goes_on = f"task {name} has timed out, but a thread cannot be stopped: {self._worker} goes on with it"
            # One that heeds its deadline (see Capture) ends by itself any moment.
            heeds = getattr(getattr(self._item[1].task, "func", None), "heeds_deadline", False)
            said = () if heeds else (goes_on,)
            report = Report(self._started, time.time(), self._worker, warnings=said, goes_on=True)
            # Within the lock: the thread may say any moment that the job has ended, and that comes after the answer.
            self._pool.answer_late(self._item, report)

    def is_over(self) -> bool:
        """The job's code has ended. True: too late."""
        with self._lock:
            if self._state == "going on":
                self._state = "in time"
            return self._state == "late"


def _name(job: Apply) -> str:
    return job.task.full_name if job.task is not None else job.operation


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
