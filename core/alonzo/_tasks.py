"""Tasks: named functions whose calls are lazy; partial applications; how arguments meet a signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, ParamSpec, TypeVar, final

from ._expressions import Call
from ._options import TaskOptions

P = ParamSpec("P")
R = TypeVar("R")

# One for all calls without keyword arguments: nobody changes a call.
_NO_NAMES: dict[str, Any] = {}

_COROUTINE = 0x80  # inspect.CO_COROUTINE; inspect itself is imported when something is called


@final
class Task(Generic[P, R]):
    """A function under a full name. Calling it makes an expression and runs nothing; `func` is the plain function."""

    __slots__ = ("__dict__", "_signature", "full_name", "func", "is_async", "name", "namespace", "options")

    def __init__(self, func: Callable[P, R], namespace: str, name: str, options: TaskOptions) -> None:
        self.func = func
        self.namespace = namespace
        self.name = name
        self.full_name = f"{namespace}.{name}"
        self.options = options
        self.is_async = _is_async(func)
        self._signature: Signature | None = None
        self.__doc__ = func.__doc__
        self.__module__ = func.__module__
        self.__wrapped__ = func

    @property
    def signature(self) -> Signature:
        if self._signature is None:
            self._signature = Signature(self.func)
        return self._signature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        self.signature.check(self.name, args, kwargs)
        return Call(self, args, kwargs or _NO_NAMES)  # type: ignore[return-value]

    def partial(self, *args: Any, **kwargs: Any) -> Partial:
        """This task with some arguments given; calling it with the rest makes the call."""
        return Partial(self, args, kwargs)

    def __repr__(self) -> str:
        return f"<task {self.full_name}>"


def _is_async(func: Any) -> bool:
    while not hasattr(func, "__code__") and hasattr(func, "func"):
        func = func.func
    code = getattr(func, "__code__", None)
    return bool(code is not None and code.co_flags & _COROUTINE)


@final
class Partial:
    """A task and some of its arguments: a value that can be called, passed and returned."""

    __slots__ = ("args", "kwargs", "task")

    def __init__(self, task: Task[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.task = task
        self.args = args
        self.kwargs = kwargs

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.task(*self.args, *args, **{**self.kwargs, **kwargs})

    def partial(self, *args: Any, **kwargs: Any) -> Partial:
        """This with some more arguments given."""
        return Partial(self.task, (*self.args, *args), {**self.kwargs, **kwargs})

    def __repr__(self) -> str:
        return f"<partial {self.task.full_name}>"


@final
class Signature:
    """A function's parameters, and the way from a call as written to one value per parameter and back."""

    __slots__ = ("_full", "_least", "_simple", "defaults", "names")

    def __init__(self, func: Callable[..., Any]) -> None:
        import inspect

        simple = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        self._full = inspect.signature(func)
        parameters = self._full.parameters.values()
        self.names = tuple(p.name for p in parameters)
        self.defaults: Mapping[str, Any] = {
            p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty
        }
        # Nearly all tasks have plain parameters and are called by position: binding is then one comparison.
        self._simple = all(p.kind in simple for p in parameters)
        self._least = len(self.names) - len(self.defaults)

    def check(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """
        Raises:
            TypeError: the function cannot be called so; in Python's words, with the task's name.
        """
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
