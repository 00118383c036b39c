"""Keys of calls: what the arguments are, digested as they stand, with what must be known of the world for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from ._containers import located
from ._digests import Digester, call_key
from ._effects import Found, Target
from ._errors import EncodeError, LazyValueError, OptionError
from ._expressions import Expression, Form
from ._hidden import refuse_hidden
from ._rebuild import Definition, World
from ._scalars import blake, frame
from ._traces import EMPTY, External, Footprint

_UNKNOWN = object()


@attrs.define(eq=False, weakref_slot=False)
class Keyed:
    """A call's key and what its arguments contribute (rules 5 and 13).

    externals  the external values among them
    rests      their entries, and those of project classes whose instances are among them
    stale      one of them is not now what a value made in this run, or recalled, says it is
    awaited    the places of external values in what the application has awaited since
    """

    key: bytes
    externals: tuple[External, ...] = ()
    rests: Footprint = EMPTY
    stale: bool = False
    awaited: tuple[tuple[str, str], ...] = ()


class ArgumentLook:
    """Digests arguments in which expressions stand for their outcomes; collects what the world is still to be asked."""

    def __init__(self, digester: Digester, world: World, outcome: Callable[[Expression], Found]) -> None:
        self._digester = digester
        self._world = world
        self._outcome = outcome
        self.wanted: list[Target] = []
        self._externals: dict[External, None] = {}
        self._names: dict[str, bytes | None] = {}
        self._stale = False
        self._source: Found | None = None  # of the newest item of a collection, and the digester for such
        self._keeping = digester

    def keyed(self, definition: Definition, args: tuple[Any, ...]) -> Keyed | None:
        """The key, or None: `wanted` must be inspected first.

        Raises:
            EncodeError: an argument cannot be digested.
            OptionError: nothing can be inspected in the way that its option `inspect` says.
        """
        counted, way = definition.counted, definition.options.inspect
        digester = self._digester if way is None else self._inspecting(definition, way)
        tokens = self._tokens(args if counted is None else tuple([args[place] for place in counted]), digester)
        if self.wanted:
            return None
        if not self._externals and not self._names and way is None:
            return Keyed(call_key(definition.fingerprint, tokens, ()))
        fingerprints = [fingerprint for fingerprint in self._names.values() if fingerprint is not None]
        key = call_key(definition.fingerprint, tokens, fingerprints)
        if way is not None:
            # What it returns is digested in another way, so it is another call: else who comes first would decide for both.
            key = blake(frame(b"inspect", [key, way.encode()]))
        return Keyed(key, tuple(self._externals), self._rests(), self._stale)

    def met(self, values: tuple[Any, ...]) -> Keyed | None:
        """What values contribute that no key is made of: operands of an operation, what an application awaited; None as above."""
        try:
            self._tokens(values, self._digester)
        except EncodeError:
            return Keyed(b"")  # it has no digest: a literal that nothing can be recalled by
        return None if self.wanted else Keyed(b"", tuple(self._externals), self._rests(), self._stale)

    def _inspecting(self, definition: Definition, way: str) -> Digester:
        try:
            return self._digester.inspecting(way)
        except OptionError as error:
            raise OptionError(f"{definition.task.full_name}: {error}") from None

    def _tokens(self, values: tuple[Any, ...], digester: Digester) -> list[bytes]:
        self.wanted = []
        if self._externals or self._names or self._stale:
            self._externals, self._names, self._stale = {}, {}, False
        token = digester.token
        try:
            return [token(value, self) for value in values]
        except EncodeError as error:
            refuse_hidden(values)
            raise self._explained(values, error) from None
        except LazyValueError:
            refuse_hidden(values)  # says where in it
            raise

    def _explained(self, values: tuple[Any, ...], error: EncodeError) -> EncodeError:
        return EncodeError(f"the arguments{located(values, lambda part: self._digester.token(part, self), error)}")

    def _rests(self) -> Footprint:
        if not self._externals and not self._names:
            return EMPTY
        rests: list[tuple[Any, ...]] = [("external", *external) for external in self._externals]
        rests += [("class", name, seen) for name, seen in self._names.items() if seen is not None and "<" not in name]
        return frozenset(rests)

    # -- what the digester asks ------------------------------------------------------------------

    def expression(self, node: Expression) -> bytes:
        found = self._outcome(node)
        if not found.token:
            # A list of results, say, that no application made: digested from its parts, which have tokens.
            return self._digester_of(node).token(found.value, self)
        self.found(found)
        return found.token

    def _digester_of(self, node: Expression) -> Digester:
        """An item of a collection is inspected as it was there."""
        if type(node) is not Form or node._form != "item":
            return self._digester
        source = self._outcome(node._operands[0])
        if not source.externals:
            return self._digester
        if source is not self._source:
            self._source = source
            self._keeping = self._digester.keeping([external[:2] for external in source.externals])
        return self._keeping

    def found(self, found: Found) -> None:
        """What a value made or recalled in this run says of the world."""
        for external in found.externals:
            self._externals[external] = None
            seen = self._world.places.get(external[:2], _UNKNOWN)
            if seen is _UNKNOWN:
                self.wanted.append(("external", *external[:2]))
            elif seen != external[2] and not (seen is None and self._world.may_be_absent(*external[:2])):
                self._stale = True
        for name in found.names:
            self._name(name, ("named", name), self._world.named.get(name, _UNKNOWN))

    def external(self, kind: str, place: str) -> bytes | None:
        seen = self._world.places.get((kind, place), _UNKNOWN)
        if seen is _UNKNOWN:
            self.wanted.append(("external", kind, place))
            return None
        self._externals[kind, place, seen] = None  # type: ignore[index]
        return seen  # type: ignore[return-value]

    def definition(self, kind: str, thing: Any) -> bytes | None:
        seen = self._world.things.get(thing, _UNKNOWN)
        name = self._digester.name_of(thing.func if kind == "task" else thing)
        return self._name(name, ("thing", thing), seen)

    def _name(self, name: str, target: Target, seen: Any) -> bytes | None:
        if seen is _UNKNOWN:
            self.wanted.append(target)
            return None
        self._names[name] = seen
        return seen  # type: ignore[no-any-return]
