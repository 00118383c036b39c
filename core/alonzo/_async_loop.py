"""Applications of `async def` tasks: tasks of one event loop, which has a thread of its own.

Used by the in-process executor and by the kind `asyncio`. asyncio itself is imported when the first of them is applied.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ._effects import ABSENT, Apply, Asks, Found, Lost, Raised
from ._errors import AlonzoError
from ._ports import Applier, Post, Report, Ticket

if TYPE_CHECKING:
    import asyncio

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

    The methods are an executor's, and like those thread-safe; `applier` also decodes what was awaited.
    """

    def __init__(self, applier: Applier, width: int, name: str = "alonzo-asyncio") -> None:
        self.width = width
        self._applier = applier
        self._thread = LoopThread(name)
        self._waiting: deque[tuple[Ticket, Apply, Post]] = deque()
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
            task = asyncio.get_running_loop().create_task(self._apply(ticket, job, post))
            self._tasks.add(task)  # the loop itself holds its tasks weakly
            task.add_done_callback(self._tasks.discard)

    async def _apply(self, ticket: Ticket, job: Apply, post: Post) -> None:
        opened = self._open[ticket] = _Open(self, ticket, post)
        try:
            answer, report = await self._applier.apply_async(job, opened.ask)
        finally:
            del self._open[ticket]
            self._running -= 0 if opened.awaited else 1
            self._admit()
        if not self._closed:
            post(ticket, answer, report)

    def _resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        opened = self._open.get(ticket)
        if opened is not None:
            opened.settle(number, outcome)


class _Open:
    """An application under way, and what it awaits: number -> future."""

    def __init__(self, jobs: AsyncJobs, ticket: Ticket, post: Post) -> None:
        self._jobs = jobs
        self._ticket = ticket
        self._post = post
        self._number = 0
        self.awaited: dict[int, asyncio.Future[Any]] = {}

    def ask(self, expression: Any) -> asyncio.Future[Any]:
        """What an awaited expression comes to; asked for at once, so that several may be awaited together."""
        import asyncio

        if not self.awaited:
            self._jobs._running -= 1
            self._jobs._admit()
        self._number += 1
        future = self.awaited[self._number] = asyncio.get_running_loop().create_future()
        now = time.time()
        self._post(self._ticket, Asks(self._number, expression), Report(now, now))
        return future

    def settle(self, number: int, outcome: Found | Raised | Lost) -> None:
        future = self.awaited.pop(number, None)
        if future is None:
            return
        if not self.awaited:
            self._jobs._running += 1
        if future.done():
            return  # the task gave up waiting
        try:
            if isinstance(outcome, Found):
                future.set_result(self._jobs.decode(outcome))
            else:
                future.set_exception(outcome.error)
        except (AlonzoError, TypeError) as error:  # TypeError: a StopIteration, which a future refuses
            future.set_exception(error)
