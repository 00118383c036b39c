"""The store: memo and record in one SQLite database, behind the port that the host calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Self

from alonzo.plugin import Found, JobRow, Note, Records, RunRow, RunStart, StoreError, StoreSite, TagRow

from ._claims import Claims
from ._connection import Connection
from ._jobs import Jobs
from ._memo import Memo
from ._place import explained, path_of
from ._runs import Runs
from ._settings import SqliteSettings
from ._tags import Tags


class SqliteStore:
    """The ports `Store`, `Holds`, `Claims`, `Tagged` and `KeepsBeside`.

    Any thread may call it, one at a time; other processes use the file meanwhile.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._memo = Memo(connection)
        self._runs = Runs(connection)
        self._jobs = Jobs(connection)
        self._tags = Tags(connection)
        self._claims = Claims(connection)

    @property
    def beside(self) -> Path:
        """The directory of the database."""
        return self._connection.path.parent

    @classmethod
    def open(cls, site: StoreSite, settings: SqliteSettings) -> Self:
        """Open the database that the site's URL names, made where it is not there and the site says so.

        Raises:
            StoreError: it is not there, cannot be opened, is not ours, is from a newer version, or belongs to
                another user and is not trusted.
        """
        path = path_of(site.url, site.root)
        if not site.create and not path.exists():
            raise StoreError(f"{path}: there is no such database: nothing was run with this store yet")
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
            run = self._runs.begin(start)
            self._claims.sweep()
        self._claims.here(run, goes_on=True)
        return run

    def commit(self, run: int, notes: Sequence[Note]) -> None:
        if not notes:
            return
        try:
            with self._connection.writing("keep results"):
                self._write(run, notes)
        except BaseException:
            self._memo.forget()
            self._jobs.forget()
            self._claims.forget()
            raise

    def beat(self, run: int) -> None:
        with self._connection.writing("record that a run is alive"):
            self._runs.beat(run)

    def finish(self, run: int, status: str, counts: Mapping[str, int], error: str = "") -> None:
        self._claims.here(run, goes_on=False)
        with self._connection.writing("record the end of a run"):
            self._runs.finish(run, status, counts, error)
            self._claims.finish(run)

    def claim(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        try:
            with self._connection.writing("claim what is to be computed"):
                return self._claims.claim(run, keys)
        except BaseException:
            self._claims.forget()
            raise

    def release(self, run: int, keys: Sequence[bytes]) -> None:
        try:
            with self._connection.reading("release claims"):
                if not self._claims.has(run, keys):
                    return
            with self._connection.writing("release claims"):
                self._claims.release(run, keys)
        except BaseException:
            self._claims.forget()
            raise

    def held(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        try:
            return self._claims.held(run, keys)
        except sqlite3.Error as error:
            raise explained(self._connection.path, "look up claims", error) from error

    def runs(self, limit: int = 20) -> Sequence[RunRow]:
        with self._connection.reading("list runs"):
            return self._runs.newest(limit)

    def jobs(self, run: int) -> Sequence[JobRow]:
        with self._connection.reading("list jobs"):
            return self._jobs.of_run(run, self._tags.of_jobs(run))

    def tagged(self, name: str, text: str | None = None) -> Sequence[TagRow]:
        with self._connection.reading("look for tags"):
            return self._tags.named(name, text)

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
        self._tags.write(run, notes)
        self._claims.release(run, [note.remember.key for note in notes])
