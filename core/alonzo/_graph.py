"""The cells of one reduction: how they come to be, wait for each other, and settle. The lower half of the machine, whose rules hold here.

What happens to a cell between its beginning and its end, and in which order, is in _machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from ._cells import ARGUMENTS, BODY, NORMAL, Cell, Stage, chain, is_bound_for, job_note, jobs_of, wait
from ._containers import expressions, fill
from ._digests import Digester
from ._effects import ABSENT, Effect, Found, Lost, Raised, Remember, Target
from ._expressions import Call, Expression, hidden
from ._options import NONE
from ._rebuild import REFUSAL, REFUSED
from ._scalars import digest_of
from ._scopes import Scope, Scopes
from ._stored import STORED
from ._traces import EMPTY, Footprint, Ledger, join

# A value above this many bytes is let go of when everybody who waited has it: it can be had from the store again.
KEPT = 1024


class Graph:
    """Cells, what waits, and what is asked of the world; the machine takes the steps.

    doomed  a failure that is bound to reach the root
    failed  what failed of itself, not because of what it waited for: the cell, the failure, and the calls around it
    """

    # Slots: an instance with more than 30 attributes has a dictionary of its own, and each access takes longer.
    __slots__ = (
        "_cells", "_digester", "_harmless", "_jobs", "_ledger", "_local", "_open", "_outbox", "_overs", "_parked", "_root", "_scoped",
        "_scopes", "_strange", "_tagged", "_todo", "_wanted", "doomed", "failed",
    )  # fmt: skip
    _root: Cell
    _scopes: Scopes

    def __init__(self, digester: Digester) -> None:
        self._digester = digester
        self._ledger = Ledger()
        self._cells: dict[Expression, Cell] = {}
        self._scoped: dict[Scope, dict[Expression, Cell]] = {}  # the cells inside of overrides
        self._local = self._cells  # of the template that is looked at
        self._overs: dict[Cell, Mapping[str, Any]] = {}  # what a call has put over its context
        self._tagged: dict[Cell, Mapping[str, str]] = {}  # the tags that the value will have
        self._todo: deque[Cell] = deque()
        self._outbox: list[tuple[Any, Effect]] = []
        self._wanted: dict[Target, None] = {}
        self._parked: list[Cell] = []
        self._strange = False  # a task is wanted whose definition is not known: others like it need not come so far and park as well
        self._harmless: set[Cell] = set()  # failed, and in a place where that may be caught
        self._open = 0
        self._jobs = 0
        self.doomed: Raised | None = None
        self.failed: list[tuple[Cell, Raised, tuple[tuple[str, Any], ...]]] = []

    def _table(self, scope: Scope | None) -> dict[Expression, Cell]:
        return self._cells if scope is None else self._scoped.setdefault(scope, {})

    def _cell(self, node: Expression, parent: Cell | None, scope: Scope | None) -> Cell:
        cell = Cell(node, parent, scope)
        cells = self._cells if scope is None else self._table(scope)
        cells[node] = cell
        if type(node) is Call:
            self._jobs += 1
            cell.job = self._jobs
        self._todo.append(cell)
        return cell

    def _demand(self, cell: Cell, template: Any, stage: Stage, parent: Cell | None, scope: Scope | None) -> None:
        """The cell waits until everything in the template, reduced in that scope, has an outcome."""
        cell.stage = stage
        cell.template = template
        nodes = expressions(template)
        if not nodes:
            cell.kids = ()
            if stage is ARGUMENTS:
                self._arguments(cell)  # at once: most calls have none to wait for
            else:
                self._todo.append(cell)
            return
        kids, pending, waiter = [], 0, (cell,)
        cells = self._cells if scope is None else self._table(scope)
        for node in nodes:
            kid = cells.get(node)
            if kid is None:
                kid = self._cell(node, parent, scope)
            kids.append(kid)
            kid.readers += 1
            if kid.outcome is None:
                pending += 1
                if kid.waiters:
                    wait(kid, waiter)
                else:
                    kid.waiters = waiter
        cell.kids = kids
        cell.pending = pending
        if not pending:
            self._todo.append(cell)

    def _arguments(self, cell: Cell) -> None:
        raise NotImplementedError

    def _gather(self, cell: Cell) -> Raised | None:
        """What the cell waited for has settled: it rests on it; answers the first failure among it."""
        failure: Raised | None = None
        for kid in cell.kids:
            if type(kid.outcome) is Raised and failure is None:
                failure = kid.outcome
        basis = join([kid.basis for kid in cell.kids])
        if type(cell.node) is Call and cell.stage is ARGUMENTS:
            cell.basis = basis
        elif basis is not EMPTY:
            cell.rests = join([cell.rests, basis])
        if type(cell.node) is not Call:
            # Not added up here: a sum of 100,000 calls would hold as many numbers at each of its operations.
            new = tuple([kid.job or kid.upstreams for kid in cell.kids if kid.job or kid.upstreams])
            cell.upstreams = new if not cell.upstreams else (*cell.upstreams, *new)
        elif cell.stage is ARGUMENTS:
            cell.upstreams = jobs_of(cell.kids)
        return failure

    def _park(self, cell: Cell, wanted: list[Target]) -> None:
        self._wanted.update(dict.fromkeys(wanted))
        self._parked.append(cell)

    def _outcome_of(self, node: Expression) -> Found:
        cell = self._local.get(node)
        if cell is None or type(cell.outcome) is not Found:
            raise hidden(node)
        return cell.outcome

    def _filled(self, cell: Cell, *, keeps: bool = False) -> tuple[Any, bool]:
        """The template with outcomes in the place of expressions, and whether some of these are carried as they were made.

        keeps  also at hand, those are in which there are external values
        """
        if type(cell.node) is Call and not cell.kids:
            return cell.template, False
        carried = False

        def object_of(part: Any) -> Any:
            nonlocal carried
            outcome = part if type(part) is Found else self._outcome_of(part)
            if outcome.value is ABSENT or (keeps and outcome.externals and outcome.token):
                carried = True
                return outcome
            carried = carried or outcome.carries
            return outcome.value

        filled = cell.template
        if cell.kids:
            scope = cell.inside if cell.stage is BODY else cell.scope
            self._local = self._cells if scope is None else self._table(scope)
            filled = fill(filled, object_of)
            for kid in cell.kids:
                self._read(kid)
            cell.kids = ()
        if type(cell.node) is not Call:  # forms put outcomes into templates of their own
            filled = fill(filled, object_of, (Found,))
        return filled, carried

    def _value_of(self, cell: Cell) -> Found:
        template = cell.template
        if isinstance(template, Expression):
            outcome = cell.kids[0].outcome
            assert type(outcome) is Found
            return outcome
        if type(template) is Found:
            return template
        # What was digested where it was made is not digested anew, and perhaps in another way.
        filled, carried = self._filled(cell, keeps=True)
        return Found(filled, carries=carried)

    def _read(self, cell: Cell) -> None:
        """One reader less; a large value that is in the store is let go of with the last one."""
        cell.readers -= 1
        outcome = cell.outcome
        if cell.readers or type(outcome) is not Found:
            return
        if (outcome.size > KEPT and outcome.data is None) or outcome.codec.startswith(STORED):
            cell.outcome = Found(
                ABSENT,
                outcome.token,
                outcome.codec,
                outcome.data,
                outcome.externals,
                False,
                outcome.size,
                outcome.names,
            )

    def _fail(self, cell: Cell, error: Exception) -> None:
        self._settle(cell, self._failure(cell, Raised(error)))

    def _failure(self, cell: Cell, answer: Raised | Lost) -> Raised:
        if type(answer) is Lost:
            answer = Raised(answer.error)
        assert type(answer) is Raised
        self.failed.append((cell, answer, chain(cell)))
        return answer

    def _settle(self, cell: Cell, outcome: Found | Raised) -> None:
        """The cell has its outcome: it is noted, and whoever waits for the last time goes on."""
        if cell.job:
            outcome = self._note(cell, outcome)
            arguments = cell.basis
            below = cell.below if cell.inside is cell.scope else self._seen_outside(cell, cell.below)
            cell.basis = join([arguments, below]) if arguments is not EMPTY else below
        else:
            rests = cell.rests
            cell.basis = rests if cell.inside is cell.scope else self._seen_outside(cell, self._ledger.total(rests))
        if self._tagged:
            self._note_tags(cell, outcome)
        for kid in cell.kids:
            self._read(kid)
        cell.outcome = outcome
        cell.stage = NORMAL
        cell.template = cell.args = None
        # The body is kept, for calls of the same key in other scopes; large bytes of it are in the store, or wanted by nobody.
        if cell.reduction is not None and cell.reduction.size > KEPT:
            cell.reduction = without_bytes(cell.reduction)
        cell.known = None
        cell.keyed = None
        cell.kids = ()
        if type(outcome) is Raised and self.doomed is None and is_bound_for(self._root, cell, self._harmless):
            self.doomed = outcome
        waiters, cell.waiters = cell.waiters, ()
        for waiter in waiters:
            waiter.pending -= 1
            if not waiter.pending:
                self._todo.append(waiter)

    def _seen_outside(self, cell: Cell, footprint: Footprint) -> Footprint:
        over = self._overs.pop(cell, NONE)
        return self._ledger.intern(self._scopes.outside(footprint, cell.scope, cell.inside, over))

    def _note_tags(self, cell: Cell, outcome: Found | Raised) -> None:
        tags = self._tagged.pop(cell, None)
        if tags and type(outcome) is Found and outcome.token:
            self._outbox.append((cell, Remember(b"", tagged=(digest_of(outcome.token), tags))))

    def _refuse(self, cell: Cell) -> None:
        """Nothing that rests on it may be remembered (rule 12)."""
        cell.rests = join([cell.rests, REFUSAL])

    def _may_remember(self, cell: Cell) -> bool:
        keyed, definition = cell.keyed, cell.definition
        if keyed is None or keyed.stale or definition is None or not definition.options.cache:
            return False
        total = cell.rests = self._ledger.total(cell.rests)
        return REFUSED not in total

    def _note(self, cell: Cell, outcome: Found | Raised) -> Found | Raised:
        """Tell the store of a call that settles; answers the outcome to keep, without the bytes that the store now has."""
        cell.below = below = self._ledger.total(cell.rests)
        cell.rests = EMPTY
        keyed, definition = cell.keyed, cell.definition
        note = Remember(keyed.key if keyed is not None else b"", job_note(cell, outcome))
        self._outbox.append((cell, note))
        if type(outcome) is Raised:
            return outcome
        assert type(outcome) is Found
        is_shared = cell.how == "shared" and cell.reduction is None
        if is_shared or keyed is None or definition is None or not definition.options.cache or keyed.stale:
            return outcome
        note.own = definition.entry
        if cell.how == "ran" and cell.reduction is None and outcome.size and not definition.task.is_open:
            note.reduction = outcome
        # What was recalled by its single reduction is remembered again, else every later run would walk down the same path (rule 24).
        if REFUSED not in below and (cell.how == "ran" or cell.reduction is not None):
            note.normal, note.footprint = outcome, below
        if note.normal is None and note.reduction is None:
            return outcome
        if outcome.size > KEPT and outcome.data is not None:
            return without_bytes(outcome)
        return outcome

    def _remember_body(self, cell: Cell, found: Found) -> None:
        keyed, definition = cell.keyed, cell.definition
        assert keyed is not None
        assert definition is not None
        note = Remember(keyed.key, job_note(cell, None))
        if definition.options.cache and not keyed.stale and not definition.task.is_open:
            note.own, note.reduction = definition.entry, found
        self._outbox.append((cell, note))

    def _ask_for(self, cell: Cell, effect: Effect) -> None:
        self._open += 1
        self._outbox.append((cell, effect))


def without_bytes(found: Found) -> Found:
    """The value without its bytes, which the store has."""
    return Found(
        found.value, found.token, found.codec, None, found.externals, found.lazy, found.size, found.names, found.carries
    )
