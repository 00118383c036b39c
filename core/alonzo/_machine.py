"""The interpreter: a graph reducer that performs no effects, it only asks for them.

    machine = Machine(expression, digester, context={})
    while machine.outcome is None:
        for ticket, effect in machine.take():
            ...  # perform it, now or later; for all but Remember:
            machine.answer(ticket, answer)

Rule 1. Every change of a cell's stage, outcome and basis is in this file and in what it is built on: _awaiting, _sharing, _entering and
        _graph; nobody else assigns them.
Rule 2. Nothing recurses along the expression. What can go on stands in `_todo`; depth is bounded by memory only.
Rule 3. The same answers in the same order give the same effects. No clock, no chance, no hash order.
Rule 4. The order of answers changes neither the value, nor what is applied, nor what is remembered: a cell settles after all that it
        demanded, with the first failure in the order of writing, and rests on all of it.
Rule 5. Nothing waits in silence: no open request and no outcome is a loop, and fails as one.

A *cell* is the machine's record of one expression object. It waits for a *template*: the arguments of a call, the operands of an
operation, what a form demands, the body that an application returned. When every expression in the template has an outcome, the
cell takes its next step:

    call       BEGUN -> (OPTIONS) -> ARGUMENTS -> RECALLED -> APPLIED -> BODY -> GATHERED -> normal
                                               -> FOLLOWING (an equal call is at it) -> normal
                                               -> INHERITING (an equal call in another scope is applied) -> BODY -> normal
    operation  BEGUN -> ARGUMENTS -> APPLIED -> (BODY) -> normal
    form       BEGUN -> DEMANDED (again and again) -> BODY -> normal

(FETCHED stands between any two where an object is needed of which only the bytes are here.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ._awaiting import Awaiting
from ._cells import (
    APPLIED,
    ARGUMENTS,
    AWAITED,
    BEGUN,
    BODY,
    DEMANDED,
    FETCHED,
    FOLLOWING,
    GATHERED,
    INHERITING,
    KEYED,
    OPTIONS,
    RECALLED,
    Cell,
    Inspection,
    loop,
)
from ._digests import Digester
from ._effects import ABSENT, Answer, Apply, Asks, Effect, Fetch, Found, Inspect, Lost, Raised, Records, Resume
from ._errors import AlonzoError, LazyValueError, LoopError
from ._expressions import Call, Form, Operation, describe
from ._forms import begun
from ._keys import Keyed
from ._options import NONE, How
from ._rebuild import REFUSAL, Terms, changed
from ._special import Become, Course, Demand
from ._traces import EMPTY, Footprint, external_entries, join

_APPLIED = (Found, Raised, Lost)
_FETCHED = (Found, Lost)


class Machine(Awaiting):
    """Reduces one expression, or a container of expressions, to normal form.

    digester  of values, the same as where results are made
    context   the run's context
    recall    False: nothing is recalled (what is applied is still remembered)
    forced    says of which tasks, by full name, nothing may be recalled, nor anything that rests on them
    below     options for everything, as if below a call with `options_below`
    gone      what was found missing: digests of values whose bytes are, (kind, place) of external values that may be absent and
              are wanted now. What is recorded by them is not recalled
    lenient   kinds of external values that may be absent: what is recorded of one holds also when nothing is there any more
    """

    __slots__ = ("moved", "told_undone")

    def __init__(
        self,
        root: Any,
        digester: Digester,
        *,
        context: Mapping[str, Any] | None = None,
        recall: bool = True,
        forced: Callable[[str], bool] = lambda _: False,
        gone: frozenset[Any] = frozenset(),
        lenient: frozenset[str] = frozenset(),
        below: Mapping[str, Any] = NONE,
    ) -> None:
        super().__init__(digester, Terms(context or {}, recall, forced, gone, lenient))
        # External values that changed under a body's hands, by task.
        self.moved: list[tuple[str, list[tuple[str, str, bytes | None]]]] = []
        self.told_undone: list[tuple[str, str]] = []
        scope = self._scopes.inside(None, How(below=below)) if below else None
        self._root = self._cell(Form("value", (root,)), None, scope)
        self._root.readers = 1

    @property
    def outcome(self) -> Found | Raised | None:
        """None until the root is in normal form. The value may carry others as bytes (see `Found.carries`)."""
        return self._root.outcome

    def take(self) -> list[tuple[Any, Effect]]:
        """The effects asked for since the last take, oldest first; empty when everything waits for answers, or all is done."""
        self._advance()
        if not self._open and not self._outbox and self._root.outcome is None:
            self._break_loop()
        if self._strange:
            # What a task is must be known before more can come: all that is asked of the store then goes together.
            self._strange = False
            return [self._outbox.pop()]
        outbox, self._outbox = self._outbox, []
        return outbox

    def answer(self, ticket: Any, answer: Answer) -> None:
        """Give the answer to one request; `Asks` leaves its request open.

        Raises:
            AlonzoError: the ticket has no request open to which this is an answer (a mistake of the driver's).
        """
        if type(ticket) is Inspection:
            self._open -= 1
            self.world.learn(answer)  # type: ignore[arg-type]
            self._todo.extendleft(reversed(ticket.cells))  # they came before what is left to do
            return
        stage = ticket.stage
        if type(answer) is Asks:
            if ticket.outcome is not None:
                # A loop failed it while it waited (see _break_loop); so does whatever else it awaits.
                self._outbox.append((ticket, Resume(answer.number, ticket.outcome)))
                return
            if stage is APPLIED:
                self._ask(ticket, answer)
                return
        if self._asking and self._asks_no_more(ticket):
            # It ended with questions open: by the order in which others were answered, perhaps, which no record can hold (rule 14).
            ticket.rests = join([ticket.rests, REFUSAL])
        self._open -= 1
        if ticket.outcome is not None:
            return  # a loop failed it while it waited: what it made of that does not count
        if stage is RECALLED:
            self._recalled(ticket, answer)
        elif stage is APPLIED and isinstance(answer, _APPLIED):
            self._applied(ticket, answer)
        elif stage is APPLIED and type(answer) is Records:
            self._recorded(ticket, answer)
        elif stage is GATHERED and isinstance(answer, _APPLIED):
            self._gathered(ticket, answer)
        elif stage is FETCHED and isinstance(answer, _FETCHED):
            self._fetched(ticket, answer)
        else:
            raise AlonzoError(f"{ticket!r} had not asked for {answer!r}")

    def seen(self, ticket: Any, now: tuple[Any, ...], result: Found | Raised | Lost) -> None:
        """What the arguments' external values were when the attempt had ended; said before the answer (rule 13 ii)."""
        keyed = ticket.keyed
        if keyed is None:
            return
        moved = changed(
            keyed.externals, now, result.externals if type(result) is Found else (), self.world.may_be_absent
        )
        if moved:
            keyed.stale = True
            self.moved.append((describe(ticket.node), moved))

    def undone(self, ticket: Any, places: Iterable[tuple[str, str]]) -> Raised | None:
        """What was known of places that begin so is not true any more, and is asked again; said before the answer, and of each attempt.

        Should the run rest on something there already, the attempt has failed in this way, whatever came of it.
        """
        world, below = self.world, tuple(places)
        self.told_undone += below
        gone = [known for known in world.places if any(known[0] == k and known[1].startswith(p) for k, p in below)]
        rested = []
        for place in gone:
            was = world.places.pop(place)
            if (self._verdicts.moved(place) or place in world.made) and was is not None:
                rested.append(place[1])
        if not rested:
            return None
        text = f"{describe(ticket.node)} has undone what this run rests on already: {', '.join(sorted(rested))}"
        return Raised(AlonzoError(f"{text}. Let it come before that, with `seq`, and run again"))

    def refuse(self, ticket: Any) -> None:
        """Nothing of this application may be remembered, nor anything that rests on it; said before the answer."""
        if ticket.keyed is not None:
            ticket.keyed.stale = True

    def reduced_elsewhere(self, ticket: Any, below: Footprint, jobs: int) -> int:
        """A sub-run made this application, and rests on this; answers the first of as many numbers for its jobs. Said before the answer."""
        ticket.rests = join([ticket.rests, self._ledger.intern(below)])
        first = self._jobs + 1
        self._jobs += jobs
        return first

    @property
    def footprint(self) -> Footprint:
        """What the outcome rests on."""
        return self._ledger.total(self._root.basis)

    # -- cells -----------------------------------------------------------------------------------

    def _advance(self) -> None:
        todo = self._todo
        while todo and not self._strange:
            cell = todo.popleft()
            if cell.outcome is not None:
                continue
            try:
                self._step(cell)
            except AssertionError:
                raise
            except Exception as error:
                # What a form makes of its operands, or a container of its parts (a key that cannot be hashed), can go wrong like a task.
                self._fail(cell, error)
        if self._wanted:
            self._open += 1
            self._outbox.append((Inspection(self._parked), Inspect(tuple(self._wanted))))
            self._wanted, self._parked = {}, []

    def _step(self, cell: Cell) -> None:
        """All that the cell waited for is here."""
        stage = cell.stage
        if stage is BEGUN:
            self._begin(cell)
        elif stage is ARGUMENTS:
            self._arguments(cell)
        elif stage is OPTIONS:
            self._optioned(cell)
        elif stage is KEYED:
            self._judge(cell)
        elif stage is BODY:
            self._bodied(cell)
        elif stage is DEMANDED:
            self._demanded(cell)
        elif stage is FOLLOWING:
            self._adopt(cell, cell.kids[0])
        elif stage is INHERITING:
            self._inherit_or_apply(cell)
        elif stage is AWAITED:
            self._awaited(cell)

    def _begin(self, cell: Cell) -> None:
        node = cell.node
        if type(node) is Call:
            self._begin_call(cell, node)
        elif type(node) is Operation:
            self._demand(cell, node._operands, ARGUMENTS, cell.parent, cell.scope)
        else:
            assert type(node) is Form
            cell.known = begun(node)
            self._form(cell)

    # -- arguments, keys -------------------------------------------------------------------------

    def _arguments(self, cell: Cell) -> None:
        kids = cell.kids
        if kids:
            failure = self._gather(cell)
            if failure is not None:
                self._settle(cell, failure)
                return
        if cell.definition is None:
            self._operate(cell)
        elif self._key(cell):
            self._share(cell)

    def _operate(self, cell: Cell) -> None:
        node = cell.node
        assert type(node) is Operation
        self._local = self._cells if cell.scope is None else self._table(cell.scope)
        keyed = self._look.met(cell.template)
        if keyed is None:
            self._park(cell, self._look.wanted)
            return
        if keyed.rests:
            cell.rests = join([cell.rests, self._ledger.intern(keyed.rests)])
        cell.keyed = keyed
        cell.stage = APPLIED
        args, carried = self._filled(cell)
        places = self._wanted_places(keyed.externals) if keyed.externals else ()
        self._ask_for(cell, Apply(0, None, args, node._op, carried=carried, externals=places))

    def _key(self, cell: Cell) -> bool:
        """Give the cell its key; False: it is parked until the world has been inspected, or has failed."""
        assert cell.definition is not None
        self._local = self._cells if cell.scope is None else self._table(cell.scope)
        try:
            keyed = self._look.keyed(cell.definition, cell.template)
        except AlonzoError as error:
            if isinstance(error, LazyValueError) or not self._holds_error(cell):
                self._fail(cell, error)
                return False
            # A recovery gets the exception as it is, also one that has no digest: not shared, and not remembered.
            keyed = Keyed(b"", stale=True)
        if keyed is None:
            self._park(cell, self._look.wanted)
            return False
        cell.keyed = keyed
        if keyed.rests:
            cell.basis = join([cell.basis, self._ledger.intern(keyed.rests)])
        return True

    def _holds_error(self, cell: Cell) -> bool:
        """Is it given an exception that a form has caught, as an argument or somewhere inside one?"""
        caught = [kid.outcome.value for kid in cell.kids if type(kid.outcome) is Found]
        return any(isinstance(value, BaseException) for value in (*cell.template, *caught))

    # -- applied ---------------------------------------------------------------------------------

    def _apply(self, cell: Cell) -> None:
        keyed, definition = cell.keyed, cell.definition
        assert definition is not None
        assert keyed is not None
        if self._others and definition.options.share and self._inherits(cell):
            return
        was_asked = cell.stage is RECALLED or cell.stage is KEYED
        cell.stage = APPLIED
        cell.how = "ran"
        carried = (
            cell.args is not None
        )  # applied anew, as the body that was recorded or sent cannot be decoded: it may be
        if not carried:
            cell.args, carried = self._filled(cell)
        places = self._wanted_places(keyed.externals) if keyed.externals else ()
        fingerprint = definition.fingerprint
        job = Apply(cell.job, definition.task, cell.args, "", keyed.key, fingerprint, carried, places, was_asked)
        if definition.options.inspect is not None:
            job.inspect = definition.options.inspect
        self._ask_for(cell, job)

    def _applied(self, cell: Cell, answer: Found | Raised | Lost) -> None:
        if self._heirs:
            self._todo.extend(self._heirs.pop(cell, ()))
        if type(answer) is not Found:
            self._settle(cell, self._failure(cell, answer))
            return
        self._places(answer)
        if cell.keyed is not None and cell.keyed.stale:
            self._doubtful.add(cell.keyed.key)
            self._refuse(cell)
        if answer.lazy and cell.definition is not None:
            self._remember_body(cell, answer)
        self._reduced(cell, answer)

    def _places(self, made: Found) -> None:
        """What a value that was made says of the world (rule 15)."""
        known = self.world.places
        for kind, name, digest in made.externals:
            place = (kind, name)
            if known.get(place, digest) != digest:
                self._verdicts.moved(place)
            known[place] = digest
            self.world.made.add(place)

    def _reduced(self, cell: Cell, found: Found) -> None:
        """What a call or an operation was reduced to, applied now or recalled: a value, or a body that is reduced in its turn."""
        if found.externals:
            cell.rests = join([cell.rests, self._ledger.intern(external_entries(found.externals))])
        if not found.lazy:
            self._settle(cell, found)
            return
        cell.reduction = found
        if found.value is ABSENT:
            cell.stage = FETCHED
            self._ask_for(cell, Fetch(found))
        else:
            self._demand(cell, found.value, BODY, cell if cell.job else cell.parent, cell.inside)

    def _fetched(self, cell: Cell, answer: Found | Lost) -> None:
        if type(cell.node) is Form:
            cell.stage = DEMANDED
            if type(answer) is Lost:
                self._settle(cell, self._failure(cell, answer))
                return
            assert type(cell.known) is Course
            cell.known.outcome = answer
            self._form(cell)
            return
        if type(answer) is Found:
            self._reduced(cell, answer)
        elif cell.how == "ran":
            self._settle(cell, self._failure(cell, answer))  # made in this run: applied again, it would be no other
        else:
            # It cannot be decoded any more (a task was renamed, bytes are damaged): as if nothing had been recorded.
            cell.rests = cell.definition.own if cell.definition is not None else EMPTY
            cell.reduction = None
            self._apply(cell)

    # -- bodies ------------------------------------------------------------------------------------

    def _bodied(self, cell: Cell) -> None:
        failure = self._gather(cell) if cell.kids else None
        if failure is not None:
            self._settle(cell, failure)
            return
        self._settle_or_gather(cell, self._value_of(cell))

    def _settle_or_gather(self, cell: Cell, found: Found) -> None:
        """A call's value that no application made has neither digest nor bytes: it is put together first, if it will be remembered."""
        is_wanted = cell in self._tagged if cell.definition is None else not found.size and self._may_remember(cell)
        way = cell.definition.options.inspect if cell.definition is not None else None
        if way is not None and not found.token:
            is_wanted = True  # whoever takes it must not inspect it in another way
        if not is_wanted or (cell.definition is None and found.token):
            self._settle(cell, found)
            return
        cell.stage = GATHERED
        self._ask_for(cell, Apply(cell.job, None, (found.value,), "gather", carried=found.carries, inspect=way))

    def _gathered(self, cell: Cell, answer: Found | Raised | Lost) -> None:
        if type(answer) is not Found:
            self._settle(cell, self._failure(cell, answer))
            return
        self._places(answer)
        self._reduced(cell, answer)

    # -- forms -------------------------------------------------------------------------------------

    def _form(self, cell: Cell) -> None:
        node = cell.node
        assert type(node) is Form
        assert type(cell.known) is Course
        step = cell.known.step(cell.scope or self.world)  # type: ignore[arg-type]
        if type(step) is Demand:
            cell.looks, cell.catches = step.look, step.caught
            self._demand(cell, step.template, DEMANDED, cell.parent, cell.scope)
        elif type(step) is Become:
            cell.catches = False
            if step.rests:
                cell.rests = join([cell.rests, self._ledger.intern(step.rests)])
            if step.recovered:
                # What failed is tried again in every later run: nothing above may be recalled in its place (rule 12).
                self._refuse(cell)
            if step.tags:
                self._tagged[cell] = step.tags
            self._demand(cell, step.template, BODY, cell.parent, cell.inside)
        else:
            self._settle(cell, self._failure(cell, step.outcome) if step.fresh else step.outcome)

    def _demanded(self, cell: Cell) -> None:
        outcome: Found | Raised | None = self._gather(cell) if cell.kids else None
        if outcome is None:
            try:
                outcome = self._value_of(cell)
            except TypeError as error:  # a key or an item that cannot be hashed
                outcome = self._failure(cell, Raised(error))
        assert type(cell.known) is Course
        cell.known.outcome = outcome
        if type(outcome) is Found and cell.looks and outcome.value is ABSENT:
            cell.stage = FETCHED
            self._ask_for(cell, Fetch(outcome))
            return
        self._form(cell)

    # -- loops -------------------------------------------------------------------------------------

    def _break_loop(self) -> None:
        """Nothing is under way and nothing is known: calls wait for each other. Fail those that close a circle."""
        circle = loop(self._root, self._questions)
        names = [
            cell.node._task.full_name for cell in circle if type(cell.node) is Call and cell.stage is not FOLLOWING
        ]
        text = " -> ".join([*names, names[0]]) if names else "an expression"
        # All calls of the circle fail, also one in which that might be caught: which of them closes it depends on the order of answers.
        failing = [cell for cell in circle if type(cell.node) is Call] or circle[:1]
        failure: Raised | None = None
        for cell in failing:
            for kid in cell.kids:
                kid.waiters = [waiter for waiter in kid.waiters if waiter is not cell]
            cell.how = ""
            failure = failure or self._failure(cell, Raised(LoopError(f"a call demands its own result: {text}")))
            self._settle(cell, failure)
        self._advance()
