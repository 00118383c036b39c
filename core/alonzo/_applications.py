"""The applications of one run, from the moment when they are asked for until their answers are given to the machine.

Each waits for its place at its executor and for its limits (_admission, _limits), is handed over, and is open until its answer comes;
a failed attempt may be followed by another (_retries). One that awaits holds nothing, until it has a place again.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from ._admission import Admission
from ._apply import LocalApplier, inspect_places
from ._catalog import Catalog
from ._claims import Held, Under
from ._committer import Committer
from ._effects import Apply, Asks, Found, Lost, Raised, Records, Resume
from ._errors import AlonzoError, OptionError, error_text
from ._limits import Limits, Request
from ._loading import Loader, unmade
from ._machine import Machine
from ._plans import Plan, Planner
from ._ports import ENDED, Attempt, Executor, Moment, Report, Withdraws
from ._retries import Tries, budget, is_wanted, outcome_of, pause
from ._telling import Teller
from ._waiting import NEVER, Clock, Due
from ._within import Reduced, Site


class Host(NamedTuple):
    """What a run needs of its runtime. `executor` opens one by name; `default` is the name of the one for tasks that name none."""

    catalog: Catalog
    committer: Committer
    applier: LocalApplier
    executor: Callable[[str], Executor]
    default: str
    default_async: str
    observe: Callable[[Moment], None] | None
    keep_going: bool
    limits: Limits
    clock: Clock
    site: Callable[[Any, bytes, Any], Site]


class Granted(NamedTuple):
    """The message that a request which had to wait has what it wants."""

    pair: tuple[Any, Apply | None]
    request: Request


class Applications:
    """What waits, what is open, what is to be tried again.

    inbox      where executors' answers and `Granted` are put
    due        what is to be done later
    is_ending  nothing new is to start
    looked_at  when the newest keys were looked up
    gone       what was to be worked on and is not to be had (see Machine); `unmade`, the values among it that are whole (see BytesGone)
    """

    def __init__(
        self,
        host: Host,
        machine: Machine,
        run: int,
        *,
        teller: Teller,
        loader: Loader,
        due: Due,
        is_ending: Callable[[], bool],
    ) -> None:
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.looked_at = 0.0
        self.gone = self.unmade = frozenset[Any]()
        self.open: dict[Any, tuple[str, Apply]] = {}  # what an executor has: its name, and what it was handed
        self.requests: dict[Any, Request] = {}  # what applications hold of limits, or wait for
        self.under = Under(host.committer, run)
        self._host = host
        self._clock = host.clock
        self._machine = machine
        self._run = run
        self._teller = teller
        self._observed = teller.is_observed
        self._loader = loader
        self._due = due
        self._held = Held(due)
        self._is_ending = is_ending
        self._planner = Planner(host.executor, (host.default, host.default_async), host.limits, teller.warn)
        self._plans: dict[Any, Plan] = {}  # of tasks by definition; of operations by the name of an executor, or None
        # Applications that await, and hold nothing meanwhile; with what they will be told when they have a place again.
        self._paused: dict[Any, list[tuple[int, Any]]] = {}
        self._tries: dict[Any, Tries] = {}
        self._stuck: dict[Any, list[Request]] = {}  # what is held by code that goes on after its attempt was given up
        self._is_choosy = False  # some applications need more than a place
        self._withdrawn: set[str] = set()  # executors that have given back what they had not begun
        self._post = self._posted  # one object, by which an executor knows the jobs of this run
        self._over = False

    def _posted(self, ticket: Any, answer: Any, report: Report) -> None:
        self.inbox.put((ticket, answer, report))
        if self._over:
            self._take_in_late()

    # -- the end -----------------------------------------------------------------------------------

    def look(self, now: float) -> None:
        """Claim what has been under way for a while."""
        self.under.look(now, self.open, self._paused)

    def is_under_way(self) -> bool:
        """Is anything still being applied that will end by itself? What waits for the machine will not."""
        self.withdraw()
        return any(not self._machine.is_awaiting(ticket) for ticket in self.open)

    def withdraw(self) -> None:
        """Nothing more begins: neither what waits here, nor what an executor has and can give back."""
        self._due.clear()
        for name, admission in self._planner.admissions.items():
            admission.drop()
            executor = self._planner.executors[name]
            if name not in self._withdrawn and isinstance(executor, Withdraws):
                self._withdrawn.add(name)
                for ticket in executor.withdraw(self._post):
                    admission.withdrawn()
                    del self.open[ticket]
        self.under.keep(self.open)
        for ticket in [ticket for ticket in self.requests if ticket not in self.open]:
            self._let_go(ticket)

    def give_up(self) -> bool:
        """The run is ending: what was to be tried again has failed; answers whether there was any."""
        self.withdraw()
        waiting = [] if self.gone else [ticket for ticket in self._tries if ticket not in self.open]
        for ticket in waiting:
            tries = self._end_tries(ticket)
            assert tries is not None
            assert tries.last is not None
            self._machine.answer(ticket, tries.last)
        return bool(waiting)

    def leave(self) -> None:
        """The run ends: what is still under way keeps its limits until its answer comes, which nobody else wants any more."""
        for ticket in list(self.requests):
            opened = self.open.get(ticket)
            # What is applied in `submit` itself has ended with it, if by an exception.
            if opened is None or (self._plan(ticket, opened[1]).admission.is_here and not opened[1].task.is_async):
                self._let_go(ticket)
        self.open.clear()
        self._over = True
        self._take_in_late()

    # -- applications: waiting for a place, and for limits -------------------------------------------

    def admit(self, pair: tuple[Any, Apply]) -> None:
        """The application is to be made as soon as there is a place for it: for the first time, or again."""
        ticket, job = pair
        try:
            plan = self._plans.get(ticket.definition) if not job.operation else None
            if plan is None:
                plan = self._plan(ticket, job)
            if not plan.is_plain:
                if plan.is_subrun:
                    job.args = (job.args[0], self._host.site(ticket.inside, job.key, job.args[0]))
                tries = self._tries.get(ticket)
                plan.prepare(job, self._run, len(tries.attempts) + 1 if tries is not None else 1)
        except (AlonzoError, OptionError) as error:
            self._end_tries(ticket)
            self._machine.answer(ticket, Raised(error))
            return
        admission = plan.admission
        if not admission.waiting:
            admission.since = self.looked_at
        if self._tries and ticket in self._tries:
            admission.since = -NEVER
        if ticket in self.under.told:
            admission.add_first(pair, job.task)
            return
        admission.add(pair, job.task, consumes=bool(ticket.upstreams), priority=plan.priority)
        if self._observed:
            self._teller.tell("queued", *_subject(job))

    def _plan(self, ticket: Any, job: Apply | None) -> Plan:
        definition = ticket.definition
        # What of a call's value is put together by an operation is none of its attempts.
        name = definition if job is None or not job.operation else definition and definition.options.executor
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plans[name] = self._planner.plan(definition, is_task=name is definition)
            self._is_choosy = self._is_choosy or bool(plan.limits)
        return plan

    def _has_limits(self, pair: tuple[Any, Apply | None]) -> bool:
        """There is a place for it: has it the limits that it wants? Else it waits for them."""
        ticket, job = pair
        if job is None and not self._paused.get(ticket):
            return False  # it has ended, or awaits again
        plan = self._plan(ticket, job)
        if not plan.limits:
            return True
        request = self.requests.get(ticket)
        if request is None:
            request = self.requests[ticket] = Request(plan.limits, plan.priority)
            request.granted = partial(self.inbox.put, Granted(pair, request))
            return self._host.limits.ask(request)
        return request.held

    def granted(self, message: Granted) -> None:
        ticket, job = message.pair
        if self.requests.get(ticket) is not message.request:
            return  # it was let go of meanwhile
        admission = self._plan(ticket, job).admission
        admission.since = -NEVER
        add = admission.add_returning if job is None else admission.add_first
        add(message.pair, ticket.definition.task)

    def _let_go(self, ticket: Any, *, goes_on: bool = False) -> None:
        request = self.requests.pop(ticket, None)
        if request is None:
            return
        if goes_on:
            self._stuck.setdefault(ticket, []).append(request)
        else:
            self._host.limits.give_back(request)

    def submit(self) -> bool:
        """Hand over what has its turn; answers whether there is more to do at once, for the machine or here."""
        has_all = self._has_limits if self._is_choosy else None
        is_more = False
        for name, admission in self._planner.admissions.items():
            if is_more and admission.is_here:
                continue  # an in-process executor applies here and now: what is already known must not wait for a long task
            batch = admission.next(has_all) if admission.waiting else []
            if has_all is not None and batch:
                batch = self._go_on(name, batch)
            if batch and self.under.is_on:
                count = len(batch)
                batch = self._claimed(batch, admission)
                is_more = is_more or len(batch) < count
            if batch:
                self._hand_over(name, batch)
        return is_more

    def _hand_over(self, name: str, batch: list[tuple[Any, Apply]]) -> None:
        carrying = [job for _, job in batch if job.carried]
        if carrying:
            self._loader.load(carrying)
        self.open.update([(ticket, (name, job)) for ticket, job in batch])
        if self._observed:
            for _, job in batch:
                self._teller.tell("started", *_subject(job))
        if self.under.is_on and self.under.next == NEVER:
            self.under.begin(self._clock.now())
        self._planner.executors[name].submit(batch, self._post)

    # -- applications that another run is at, or has made meanwhile ------------------------------------

    def _claimed(self, batch: list[tuple[Any, Apply]], admission: Admission) -> list[tuple[Any, Apply]]:
        """Those of the batch that are to be made: all whose task is known to be short, and what is claimed now and still not recorded."""
        others = self.under.at_turn(batch, admission, self._clock)
        if not others:
            return batch
        for pair in batch:
            if pair[0] in others:
                admission.withdrawn()
                self._let_go(pair[0])
                self._elsewhere(pair, others[pair[0]])
        return [pair for pair in batch if pair[0] not in others]

    def _ask_again(self, pairs: Sequence[tuple[Any, Apply]]) -> None:
        """Another run was at these: what has become of them?"""
        answers = self.under.ask([(ticket, job.key) for ticket, job in pairs])
        for pair in pairs:
            ticket, job = pair
            if ticket in answers:
                self._elsewhere(pair, answers[ticket])
            else:
                self._held.waits.pop(ticket, None)
                self._plan(ticket, job).admission.add_first(pair, job.task)

    def _elsewhere(self, pair: tuple[Any, Apply], answer: Any) -> None:
        """Another run is at it (HELD), or has recorded it."""
        ticket = pair[0]
        if type(answer) is not Records:
            self._held.again(pair, self._clock.now(), self._ask_again)
            return
        self._held.waits.pop(ticket, None)
        self.under.told.add(ticket)
        self._end_tries(ticket)
        self._machine.answer(ticket, answer)

    def take_in(self, ticket: Any, answer: Any, report: Report) -> None:
        if answer is ENDED:
            self._free(ticket)
            return
        opened = self.open.get(ticket)
        if opened is None:
            return
        name, job = opened
        for text in report.warnings:
            self._teller.warn(text)
        if type(answer) is Asks:
            self._pause(ticket, name)
            self._machine.answer(ticket, answer)
            return
        admission = self._planner.admissions[name]
        if self._paused and self._paused.pop(ticket, None) is not None:
            admission.go_on()
        del self.open[ticket]
        admission.finished(report.finished - report.started, job.task)
        if self.requests:
            self._let_go(ticket, goes_on=report.goes_on)
        if self._observed or job.operation:
            self._tell_applied(ticket, job, report)
        attempt = Attempt(name, report.worker, report.started, report.finished)
        rival = self._machine.undone(ticket, report.undone) if report.undone else None
        if rival is None and type(answer) is not Found and self._is_put_off(ticket, job, answer, attempt, report):
            self.under.release(ticket)
            return
        if not job.operation:
            self._keep(ticket, attempt, report.output)
            self._teller.made(job.task.full_name, ticket, answer, report, is_alone=not self.open)
        awaited = self._machine.looked_into(ticket)
        if awaited or report.seen or report.mutated:
            self._compare(ticket, answer, report, awaited)
        if report.reduced is not None:
            self._include(ticket, report.reduced)
        self._machine.answer(ticket, answer if rival is None or type(answer) is not Found else rival)

    def _keep(self, ticket: Any, attempt: Attempt, output: str) -> None:
        before = self._tries.pop(ticket, None) if self._tries else None
        if self.under.claimed:
            self.under.claimed.pop(ticket, None)  # its note ends the claim
        self._teller.attempts[ticket] = (
            ((attempt,), output) if before is None else ((*before.attempts, attempt), before.output + output)
        )

    def _compare(self, ticket: Any, answer: Any, report: Report, awaited: tuple[tuple[str, str], ...]) -> None:
        """What an application did to the world under its hands, and to its arguments, is said before its answer is given."""
        machine = self._machine
        if report.mutated:
            machine.refuse(ticket)
        seen = report.seen + (inspect_places(self._host.applier.inspectors, awaited) if awaited else ())
        if not seen:
            return
        before = len(machine.moved)
        machine.seen(ticket, seen, answer)
        for task, moved in machine.moved[before:]:
            places = ", ".join(place for _, place, _ in moved)
            self._teller.warn(
                f"{places} changed while {task} was running: its result is used in this run and not remembered"
            )

    def _include(self, ticket: Any, reduced: Reduced) -> None:
        """A sub-run's jobs are parts of its call."""
        first = self._machine.reduced_elsewhere(ticket, reduced.below, reduced.jobs)
        notes = reduced.renumbered(first, ticket.job)
        self._host.committer.add(self._run, notes)
        self._teller.included(notes)
        for text in reduced.warnings:
            self._teller.warn(text)

    def _take_in_late(self) -> None:
        """The run is over: what comes in only says what is not held any more. From any thread."""
        while True:
            try:
                message = self.inbox.get_nowait()
            except queue.Empty:
                return
            if type(message) is tuple and message[1] is ENDED:
                self._free(message[0])
            elif type(message) is tuple:
                self._let_go(message[0], goes_on=message[2].goes_on)

    def _free(self, ticket: Any) -> None:
        """The code of an attempt that was given up has ended after all."""
        stuck = self._stuck.get(ticket)
        if stuck:
            self._host.limits.give_back(stuck.pop())
            if not stuck:
                del self._stuck[ticket]

    def _tell_applied(self, ticket: Any, job: Apply, report: Report) -> None:
        self._teller.operated(ticket, report.finished - report.started)
        name = ticket.node._task.full_name if ticket.job else ""
        if name:
            self._teller.tell("applied", name, ticket.job)
        if report.output:
            self._teller.tell("printed", name, ticket.job, text=report.output)

    # -- applications that failed --------------------------------------------------------------------

    def _is_put_off(self, ticket: Any, job: Apply, answer: Raised | Lost, attempt: Attempt, report: Report) -> bool:
        """The attempt failed, and that is not the last word: it is made again, or the whole run is begun again."""
        if type(answer) is Lost and answer.missing:
            # What it was to work on cannot be decoded: computed again, in a machine that does not recall it.
            self.gone |= frozenset(answer.missing)
            self.unmade |= unmade(answer.missing, answer.error)
            return True
        attempt.outcome, attempt.error = outcome_of(answer), error_text(answer.error)
        return self._tries_again(ticket, job, answer, attempt, report)

    def _tries_again(self, ticket: Any, job: Apply, answer: Raised | Lost, attempt: Attempt, report: Report) -> bool:
        """Will another attempt be made? Not for what is ending, and not beyond the budget of this class of failure."""
        outcome, number = attempt.outcome, 1
        tries = self._tries.get(ticket)
        if tries is not None:
            number += len(tries.attempts)
        if outcome == "timeout":
            self._teller.tell(
                "timed_out", *_subject(job), attempt=number, timeout=job.timeout, executor=attempt.executor
            )
        options = self._plan(ticket, job).options
        used = tries.used[outcome] if tries is not None else 0
        if used >= budget(options.retries, outcome) or self._is_ending() or ticket.outcome is not None:
            return False
        if not is_wanted(options, outcome, answer.error, self._teller.warn):
            return False
        if tries is None:
            tries = self._tries[ticket] = Tries()
        tries.attempts.append(attempt)
        tries.used[outcome] += 1
        tries.output += report.output
        tries.last = answer
        self._machine.begin_again(ticket)
        seconds = pause(options.retry_delay, len(tries.attempts), _chance)
        self._teller.tell("retried", *_subject(job), attempt=number, outcome=outcome, error=answer.error, delay=seconds)
        if seconds:
            self._due.put(self._clock.now() + seconds, self._admit_all, (ticket, job))
        else:
            self.admit((ticket, job))
        return True

    def _admit_all(self, pairs: Sequence[tuple[Any, Apply]]) -> None:
        for pair in pairs:
            self.admit(pair)

    def _end_tries(self, ticket: Any) -> Tries | None:
        """There will be no other attempt; answers those that were made, if any was."""
        tries = self._tries.pop(ticket, None)
        if tries is not None:
            self._teller.attempts[ticket] = (tuple(tries.attempts), tries.output)
        return tries

    # -- applications that await ---------------------------------------------------------------------

    def _pause(self, ticket: Any, name: str) -> None:
        """It awaits, and gives up its place, its limits and its claim."""
        told = self._paused.get(ticket)
        if told is None:
            self._planner.admissions[name].pause()
            if self.under.is_on:
                self.under.release(ticket)
        elif told:
            # It was to go on, and awaits something else before it could: so it goes on without a place, as for a part of what it awaits.
            for number, outcome in told:
                self._planner.executors[name].resume(ticket, number, outcome)
        self._paused[ticket] = []
        self._let_go(ticket)

    def resume(self, ticket: Any, effect: Resume) -> None:
        opened = self.open.get(ticket)
        if opened is None:
            return
        name, job = opened
        outcome = self._loader.outcome(effect.outcome)
        told = self._paused.get(ticket)
        if told is None or self._machine.is_awaiting(ticket):
            # It awaits several things at once: of all but the last it is told while it holds nothing.
            self._planner.executors[name].resume(ticket, effect.number, outcome)
            return
        if not told:
            self._is_choosy = True
            self._planner.admissions[name].add_returning((ticket, None), job.task)
        told.append((effect.number, outcome))

    def _go_on(self, name: str, batch: list[tuple[Any, Any]]) -> list[tuple[Any, Apply]]:
        """Those of the batch that are to begin; those that awaited and have a place again go on."""
        begin = []
        for pair in batch:
            if pair[1] is not None:
                begin.append(pair)
                continue
            for number, outcome in self._paused.pop(pair[0]):
                self._planner.executors[name].resume(pair[0], number, outcome)
            self.under.begin(self._clock.now())
        return begin


def _chance() -> float:
    import random  # takes longer to import than most programs need it

    return random.random()  # noqa: S311 - it spreads retries, nothing more


def _subject(job: Apply) -> tuple[str, int]:
    return (job.task.full_name if job.task is not None else "", job.job)
