"""How a run keeps out of the way of others at the same store: it says what it is at for long, and asks again for what others are at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ._admission import Admission
from ._committer import Committer
from ._effects import HELD, Apply, Recall, Records, _Held
from ._ports import Claims
from ._waiting import NEVER, Clock, Due

LONG = 0.05  # seconds that make a call long: shorter ones are not worth a claim
FIRST, MOST = 0.005, 1.0  # seconds until what another run holds is asked for again: the first time, and at most


class Under:
    """The claims of one run on the keys of what it applies.

    claimed  by ticket, until its application has ended: the key that was claimed, or none when another run was at it
    told     tickets of which the machine was told once what has been recorded meanwhile, and which are to be applied all the same
    """

    def __init__(self, committer: Committer, run: int) -> None:
        self._committer = committer
        self._run = run
        self.is_on = bool(run) and isinstance(committer.store, Claims)
        self._before: set[Any] = set()  # what was under way at the last look
        self.claimed: dict[Any, bytes] = {}
        self.told: set[Any] = set()
        self.next = NEVER  # when the next look is due

    def begin(self, now: float) -> None:
        """Something is under way from now on."""
        if self.next == NEVER:
            self.next = now + LONG

    def look(self, now: float, under_way: Mapping[Any, tuple[str, Apply]], paused: Collection[Any]) -> None:
        """Claim what was under way at the last look and is so still. Looks are `LONG` apart, so that is after one or two of them."""
        unclaimed = [
            (ticket, job.key)
            for ticket, (_, job) in under_way.items()
            if job.recalls and ticket not in self.claimed and ticket not in paused
        ]
        long = [pair for pair in unclaimed if pair[0] in self._before]
        self.claim(long)
        self._before = set(under_way)
        self.next = now + LONG if len(long) < len(unclaimed) else NEVER

    def claim(self, jobs: Sequence[tuple[Any, bytes]]) -> Collection[Any]:
        """Claim what is not claimed yet; answers the tickets of what another run is at."""
        new = {ticket: key for ticket, key in jobs if ticket not in self.claimed}
        if not new:
            return ()
        taken = self._committer.claim(self._run, list(new.values()))
        if not taken:
            self.claimed.update(new)
            return ()
        self.claimed.update({ticket: b"" if key in taken else key for ticket, key in new.items()})
        return {ticket for ticket, key in new.items() if key in taken}

    def at_turn(
        self, batch: Sequence[tuple[Any, Apply]], admission: Admission, clock: Clock
    ) -> dict[Any, Records | _Held]:
        """Claim, of these that are to begin now, what is not known to be short. Answers what is not to begin after all: HELD, or what
        has been recorded since it was looked up.
        """
        means = admission.means
        long = [(ticket, job.key) for ticket, job in batch if job.recalls and means.get(job.task, LONG) >= LONG]
        if not long:
            return {}
        others: dict[Any, Records | _Held] = dict.fromkeys(self.claim(long), HELD)
        # What was looked up a moment ago can have been made meanwhile only if it is short. Looked up after the claim: who was at it
        # before has left a record, or none, and nobody else begins now.
        if clock.now() - admission.since >= LONG:
            others.update(self._records([pair for pair in long if pair[0] not in others and pair[0] not in self.told]))
        self._give_up(others)
        return others

    def ask(self, keys: Sequence[tuple[Any, bytes]]) -> dict[Any, Records | _Held]:
        """By ticket: HELD where another run is at the key, whatever is recorded; else what is recorded, if anything is."""
        held = self._committer.held(self._run, [key for _, key in keys])
        answers: dict[Any, Records | _Held] = {ticket: HELD for ticket, key in keys if key in held}
        answers.update(self._records([pair for pair in keys if pair[0] not in answers]))
        return answers

    def release(self, ticket: Any) -> None:
        """It awaits something, or waits for its next attempt: another run may have what it is at, meanwhile."""
        self._before.discard(ticket)
        self._give_up((ticket,))

    def keep(self, under_way: Collection[Any]) -> None:
        """Nothing but these is under way: the rest was given back and will not begin."""
        self._give_up([ticket for ticket in self.claimed if ticket not in under_way])

    def _records(self, keys: Sequence[tuple[Any, bytes]]) -> dict[Any, Records | _Held]:
        if not keys:
            return {}
        found = self._committer.recall([key for _, key in keys])
        return {ticket: records for (ticket, _), records in zip(keys, found, strict=True) if records is not None}

    def _give_up(self, tickets: Iterable[Any]) -> None:
        keys = [key for ticket in tickets if (key := self.claimed.pop(ticket, b""))]
        if keys:
            self._committer.release(self._run, keys)


class Held:
    """What has to do with keys that another living run is at: asked for again after a while, each time a longer one."""

    def __init__(self, due: Due) -> None:
        self._due = due
        self.waits: dict[Any, float] = {}  # by ticket: how long the last wait was

    def again(self, pair: tuple[Any, Recall | Apply], now: float, ask: Any) -> None:
        wait = min(MOST, self.waits.get(pair[0], FIRST / 2) * 2)
        self.waits[pair[0]] = wait
        self._due.put(now + wait, ask, pair)
