"""What a digest cannot know from the value alone, and the last resort for values of which nobody knows what they are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from ._effects import Found
from ._expressions import Expression, hidden


class Fallback(Protocol):
    """The last resort for values of any other type."""

    def simplify(self, value: Any) -> Any:
        """What the value is made of, as `Encoder`; raises EncodeError."""

    def check(self, value: Any, token: bytes, again: Callable[[Any], bytes]) -> None:
        """Once for each type: is the token the same after a round trip?"""


class Look(Protocol):
    """What a digest cannot know from the value alone."""

    def expression(self, node: Expression) -> bytes:
        """The token of the value (or, in a stored expression, of the node) that stands there."""

    def external(self, kind: str, place: str) -> bytes | None:
        """The digest of what is at the place, None: nothing is there."""

    def definition(self, kind: str, thing: Any) -> bytes | None:
        """The fingerprint of a class or function of the project; None for others', whose names count."""

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
