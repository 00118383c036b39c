"""Who has written what in a run: programs that write where something else counts on what was there are told so.

Nothing wrong is ever recalled of them (FOOTPRINTS, rules 13 and 15), but something of them runs again in every run. Of two that write
one place at the same time, both results say the same of it when both are looked at after the last write: who had written something else
there, and was overtaken, is found out where it was applied (see SeesWrites), and its result is not remembered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from ._traces import External


class Writers:
    """What the results of one run say that is at each place, and which task returned it."""

    def __init__(self) -> None:
        # The task, the digest, and whether something else was there than it had written.
        self._last: dict[tuple[str, str], tuple[str, bytes | None, bool]] = {}
        self._lost: dict[tuple[str, str], str] = {}  # the task that was overtaken there, by whom nobody knows so far

    def problems(
        self,
        task: str,
        given: Iterable[External],
        made: Iterable[External],
        overwritten: Collection[tuple[str, str]] = (),
    ) -> Iterator[str]:
        """What is to be said of a task with the external values `given` as arguments, which has returned those in `made`; at the places
        in `overwritten`, something else was found than it had written."""
        before = {(kind, place): digest for kind, place, digest in given}
        for kind, place, digest in made:
            where = (kind, place)
            last = self._last.get(where)
            is_lost = where in overwritten
            self._last[where] = (task, digest, is_lost)
            if is_lost:
                self._lost[where] = task
            if where in before:
                if before[where] != digest:
                    yield (
                        f"{task} has rewritten its argument {place}: what was there counts as what it was given, so that it runs again; "
                        f"write another {kind}, or name it by a text"
                    )
            elif last is not None and (last[1] != digest or is_lost or last[2]):
                who = f"two calls of {task} have" if last[0] == task else f"{last[0]} and {task} have both"
                self._lost.pop(where, None)
                yield f"{who} written {place}: one of them runs again in every run; give each a {kind} of its own"

    def left(self) -> Iterator[str]:
        """What is to be said at the end: no result of this run says who has overtaken these."""
        for (_, place), task in self._lost.items():
            yield f"{place} was written by something else while {task} was running: its result is used in this run and not remembered"
