"""What users write: `@task`, `run`, `arun`.

The runtime is imported when something is run: a program that only defines tasks starts fast.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from ._errors import OptionError
from ._loaded import notice
from ._options import TaskOptions, checked, nearest
from ._tasks import Task

if TYPE_CHECKING:
    from typing import Unpack

    from ._expressions import Expression
    from ._option_types import Decorator, DecoratorOptions, RuntimeOptions

P = ParamSpec("P")
R = TypeVar("R")
K = TypeVar("K")
T = TypeVar("T")

notice()


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *, name: str | None = None, namespace: str | None = None, **options: Unpack[DecoratorOptions]
) -> Decorator: ...
def task(function: Any = None, /, *, name: str | None = None, namespace: str | None = None, **options: Any) -> Any:
    """Make a task of a function: calling it returns a lazy expression, `.func` is the plain function.

    name, namespace  together the full name under which results are recorded; by default the function's and its module's
    version          stands for the function's code: change it when the meaning changes
    depends_on       functions, classes or values that count with the code
    tracking         "deep": all project code that the function reaches counts; "own": only what is written in it
    cache            False: results are neither recalled nor remembered; equal calls of one run still share one
    share            False: each call of a run is applied for itself; implies `cache=False`
    check            "footprint": an unchanged subgraph is recalled by one look-up; "each": call by call
    ignore           names of parameters that do not count: calls that differ in them only are equal
    executor         the name of the executor to apply it on
    retries          how often a failed attempt is made again; or a mapping from "raised", "timeout", "memory", "lost", "preempted"
    retry_delay      seconds before that, or a Backoff
    retry_on         a class of exceptions, several, or a function of the exception: of what the task raises, only this is tried again
    timeout          seconds that an attempt may take, from its start
    limits           the named limits that an attempt holds: a name, several, or a mapping from names to counts
    priority         what has a higher one is begun first
    cpus, memory, gpus, disk  what an attempt needs; memory and disk in bytes or as text ("2 GB", "512 MiB")
    nout             how many values the result has, so that it can be unpacked
    script           True: what the function returns is the text of a script, which is run: the call's value is what comes of that
                     (needs alonzo-files)
    tags             names and texts by which its jobs can be found in the record

    `timeout` and what an attempt needs may be functions of the attempt's number (1, 2, …). All but `version`, `depends_on`, `tracking`,
    `script`, `ignore` and `nout` may be lazy; they are reduced together with the arguments of each call, and do not count for its key.
    Options of a call (`.options`) and of everything below one (`.options_below`), of the settings and of the command line are over these.

    Raises:
        OptionError: an option is unknown or of the wrong type.
        TypeError: it is no function.
    """

    def make(func: Any) -> Task[..., Any]:
        if isinstance(func, Task):
            raise TypeError(f"{func.full_name} is a task already")
        if isinstance(func, classmethod):
            raise TypeError(f"{func.__qualname__}: write @classmethod above @task")
        if not callable(func) or not hasattr(func, "__qualname__"):
            raise TypeError(f"@task decorates a function, not {func!r}")
        where = f"@task of {func.__qualname__}"
        given = TaskOptions(**checked(options, where))
        notice(getattr(func, "__globals__", None))
        made: Task[..., Any] = Task(func, namespace or _namespace(func), name or func.__qualname__, given)
        unknown = (
            [parameter for parameter in given.ignore if parameter not in made.signature.names] if given.ignore else ()
        )
        for parameter in unknown:
            near = nearest(parameter, made.signature.names)
            raise OptionError(f"{where}: option 'ignore' names {parameter!r}, which is no parameter{near}")
        return made

    return make if function is None else make(function)


@overload
def run(expression: Expression[T], **options: Unpack[RuntimeOptions]) -> T: ...
@overload
def run(expression: list[Expression[T]], **options: Unpack[RuntimeOptions]) -> list[T]: ...
@overload
def run(expression: dict[K, Expression[T]], **options: Unpack[RuntimeOptions]) -> dict[K, T]: ...
@overload
def run(expression: T, **options: Unpack[RuntimeOptions]) -> T: ...
def run(
    expression: Any,
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
    options: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Any = None,
) -> Any:
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
        options=options,
        settings=settings,
    ) as runtime:
        return runtime.run(expression)


@overload
async def arun(expression: Expression[T], **options: Unpack[RuntimeOptions]) -> T: ...
@overload
async def arun(expression: list[Expression[T]], **options: Unpack[RuntimeOptions]) -> list[T]: ...
@overload
async def arun(expression: dict[K, Expression[T]], **options: Unpack[RuntimeOptions]) -> dict[K, T]: ...
@overload
async def arun(expression: T, **options: Unpack[RuntimeOptions]) -> T: ...
async def arun(expression: Any, **options: Any) -> Any:
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
