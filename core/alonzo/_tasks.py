"""Tasks: named functions whose calls are lazy; partial applications; how arguments meet a signature."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from types import FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, NoReturn, ParamSpec, TypeVar, final, overload

from ._expressions import APPLYING, Call, Expression, R_co
from ._options import How, TaskOptions, checked

if TYPE_CHECKING:
    from typing import Unpack

    from ._option_types import CallOptions

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")

# One for all calls without keyword arguments: nobody changes a call.
_NO_NAMES: dict[str, Any] = {}
_PLAIN = How()
_IDENTITY = (
    "_func",
    "namespace",
    "name",
    "full_name",
    "declared",
    "is_async",
    "is_open",
    "base",
    "_is_bound",
    "_is_inner",
)
_ONCE = frozenset({GeneratorType, map, filter, zip})

_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect itself is imported when something is called


class JobInfo(NamedTuple):
    """What a task may know of its own application: the ids of the run and of the job in it, and which attempt this is, from 1."""

    run: int = 0
    job: int = 0
    attempt: int = 0


# The default of a parameter that is given the JobInfo of each attempt. It counts neither for the key nor for the footprint.
THIS_JOB = JobInfo()


@final
class Task(Generic[P, R]):
    """A function under a full name. Calling it makes an expression and runs nothing; `func` is the plain function.

    declared  its options as they were given to `@task`
    base      the task whose identity it has: itself, or of a configured task the plain one
    how       of a configured task: what `.options`, `.options_below` and `.context` have collected
    """

    # Of one that was made inside a function and sent here: what the bytes of the process that it came from call it.
    sent_as: bytes | None = None

    __slots__ = (
        "__dict__", "_func", "_is_bound", "_is_inner", "_signature", "base", "declared", "full_name", "how", "is_async", "is_open", "name",
        "namespace",
    )  # fmt: skip

    def __init__(self, func: Callable[P, R], namespace: str, name: str, options: TaskOptions) -> None:
        # Above or below @staticmethod: either way the function gets no instance.
        self._is_bound = not isinstance(func, staticmethod)
        func = func.__func__ if isinstance(func, staticmethod) else func
        self._func = func
        self.namespace = namespace
        self.name = name
        self.full_name = f"{namespace}.{name}"
        self.declared = options
        self.is_async = _is_async(func)
        # Its application has others made itself, so that what it returns is no single reduction.
        self.is_open = self.is_async
        self._is_inner = _is_inner(func, self.full_name)
        self.base: Task[P, R] = self
        self.how: How | None = None
        self._signature: Signature | None = None
        self.__doc__ = func.__doc__
        self.__module__ = func.__module__
        self.__wrapped__ = func

    @property
    def func(self) -> Callable[P, R]:
        """The plain function: calling it runs it at once, as a part of whoever calls it."""
        application = APPLYING.get()
        if application is not None:
            application.took(self)
        return self._func

    @property
    def signature(self) -> Signature:
        signature = self.base._signature
        if signature is None:
            signature = self.base._signature = Signature(self.func)
        return signature

    @property
    def is_made(self) -> bool:
        """Was it made inside a function, and is it not found by its name? Then others may have that name too: one for each call of the
        function. Only its definition tells it apart.
        """
        if not self._is_inner:
            return False
        found: Any = sys.modules.get("__main__" if self.func.__module__ == "__main__" else self.namespace)
        for part in self.name.split("."):
            found = getattr(found, part, None)
        return found is not self.base

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        self.signature.check(self.name, args, kwargs)
        return Call(self.base, args, kwargs or _NO_NAMES, self.how)  # type: ignore[return-value]

    def lazy(self, *args: P.args, **kwargs: P.kwargs) -> Expression[R]:
        """The same call, which type checkers see as what it is: an expression."""
        return self(*args, **kwargs)  # type: ignore[return-value]

    def partial(self, *args: Any, **kwargs: Any) -> Partial[R]:
        """This task with some arguments given; calling it with the rest makes the call."""
        return Partial(self, args, kwargs)

    def options(self, **options: Unpack[CallOptions]) -> Task[P, R]:
        """This task, whose calls have these options; what was set before and is not set here stays. Values may be lazy.

        Raises:
            OptionError: one is unknown, of the wrong type, or part of what the task is (`version`, `depends_on`, `tracking`, `script`,
                `ignore`).
        """
        how = self.how or _PLAIN
        given = checked(options, f"{self.full_name}.options", at_call=True)
        return self._configured(how._replace(options=_over(how.options, given)))

    def options_below(self, **options: Unpack[CallOptions]) -> Task[P, R]:
        """This task, below whose calls (not for them themselves) these options hold, unless something nearer says otherwise.

        Raises:
            OptionError: as `options`.
        """
        how = self.how or _PLAIN
        given = checked(options, f"{self.full_name}.options_below", at_call=True)
        return self._configured(how._replace(below=_over(how.below, given)))

    def context(self, entries: Mapping[str, Any] | None = None, /, **more: Any) -> Task[P, R]:
        """This task, in and below whose calls `get_context` finds these entries, merged over those outside; a dotted name is a path.

        Its arguments are not among what is below it: they are reduced where the call stands.
        """
        how = self.how or _PLAIN
        return self._configured(how._replace(context=merged(how.context, {**(entries or {}), **more})))

    def _configured(self, how: How) -> Task[P, R]:
        made: Task[P, R] = object.__new__(Task)
        for name in _IDENTITY:
            setattr(made, name, getattr(self, name))
        made._signature = None
        made.how = how
        made.__dict__.update(self.__dict__)
        return made

    # What a method becomes is a partial application; type checkers are told of a task, as that has the other parameters' types.
    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Task[P, R]: ...
    @overload
    def __get__(self: Task[Concatenate[Any, Q], R], instance: object, owner: type | None = None) -> Task[Q, R]: ...
    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """As a method, bound to its instance as functions are."""
        return self if instance is None or not self._is_bound else Partial(self, (instance,), {})

    def __repr__(self) -> str:
        return f"<task {self.full_name}>"


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` merged into `under`, table by table; a dotted key of `over` is a path."""
    out = dict(under)
    for key, value in over.items():
        head, _, rest = key.partition(".")
        if rest:
            value = {rest: value}
        below = out.get(head)
        if isinstance(value, Mapping):
            value = merged(below if isinstance(below, Mapping) else {}, value)
        out[head] = value
    return out


def _over(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return dict(sorted({**before, **given}.items()))


def _is_inner(func: Any, full_name: str) -> bool:
    if type(func) is not FunctionType:
        return False
    qualname = func.__qualname__
    # A lambda at the top of a module has a name of its own if it was given one.
    return "<" in full_name or ("<" in qualname and qualname != "<lambda>")


def _is_async(func: Any) -> bool:
    while not hasattr(func, "__code__") and hasattr(func, "func"):
        func = func.func
    code = getattr(func, "__code__", None)
    return bool(code is not None and code.co_flags & _COROUTINE)


@final
class Partial(Generic[R_co]):
    """A task and some of its arguments: a value that can be called, passed and returned."""

    __slots__ = ("args", "kwargs", "task")

    def __init__(self, task: Task[..., R_co], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.task = task
        self.args = args
        self.kwargs = kwargs

    def __call__(self, *args: Any, **kwargs: Any) -> R_co:
        return self.task(*self.args, *args, **{**self.kwargs, **kwargs})

    def lazy(self, *args: Any, **kwargs: Any) -> Expression[R_co]:
        """The same call, which type checkers see as what it is: an expression."""
        return self(*args, **kwargs)  # type: ignore[return-value]

    def partial(self, *args: Any, **kwargs: Any) -> Partial[R_co]:
        """This with some more arguments given."""
        return Partial(self.task, (*self.args, *args), {**self.kwargs, **kwargs})

    def options(self, **options: Unpack[CallOptions]) -> Partial[R_co]:
        """As `Task.options`."""
        return Partial(self.task.options(**options), self.args, self.kwargs)

    def options_below(self, **options: Unpack[CallOptions]) -> Partial[R_co]:
        """As `Task.options_below`."""
        return Partial(self.task.options_below(**options), self.args, self.kwargs)

    def context(self, entries: Mapping[str, Any] | None = None, /, **more: Any) -> Partial[R_co]:
        """As `Task.context`."""
        return Partial(self.task.context(entries, **more), self.args, self.kwargs)

    def __repr__(self) -> str:
        return f"<partial {self.task.full_name}>"


@final
class Signature:
    """A function's parameters, and the way from a call as written to one value per parameter and back.

    this_job  the places of parameters that are given a JobInfo
    """

    __slots__ = ("_full", "_least", "_simple", "defaults", "names", "this_job")

    def __init__(self, func: Callable[..., Any]) -> None:
        import inspect

        simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._full = inspect.signature(func)
        parameters = self._full.parameters.values()
        self.names = tuple(p.name for p in parameters)
        self.defaults: Mapping[str, Any] = {
            p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty
        }
        self.this_job = tuple(place for place, name in enumerate(self.names) if self.defaults.get(name) is THIS_JOB)
        # Nearly all tasks have plain parameters and are called by position: binding is then one comparison.
        self._simple = all(p.kind in simple for p in parameters)
        self._least = len(self.names) - len(self.defaults)

    def check(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """
        Raises:
            TypeError: the function cannot be called so; in Python's words, with the task's name. Or an argument can be gone through only
                once, as generators can, so that it has no content: calls that it would make are not found in it.
        """
        if not _ONCE.isdisjoint(map(type, args)) or (kwargs and not _ONCE.isdisjoint(map(type, kwargs.values()))):
            _refuse(name, args, kwargs)
        if self._simple and not kwargs and self._least <= len(args) <= len(self.names):
            return
        try:
            self._full.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{name}() {error}") from None

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """One value per parameter, in order; defaults filled in (`*args` a tuple, `**kwargs` a dict).

        Raises:
            TypeError: the arguments do not fit.
        """
        if self._simple and not kwargs and len(args) == len(self.names):
            return args
        bound = self._full.bind(*args, **kwargs)
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    def given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> set[str]:
        """The names of the parameters for which the call as written has a value."""
        return set(self._full.bind(*args, **kwargs).arguments)

    def spread(self, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional and keyword arguments with which to call the function, from one value per parameter."""
        if self._simple:
            return values, {}
        import inspect

        # inspect types its argument as an OrderedDict; any mapping in order will do.
        bound = inspect.BoundArguments(self._full, dict(zip(self.names, values, strict=True)))
        return bound.args, bound.kwargs

    def policy(self) -> tuple[Any, ...]:
        """What of the signature decides how a call is bound: names, kinds, and the defaults themselves."""
        return tuple(
            (p.name, int(p.kind), p.name in self.defaults, self.defaults.get(p.name))
            for p in self._full.parameters.values()
        )


def _refuse(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NoReturn:
    value = next(value for value in (*args, *kwargs.values()) if type(value) in _ONCE)
    kind = type(value).__name__
    raise TypeError(f"{name}() is given a {kind}, which can be gone through only once: make a list of it")
