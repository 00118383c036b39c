"""The loop between a machine and its providers: the only code that waits.

Effects are performed batch by batch: all recalls of a round are one question to the store, all applications are handed to their
executors together (_applications). Answers of executors come in through one inbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import _operations
from ._applications import Applications, Granted, Host
from ._apply import inspect_places
from ._cells import Cell
from ._claims import Held
from ._effects import ABSENT, HELD, Apply, Fetch, Inspect, Recall, Remember, Target
from ._errors import AlonzoError
from ._loading import BytesGone, Loader
from ._machine import Machine
from ._ports import Note
from ._telling import Summary, Teller
from ._waiting import NEVER, Due

_WAKE = object()
_ABORT = object()
_RECALLS = 10_000  # as many keys are looked up at a time


class Drive:
    """One run of one machine."""

    def __init__(self, host: Host, machine: Machine, run: int, summary: Summary, *, dry_run: bool = False) -> None:
        self._host = host
        self._machine = machine
        self._run = run
        self._summary = summary
        self._dry_run = dry_run
        self._teller = Teller(host.observe, host.catalog, machine, run, summary)
        self._loader = Loader(host.committer, host.applier)
        self._clock = host.clock
        self._due = Due()
        self._held = Held(self._due)
        self._jobs = Applications(
            host, machine, run, teller=self._teller, loader=self._loader, due=self._due, is_ending=self._is_ending
        )
        self._inbox = self._jobs.inbox
        self._aborted = False
        self.value = self._loader.value
        self.warn = self._teller.warn
        self.stopping = False

    # -- what others may call ----------------------------------------------------------------------

    def stop(self) -> None:
        """Nothing new starts; what is under way finishes and is recorded. From any thread, also from a signal handler."""
        self.stopping = True
        self._inbox.put(_WAKE)

    def abort(self) -> None:
        """The runtime is being closed: `reduce` ends at once."""
        self._inbox.put(_ABORT)

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
            self._jobs.withdraw()
            raise
        finally:
            self._jobs.leave()
            notes = self._teller.ended()
            if notes and not self._dry_run and not self._aborted:
                self._host.committer.add(self._run, notes)

    def _reduce(self) -> None:
        machine, jobs = self._machine, self._jobs
        while machine.outcome is None:
            effects = machine.take()
            if machine.deleted:
                jobs.gone |= machine.deleted
            try:
                if effects:
                    self._perform(effects)
                    continue
                if machine.outcome is not None:
                    break
                if self._is_ending():
                    if jobs.give_up():
                        continue
                    if not jobs.is_under_way():
                        break
                if jobs.submit() and self._inbox.empty():
                    continue
            except BytesGone as problem:
                # What is under way is waited for and recorded, so that beginning again does not do it twice.
                jobs.gone |= problem.things
                jobs.unmade |= problem.unmade
                if not jobs.is_under_way():
                    break
            self._receive()
        self._perform(machine.take())
        if jobs.gone:
            raise BytesGone(jobs.gone, jobs.unmade)

    def _is_ending(self) -> bool:
        if self.stopping or self._jobs.gone or self._host.committer.error is not None or self._summary.would_run:
            return True
        return self._machine.doomed is not None and not self._host.keep_going

    def _receive(self) -> None:
        """Wait for one answer, take in all that are there; do what is due."""
        inbox, jobs = self._inbox, self._jobs
        due = self._due.heap
        if due or jobs.requests or jobs.under.is_on:
            message = self._wait()
        else:
            message = inbox.get() if jobs.open else (None if inbox.empty() else inbox.get())
        while message is not None:
            if type(message) is tuple:
                jobs.take_in(*message)
            elif type(message) is Granted:
                jobs.granted(message)
            elif message is _ABORT:
                self._aborted = True
                raise AlonzoError("the runtime was closed while this run was going on")
            message = None if inbox.empty() else inbox.get()
        if due:
            self._due.run(self._clock.now())

    def _wait(self) -> Any:
        """The next message; None when there is something else to do first, or nothing to wait for."""
        jobs = self._jobs
        now = self._clock.now()
        if now >= jobs.under.next:
            jobs.look(now)
        if not self._inbox.empty():
            return self._inbox.get()
        if not (jobs.open or self._due.heap or jobs.requests):
            return None
        until = min(self._due.next, jobs.under.next)
        return self._inbox.get() if until == NEVER else self._clock.wait(self._inbox, until - now)

    # -- effects -----------------------------------------------------------------------------------

    def _perform(self, effects: list[tuple[Any, Any]]) -> None:
        notes: list[Note] = []
        recalls: list[tuple[Any, Recall]] = []
        others: list[tuple[Any, Any]] = []
        noted = self._teller.noted
        for pair in effects:
            kind = type(pair[1])
            if kind is Remember:
                notes.append(noted(*pair))
            elif kind is Recall:
                recalls.append(pair)
            else:
                others.append(pair)
        effects.clear()  # of 100,000 recalls at once, each is let go of when it is answered
        # Notes first: whatever becomes of the rest (see BytesGone), what is known is known.
        if notes and not self._dry_run:
            self._host.committer.add(self._run, notes)
            if self._teller.is_observed:
                self._teller.tell("committed", count=len(notes))
        if recalls:
            self._recall(recalls)
        for pair in others:
            self._do(pair)
        if self._machine.failed:
            self._teller.failures()

    def _recall(self, recalls: list[tuple[Any, Recall]]) -> None:
        answer = self._machine.answer
        self._jobs.looked_at = self._clock.now()
        while recalls:
            batch = recalls[:_RECALLS]
            del recalls[:_RECALLS]
            found: Sequence[Any] = self._host.committer.recall([recall.key for _, recall in batch], self._run)
            for (ticket, recall), records in zip(batch, found, strict=True):
                if records is HELD:
                    self._held.again((ticket, recall), self._clock.now(), self._recall)
                    continue
                answer(ticket, ABSENT if records is None else records)
                if self._held.waits:
                    self._held.waits.pop(ticket, None)

    def _do(self, pair: tuple[Any, Any]) -> None:
        ticket, effect = pair
        if type(effect) is Apply:
            self._apply(pair)
        elif type(effect) is Inspect:
            self._machine.answer(ticket, self._inspect(effect.targets))
        elif type(effect) is Fetch:
            self._machine.answer(ticket, self._loader.fetch(effect.found))
        else:
            self._jobs.resume(ticket, effect)

    def _apply(self, pair: tuple[Cell, Apply]) -> None:
        ticket, job = pair
        if not job.operation or not (self._dry_run or _operations.is_quick(job.operation, job.args)):
            if self._dry_run:
                self._summary.would_run.append(job.task.full_name)
            else:
                self._jobs.admit(pair)
            return
        started = self._clock.now()
        answer = self._loader.operate(job)
        self._teller.operated(ticket, self._clock.now() - started)
        if job.externals:
            self._machine.seen(ticket, inspect_places(self._host.applier.inspectors, job.externals), answer)
        self._machine.answer(ticket, answer)

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
                answer[target] = catalog.identify(target[1])
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
