"""The tables, and how an older database becomes a newer one: numbered steps, all in one transaction.

Clustered on what they are looked up by, without further indexes. People see them through the views.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from alonzo.plugin import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

APPLICATION_ID = 0x416C6F6E  # "Alon", in the file's header: whose database this is


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make a new database, or bring an older one up to date; two processes may do so at once.

    Raises:
        StoreError: it is from a newer version, or another program's.
    """
    # From one snapshot: another process may be making it between one pragma and the next.
    connection.execute("BEGIN")
    try:
        version = _version(connection, path)
    finally:
        connection.execute("ROLLBACK")
    if version < len(MIGRATIONS):
        migrate(connection, path, len(MIGRATIONS))


def migrate(connection: sqlite3.Connection, path: Path, target: int) -> None:
    """Bring a database up to this version, whole or not at all."""
    database = _sqlite_utils().Database(connection, recursive_triggers=False, execute_plugins=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)  # another process may have done it
        if version < target:
            for step in MIGRATIONS[version:target]:
                step(database)
            if target == len(MIGRATIONS):
                _make_views(database)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {target}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _sqlite_utils() -> Any:
    """The library, without what it imports and does not need here.

    NumPy and pandas, where they are installed, take three times as long as a small run: to it they are absent. The parser of dates takes
    a third of what is left: it is imported when it is first used.
    """
    mine = threading.get_ident()

    class Absent:
        """To this thread, and for now."""

        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> None:
            if name in {"numpy", "pandas"} and threading.get_ident() == mine:
                raise ModuleNotFoundError(name=name)

    later = _Later(_PARSER)
    sys.meta_path.insert(0, Absent)
    sys.modules.setdefault(_PARSER, later)
    try:
        import sqlite_utils
    finally:
        sys.meta_path.remove(Absent)
        later.make_way()
    return sqlite_utils


_PARSER = "dateutil.parser"


class _Later(ModuleType):
    """Stands in for a module for those who have imported it, and imports it when something of it is asked for."""

    def make_way(self) -> None:
        """To others it is the module itself from now on."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, name: str) -> Any:
        self.make_way()
        return getattr(importlib.import_module(self.__name__), name)


def _version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of our database, 0 for an empty file."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        if version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            raise StoreError(f"{path} is another program's database: name another place with --store")
        return 0
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer version of alonzo-store-sqlite (its format is "
            f"{version}, this version knows {len(MIGRATIONS)}): upgrade, or name another place "
            "with --store"
        )
    return version


def _make_tables(database: Database) -> None:
    for statement in _TABLES:
        database.execute(statement)


def _only_views(database: Database) -> None:
    """The tables stay as they were."""


def _add_claims_tags_and_outcomes(database: Database) -> None:
    for statement in _VERSION_3:
        database.execute(statement)


# What each version did to the tables. The last one's views show the size of what is kept by reference.
MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _make_tables,
    _only_views,
    _add_claims_tags_and_outcomes,
    _only_views,
)


def _make_views(database: Database) -> None:
    """Those of today, whatever there was."""
    for name, query in _VIEWS.items():
        database.create_view(name, query, replace=True)


_TABLES = (
    """
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        task TEXT NOT NULL,
        arguments TEXT NOT NULL,
        status TEXT NOT NULL,
        started REAL NOT NULL,   -- seconds since the epoch, as all times of a run
        finished REAL,
        beat REAL NOT NULL,      -- when it was last known to be alive
        host TEXT NOT NULL,
        process INTEGER NOT NULL,
        process_started INTEGER, -- clock ticks since boot: process ids are used again
        user TEXT NOT NULL,
        command TEXT NOT NULL,
        tags TEXT NOT NULL,
        counts TEXT NOT NULL,
        error TEXT NOT NULL
    )
    """,
    "CREATE INDEX run_running ON run (id) WHERE status = 'running'",
    """
    CREATE TABLE task (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        fingerprint BLOB NOT NULL,
        epoch INTEGER NOT NULL DEFAULT 0, -- how often its results have disagreed
        UNIQUE (name, fingerprint)
    )
    """,
    """
    CREATE TABLE definition (
        task INTEGER PRIMARY KEY REFERENCES task (id),
        tree TEXT NOT NULL,
        untracked TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE worker (
        id INTEGER PRIMARY KEY,
        executor TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (executor, name)
    )
    """,
    """
    CREATE TABLE job (
        run INTEGER NOT NULL REFERENCES run (id),
        number INTEGER NOT NULL,
        parent INTEGER NOT NULL,
        task INTEGER NOT NULL REFERENCES task (id),
        status TEXT NOT NULL,
        key BLOB NOT NULL,
        value BLOB,
        started INTEGER,  -- microseconds since the run's start
        duration INTEGER, -- microseconds
        worker INTEGER REFERENCES worker (id),
        arguments TEXT,
        upstreams TEXT,
        error TEXT,
        traceback TEXT,
        output TEXT,
        PRIMARY KEY (run, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE attempt ( -- of jobs with more than one, or one that was not done; else it is in `job` alone
        run INTEGER NOT NULL REFERENCES run (id),
        job INTEGER NOT NULL,
        number INTEGER NOT NULL,
        worker INTEGER NOT NULL REFERENCES worker (id),
        started INTEGER NOT NULL,
        duration INTEGER NOT NULL,
        PRIMARY KEY (run, job, number)
    ) WITHOUT ROWID
    """,
    # Ids of entries and footprints are never used again: what a process remembers of them stays
    # true or becomes dangling, and a dangling record is left out.
    """
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        name TEXT NOT NULL, -- of a task or class; the place of an external value; a context path
        state BLOB,         -- fingerprint, or digest of what is there; NULL: missing
        detail BLOB,        -- a task's policy; an external value's kind
        epoch INTEGER
    )
    """,
    """
    CREATE TABLE footprint (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        digest BLOB NOT NULL UNIQUE,
        entries TEXT NOT NULL -- ids of entries, a JSON list
    )
    """,
    """
    CREATE TABLE value ( -- those too large for `memo`
        id INTEGER PRIMARY KEY,
        digest BLOB NOT NULL UNIQUE,
        codec TEXT NOT NULL,
        data BLOB NOT NULL,
        checksum BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE memo (
        key BLOB NOT NULL,
        footprint INTEGER NOT NULL, -- what the normal form rests on; 0: not a normal form
        externals INTEGER NOT NULL, -- external values in it, a footprint's id; 0: none
        returned INTEGER NOT NULL,  -- 1: the application itself returned this
        lazy INTEGER NOT NULL,      -- 1: it holds expressions
        task INTEGER REFERENCES task (id),
        used INTEGER NOT NULL,      -- milliseconds since the epoch
        token BLOB NOT NULL,
        codec TEXT,
        data BLOB,                  -- NULL: in `value`, under the token's digest
        names TEXT,                 -- classes and functions in it, a JSON list
        checksum INTEGER NOT NULL,
        UNIQUE (key, footprint, externals)
    )
    """,
)

_VERSION_3 = (
    """
    CREATE TABLE claim (
        key BLOB PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run (id)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE tag ( -- of jobs and values; a run's own are in `run`
        run INTEGER NOT NULL REFERENCES run (id),
        job INTEGER NOT NULL, -- 0: a value's
        value BLOB NOT NULL,  -- its digest; empty: a job's
        name TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (run, job, value, name)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX tag_name ON tag (name, text)",
    "ALTER TABLE attempt ADD COLUMN outcome TEXT NOT NULL DEFAULT ''",  # '': from when it was not recorded
    "ALTER TABLE attempt ADD COLUMN error TEXT",
    # The last attempt of a job was in `job` alone.
    """
    INSERT INTO attempt (run, job, number, worker, started, duration, outcome)
        SELECT job.run, job.number, (SELECT max(number) + 1 FROM attempt WHERE run = job.run AND job = job.number),
            job.worker, job.started, job.duration, ''
        FROM job
        WHERE job.worker IS NOT NULL
            AND EXISTS (SELECT 1 FROM attempt WHERE attempt.run = job.run AND attempt.job = job.number)
    """,
)


def _iso(seconds: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {seconds}, 'unixepoch')"


def _hex(column: str) -> str:
    return f"lower(hex({column}))"


_VIEWS = {
    "runs": f"""
        SELECT id, task, arguments, status, {_iso("started")} AS started,
            round(finished - started, 3) AS seconds, counts, error, tags, command,
            user, host, process
        FROM run ORDER BY id DESC
    """,
    "jobs": f"""
        SELECT job.run, job.number, job.parent, task.name AS task, job.arguments, job.status,
            {_iso("run.started + job.started / 1e6")} AS started, job.duration / 1e6 AS seconds,
            worker.executor, worker.name AS worker, job.upstreams, job.error, job.traceback,
            job.output, {_hex("job.key")} AS key, {_hex("job.value")} AS value,
            {_hex("task.fingerprint")} AS fingerprint,
            (SELECT json_group_object(tag.name, tag.text) FROM tag
                WHERE tag.run = job.run AND tag.job = job.number) AS tags
        FROM job
            JOIN run ON run.id = job.run
            JOIN task ON task.id = job.task
            LEFT JOIN worker ON worker.id = job.worker
    """,
    "attempts": f"""
        SELECT attempt.run, attempt.job, attempt.number, task.name AS task, nullif(attempt.outcome, '') AS outcome,
            attempt.error, {_iso("run.started + attempt.started / 1e6")} AS started,
            attempt.duration / 1e6 AS seconds, worker.executor, worker.name AS worker
        FROM attempt
            JOIN run ON run.id = attempt.run
            JOIN job ON job.run = attempt.run AND job.number = attempt.job
            JOIN task ON task.id = job.task
            JOIN worker ON worker.id = attempt.worker
        UNION ALL
        SELECT job.run, job.number, 1, task.name, 'done', NULL, {_iso("run.started + job.started / 1e6")},
            job.duration / 1e6, worker.executor, worker.name
        FROM job
            JOIN run ON run.id = job.run
            JOIN task ON task.id = job.task
            JOIN worker ON worker.id = job.worker
        WHERE NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.run = job.run AND attempt.job = job.number)
    """,
    "tags": f"""
        SELECT tag.name, tag.text, CASE WHEN tag.job THEN 'job' ELSE 'value' END AS what, tag.run,
            nullif(tag.job, 0) AS job, task.name AS task, nullif({_hex("tag.value")}, '') AS value
        FROM tag
            LEFT JOIN job ON job.run = tag.run AND job.number = tag.job
            LEFT JOIN task ON task.id = job.task
        UNION ALL
        SELECT part.key, part.value, 'run', run.id, NULL, run.task, NULL
        FROM run, json_each(run.tags) AS part
    """,
    "tasks": f"""
        SELECT task.id, task.name, {_hex("task.fingerprint")} AS fingerprint, task.epoch,
            definition.tree, definition.untracked
        FROM task LEFT JOIN definition ON definition.task = task.id
    """,
    "results": f"""
        SELECT task.name AS task, {_hex("memo.key")} AS key,
            CASE WHEN memo.footprint = 0 THEN 'returned'
                WHEN memo.returned THEN 'returned, normal form'
                ELSE 'normal form' END AS what,
            {_iso("memo.used / 1e3")} AS used, coalesce(memo.codec, value.codec) AS codec,
            CASE WHEN memo.codec LIKE 'stored:%' THEN CAST(CAST(substr(memo.data, 33) AS TEXT) AS INTEGER)
                ELSE length(coalesce(memo.data, value.data)) END AS bytes, {_hex("memo.token")} AS token,
            memo.footprint, memo.externals
        FROM memo
            LEFT JOIN task ON task.id = memo.task
            LEFT JOIN value ON memo.data IS NULL AND value.digest = substr(memo.token, 2)
    """,
    "footprints": f"""
        SELECT footprint.id AS footprint, entry.kind, entry.name, {_hex("entry.state")} AS state,
            CASE entry.kind WHEN 'task' THEN {_hex("entry.detail")}
                ELSE CAST(entry.detail AS TEXT) END AS detail, entry.epoch
        FROM footprint, json_each(footprint.entries) AS part
            JOIN entry ON entry.id = part.value
    """,
}
