"""What users write: `@task`, `run`, `arun`.

The runtime is imported when something is run: a program that only defines tasks starts fast.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from ._options import TaskOptions, checked
from ._tasks import Task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    namespace: str | None = None,
    version: str | None = None,
    depends_on: Iterable[Any] = (),
    cache: bool = True,
    check: str = "footprint",
    executor: str | None = None,
    nout: int | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Any = None, /, *, name: str | None = None, namespace: str | None = None, **options: Any) -> Any:
    """Make a task of a function: calling it returns a lazy expression, `.func` is the plain function.

    name, namespace  together the full name under which results are recorded; by default the function's and its module's
    version          stands for the function's code: change it when the meaning changes
    depends_on       functions, classes or values that count with the code
    cache            False: results are neither recalled nor remembered
    check            "footprint": an unchanged subgraph is recalled by one look-up; "each": call by call
    executor         the name of the executor to apply it on
    nout             how many values the result has, so that it can be unpacked

    Raises:
        OptionError: an option is unknown or of the wrong type.
        TypeError: it is no function.
    """

    def make(func: Any) -> Task[..., Any]:
        if isinstance(func, Task):
            raise TypeError(f"{func.full_name} is a task already")
        if not callable(func) or not hasattr(func, "__qualname__"):
            raise TypeError(f"@task decorates a function, not {func!r}")
        where = f"@task of {func.__qualname__}"
        return Task(
            func, namespace or _namespace(func), name or func.__qualname__, TaskOptions(**checked(options, where))
        )

    return make if function is None else make(function)


def run(
    expression: T,
    *,
    store: str | None = None,
    values: str | None = None,
    executor: str | None = None,
    workers: int | None = None,
    context: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
    tags: Mapping[str, str] | None = None,
    cache: bool = True,
    keep_going: bool = False,
    plugins: Iterable[object] | None = None,
    settings: Any = None,
) -> T:
    """Reduce an expression, or a container of expressions, and return its value; see `Runtime` for the arguments and errors."""
    from ._runtime import Runtime

    with Runtime(
        store=store,
        values=values,
        executor=executor,
        workers=workers,
        context=context,
        limits=limits,
        tags=tags,
        cache=cache,
        keep_going=keep_going,
        plugins=plugins,
        settings=settings,
    ) as runtime:
        return runtime.run(expression)


async def arun(expression: T, **options: Any) -> T:
    """As `run`, awaited in any event loop; takes the same arguments."""
    from ._runtime import Runtime

    with Runtime(**options) as runtime:
        return await runtime.arun(expression)


def _namespace(func: Any) -> str:
    """The module as it would be imported, however the program was started."""
    module = getattr(func, "__module__", None) or "__main__"
    if module != "__main__":
        return str(module)
    from ._definitions_project import namespace_of

    return namespace_of(func)
