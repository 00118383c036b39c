"""The loop between a machine and its providers: the only code that waits.

Effects are performed batch by batch: all recalls of a round are one question to the store, all applications are handed to their
executors together. Answers of executors come in through one inbox.
"""

from __future__ import annotations

import queue
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from . import _operations
from ._admission import Admission
from ._apply import LocalApplier, inspect_places
from ._catalog import Catalog
from ._cells import Cell
from ._codec import decoded
from ._committer import Committer
from ._containers import fill
from ._digests import digest_of
from ._effects import ABSENT, Apply, Asks, Fetch, Found, Inspect, Lost, Raised, Recall, Remember, Resume, Target
from ._errors import AlonzoError, OptionError
from ._machine import Machine
from ._ports import AppliesHere, Attempt, Executor, Moment, Note, Report, Withdraws
from ._preview import preview
from ._typed import nearest

_WAKE = object()
_ABORT = object()
_RECALLS = 10_000  # as many keys are looked up at a time


class BytesGone(Exception):  # noqa: N818 - it is no error of anybody's, but a reason to begin again
    """Bytes that are recorded as stored are not there: the run begins again without them (what it did meanwhile is recorded)."""

    def __init__(self, digests: frozenset[bytes]) -> None:
        super().__init__(f"{len(digests)} stored values are missing or damaged")
        self.digests = digests


@attrs.define(eq=False)
class Summary:
    """What a run did: its id; how often each task, by full name, ran, was recalled, was shared, failed; its failures and warnings.

    `would_run`: of a dry run, the tasks that it stopped at.
    """

    id: int = 0
    ran: Counter[str] = attrs.field(factory=Counter)
    recalled: Counter[str] = attrs.field(factory=Counter)
    shared: Counter[str] = attrs.field(factory=Counter)
    failed: Counter[str] = attrs.field(factory=Counter)
    failures: list[Failure] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)
    would_run: list[str] = attrs.field(factory=list)


@attrs.frozen
class Failure:
    """A call that failed of itself. `chain`: (full name, arguments) of the calls around it, from it outwards to the root."""

    task: str
    arguments: str
    error: BaseException
    traceback: str
    chain: tuple[tuple[str, str], ...]


@attrs.frozen(eq=False)
class Host:
    """What a run needs of its runtime. `executor` opens one by name; `default` is the name of the one for tasks that name none."""

    catalog: Catalog
    committer: Committer
    applier: LocalApplier
    executor: Callable[[str], Executor]
    default: str
    default_async: str
    observe: Callable[[Moment], None] | None
    keep_going: bool


class Drive:
    """One run of one machine."""

    def __init__(self, host: Host, machine: Machine, run: int, summary: Summary, *, dry_run: bool = False) -> None:
        self._host = host
        self._observed = host.observe is not None
        self._machine = machine
        self._run = run
        self._summary = summary
        self._dry_run = dry_run
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._admissions: dict[str, Admission] = {}
        self._executors: dict[str, Executor] = {}
        self._names: dict[Any, str] = {}  # the executor of each open application
        self._paused: set[Any] = set()  # applications that await, and hold no place of their executor's meanwhile
        self._attempts: dict[Any, tuple[Attempt, str]] = {}
        self._told: set[bytes] = set()
        self._bodies: dict[int, Note] = {}  # of jobs whose function has returned a body that is being reduced
        self._gone: frozenset[bytes] = frozenset()
        self._withdrawn: set[str] = set()  # executors that have given back what they had not begun
        self.post = self._post  # one object, by which an executor knows the jobs of this run
        self._reported = 0
        self.stopping = False

    # -- what others may call ----------------------------------------------------------------------

    def stop(self) -> None:
        """Nothing new starts; what is under way finishes and is recorded. From any thread, also from a signal handler."""
        self.stopping = True
        self._inbox.put(_WAKE)

    def abort(self) -> None:
        """The runtime is being closed: `reduce` ends at once."""
        self._inbox.put(_ABORT)

    def _post(self, ticket: Any, answer: Any, report: Report) -> None:
        self._inbox.put((ticket, answer, report))

    # -- the loop ----------------------------------------------------------------------------------

    def reduce(self) -> None:
        """Reduce until the machine has an outcome, or until nothing more may start and all that was under way has ended.

        Raises:
            BytesGone, AlonzoError: see there.
        """
        try:
            self._reduce()
        except BaseException:
            # Ctrl-C, say: what has been handed over and has not begun must not begin any more.
            self._withdraw()
            raise

    def _reduce(self) -> None:
        machine = self._machine
        while machine.outcome is None:
            effects = machine.take()
            try:
                if effects:
                    self._perform(effects)
                    continue
                if machine.outcome is not None:
                    break
                if not self._is_ending():
                    self._submit()
                elif not self._under_way():
                    break
            except BytesGone as problem:
                # What is under way is waited for and recorded, so that beginning again does not do it twice.
                self._gone |= problem.digests
                if not self._under_way():
                    break
            self._receive()
        self._perform(machine.take())
        self._names.clear()
        if self._gone:
            raise BytesGone(self._gone)
        self._end_bodies()

    def _is_ending(self) -> bool:
        if self.stopping or self._gone or self._host.committer.error is not None or self._summary.would_run:
            return True
        return self._machine.doomed is not None and not self._host.keep_going

    def _under_way(self) -> bool:
        """Is anything still being applied that will end by itself? What waits for the machine will not."""
        self._withdraw()
        return any(not self._machine.is_awaiting(ticket) for ticket in self._names)

    def _withdraw(self) -> None:
        for name, admission in self._admissions.items():
            admission.drop()
            executor = self._executors[name]
            if name not in self._withdrawn and isinstance(executor, Withdraws):
                self._withdrawn.add(name)
                for ticket in executor.withdraw(self.post):
                    admission.withdrawn()
                    del self._names[ticket]

    def _perform(self, effects: list[tuple[Any, Any]]) -> None:
        machine = self._machine
        notes: list[Note] = []
        recalls: list[tuple[Any, Recall]] = []
        others: list[tuple[Any, Any]] = []
        for pair in effects:
            kind = type(pair[1])
            if kind is Remember:
                notes.append(self._noted(*pair))
            elif kind is Recall:
                recalls.append(pair)
            else:
                others.append(pair)
        effects.clear()  # of 100,000 recalls at once, each is let go of when it is answered
        # Notes first: whatever becomes of the rest (see BytesGone), what is known is known.
        if notes and not self._dry_run:
            self._host.committer.add(self._run, notes)
            if self._observed:
                self._tell("committed", count=len(notes))
        if recalls:
            self._recall(recalls)
        for pair in others:
            self._do(pair)
        if len(machine.failed) > self._reported:
            self._report_failures()

    def _recall(self, recalls: list[tuple[Any, Recall]]) -> None:
        answer = self._machine.answer
        recalls.reverse()
        while recalls:
            batch = recalls[-_RECALLS:]
            del recalls[-_RECALLS:]
            batch.reverse()
            found = self._host.committer.recall([recall.key for _, recall in batch])
            for (ticket, _), records in zip(batch, found, strict=True):
                answer(ticket, ABSENT if records is None else records)

    def _do(self, pair: tuple[Any, Any]) -> None:
        ticket, effect = pair
        if type(effect) is Apply:
            self._apply(pair)
        elif type(effect) is Inspect:
            self._machine.answer(ticket, self._inspect(effect.targets))
        elif type(effect) is Fetch:
            self._machine.answer(ticket, self._fetch(effect.found))
        else:
            self._resume(ticket, effect)

    def _apply(self, pair: tuple[Cell, Apply]) -> None:
        ticket, job = pair
        if not job.operation or not (self._dry_run or _operations.is_quick(job.operation, job.args)):
            self._admit(pair)
            return
        answer = self._operate(job)
        if job.externals:
            self._machine.seen(ticket, inspect_places(self._host.applier.inspectors, job.externals), answer)
        self._machine.answer(ticket, answer)

    # -- applications ------------------------------------------------------------------------------

    def _admit(self, pair: tuple[Cell, Apply]) -> None:
        ticket, job = pair
        definition = ticket.definition
        name = definition.options.executor if definition is not None else None
        if name is None:
            name = self._host.default_async if job.task is not None and job.task.is_async else self._host.default
        if self._dry_run:
            self._summary.would_run.append(job.task.full_name)
            return
        admission = self._admissions.get(name)
        if admission is None:
            try:
                executor = self._executors[name] = self._host.executor(name)
                here = isinstance(executor, AppliesHere) and executor.applies_here
                admission = self._admissions[name] = Admission(executor.width, ahead=not here)
            except (AlonzoError, OptionError) as error:
                self._machine.answer(ticket, Raised(error))
                return
        admission.add(pair, definition, consumes=bool(ticket.upstreams))
        if self._observed:
            self._tell("queued", *self._subject(job))

    def _submit(self) -> None:
        for name, admission in self._admissions.items():
            batch = admission.next() if len(admission) else []
            if not batch:
                continue
            carrying = [job for _, job in batch if job.carried]
            if carrying:
                self._load(carrying)
            self._names.update([(ticket, name) for ticket, _ in batch])
            if self._observed:
                for _, job in batch:
                    self._tell("started", *self._subject(job))
            # An in-process executor applies here and now: what is already known must not wait for a long task.
            self._executors[name].submit(batch, self.post)

    def _receive(self) -> None:
        """Wait for one answer, take in all that are there."""
        inbox = self._inbox
        message = inbox.get() if self._names else (None if inbox.empty() else inbox.get())
        while message is not None:
            if message is _ABORT:
                raise AlonzoError("the runtime was closed while this run was going on")
            if message is not _WAKE:
                self._take_in(*message)
            message = None if inbox.empty() else inbox.get()

    def _take_in(self, ticket: Any, answer: Any, report: Report) -> None:
        name = self._names.get(ticket)
        if name is None:
            return  # an answer that came after the run had ended
        for text in report.warnings:
            self.warn(text)
        if type(answer) is Asks:
            if ticket not in self._paused:
                self._paused.add(ticket)
                self._admissions[name].pause()
            self._machine.answer(ticket, answer)
            return
        if ticket in self._paused:
            self._go_on(ticket, name)
        del self._names[ticket]
        self._admissions[name].finished(report.finished - report.started, ticket.definition)
        if self._observed and ticket.job:
            self._tell("applied", ticket.node._task.full_name, ticket.job)
        self._attempts[ticket] = (Attempt(name, report.worker, report.started, report.finished), report.output)
        if type(answer) is Lost and answer.missing:
            # What it was to work on cannot be decoded: computed again, in a machine that does not recall it.
            self._gone |= frozenset(answer.missing)
            return
        seen = report.seen
        awaited = self._machine.looked_into(ticket)
        if awaited:
            seen += inspect_places(self._host.applier.inspectors, awaited)
        if seen:
            before = len(self._machine.moved)
            self._machine.seen(ticket, seen, answer)
            for task, moved in self._machine.moved[before:]:
                places = ", ".join(place for _, place, _ in moved)
                self.warn(
                    f"{places} changed while {task} was running: its result is used in this run and not remembered"
                )
        if report.output:
            self._tell("printed", ticket.node._task.full_name if ticket.job else "", ticket.job, text=report.output)
        self._machine.answer(ticket, answer)

    def _go_on(self, ticket: Any, name: str) -> None:
        if ticket in self._paused:
            self._paused.discard(ticket)
            self._admissions[name].go_on()

    def _resume(self, ticket: Any, effect: Resume) -> None:
        name = self._names.get(ticket)
        if name is None:
            return
        outcome: Any = effect.outcome
        if type(outcome) is Found:
            [value] = self._loaded([outcome])
            if outcome.carries:
                value = Found(fill(value.value, self._object, (Found,)))
            outcome = value
        if not self._machine.is_awaiting(ticket):
            self._go_on(ticket, name)
        self._executors[name].resume(ticket, effect.number, outcome)

    # -- looking into values -----------------------------------------------------------------------

    def _operate(self, job: Apply) -> Found | Raised | Lost:
        if job.carried:
            self._load([job])
        return self._host.applier.operate(job)

    def _load(self, jobs: Sequence[Apply]) -> None:
        """Give the values that these carry their bytes.

        Raises:
            BytesGone: some are not in the store any more, or damaged.
        """
        wanted: dict[bytes, list[Found]] = {}

        def note(found: Found) -> Found:
            if found.value is ABSENT and found.data is None:
                wanted.setdefault(digest_of(found.token), []).append(found)
            elif found.carries:
                fill(found.value, note, (Found,))
            return found

        for job in jobs:
            fill(job.args, note, (Found,))
        if not wanted:
            return
        loaded = self._host.committer.load(list(wanted))
        gone = frozenset(
            digest for digest, found in zip(wanted, loaded, strict=True) if found is None or found.data is None
        )
        if gone:
            raise BytesGone(gone)
        replaced = {id(old): new for olds, new in zip(wanted.values(), loaded, strict=True) for old in olds}
        for job in jobs:
            job.args = fill(job.args, lambda found: replaced.get(id(found), found), (Found,))

    def _loaded(self, founds: Sequence[Found]) -> list[Found]:
        job = Apply(0, None, tuple(founds))
        self._load([job])
        return list(job.args)

    def _fetch(self, found: Found) -> Found | Lost:
        try:
            [at_hand] = self._loaded([found])
            value = decoded(at_hand, self._host.applier.codec)
        except (AlonzoError, BytesGone) as error:
            if found.lazy:
                return Lost(error)
            raise BytesGone(frozenset([digest_of(found.token)])) from error
        return attrs.evolve(found, value=value, data=None)

    def _object(self, found: Found) -> Any:
        [at_hand] = self._loaded([found])
        try:
            return decoded(at_hand, self._host.applier.codec)
        except AlonzoError as error:
            raise BytesGone(frozenset([digest_of(found.token)])) from error

    def value(self, found: Found) -> Any:
        """The object of the run's outcome, everything in it decoded."""
        if found.value is ABSENT:
            return self._object(found)
        return fill(found.value, self._object, (Found,)) if found.carries else found.value

    # -- the world ---------------------------------------------------------------------------------

    def _inspect(self, targets: Sequence[Target]) -> Mapping[Target, Any]:
        catalog = self._host.catalog
        answer: dict[Target, Any] = {}
        tasks = {target: target[1] for target in targets if target[0] == "task"}
        places = [target[1:] for target in targets if target[0] == "external"]
        for target in targets:
            if target[0] == "name":
                answer[target] = None
                try:
                    tasks[target] = catalog.resolve(target[1])
                except LookupError:
                    continue
            elif target[0] == "thing":
                answer[target] = catalog.thing(target[1])
            elif target[0] == "named":
                answer[target] = catalog.named(target[1])
        if tasks:
            definitions = catalog.define(dict.fromkeys(tasks.values()))
            answer.update({target: definitions[task] for target, task in tasks.items()})
        if places:
            known = self._host.applier.inspectors
            for place in places:
                answer["external", *place] = None
            usable = [place for place in places if place[0] in known]
            answer.update({("external", kind, place): digest for kind, place, digest in inspect_places(known, usable)})
        return answer

    # -- telling -----------------------------------------------------------------------------------

    def _noted(self, ticket: Any, remember: Remember) -> Note:
        job = remember.job
        assert job is not None
        attempt, output = self._attempts.get(ticket, (None, ""))
        if job.status != "open":
            self._attempts.pop(ticket, None)
            getattr(self._summary, job.status)[job.task] += 1
            if self._observed:
                self._tell_end(job, attempt)
        job.arguments = preview(job.arguments)
        note = Note(remember, () if attempt is None else (attempt,), output)
        if job.status == "open":
            self._bodies[job.number] = Note(Remember(remember.key, job), note.attempts, output)
        else:
            self._bodies.pop(job.number, None)
        if job.fingerprint and job.fingerprint not in self._told:
            self._told.add(job.fingerprint)
            node = ticket.node
            fingerprint = self._host.catalog.fingerprint(node._task)
            note.definitions = {job.task: (fingerprint.digest, fingerprint.tree, fingerprint.untracked)}
        return note

    def _end_bodies(self) -> None:
        """The run has ended before these jobs' bodies were reduced: they are not shown as running for ever."""
        ended = list(self._bodies.values())
        for note in ended:
            assert note.remember.job is not None
            note.remember.job = attrs.evolve(
                note.remember.job, status="stopped" if self._machine.doomed is None else "failed"
            )
        if ended and not self._dry_run:
            self._host.committer.add(self._run, ended)

    def _tell_end(self, job: Any, attempt: Attempt | None) -> None:
        what = "finished" if job.status == "ran" else job.status
        details: dict[str, Any] = {}
        if attempt is not None:
            details = {"started": attempt.started, "finished": attempt.finished, "executor": attempt.executor}
        if job.error is not None:
            details["error"] = job.error
        self._tell(what, job.task, job.number, **details)

    def _report_failures(self) -> None:
        for cell, raised, chain in self._machine.failed[self._reported :]:
            links = tuple((name, preview(args)) for name, args in chain)
            task, arguments = links[0] if links else ("", "")
            if type(cell) is Cell and cell.job == 0 and links:
                arguments = (
                    f"operation {getattr(cell.node, '_op', getattr(cell.node, '_form', ''))} in {task}({arguments})"
                )
            self._summary.failures.append(Failure(task, arguments, raised.error, raised.traceback, links))
        self._reported = len(self._machine.failed)

    def warn(self, text: str) -> None:
        if text not in self._summary.warnings:
            self._summary.warnings.append(text)
            self._tell("warned", text=text)

    def _subject(self, job: Apply) -> tuple[str, int]:
        return (job.task.full_name if job.task is not None else "", job.job)

    def _tell(self, what: str, task: str = "", job: int = 0, **details: Any) -> None:
        observe = self._host.observe
        if observe is not None:
            observe(Moment(what, self._run, time.time(), task, job, details))


def unknown_executor(name: str, known: Sequence[str]) -> OptionError:
    return OptionError(f"there is no executor {name!r}{nearest(name, known)}; there are: {', '.join(sorted(known))}")
