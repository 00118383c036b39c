"""The store: memo and record in one SQLite database, behind the port that the host calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Self

from alonzo.plugin import Found, JobRow, Note, Records, RunRow, RunStart, StoreSite

from ._connection import Connection
from ._jobs import Jobs
from ._memo import Memo
from ._place import explained, path_of
from ._runs import Runs
from ._settings import SqliteSettings


class SqliteStore:
    """The port `Store`. Any thread may call it, one at a time; other processes may use the file meanwhile."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memo = Memo(connection)
        self._runs = Runs(connection)
        self._jobs = Jobs(connection)

    @classmethod
    def open(cls, site: StoreSite, settings: SqliteSettings) -> Self:
        """Open the database that the site's URL names, made where it is not there.

        Raises:
            StoreError: it cannot be opened, is not ours, is from a newer version, or belongs to
                another user and is not trusted.
        """
        path = path_of(site.url, site.root)
        return cls(Connection.open(path, settings, trust=site.trust))

    @property
    def statements(self) -> int:
        """How many SQL statements it has executed; each row of a write counts."""
        return self._connection.statements

    def recall(self, keys: Sequence[bytes]) -> Sequence[Records | None]:
        try:
            return self._memo.recall(keys)
        except sqlite3.Error as error:
            raise explained(self._connection.path, "look up results", error) from error

    def hold(self) -> None:
        """Look-ups in one read transaction: each on its own would take and give back the database's locks."""
        with self._connection.reading("look up results"):
            self._memo.hold()

    def load(self, digests: Sequence[bytes]) -> Sequence[Found | None]:
        with self._connection.reading("read values"):
            return self._memo.load(digests)

    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        with self._connection.reading("look up tasks"):
            return self._jobs.epochs(tasks)

    def begin(self, start: RunStart) -> int:
        with self._connection.writing("record a run"):
            return self._runs.begin(start)

    def commit(self, run: int, notes: Sequence[Note]) -> None:
        if not notes:
            return
        try:
            with self._connection.writing("keep results"):
                self._write(run, notes)
        except BaseException:
            self._memo.forget()
            self._jobs.forget()
            raise

    def beat(self, run: int) -> None:
        with self._connection.writing("record that a run is alive"):
            self._runs.beat(run)

    def finish(self, run: int, status: str, counts: Mapping[str, int], error: str = "") -> None:
        with self._connection.writing("record the end of a run"):
            self._runs.finish(run, status, counts, error)

    def runs(self, limit: int = 20) -> Sequence[RunRow]:
        with self._connection.reading("list runs"):
            return self._runs.newest(limit)

    def jobs(self, run: int) -> Sequence[JobRow]:
        with self._connection.reading("list jobs"):
            return self._jobs.of_run(run)

    def close(self) -> None:
        self._connection.close()

    def _write(self, run: int, notes: Sequence[Note]) -> None:
        for note in notes:
            if note.definitions:
                self._jobs.define(note.definitions)
        memos = []
        for note in notes:
            told = note.remember
            if told.reduction is not None or told.normal is not None:
                own = told.own
                task = self._jobs.task(own[1], own[2]) if own is not None else None
                memos.append((told, task))
        if memos:
            self._jobs.end_epochs(self._memo.write(memos))
        self._jobs.write(run, self._runs.started(run), notes)
