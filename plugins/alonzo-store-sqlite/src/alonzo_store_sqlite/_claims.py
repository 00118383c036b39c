"""Claims: which run is at which key, so that no two do the same work. What is known of them is kept, and asked without a look-up."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ._connection import Connection
from ._runs import SILENCE, is_alive


class _Life(NamedTuple):
    """By what is told whether a run is alive."""

    beat: float
    host: str
    process: int
    process_started: int | None


class Claims:
    """The table `claim`. It is read again only when another connection has written; what this one writes is known."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._here: dict[int, bool] = {}  # runs that were begun here, and whether they go on
        self.forget()

    def forget(self) -> None:
        """After a transaction that was undone."""
        self._version: int | None = None
        self._runs: dict[bytes, int] = {}
        self._lives: dict[int, _Life] = {}

    def sweep(self) -> None:
        """End the claims of runs that were lost, in the caller's transaction."""
        self._connection.execute("DELETE FROM claim WHERE run NOT IN (SELECT id FROM run WHERE status = 'running')")

    def here(self, run: int, *, goes_on: bool) -> None:
        """A run has begun here, or is over: then its claims count no more, even if that cannot be written."""
        self._here[run] = goes_on

    def finish(self, run: int) -> None:
        """End all claims of a run, in the caller's transaction."""
        self._connection.execute("DELETE FROM claim WHERE run = ?", (run,))
        self._runs = {key: other for key, other in self._runs.items() if other != run}

    def held(self, run: int, keys: Iterable[bytes]) -> Collection[bytes]:
        """Those of these keys that another living run is at."""
        self._look()
        if not self._runs:
            return ()
        others = [(key, other) for key in keys if (other := self._runs.get(key, run)) != run]
        if not others:
            return ()
        alive = {other for other in {other for _, other in others} if self._is_alive(other)}
        return {key for key, other in others if other in alive}

    def claim(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        """Claim what no other living run is at; the rest is answered. In the caller's transaction."""
        taken = self.held(run, keys)
        mine = {key for key in keys if key not in taken and self._runs.get(key) != run}
        self._connection.executemany(
            "INSERT OR REPLACE INTO claim (key, run) VALUES (?, ?)", [(key, run) for key in mine]
        )
        self._runs.update(dict.fromkeys(mine, run))
        return taken

    def has(self, run: int, keys: Iterable[bytes]) -> bool:
        """Are any of these keys claimed by this run?"""
        return any(True for _ in self._of(run, keys))

    def release(self, run: int, keys: Iterable[bytes]) -> None:
        """End the run's claims of these keys, in the caller's transaction."""
        ended = set(self._of(run, keys))
        self._connection.executemany("DELETE FROM claim WHERE key = ? AND run = ?", [(key, run) for key in ended])
        for key in ended:
            del self._runs[key]

    def _of(self, run: int, keys: Iterable[bytes]) -> Iterable[bytes]:
        if self._version is None:
            self._look()
        return (key for key in keys if self._runs.get(key) == run) if self._runs else ()

    def _look(self) -> None:
        version = self._connection.version()
        if version == self._version:
            return
        rows = self._connection.execute(
            "SELECT claim.key, run.id, run.beat, run.host, run.process, run.process_started"
            " FROM claim JOIN run ON run.id = claim.run WHERE run.status = 'running'"
        ).fetchall()
        self._runs = {row[0]: row[1] for row in rows}
        self._lives = {row[1]: _Life(*row[2:]) for row in rows}
        self._version = version

    def _is_alive(self, run: int) -> bool:
        here = self._here.get(run)
        if here is not None:
            return here
        life = self._lives[run]
        # Also on this host: a run that does not beat is over, or as good as that, though its process lives.
        return time.time() - life.beat <= SILENCE and is_alive(*life)
