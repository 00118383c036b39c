"""Special forms: each decides which of its operands are demanded, and in which order.

A form is a generator function of its operands. It yields what it wants next and is sent what came of it:

    found = yield Demand(operand)               the operand is reduced; a Found, which may stand in whatever the form makes.
                                                When it fails, the form fails with it and is not asked again
    found = yield Demand(operand, look=True)    the same, and `found.value` is the object
    found = yield Demand(operand, caught=True)  the same, but a failure is sent too: a Raised
    entry = yield Context("db.host")            an entry of the context, or ABSENT; the form's value then rests on it

What it returns is its value: a value, an expression, a container of them, a Found, or a `Become` or `Fail` that says more. An
exception that it raises is its failure. A form runs nothing: it has no clock, no chance, no files, and calls no code of a user's; what
must be computed, it demands as a call or an operation. So it is as free of order and world as the machine is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, ParamSpec, TypeVar, final

from ._effects import Found, Raised
from ._expressions import Expression, Form, Operation
from ._options import NONE
from ._tasks import Partial, Task
from ._traces import EMPTY, Entry, Footprint

P = ParamSpec("P")
R = TypeVar("R")


@final
class Demand(NamedTuple):
    """Reduce this. `caught`: its failure does not have to be the form's. `look`: its object is looked at, not only passed on."""

    template: Any
    caught: bool = False
    look: bool = False


@final
class Context(NamedTuple):
    """What is the entry of the context at this dotted path? It is a value, or ABSENT."""

    path: str


@final
class Become(NamedTuple):
    """The value is this one's.

    rests      what that was decided by, beyond the outcomes of demands and entries of the context
    recovered  it stands in for a failure, which is tried again in every later run; set for every form that was sent a `Raised`
    tags       marks for the value, in the record
    """

    template: Any
    rests: Footprint = EMPTY
    recovered: bool = False
    tags: Mapping[str, str] = NONE


@final
class Fail(NamedTuple):
    """The failure is this one. `fresh`: it is the form's own, not that of something demanded."""

    outcome: Raised
    fresh: bool = False


class Scope:
    """What a form may ask about where it stands."""

    def context(self, path: str) -> Any: ...
    def context_token(self, path: str) -> bytes | None: ...


Step = Demand | Become | Fail


class SpecialForm(Generic[P, R]):
    """A form under a name. Calling it makes an expression; it can be passed, returned and partially applied as a task can.

    reference  what an expression knows it by: its name if it is the language's own, else the form itself
    """

    def __init__(self, func: Callable[P, Any], full_name: str, *, own: bool = False) -> None:
        self.func = func
        self.full_name = full_name
        self.reference: str | SpecialForm[..., Any] = full_name if own else self
        self._shape: tuple[Any, int, int, bool] | None = None
        self.__wrapped__ = func
        self.__doc__ = func.__doc__
        self.__module__ = func.__module__
        self.__name__ = func.__name__
        self.__qualname__ = func.__qualname__

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return Form(self.reference, self.operands(args, kwargs))  # type: ignore[return-value]

    def partial(self, *args: Any, **kwargs: Any) -> Partial:
        """This form with some operands given."""
        return Partial(self, args, kwargs)  # type: ignore[arg-type]

    def operands(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
        """The operands, defaults filled in; what can be given by keyword only is a dict at the end.

        Raises:
            TypeError: the form cannot be called so; in Python's words.
        """
        full, least, most, named = self._shape or self._measured()
        # What can be gone through once only is gone through now.
        args = tuple([list(arg) if isinstance(arg, Iterator) else arg for arg in args])
        if not kwargs and not named and least <= len(args) <= most:
            return args
        try:
            bound = full.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.__name__}() {error}") from None
        bound.apply_defaults()
        return (*bound.args, bound.kwargs) if named else bound.args

    def begun(self, operands: tuple[Any, ...]) -> Any:
        """The generator of the form's steps, or its value if it needs none."""
        _, _, _, named = self._shape or self._measured()
        return self.func(*operands[:-1], **operands[-1]) if named else self.func(*operands)  # type: ignore[call-arg]

    def _measured(self) -> tuple[Any, int, int, bool]:
        import inspect

        full = inspect.signature(self.func)
        kinds = [parameter.kind for parameter in full.parameters.values()]
        plain = [kind for kind in kinds if kind in (kind.POSITIONAL_ONLY, kind.POSITIONAL_OR_KEYWORD)]
        most = 2**62 if inspect.Parameter.VAR_POSITIONAL in kinds else len(plain)
        named = any(kind in (kind.KEYWORD_ONLY, kind.VAR_KEYWORD) for kind in kinds)
        self._shape = (full, len(plain), most, named)
        return self._shape

    def __reduce__(self) -> str:
        return self.__qualname__  # by its name in its module

    def __repr__(self) -> str:
        return f"<form {self.full_name}>"

    def __str__(self) -> str:
        return self.full_name


@final
class Course:
    """A form under way. `outcome` is what came of its last demand."""

    __slots__ = ("_caught", "_form", "_operands", "_recovered", "_rests", "_steps", "outcome")

    def __init__(self, form: SpecialForm[..., Any], operands: tuple[Any, ...]) -> None:
        self._form = form
        self._operands = operands
        self._steps: Any = None
        self._caught = False
        self._recovered = False
        self._rests: list[Entry] = []
        self.outcome: Found | Raised | None = None

    def step(self, scope: Scope) -> Step:
        """What the form wants next, now that `outcome` is known; raises whatever the form does."""
        asked: Any
        answer: Any = self.outcome
        if type(answer) is Raised:
            if not self._caught:
                return Fail(answer)
            self._recovered = True
        if self._steps is None:
            self._steps = self._form.begun(self._operands)
            if not isinstance(self._steps, Generator):
                return self._ended(self._steps)
        while True:
            try:
                asked = self._steps.send(answer)
            except StopIteration as end:
                return self._ended(end.value)
            if isinstance(asked, Demand):
                self._caught = asked.caught
                return asked
            if not isinstance(asked, Context):
                raise TypeError(f"the form {self._form} yields {asked!r}: a form yields Demand or Context")
            answer = scope.context(asked.path)
            self._rests.append(("context", asked.path, scope.context_token(asked.path)))

    def _ended(self, value: Any) -> Step:
        if isinstance(value, Fail):
            return value
        become: Become = value if isinstance(value, Become) else Become(value)
        rests = become.rests.union(self._rests) if self._rests else become.rests
        return become._replace(rests=rests, recovered=become.recovered or self._recovered)


Steps = Generator[Demand | Context, Any, R]


def own(function: Callable[P, Any]) -> SpecialForm[P, Any]:
    """A form of the language itself, which goes by its bare name."""
    return SpecialForm(function, function.__name__, own=True)


# -- what forms are made of ------------------------------------------------------------------------


def called(function: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] = NONE) -> Any:
    """A call of whatever can be called: a task, a partial application, a form, a lazy value, or (as an operation) anything else."""
    if isinstance(function, Task | Partial | SpecialForm | Expression):
        return function(*args, **kwargs)
    return Operation("call", (function, tuple(args), dict(kwargs)))


def is_lazy(value: Any) -> bool:
    """Is it something that must be demanded before it can be looked at?"""
    return isinstance(value, Expression) or type(value) is Found


def items_of(collection: Any) -> Steps[tuple[Any, Sequence[Any]]]:
    """The items of a collection, in order, and where they come from if they had to be demanded, else None.

    A list or tuple that is written out is not waited for: its items may be lazy.
    """
    if type(collection) in (list, tuple):
        return None, collection
    if is_lazy(collection):
        found = yield Demand(collection, look=True)
        if type(found.value) in (list, tuple):
            return collection, found.value
    listed = Operation("list", (collection,))
    found = yield Demand(listed, look=True)
    return listed, found.value


def given(source: Any, item: Any) -> Any:
    """An item as an operand of something new, which then comes from where the item comes from."""
    return item if source is None else Form("item", (source, item))


@own
def item(source: Any, value: Any) -> Steps[Any]:
    """`value`, which was found in `source`."""
    yield Demand(source)
    return value
