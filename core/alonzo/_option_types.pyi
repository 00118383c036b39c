"""The options of tasks as type checkers see them: a stub, for there is nothing here that a program needs when it runs.

A call type-checks as the function's own, with its result's type: `count(x)` may stand wherever an `int` is asked for. `Lazy` is for
who writes `count.lazy(x)`.
"""

import os
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Literal, ParamSpec, Protocol, TypeAlias, TypedDict, TypeVar, overload

from ._expressions import Expression
from ._options import Backoff
from ._settings import Settings
from ._tasks import Task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Lazy: TypeAlias = T | Expression[T]
# What may differ from attempt to attempt: a function gets the attempt's number, from 1.
OfAttempt: TypeAlias = T | Expression[T] | Callable[[int], T]

class CallOptions(TypedDict, total=False):
    """What `.options` and `.options_below` take."""

    cache: Lazy[bool]
    check: Lazy[Literal["footprint", "each"]]
    share: Lazy[bool]
    executor: Lazy[str | None]
    retries: Lazy[int | Mapping[str, int]]
    retry_delay: Lazy[float | Backoff | Mapping[str, float]]
    retry_on: type[BaseException] | Sequence[type[BaseException]] | Callable[[BaseException], bool] | None
    timeout: OfAttempt[float] | None
    limits: Lazy[str | Sequence[str] | Mapping[str, int]]
    priority: Lazy[int]
    cpus: OfAttempt[float] | None
    memory: OfAttempt[float | str] | None
    gpus: OfAttempt[float] | None
    disk: OfAttempt[float | str] | None
    nout: int | None
    tags: Lazy[Mapping[str, str]]
    inspect: str | None

class DecoratorOptions(CallOptions, total=False):
    """What `@task(...)` takes: the options of a call, and those that are part of what the task is."""

    version: str | None
    depends_on: Sequence[Any]
    ignore: Sequence[str]
    tracking: Literal["deep", "own"]
    script: bool

class RuntimeOptions(TypedDict, total=False):
    """What `run`, `arun` and `Runtime` take."""

    store: str | None
    values: str | None
    executor: str | None
    workers: int | None
    context: Mapping[str, Any] | None
    limits: Mapping[str, int] | None
    tags: Mapping[str, str] | None
    cache: bool
    keep_going: bool
    plugins: Iterable[object] | None
    options: Mapping[str, Mapping[str, Any]] | None
    settings: Settings | str | os.PathLike[str] | Mapping[str, Any] | None

class RunOptions(TypedDict, total=False):
    """What the `run` and `arun` of a `Runtime` take."""

    force: Sequence[str]
    dry_run: bool
    tags: Mapping[str, str] | None

class Decorator(Protocol):
    """What `task(...)` with options gives: it makes a task of a function."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...
