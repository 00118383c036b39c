"""Executors on this machine: threads, processes, and an event loop for `async def` tasks."""

from __future__ import annotations

from typing import Any

import attrs

from alonzo.plugin import Executor, ExecutorKind, ExecutorSite, hookimpl

_WORKERS = "how many tasks at once"


def _at_least_one(_instance: Any, field: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{field.name} must be 1 or more, not {value}")


def _workers(default: str) -> Any:
    return attrs.field(
        default=None,
        validator=_at_least_one,
        metadata={"help": f"{_WORKERS}; by default {default}"},
    )


@attrs.frozen
class ThreadsOptions:
    """`[executors.NAME]` with `kind = "threads"`."""

    workers: int | None = _workers("the number of processors and 4 more, at most 32")


@attrs.frozen
class ProcessesOptions:
    """`[executors.NAME]` with `kind = "processes"`."""

    workers: int | None = _workers("the number of processors")


@attrs.frozen
class AsyncioOptions:
    """`[executors.NAME]` with `kind = "asyncio"`."""

    workers: int | None = _workers("1000")


def _open_threads(site: ExecutorSite) -> Executor:
    from ._threads import ThreadExecutor

    return ThreadExecutor(site)


def _open_processes(site: ExecutorSite) -> Executor:
    from ._processes import ProcessExecutor

    return ProcessExecutor(site)


def _open_asyncio(site: ExecutorSite) -> Executor:
    from ._asyncio import AsyncioExecutor

    return AsyncioExecutor(site)


@hookimpl
def alonzo_executors() -> list[ExecutorKind]:
    return [
        ExecutorKind("threads", ThreadsOptions, _open_threads, "threads of this process"),
        ExecutorKind("processes", ProcessesOptions, _open_processes, "worker processes on this machine"),
        ExecutorKind("asyncio", AsyncioOptions, _open_asyncio, "an event loop, for `async def` tasks"),
    ]
