"""A database that steps write into, as a stateful handle; and programs of such steps.

A step inserts a row: its name and version, how many rows there were before it, and the state that it makes. `rollback` deletes by state.
A step in a branch sees what came before the branches, and the branch: what others do meanwhile is none of its business.
"""

import os
import signal
import sqlite3
from pathlib import Path

from alonzo import seq, task
from alonzo_handles import PostgresStates, SqliteStates, StatefulHandle, merge_handles, settled

TABLE = "CREATE TABLE IF NOT EXISTS written (step TEXT, version TEXT, branch TEXT, before INTEGER, state TEXT)"
UNDONE = []  # how many states each roll-back in this process was told of


class Database(StatefulHandle):
    """An SQLite database whose states are in the project's file."""

    path: str
    mark = "?"

    def open(self):
        return sqlite3.connect(self.path, check_same_thread=False, timeout=30)

    def rollback(self, undone):
        UNDONE.append(len(undone))
        killed("undoing")
        self.live.cursor().execute(TABLE)
        self.live.cursor().executemany(f"DELETE FROM written WHERE state = {self.mark}", [(name,) for name in undone])

    def commit(self, live):
        live.commit()
        killed("committed")


class OwnDatabase(Database):
    """An SQLite database that keeps its states itself."""

    path: str

    def states(self, live):
        return SqliteStates(live)


class Postgres(Database):
    """A PostgreSQL database that keeps its states itself."""

    path: str
    mark = "%s"

    def open(self):
        import psycopg

        return psycopg.connect(self.path)

    def states(self, live):
        return PostgresStates(live)


def database(place):
    """The handle for a place: `sqlite:PATH`, `sqlite-own:PATH` or a URL of PostgreSQL."""
    kind, _, path = place.partition(":")
    return Postgres(place) if kind == "postgresql" else {"sqlite": Database, "sqlite-own": OwnDatabase}[kind](path)


def written(place, columns="step, version, before"):
    """The rows in the database at a place, in order."""
    with database(place).opened() as live:
        live.cursor().execute(TABLE)
        cursor = live.cursor()
        cursor.execute(f"SELECT {columns} FROM written ORDER BY {columns}")
        return cursor.fetchall()


def killed(point, last=list):
    """Die by SIGKILL, after one last act, at a point that the environment names in KILL."""
    if os.environ.get("KILL") == point:
        last()
        os.kill(os.getpid(), signal.SIGKILL)


def write(db, name, version, branch="first"):
    """What a step does."""
    killed(f"before {name}")
    with db.changing() as db:
        cursor = db.live.cursor()
        cursor.execute(TABLE)
        seen = f"branch IN ('first', {db.mark})" if branch != "last" else f"{db.mark} = 'last'"
        cursor.execute(f"SELECT count(*) FROM written WHERE {seen}", (branch,))
        before = cursor.fetchone()[0]
        values = ", ".join([db.mark] * 5)
        cursor.execute(f"INSERT INTO written VALUES ({values})", (name, version, branch, before, db.state.name))
        killed(f"inside {name}")
    killed(f"after {name}")
    return db


def step(name, version, **options):
    """A task that makes one step: `steps.NAME`."""

    @task(name=name, namespace="steps", version=version, **options)
    def change(db, branch="first"):
        return write(db, name, version, branch)

    return change


def reader(version, **options):
    """A task that counts the rows: `steps.count`. After the handle it takes, and leaves alone, what is to be there before."""

    @task(name="count", namespace="steps", version=version, **options)
    def count(db, *after):
        cursor = db.live.cursor()
        cursor.execute("SELECT count(*) FROM written")
        killed("reading")
        if not Path("died").exists():
            killed("reading at first", Path("died").touch)
        return cursor.fetchone()[0]

    return count


def read_midway(place, version, steps, **options):
    """The numbers of rows after the first of these steps, and after all; a reader of this version counts."""
    count = reader(version, **options)
    db = chain(database(place), steps[:1])
    return seq([count(db), count(settled(chain(db, steps[1:])))])


def chain(db, steps, branch="first", **options):
    """The handle after these steps, [(name, version), ...], one after another."""
    for name, version in steps:
        db = step(name, version, **options)(db, branch)
    return db


def program(place, first, branches, last, **options):
    """The settled handle after a chain, branches {name: chain} side by side, and a chain after these."""
    db = chain(database(place), first, **options)
    if branches:
        db = merge_handles([chain(db.fork(name), steps, name, **options) for name, steps in branches.items()])
    return settled(chain(db, last, "last", **options))


def expected(first, branches, last):
    """The rows that the program leaves when it is run on nothing."""
    rows = [(name, version, place) for place, (name, version) in enumerate(first)]
    for steps in branches.values():
        rows += [(name, version, len(first) + place) for place, (name, version) in enumerate(steps)]
    rows += [(name, version, len(rows) + place) for place, (name, version) in enumerate(last)]
    return sorted(rows)
