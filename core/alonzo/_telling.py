"""What a run tells: notes for the store, moments for observers, and the summary that its caller has."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from ._catalog import Catalog
from ._cells import Cell
from ._effects import Found, JobNote, Remember
from ._expressions import Operation, describe
from ._machine import Machine
from ._ports import Attempt, Moment, Note, Report
from ._preview import preview
from ._writers import Writers

_LONG = 1.0  # seconds


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


class Teller:
    """Makes notes of what the machine remembers, and tells observers.

    attempts  of each open job: how it was applied so far, and what it printed
    """

    def __init__(self, observe: Any, catalog: Catalog, machine: Machine, run: int, summary: Summary) -> None:
        self.is_observed = observe is not None
        self.attempts: dict[Any, tuple[tuple[Attempt, ...], str]] = {}
        self._writers = Writers()
        self._observe = observe
        self._catalog = catalog
        self._machine = machine
        self._run = run
        self._summary = summary
        self._told: set[bytes] = set()
        self._bodies: dict[int, Note] = {}  # of jobs whose function has returned a body that is being reduced
        self._reported = 0
        self._ended = 0.0  # when the last application did

    def noted(self, ticket: Any, remember: Remember) -> Note:
        job = remember.job
        if job is None:
            return Note(remember)
        attempts, output = self.attempts.get(ticket, ((), ""))
        if job.status != "open":
            self.attempts.pop(ticket, None)
            self._count(job, attempts)
        if job.status == "recalled":
            self.made(job.task, ticket, ticket.outcome)
        job.arguments = preview(job.arguments)
        note = Note(remember, attempts, output)
        if job.status == "open":
            self._bodies[job.number] = Note(Remember(remember.key, job), note.attempts, output)
        else:
            self._bodies.pop(job.number, None)
        if job.fingerprint and job.fingerprint not in self._told:
            self._told.add(job.fingerprint)
            node = ticket.node
            fingerprint = self._catalog.fingerprint(node._task)
            note.definitions = {job.task: (fingerprint.digest, fingerprint.tree, fingerprint.untracked)}
        return note

    def included(self, notes: Sequence[Note]) -> None:
        """Jobs of a sub-run, which has told nobody of them."""
        for note in notes:
            job = note.remember.job
            if job is None or job.status in ("open", "stopped"):
                continue
            # Without an error: its body was not reduced to the end, as the sub-run had failed elsewhere.
            if job.status != "failed" or job.error is not None:
                self._count(job, note.attempts)

    def _count(self, job: JobNote, attempts: tuple[Attempt, ...]) -> None:
        getattr(self._summary, job.status)[job.task] += 1
        if self.is_observed:
            self._tell_end(job, attempts)

    def ended(self) -> list[Note]:
        """The run has ended before these jobs' bodies were reduced: they are not shown as running for ever."""
        for text in self._writers.left():
            self.warn(text)
        status: Any = "stopped" if self._machine.doomed is None else "failed"
        notes, self._bodies = list(self._bodies.values()), {}
        for note in notes:
            assert note.remember.job is not None
            note.remember.job = attrs.evolve(note.remember.job, status=status)
        return notes

    def failures(self) -> None:
        """Put what has failed since the last time into the summary."""
        if len(self._machine.failed) == self._reported:
            return
        for cell, raised, chain in self._machine.failed[self._reported :]:
            links = tuple((name, preview(args)) for name, args in chain)
            task, arguments = links[0] if links else ("", "")
            if type(cell) is Cell and cell.job == 0 and links:
                arguments = f"{_step(cell.node)} in {task}({arguments})"
            self._summary.failures.append(Failure(task, arguments, raised.error, raised.traceback, links))
        self._reported = len(self._machine.failed)

    def operated(self, ticket: Cell, seconds: float) -> None:
        """An operation has been performed; one that took long is named, as it is done again in every run and stands in no record."""
        if seconds > _LONG and not ticket.job:
            self.warn(f"{describe(ticket.node)}{_place(ticket)} took {seconds:.1f} s: make it a task")

    def made(
        self, task: str, ticket: Cell, answer: Any, report: Report | None = None, *, is_alone: bool = True
    ) -> None:
        """This has come of a call of the task, now or at an earlier time: does it write where something else counts on what was there?

        report    of the application; where its result is not what it has written, it must not be remembered
        is_alone  nothing else is being applied: then it has done so itself, unless something was until a moment ago
        """
        overwritten: Collection[tuple[str, str]] = ()
        if report is not None:
            if report.overwritten and not (is_alone and self._ended <= report.started):
                overwritten = report.overwritten
            self._ended = max(self._ended, report.finished)
        if type(answer) is not Found or not answer.externals:
            return
        if overwritten:
            self._machine.refuse(ticket)
        given = ticket.keyed.externals if ticket.keyed else ()
        for text in self._writers.problems(task, given, answer.externals, overwritten):
            self.warn(text)

    def warn(self, text: str) -> None:
        if text not in self._summary.warnings:
            self._summary.warnings.append(text)
            self.tell("warned", text=text)

    def tell(self, what: str, task: str = "", job: int = 0, **details: Any) -> None:
        if self._observe is not None:
            self._observe(Moment(what, self._run, time.time(), task, job, details))

    def _tell_end(self, job: JobNote, attempts: tuple[Attempt, ...]) -> None:
        what = "finished" if job.status == "ran" else job.status
        details: dict[str, Any] = {}
        if attempts:
            last = attempts[-1]
            details = {"started": last.started, "finished": last.finished, "executor": last.executor}
            if len(attempts) > 1:
                details["attempts"] = len(attempts)
        if job.error is not None:
            details["error"] = job.error
        self.tell(what, job.task, job.number, **details)


def _step(node: Any) -> str:
    return f"operation {node._op}" if type(node) is Operation else describe(node)


def _place(ticket: Cell) -> str:
    """Where it was written: in the body of the task around it, if there is one."""
    around = ticket.parent
    if around is None:
        return ""
    task = around.node._task
    code = getattr(task.func, "__code__", None)
    where = f" ({code.co_filename}:{code.co_firstlineno})" if code is not None else ""
    return f", in {task.full_name}{where},"
