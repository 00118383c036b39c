"""Equal calls: shared within the run, recalled from earlier ones. A part of the machine, whose rules hold here.

Calls share their results when key, view of the context, `cache` and `check` are equal: the first of them leads, the others follow. Calls
of one key and another view have the same function applied to the same values, and that is done once too: whoever comes later takes
over what the application has returned, and reduces it in its own scope (rule 22).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from ._cells import APPLIED, FOLLOWING, INHERITING, KEYED, RECALLED, Cell, wait
from ._digests import Digester
from ._effects import ABSENT, Found, Normal, Raised, Recall, Records
from ._entering import Entering
from ._options import TaskOptions
from ._rebuild import Definition, Place, Terms, Verdicts
from ._scalars import digest_of
from ._traces import external_entries


class Sharing(Entering):
    """Calls from their key to the point where they are applied, or need not be."""

    __slots__ = ("_doubtful", "_forced", "_gone", "_heirs", "_leaders", "_others", "_recall", "_verdicts")

    def __init__(
        self,
        digester: Digester,
        terms: Terms,
    ) -> None:
        super().__init__(digester, terms)
        self._recall = terms.recall
        self._forced = terms.forced
        self._gone = terms.gone
        self._verdicts = Verdicts(self.world, terms.forced)
        # The first call of each key, in the run's own context and with nothing special about it; of others, by their marks.
        self._leaders: dict[Any, Cell] = {}
        self._others: dict[bytes, list[Cell]] = {}  # by key, the first calls of every other kind
        self._heirs: dict[Cell, list[Cell]] = {}  # who waits for what an application returns
        self._doubtful: set[bytes] = set()  # keys whose application is not what the key says it is

    def _apply(self, cell: Cell) -> None:
        raise NotImplementedError

    def _reduced(self, cell: Cell, found: Found) -> None:
        raise NotImplementedError

    def _share(self, cell: Cell) -> None:
        """An equal call of this run is at it, or has its outcome; else what is recorded decides."""
        keyed, definition = cell.keyed, cell.definition
        assert keyed is not None
        assert definition is not None
        if keyed.stale or not (definition.is_plain or definition.options.share):
            # Stale: the key says what is no longer so, neither shared, nor recalled, nor remembered (rule 13 i).
            self._apply(cell)
            return
        is_plain = definition.is_plain and (cell.inside is None or cell.inside.view is None)
        mark = keyed.key if is_plain else self._mark(cell, keyed.key, definition.options)
        leader = self._leaders.get(mark)
        if leader is not None:
            self._follow(cell, leader)
            return
        self._leaders[mark] = cell
        if not is_plain:
            self._others.setdefault(keyed.key, []).append(cell)
        if self._others and self._inherits(cell):
            return
        is_recalled = definition.is_plain or definition.options.cache
        if self._recall and is_recalled and not self._forced(definition.task.full_name):
            cell.stage = RECALLED
            self._ask_for(cell, Recall(keyed.key))
        else:
            self._apply(cell)

    def _mark(self, cell: Cell, key: bytes, options: TaskOptions) -> Any:
        view = cell.inside.view if cell.inside is not None else None
        return (key, view, options.cache, options.check)

    def _follow(self, cell: Cell, leader: Cell) -> None:
        for kid in cell.kids:
            self._read(kid)
        cell.how = "shared"
        cell.kids = [leader]
        leader.readers += 1
        if leader.outcome is not None:
            self._adopt(cell, leader)
            return
        cell.stage = FOLLOWING
        cell.pending = 1
        wait(leader, (cell,))

    def _adopt(self, cell: Cell, leader: Cell) -> None:
        assert leader.outcome is not None
        cell.rests = leader.below
        self._settle(cell, leader.outcome)

    # -- what is recorded ----------------------------------------------------------------------------

    def _recalled(self, cell: Cell, answer: Any) -> None:
        if self._others and self._inherits(cell):
            return
        if answer is ABSENT:
            self._apply(cell)
            return
        assert type(answer) is Records
        definition = cell.definition
        assert definition is not None
        # Normal forms first: each settles a whole subgraph. `check="each"` asks part by part instead.
        normals = answer.normals if definition.options.check == "footprint" else ()
        reductions = () if definition.task.is_open else answer.reductions
        if self._others and definition.task.is_open:
            # What was noted since in this run would be here or not by the order of answers.
            new = [twin.below for twin in self._twins(cell) if twin.how == "ran" and twin.outcome is not None]
            normals = tuple(normal for normal in normals if normal.footprint not in new)
        cell.candidates = deque([*normals, *reductions])
        cell.stage = KEYED
        self._todo.append(cell)

    def _recorded(self, cell: Cell, records: Records) -> None:
        """Another run has recorded its key while its application waited to be made: as if that had been there when it was looked up."""
        definition = cell.definition
        assert definition is not None
        cell.stage, cell.how, cell.rests = KEYED, "", definition.own
        for waiting in (cell, *self._heirs.pop(cell, ())):
            self._recalled(waiting, records)

    def _judge(self, cell: Cell) -> None:
        """Take the first recorded candidate that holds; without one, apply."""
        if self._others and self._inherits(cell):
            cell.candidates = None
            return
        candidates = cell.candidates
        place: Place = (cell.inside.view if cell.inside is not None else None) or self.world
        while candidates:
            candidate = candidates[0]
            found = candidate.value if type(candidate) is Normal else candidate
            footprint = candidate.footprint if type(candidate) is Normal else external_entries(found.externals)
            verdict = digest_of(found.token) not in self._gone and self._verdicts.judge(footprint, place)
            if verdict is False:
                candidates.popleft()
                continue
            if verdict is not True:
                self._park(cell, verdict)
                return
            cell.how = "recalled"
            if type(candidate) is Normal:
                cell.candidates = None
                cell.rests = self._ledger.intern(footprint)
                self._settle(cell, found)
                return
            cell.candidates, cell.reduction = None, found
            self._reduced(cell, found)
            return
        cell.candidates = None
        self._apply(cell)

    # -- applications of the same key in other views -----------------------------------------------------

    def _twins(self, cell: Cell) -> Iterator[Cell]:
        """The leaders of the same key, of another view or check, that are to have the same application."""
        keyed, definition = cell.keyed, cell.definition
        assert keyed is not None
        assert type(definition) is Definition
        plain = self._leaders.get(keyed.key)
        for twin in [*([] if plain is None else [plain]), *self._others.get(keyed.key, ())]:
            assert twin.definition is not None
            if twin is not cell and twin.definition.options.cache == definition.options.cache:
                yield twin

    def _inherits(self, cell: Cell) -> bool:
        """Take over what the application of an equal call in another view has returned, or wait for it; False: there is none.

        What an async task awaits belongs to its application: that is made in each view.
        """
        keyed, definition = cell.keyed, cell.definition
        if keyed is None or keyed.stale or definition is None or definition.task.is_open:
            return False
        for twin in self._twins(cell):
            if twin.how != "ran":
                continue
            if twin.stage is APPLIED:
                self._heirs.setdefault(twin, []).append(cell)
                cell.stage = INHERITING
                return True
            made = twin.reduction or twin.outcome
            if made is not None:
                self._inherit(cell, made)
                return True
        return False

    def _inherit(self, cell: Cell, made: Found | Raised) -> None:
        keyed = cell.keyed
        assert keyed is not None
        cell.how = "shared"
        if keyed.key in self._doubtful:
            keyed.stale = True
            self._refuse(cell)
        for kid in cell.kids:
            self._read(kid)
        cell.kids = ()
        if type(made) is Found:
            self._reduced(cell, made)
        else:
            self._settle(cell, made)

    def _inherit_or_apply(self, cell: Cell) -> None:
        """The application that it waited for has been answered."""
        if not self._inherits(cell):
            self._apply(cell)
