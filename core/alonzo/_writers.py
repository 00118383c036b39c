"""Who has written what in a run: programs that write where something else counts on what was there are told so.

Nothing wrong is ever recalled of them (FOOTPRINTS, rules 13 and 15), but something of them runs again in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ._traces import External


class Writers:
    """What the results of one run say that is at each place, and which task returned it."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[str, bytes | None]] = {}

    def problems(self, task: str, given: Iterable[External], made: Iterable[External]) -> Iterator[str]:
        """What is to be said of a task with the external values `given` as arguments, which has returned those in `made`."""
        before = {(kind, place): digest for kind, place, digest in given}
        for kind, place, digest in made:
            where = (kind, place)
            last = self._last.get(where)
            self._last[where] = (task, digest)
            if where in before:
                if before[where] != digest:
                    yield (
                        f"{task} has rewritten its argument {place}: what was there counts as what it was given, so that it runs again; "
                        f"write another {kind}, or name it by a text"
                    )
            elif last is not None and last[1] != digest:
                who = f"two calls of {task} have" if last[0] == task else f"{last[0]} and {task} have both"
                yield f"{who} written {place}: one of them runs again in every run; give each a {kind} of its own"
