"""What a digest cannot know from the value alone; in which way external values are inspected; and the last resort for values of which
nobody knows what they are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, runtime_checkable

from ._effects import Found
from ._errors import AlonzoError, OptionError
from ._expressions import Expression, hidden
from ._options import nearest


class Fallback(Protocol):
    """The last resort for values of any other type."""

    def simplify(self, value: Any) -> Any:
        """What the value is made of, as `Encoder`; raises EncodeError."""

    def check(self, value: Any, token: bytes, again: Callable[[Any], bytes]) -> None:
        """Once for each type: is the token the same after a round trip?"""


@runtime_checkable
class InSeveralWays(Protocol):
    """An inspector that can look at one thing in several ways, of which the option `inspect` of a task chooses one.

    ways      their names
    place_as  as `place`; a value that says itself how it is to be inspected is so. Places of one thing that is inspected in two ways are
              two places. Raises AlonzoError: this value cannot be inspected in that way
    """

    @property
    def kinds(self) -> tuple[type, ...]: ...
    @property
    def ways(self) -> Collection[str]: ...
    def place_as(self, value: Any, way: str) -> str: ...


@runtime_checkable
class SeesWrites(Protocol):
    """An inspector that is told of what applications write: whoever writes notes it in `CAPTURE.get().written`, if one goes on.

    overwritten  those of these places where, since this was noted, somebody has put something else. Asked when an application has ended,
                 of what it returned. Never raises
    """

    def overwritten(self, places: Sequence[str], written: Mapping[str, Any]) -> Sequence[str]: ...


class Look(Protocol):
    """What a digest cannot know from the value alone."""

    def expression(self, node: Expression) -> bytes:
        """The token of the value (or, in a stored expression, of the node) that stands there."""

    def external(self, kind: str, place: str) -> bytes | None:
        """The digest of what is at the place, None: nothing is there."""

    def definition(self, kind: str, thing: Any) -> bytes | None:
        """The fingerprint of a class or function of the project, None for others', whose names count; of a task its identity."""

    def found(self, found: Found) -> None:
        """A value was met of which the token is known; what it rests on is in it."""


def around(look: Look) -> tuple[Any, ...]:
    """The functions and classes inside which it looks, and what they hold, where it does: these may hold themselves."""
    return getattr(look, "around", ())


class Opaque:
    """A look into a value that is not walked for expressions: one that stands there would never be reduced."""

    def __init__(self, look: Look) -> None:
        self.external = look.external
        self.definition = look.definition
        self.found = look.found
        self.around = around(look)

    def expression(self, node: Expression) -> bytes:
        raise hidden(node)


class Written:
    """A look into an expression that is a value: its nodes count as they are written."""

    def __init__(self, look: Look) -> None:
        self.external = look.external
        self.definition = look.definition
        self.found = look.found
        self.around = around(look)
        self.tokens: dict[Expression, bytes] = {}

    def expression(self, node: Expression) -> bytes:
        return self.tokens[node]


Externals = Mapping[type, tuple[str, Callable[[Any], str]]]


def inspected(externals: Externals, chosen: Mapping[type, InSeveralWays], way: str) -> Externals:
    """The places of external values, by type, where they are inspected in this way, if their inspector knows it.

    Raises:
        OptionError: nobody knows such a way; names the nearest.
    """
    ways = sorted({each for inspector in chosen.values() for each in inspector.ways})
    if way not in ways:
        there = f"{nearest(way, ways)}; there are: {', '.join(ways)}" if ways else ": no plugin offers any"
        raise OptionError(f"option 'inspect': nothing can be inspected by {way!r}{there}")
    over = {kind: inspector for kind, inspector in chosen.items() if way in inspector.ways}
    return {
        kind: (name, partial(over[kind].place_as, way=way) if kind in over else place)
        for kind, (name, place) in externals.items()
    }


def kept(
    value: Any, usual: tuple[str, str], inspector: InSeveralWays | None, places: Container[tuple[str, str]]
) -> str:
    """Where a value of this kind was inspected, of these kinds and places; else its usual place."""
    name, place = usual
    if inspector is None:
        return place
    for way in sorted(inspector.ways):
        with suppress(AlonzoError):  # it cannot be inspected in that way
            other = inspector.place_as(value, way)
            if (name, other) in places:
                return other
    return place
