"""Many small things done by a few threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

_MOST_THREADS = 8


def processors() -> int:
    """How many threads can compute at once here; at most 8, which is as fast as most disks are."""
    able = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(able, _MOST_THREADS)


def each(items: Sequence[T], act: Callable[[T], None], width: int) -> None:
    """Do it for each, with up to `width` threads, this one among them. After an exception nothing new is begun, and the first is raised."""
    if width < 2 or len(items) < 2:
        for item in items:
            act(item)
        return
    from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

    left = iter(items)
    failed: list[BaseException] = []

    def work() -> None:
        # One thread at a time advances a list's iterator: it is a single step of the interpreter.
        for item in left:
            if failed:
                return
            try:
                act(item)
            except BaseException as error:
                failed.append(error)

    others = min(width, len(items)) - 1
    with ThreadPoolExecutor(others, "alonzo-files") as pool:
        for _ in range(others):
            pool.submit(work)
        work()
    if failed:
        raise failed[0]
