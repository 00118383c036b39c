"""The kind `asyncio`: `async def` tasks on one event loop; plain functions that are sent here go to threads."""

from __future__ import annotations

import os
from collections.abc import Sequence

from alonzo.plugin import Apply, AsyncJobs, ExecutorSite, Found, Lost, Post, Raised, Ticket

from ._threads import Pool

_WIDTH = 1000


class AsyncioExecutor:
    """Applies `async def` tasks, which may await expressions. One that awaits does not count against the width."""

    honours = frozenset({"timeout"})

    def __init__(self, site: ExecutorSite) -> None:
        width = site.workers or site.options.workers or _WIDTH
        self._jobs = AsyncJobs(site.applier, width, f"alonzo-{site.name}")
        threads = min(width, 32, (os.cpu_count() or 1) + 4)
        self._pool = Pool(site.applier, threads, f"alonzo-{site.name}-thread")

    @property
    def width(self) -> int:
        return self._jobs.width

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        plain = [entry for entry in jobs if not getattr(entry[1].task, "is_async", False)]
        if plain:
            self._pool.submit(plain, post)
            jobs = [entry for entry in jobs if getattr(entry[1].task, "is_async", False)]
        self._jobs.submit(jobs, post)

    def withdraw(self, post: Post) -> Sequence[Ticket]:
        return [*self._jobs.withdraw(post), *self._pool.withdraw(post)]

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        self._jobs.resume(ticket, number, outcome)

    def close(self) -> None:
        self._jobs.close()
        self._pool.close()
