"""What values hold besides what is plain to see: functions what they have captured, instances what their classes add to a known base."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any, NamedTuple

from ._errors import EncodeError

_EMPTY: tuple[Any, ...] = ()
_STATE = (list, dict, set, bytearray)
_LOCKS = frozenset(
    ["Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore", "lock", "_RLock"]
)
_LOCK_MODULES = ("_thread", "threading", "asyncio.", "multiprocessing.")


def is_made(function: Any) -> bool:
    """Is it one of several that another function makes of one text, as far as its name tells?"""
    return bool(function.__closure__) or "<" in function.__qualname__


class Perhaps(NamedTuple):
    """Something that a value holds by chance, such as what an AttributeError was raised for: it counts if it can, else its type does."""

    value: Any


def contents(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """By variable, what is in its closure, then its defaults; what has no value yet is left out.

    A default that a function at the top of a module may change is its state, which is no part of it.
    """
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or _EMPTY, strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue  # the statement that binds it has not been reached yet
    made = is_made(function)
    for name, value in given_defaults(function):
        if made or not isinstance(value, _STATE):
            yield name, value


def given_defaults(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """The defaults of parameters, by name."""
    values = function.__defaults__ or _EMPTY
    code = function.__code__
    yield from zip(code.co_varnames[code.co_argcount - len(values) : code.co_argcount], values, strict=True)
    yield from sorted((function.__kwdefaults__ or {}).items())


def holdings(function: FunctionType, path: Sequence[Any], token: Callable[[Any], bytes]) -> list[bytes]:
    """What it holds, each by name and token; `path` has what this is inside of.

    Raises:
        EncodeError: something has no token, and the function is made by another; names function and variable.
    """
    for depth, each in enumerate(reversed(path)):
        if each is function:
            return [b"%d" % depth]
    tokens = []
    for name, value in contents(function):
        try:
            tokens += [name.encode(), token(value)]
        except EncodeError as error:
            if is_made(function):
                raise EncodeError(
                    f"{where(function)} holds {name!r}, {error}. Let it make that itself, or take it as an argument"
                ) from None
    return tokens


def with_state(encode: Callable[[Any], Any], base: type) -> Callable[[Any], Any]:
    """For a subclass of a type that an encoder knows: what its instances hold besides counts too.

    Of the attributes that the base gives them it need not: an encoder with the attribute `tells` has those in what it makes.
    """

    def simplify(value: Any) -> Any:
        own = [
            kind for kind in type(value).__mro__ if not issubclass(base, kind) and kind.__module__ != base.__module__
        ]
        slots = [slot for kind in own for slot in _slots(kind) if hasattr(value, slot)]
        held = {**getattr(value, "__dict__", {}), **{slot: getattr(value, slot) for slot in slots}}
        for name in ("__notes__", *getattr(encode, "tells", ())):
            held.pop(name, None)
        return (encode(value), dict(sorted(held.items())))

    return simplify


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


def is_lock(value: Any) -> bool:
    """Is it a lock, of which there is nothing to say but that?"""
    kind = type(value)
    return kind.__name__ in _LOCKS and f"{kind.__module__}.".startswith(_LOCK_MODULES)


def where(function: FunctionType) -> str:
    """A function, for people: its name, file and line."""
    code = function.__code__
    return f'{function.__module__}.{function.__qualname__} ("{code.co_filename}", line {code.co_firstlineno})'
