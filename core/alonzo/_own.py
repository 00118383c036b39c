"""What a class may say itself of how its instances are digested, stored and inspected.

    __alonzo_digest__(self)      a simpler value, whose digest, with the class's full name, is the instance's
    __alonzo_dump__(self)        what is stored of it: bytes, or a simpler value
    __alonzo_load__(cls, data)   a class method: an instance made of what `__alonzo_dump__` gave
    __alonzo_inspect__(self)     of a value whose content lives elsewhere: what it is now, as a simpler value; None: nothing is there

What they return is checked; whatever is wrong names the class.
"""

from __future__ import annotations

import base64
from types import MethodType
from typing import Any

from ._errors import EncodeError
from ._plain import dump_plain, load_plain

EXTERNAL = "value"
"""The kind of those external values."""


def has_own_bytes(kind: type) -> bool:
    """Do instances say themselves what is stored of them?

    Raises:
        EncodeError: they say only half of it.
    """
    if not hasattr(kind, "__alonzo_dump__"):
        return False
    if not isinstance(getattr(kind, "__alonzo_load__", None), MethodType):
        raise EncodeError(f"{_name(kind)} has __alonzo_dump__, and no class method __alonzo_load__ that reads it again")
    return True


def dumped(value: Any) -> Any:
    """What is to be stored of an instance; raises as `simpler`."""
    return simpler(value, "__alonzo_dump__")


def loaded(kind: Any, data: Any) -> Any:
    """The instance of which this was stored.

    Raises:
        TypeError: the class made something else of it.
    """
    value = kind.__alonzo_load__(data)
    if not isinstance(value, kind):
        raise TypeError(f"{_name(kind)}.__alonzo_load__ returned a value of type {_name(type(value))}")
    return value


def simpler(value: Any, method: str) -> Any:
    """What a method of an instance makes of it.

    Raises:
        EncodeError: it failed, or gave back an instance of the same class.
    """
    kind = type(value)
    try:
        found = getattr(value, method)()
    except Exception as error:
        raise EncodeError(f"{_name(kind)}.{method} failed: {type(error).__name__}: {error}") from error
    if isinstance(found, kind):
        raise EncodeError(
            f"{_name(kind)}.{method} returned an instance of {kind.__qualname__}: return something simpler"
        )
    return found


def place_of(value: Any, name: str) -> str:
    """The place of an instance that says what it is now; `name` is its class's full name.

    Raises:
        EncodeError: nobody could make the instance anew of it.
    """
    kind = type(value)
    if not has_own_bytes(kind):
        raise EncodeError(
            f"{name} has __alonzo_inspect__: it needs __alonzo_dump__ and __alonzo_load__, to be found again by"
        )
    data = dumped(value)
    if type(data) is str:
        return f"{name}={data}"
    plain = dump_plain(data)
    if plain is None:
        raise EncodeError(
            f"{name}.__alonzo_dump__ returned a value of type {_name(type(data))}: with __alonzo_inspect__, return a string, or "
            "numbers, strings and bytes in lists, tuples and dicts"
        )
    return f"{name}:{base64.b64encode(plain).decode()}"


def of_place(place: str) -> tuple[str, Any]:
    """The full name of the class, and what was stored of the instance."""
    end = min(end for end in (place.find("="), place.find(":")) if end >= 0)
    name, rest = place[:end], place[end + 1 :]
    return name, rest if place[end] == "=" else load_plain(base64.b64decode(rest))


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
