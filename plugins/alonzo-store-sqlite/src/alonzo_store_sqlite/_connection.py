"""A connection to a database: transactions, look-ups in blocks, and SQLite's errors as StoreError."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ._place import explained, ready
from ._schema import prepare
from ._settings import SqliteSettings

# Parameters of one look-up. Few widths, so that few statements are ever compiled; the last is far
# below the 999 parameters that the oldest SQLite allows.
_WIDTHS = (8, 64, 500)


class Connection:
    """One SQLite connection in autocommit mode; `statements` counts what it has executed."""

    def __init__(self, path: Path, raw: sqlite3.Connection) -> None:
        self.path = path
        self.statements = 0
        self._raw = raw
        self._held_version: int | None = None

    @classmethod
    def open(cls, path: Path, settings: SqliteSettings, *, trust: bool) -> Connection:
        """Open the database, made or migrated where that is needed.

        Raises:
            StoreError: it cannot be opened, or is not one that this version can use.
        """
        ready(path, trust=trust)
        raw = None
        try:
            raw = sqlite3.connect(
                path,
                timeout=settings.busy_timeout,
                isolation_level=None,
                check_same_thread=False,
            )
            prepare(raw, path)
            _configure(raw, settings)
        except BaseException as error:
            if raw is not None:
                raw.close()
            if isinstance(error, sqlite3.Error):
                raise explained(path, "open the database", error) from error
            raise
        return cls(path, raw)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        self.statements += 1
        return self._raw.execute(sql, parameters)

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        self.statements += len(rows)
        if rows:
            self._raw.executemany(sql, rows)

    def look_up(self, sql: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a query that ends in `IN ({})`, for all these values, in no order."""
        if len(values) == 1:  # a chain asks one by one
            return self.execute(sql.format("?"), values).fetchall()
        rows: list[Any] = []
        for start in range(0, len(values), _WIDTHS[-1]):
            block = list(values[start : start + _WIDTHS[-1]])
            width = next(width for width in _WIDTHS if width >= len(block))
            block += block[-1:] * (width - len(block))
            rows += self.execute(sql.format(",".join("?" * width)), block).fetchall()
        return rows

    @contextlib.contextmanager
    def reading(self, doing: str) -> Iterator[None]:
        """Raise SQLite's errors within as StoreError: "cannot `doing`"."""
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self.path, doing, error) from error

    @contextlib.contextmanager
    def writing(self, doing: str) -> Iterator[None]:
        """A transaction that is whole or not at all; errors as in `reading`.

        It takes the write lock at once: one that reads first and then writes fails when another
        process wrote meanwhile, however long it would wait.
        """
        with self.reading(doing):
            try:
                self._release()
                self.execute("BEGIN IMMEDIATE")
                self._held_version = None
                yield
                self.execute("COMMIT")
            except BaseException:
                if self._raw.in_transaction:
                    self.execute("ROLLBACK")
                raise

    def hold(self) -> None:
        """Read from one snapshot until the next `writing`."""
        if not self._raw.in_transaction:
            self.execute("BEGIN")
            self._held_version = None

    @property
    def is_held(self) -> bool:
        """Does what is read now come from one snapshot?"""
        return self._raw.in_transaction

    def version(self) -> int:
        """Another number whenever another connection has written; within a transaction: until it began, and asked only once."""
        if self._held_version is not None and self._raw.in_transaction:
            return self._held_version
        version = int(self.execute("PRAGMA data_version").fetchone()[0])
        self._held_version = version
        return version

    def _release(self) -> None:
        if self._raw.in_transaction:
            self.execute("COMMIT")

    def close(self) -> None:
        """Idempotent."""
        with self.reading("close the database"):
            self._raw.close()


def _configure(raw: sqlite3.Connection, settings: SqliteSettings) -> None:
    _use_wal(raw, settings.busy_timeout)
    raw.execute(f"PRAGMA synchronous = {settings.synchronous}")
    raw.execute("PRAGMA cache_size = -8000")
    raw.execute("PRAGMA wal_autocheckpoint = 8000")


def _use_wal(raw: sqlite3.Connection, timeout: float) -> None:
    """Readers and a writer at once. SQLite does not wait for a lock here, so the wait is ours."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            busy = (getattr(error, "sqlite_errorname", None) or "").startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return
