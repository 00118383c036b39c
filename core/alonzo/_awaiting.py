"""Open applications, which await expressions while they go on. A part of the machine, whose rules hold here.

What an application awaits is reduced in the scope of its call. It counts for what the application rests on as its arguments do, and so do
external values in it. While all that it waits for is the machine's to do, an application does not count as under way.
"""

from __future__ import annotations

from typing import Any

from ._cells import AWAITED, Cell
from ._digests import Digester
from ._effects import Asks, Found, Resume
from ._expressions import Form
from ._keys import ArgumentLook
from ._rebuild import REFUSAL, Terms
from ._sharing import Sharing
from ._traces import External, join


class Awaiting(Sharing):
    """What applications await."""

    __slots__ = ("_asking", "_look", "_questions", "deleted")

    def __init__(
        self,
        digester: Digester,
        terms: Terms,
    ) -> None:
        super().__init__(digester, terms)
        # External values that may be absent, are, and are wanted now: what made them has to be applied again.
        self.deleted: set[tuple[str, str]] = set()
        self._look = ArgumentLook(digester, self.world, self._outcome_of)
        self._questions: dict[Cell, int] = {}  # the cell of what an application awaits -> the number it was asked under
        self._asking: dict[Cell, set[Cell]] = {}  # an open application -> those of its questions that are not answered

    def is_awaiting(self, ticket: Any) -> bool:
        """Is this open application waiting for the machine, not for the world?"""
        return bool(self._asking.get(ticket))

    def looked_into(self, ticket: Any) -> tuple[tuple[str, str], ...]:
        """The places of external values in what this application awaited: to be inspected when it ends, as those of its arguments."""
        return ticket.keyed.awaited if ticket.keyed is not None else ()

    def begin_again(self, ticket: Any) -> None:
        """The application is made once more, by the driver's decision: what it awaited and was not told is not asked any more."""
        self._asks_no_more(ticket)

    def _ask(self, cell: Cell, asks: Asks) -> None:
        """An open application awaits an expression; until it is answered, the application does not count as under way."""
        asked = Cell(Form("value", (asks.expression,)), cell, cell.inside)
        asked.stage = AWAITED
        asked.readers = 1
        asked.catches = True
        self._questions[asked] = asks.number
        questions = self._asking.setdefault(cell, set())
        if not questions:
            self._open -= 1
        questions.add(asked)
        self._demand(asked, asks.expression, AWAITED, cell, cell.inside)

    def _awaited(self, asked: Cell) -> None:
        asker = asked.parent
        assert asker is not None
        failure = self._gather(asked) if asked.kids else None
        outcome = failure if failure is not None else self._value_of(asked)
        if asked not in self._questions:
            asked.outcome = outcome  # the application has ended meanwhile
            return
        if type(outcome) is Found and not self._looks_into(asker, asked, outcome):
            return
        number = self._questions.pop(asked)
        asked.outcome = outcome
        refused = [REFUSAL] if failure is not None else []
        asker.rests = join([asker.rests, asked.rests, *refused])
        questions = self._asking[asker]
        questions.discard(asked)
        if not questions:
            self._open += 1
        self._outbox.append((asker, Resume(number, outcome)))

    def _looks_into(self, asker: Cell, asked: Cell, outcome: Found) -> bool:
        """An application is given a value that it may look into: external values in it count as those of its arguments do."""
        met = self._look.met((outcome,))
        if met is None:
            self._park(asked, self._look.wanted)
            return False
        keyed = asker.keyed
        if met.rests and keyed is not None:
            asker.rests = join([asker.rests, self._ledger.intern(met.rests)])
            keyed.externals += met.externals
            keyed.awaited += self._wanted_places(met.externals)
            keyed.stale = keyed.stale or met.stale
        return True

    def _wanted_places(self, externals: tuple[External, ...]) -> tuple[tuple[str, str], ...]:
        """Code is to work on these: they have to be there, also those that may be absent. Answers their kinds and places."""
        world = self.world
        for kind, place, digest in externals:
            if digest is not None and world.places.get((kind, place)) is None and world.may_be_absent(kind, place):
                self.deleted.add((kind, place))
        return tuple([(kind, place) for kind, place, _ in externals])

    def _asks_no_more(self, cell: Cell) -> bool:
        """Forget what it awaits and was not told; answers whether there was any."""
        questions = self._asking.pop(cell, None)
        if not questions:
            return False
        for asked in questions:
            del self._questions[asked]
        self._open += 1
        return True
