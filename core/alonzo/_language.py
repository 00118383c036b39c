"""The special forms as users write them; what they mean is in _forms and _list_forms, what they say of types in _form_types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from . import _forms, _list_forms
from ._api import _namespace, task
from ._containers import expressions, topological
from ._expressions import APPLYING, Form, Operation
from ._quoted import Quoted
from ._special import SpecialForm, Steps
from ._tasks import Task

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

and_ = _forms.and_
or_ = _forms.or_
throw = _forms.throw
get_context = _forms.get_context
unquote = _forms.unquote
force = _forms.force
cond = _forms.cond
seq = _forms.seq
identity = _forms.identity
map_ = _list_forms.map_
starmap = _list_forms.starmap
flat_map = _list_forms.flat_map
zip_ = _list_forms.zip_
filter_ = _list_forms.filter_

_NOTHING: Any = object()


@overload
def form(function: Callable[P, Steps[R]], /) -> SpecialForm[P, R]: ...
@overload
def form(function: Callable[P, R], /) -> SpecialForm[P, R]: ...
def form(function: Any, /) -> Any:
    """Make a special form of a generator function of its operands, which says which of them are reduced, and in which order.

    It yields `Demand(operand)` and is sent what came of it; what it returns is its value. See `alonzo.plugin` for these, and the
    reference for an example. It must be found under its name in its module: stored expressions name it so.

    Raises:
        TypeError: it is no function.
    """
    if not callable(function) or not hasattr(function, "__qualname__"):
        raise TypeError(f"@form decorates a function, not {function!r}")
    return SpecialForm(function, f"{_namespace(function)}.{function.__qualname__}")


def not_(x: Any) -> bool:
    """`not x`, of a value that is not known yet."""
    return Operation("not", (x,))  # type: ignore[return-value]


def contains(xs: Any, x: Any) -> bool:
    """`x in xs`, of values that are not known yet."""
    return Operation("contains", (xs, x))  # type: ignore[return-value]


def catch(expression: Any, errors: Any, recover: Any, *more: Any) -> Any:
    """`expression`, or what `recover` makes of its failure if that is one of `errors` (a class or a tuple of classes).

    `recover` is a task (or partial, or form) that gets the exception; anything else is the value itself. Further pairs may follow. A
    call that failed is tried again in every later run.

    Raises:
        TypeError: `errors` is not a class of exceptions or a tuple of them; a pair is incomplete.
    """
    pairs = (errors, recover, *more)
    if len(pairs) % 2:
        raise TypeError("catch() takes pairs: catch(expression, Error, recover, Error2, recover2, …)")
    for place in range(0, len(pairs), 2):
        _check_errors("catch", pairs[place])
    return _forms.catch(expression, *pairs)


def catch_all(es: Any, errors: Any, recover: Any) -> Any:
    """The values of a container of expressions, once all of them have settled, whatever fails.

    If some failed, all with one of `errors` (a class or a tuple of classes), it is what `recover` makes of the container, in which
    exceptions stand in the place of what failed; `recover` is a task (or partial, or form), or the value itself. If one failed otherwise,
    this fails with the first such failure by position. What failed is tried again in every later run.

    Raises:
        TypeError: `errors` is not a class of exceptions or a tuple of them.
    """
    _check_errors("catch_all", errors)
    return _forms.catch_all(es, errors, recover)


def tagged(e: T, /, **tags: Any) -> T:
    """`e`, whose value gets these tags in the record: `tagged(report(x), quality="final")`. A tag is a text, a number or a bool."""
    value: T = _forms.tagged(e, tags)
    return value


def flatten(xs: Iterable[Iterable[T]]) -> list[T]:
    """`[x for row in xs for x in row]`, of values that are not known yet.

    Raises:
        TypeError: in the run: `xs` or a row cannot be gone through, or is a set, which has no order.
    """
    return Operation("flatten", (xs,))  # type: ignore[return-value]


def reduce_(task: Callable[[T, T], T], xs: Iterable[T], initial: T = _NOTHING) -> T:
    """All of `xs` made one by an associative task of two arguments, in a tree: of 100,000 values, 17 calls deep.

    The order of the values is kept. `initial` comes before the first.

    Raises:
        TypeError: in the run: there are no values and no `initial`; `xs` cannot be gone through, or is a set, which has no order.
    """
    value: T = _list_forms.reduce_(task, xs) if initial is _NOTHING else _list_forms.reduce_(task, xs, initial)
    return value


def compose(*functions: Any) -> Any:
    """The function that applies these, the last one first: `compose(f, g)(x)` is `f(g(x))`. Of none: `identity`.

    They may be tasks, partial applications, forms, lazy values, and plain functions (applied as an operation, without a job).
    """
    return _forms.composed.partial(functions) if functions else _forms.identity.partial()


def const(value: Any, *ignored: Any) -> Any:
    """The function that is `value` of anything: `const(5)(x)`, which is also `const(5, x)`; `x` is not reduced."""
    return _forms.constant(value, *ignored) if ignored else _forms.constant.partial(value)


def quote(e: Any) -> Quoted:
    """An expression as a value: it is passed on as it is and reduced only where it is unquoted. `quote(e)()` is `unquote(quote(e))`."""
    application = APPLYING.get()
    if application is not None:
        used = set(topological(expressions(e)))
        application.made = [made for made in application.made if made[0] not in used]
    return Quoted(e)


def delay(e: Any) -> Quoted:
    """An expression for later, reduced when it is forced: `force(delay(e))`, also `delay(e)()`. The same as `quote(e)`."""
    return quote(e)


def as_task(function: Callable[P, R], **options: Any) -> Task[P, R]:
    """A task of a plain function, a library's too, under the function's own name. A task is given back as it is.

    Raises:
        OptionError: an option (those of `@task`) is unknown or of the wrong type.
        TypeError: it is no function, or one that does not say which arguments it takes (`max`), or a class's own (`str.upper`).
    """
    if isinstance(function, Task):
        return function.options(**options) if options else function
    try:
        made: Task[P, R] = task(**options)(function)
        made.signature  # noqa: B018 - looked at here rather than at the first call
    except (ValueError, AttributeError) as error:
        raise TypeError(f"as_task({function!r}): {error}: write a task that calls it") from None
    return made


def apply_func(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """`function(*args, **kwargs)`, of a function and arguments that may be lazy. A plain function is applied as an operation: it has no
    job and is not remembered. `as_task(function)(…)` is."""
    return Form("apply", (function, args, kwargs))  # type: ignore[return-value]


def fmt(template: str, /, *args: Any, **kwargs: Any) -> str:
    """`template.format(*args, **kwargs)`, of values that are not known yet: `fmt("{name}: {0:.2f}", mean(xs), name=name)`."""
    return Operation("method", (template, "format", args, kwargs))  # type: ignore[return-value]


def _check_errors(form: str, errors: Any) -> None:
    classes: Sequence[Any] = errors if isinstance(errors, tuple) else (errors,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in classes):
        raise TypeError(f"{form}() takes classes of exceptions, not {errors!r}")
