"""Applications of `async def` tasks: tasks of one event loop, which has a thread of its own.

Used by the in-process executor and by the kind `asyncio`. asyncio itself is imported when the first of them is applied.
"""

from __future__ import annotations

import functools
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._effects import ABSENT, Apply, Asks, Found, Lost, Raised
from ._errors import AlonzoError, TaskTimeoutError
from ._ports import ENDED, Applier, Post, Report, Ticket

if TYPE_CHECKING:
    import asyncio

_GRACE = 0.1  # seconds that a task which was cancelled for its timeout has to end; then it is answered without that
_JOIN = 2.0  # seconds that close() gives tasks to end; one that blocks the loop is left to the daemon thread


class LoopThread:
    """An event loop on a daemon thread, started at first use; after a fork the child starts one of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0
        self._closed = False

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call this on the loop's thread, soon; from any thread. Nothing happens once the loop is closed."""
        with self._lock:
            if self._closed:
                return
            loop = self._started()
            loop.call_soon_threadsafe(functools.partial(function, *args))

    def close(self) -> None:
        """Cancel the loop's tasks, give them a moment to end, and end the thread. Idempotent."""
        with self._lock:
            loop, self._loop, thread = self._loop, None, self._thread
            self._closed = True
        if loop is None or thread is None or self._process != os.getpid():
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(_JOIN)

    def _started(self) -> asyncio.AbstractEventLoop:
        import asyncio

        if self._loop is None or self._process != os.getpid():
            self._loop, self._process = asyncio.new_event_loop(), os.getpid()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
            self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    import asyncio

    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(_ended(tasks))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    import asyncio

    if tasks:
        await asyncio.wait(tasks, timeout=_JOIN / 2)


class AsyncJobs:
    """Applies `async def` tasks, at most `width` at once; one that awaits an expression gives its place to another meanwhile.

    A timeout counts from when the coroutine begins, by the clock: also what it awaits, and while others hold the loop. Then the
    coroutine is cancelled. One that goes on all the same is answered, and has neither a place nor anything more to await.
    The methods are an executor's, and like those thread-safe; `applier` also decodes what was awaited.
    """

    def __init__(self, applier: Applier, width: int, name: str = "alonzo-asyncio") -> None:
        self.width = width
        self._applier = applier
        self._thread = LoopThread(name)
        self._waiting: deque[tuple[Ticket, Apply, Post]] = deque()
        # Of all questions, so that an answer to an attempt that timed out is not taken for one to the next attempt.
        self.numbers = itertools.count(1)
        # The loop's thread alone touches these two.
        self._open: dict[Ticket, _Open] = {}
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        if self._closed or not jobs:
            return
        self._waiting.extend([(ticket, job, post) for ticket, job in jobs])
        self._thread.call(self._admit)

    def withdraw(self, post: Post) -> list[Ticket]:
        """Take back the jobs of this post that wait for a place."""
        items = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._waiting.extend(item for item in items if item[2] is not post)
        return [item[0] for item in items if item[2] is post]

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        self._thread.call(self._resume, ticket, number, outcome)

    def decode(self, found: Found) -> Any:
        return found.value if found.value is not ABSENT else self._applier.decode(found)

    def close(self) -> None:
        self._closed = True
        self._waiting.clear()
        self._thread.close()

    def _admit(self) -> None:
        import asyncio

        while self._waiting and self._running < self.width and not self._closed:
            ticket, job, post = self._waiting.popleft()
            self._running += 1
            opened = _Open(self, ticket, job, post)
            task = asyncio.get_running_loop().create_task(self._apply(opened))
            if job.timeout is not None:
                opened.begin(task, job.timeout)
            self._tasks.add(task)  # the loop itself holds its tasks weakly
            task.add_done_callback(self._tasks.discard)

    async def _apply(self, opened: _Open) -> None:
        self._open[opened.ticket] = opened
        try:
            answer, report = await self._applier.apply_async(opened.job, opened.ask)
        finally:
            if opened.job.timeout is not None:
                opened.end()
            self.forget(opened)
        if self._closed:
            return
        if opened.is_answered:
            opened.post(opened.ticket, ENDED, report)
        else:
            opened.post(opened.ticket, opened.late() if opened.is_late else answer, report)

    def give_up(self, opened: _Open) -> None:
        """Answer a job that does not end."""
        self.forget(opened)
        if not self._closed:
            now, name = time.time(), opened.job.task.full_name
            goes_on = f"task {name} was cancelled, for it had timed out, and goes on all the same"
            report = Report(now - (opened.job.timeout or 0.0) - _GRACE, now, warnings=(goes_on,), goes_on=True)
            opened.post(opened.ticket, opened.late(), report)

    def forget(self, opened: _Open) -> None:
        """This application has been answered, or is to be."""
        if self._open.get(opened.ticket) is opened:
            del self._open[opened.ticket]
        if opened.has_place:
            opened.leave()

    def leave(self) -> None:
        """An application gives its place to another."""
        self._running -= 1
        self._admit()

    def enter(self) -> None:
        """An application takes a place again, whether there is one or not."""
        self._running += 1

    def _resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        opened = self._open.get(ticket)
        if opened is not None:
            opened.settle(number, outcome)


class _Open:
    """An application under way, and what it awaits: number -> future."""

    __slots__ = ("_jobs", "_task", "_timer", "awaited", "has_place", "is_answered", "is_late", "job", "post", "ticket")

    def __init__(self, jobs: AsyncJobs, ticket: Ticket, job: Apply, post: Post) -> None:
        self._jobs = jobs
        self.ticket = ticket
        self.job = job
        self.post = post
        self.awaited: dict[int, asyncio.Future[Any]] = {}
        self.is_late = False
        self.is_answered = False  # although it goes on
        self.has_place = True
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[None], timeout: float) -> None:
        """Its coroutine is to run as this task, and no longer than so many seconds."""
        self._task = task
        self._timer = task.get_loop().call_later(timeout, self._time_out)

    def end(self) -> None:
        """Its coroutine has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._task = None  # they refer to each other

    def late(self) -> Lost:
        """What is answered when its time is over."""
        assert self.job.timeout is not None
        return Lost(TaskTimeoutError.after(self.job.task.full_name, self.job.timeout))

    def leave(self) -> None:
        """Give its place to another."""
        self.has_place = False
        self._jobs.leave()

    def ask(self, expression: Any) -> asyncio.Future[Any]:
        """What an awaited expression comes to; asked for at once, so that several may be awaited together.

        Raises:
            TaskTimeoutError: it has timed out, and nobody would answer.
        """
        import asyncio

        if self.is_late:
            raise self.late().error
        if self.has_place:
            self.leave()
        number = next(self._jobs.numbers)
        future = self.awaited[number] = asyncio.get_running_loop().create_future()
        now = time.time()
        self.post(self.ticket, Asks(number, expression), Report(now, now))
        return future

    def settle(self, number: int, outcome: Found | Raised | Lost) -> None:
        future = self.awaited.pop(number, None)
        if future is None:
            return
        if not self.awaited:
            self.has_place = True
            self._jobs.enter()
        if future.done():
            return  # the task gave up waiting
        try:
            if isinstance(outcome, Found):
                future.set_result(self._jobs.decode(outcome))
            else:
                future.set_exception(outcome.error)
        except (AlonzoError, TypeError) as error:  # TypeError: a StopIteration, which a future refuses
            future.set_exception(error)

    def _time_out(self) -> None:
        assert self._task is not None
        self.is_late = True
        self._task.cancel()
        self._timer = self._task.get_loop().call_later(_GRACE, self._give_up)

    def _give_up(self) -> None:
        self.is_answered = True
        self._jobs.give_up(self)
