"""Which states a live thing is in, has come through, and is on the way to: two tables in a database.

A row of `alonzo_state` is a call that has changed the thing, or began to; a row of `alonzo_state_parent` says from which state it came.
What was rolled back has no row any more, so the states that a thing has are those with a row `valid`:

    changing   its call goes on, or its process died
    broken     its call failed midway
    valid      its call has ended well
    undoing    it is being rolled back

All methods leave no transaction open, but for `finish` and `forget`, which leave it to the caller to commit with what else there is.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ._errors import HandleError
from ._state import State, base_of, parents_of

AT_FIRST = "at first"
UNDOING = "undoing"
_STATE = (
    "CREATE TABLE IF NOT EXISTS alonzo_state (number BIGINT PRIMARY KEY, identity TEXT NOT NULL, name TEXT NOT NULL, "
    "status TEXT NOT NULL, is_change INTEGER NOT NULL, owner TEXT NOT NULL, task TEXT NOT NULL, token TEXT NOT NULL)"
)
_NAME = "CREATE INDEX IF NOT EXISTS alonzo_state_name ON alonzo_state (identity, name)"
_PARENT = (
    "CREATE TABLE IF NOT EXISTS alonzo_state_parent (identity TEXT NOT NULL, parent TEXT NOT NULL, number BIGINT NOT NULL, "
    "is_direct INTEGER NOT NULL, PRIMARY KEY (identity, parent, number))"
)
_TABLES = (_STATE, _NAME, _PARENT)
_INSERT = "INSERT INTO alonzo_state VALUES ({0}, {0}, {0}, {0}, {0}, {0}, {0}, {0})"
_ROW = "SELECT s.number, s.name, s.status, s.is_change, s.owner, s.task FROM alonzo_state s "
_NAMED = _ROW + "WHERE s.identity = {0} AND s.name = {0} AND s.status = 'valid'"
_DIRECT = (
    _ROW + "JOIN alonzo_state_parent p ON p.number = s.number "
    "WHERE p.identity = {0} AND p.parent = {0} AND p.is_direct = 1 AND s.is_change = 1"
)
_BELOW = (
    "WITH RECURSIVE below (number, name) AS ("
    "SELECT s.number, s.name FROM alonzo_state_parent p JOIN alonzo_state s ON s.number = p.number "
    "WHERE p.identity = {0} AND p.parent = {0} "
    "UNION SELECT s.number, s.name FROM below b JOIN alonzo_state_parent p ON p.parent = b.name AND p.identity = {0} "
    "JOIN alonzo_state s ON s.number = p.number) " + _ROW + "JOIN below b ON b.number = s.number ORDER BY s.number DESC"
)
_LED = (
    "WITH RECURSIVE led (number) AS ("
    "SELECT number FROM alonzo_state WHERE identity = {0} AND name = {0} AND status = 'valid' "
    "UNION SELECT s.number FROM led l JOIN alonzo_state_parent p ON p.number = l.number "
    "JOIN alonzo_state s ON s.identity = {0} AND s.name = p.parent AND s.status = 'valid') "
    "SELECT l.number, p.parent FROM led l JOIN alonzo_state_parent p ON p.number = l.number"
)


@dataclass(frozen=True)
class Below:
    """A state that the thing is in, has come through, or is on the way to."""

    number: int
    name: str
    status: str
    is_change: bool
    owner: str
    task: str


@dataclass(frozen=True)
class Caller:
    """Who changes a thing: its process and its task, and by what it tells whether another one still goes on."""

    owner: str
    task: str
    is_alive: Callable[[Below], bool]


class Busy(Exception):  # noqa: N818 - no error: it is waited for
    """Another call is at it; `by` is what is known of that."""

    def __init__(self, by: Below) -> None:
        super().__init__(by.task)
        self.by = by


class SqlStates:
    """The states of things, in a database that `connection` (DB-API 2) leads to. Subclasses know the kind of database.

    shares  the connection is the one that tasks change the thing by: a step and its state are committed together
    """

    shares = True
    _mark = "?"

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    # -- asked -----------------------------------------------------------------------------------

    def tokens(self, states: Sequence[State]) -> list[str | None]:
        """Of each state a text that is another one each time that the state is made; None: the thing has it not."""
        with self._reading() as is_there:
            return [self._token(state, is_there=is_there) for state in states]

    def since(self, state: State) -> list[Below]:
        """The changes that the thing has been through since it was in this state, newest first: those that `begin` from there undoes."""
        with self._reading() as is_there:
            return [row for row in self._replaced(state) if row.is_change] if is_there else []

    def scope(self, state: State) -> str:
        """The fork that everything which led to the state has come from; "" where there is none."""
        with self._reading() as is_there:
            names = self._led([state])[1] if is_there else set(parents_of(state.name))
        first = {name for name in names if name.startswith("/") and name.count("/") == 1}
        return first.pop() if len(first) == 1 else ""

    def origin(self, states: Sequence[State]) -> str | None:
        """The state that these branches have come from: the last one that they have in common, or that one was forked from. None: it
        was not.
        """
        with self._reading() as is_there:
            found = [self._led([state])[1] if is_there else set(parents_of(state.name)) for state in states]
            common = set.intersection(*found)
            if len({state.name for state in states}) == 1:
                common = {name.rpartition("/")[0] for name in common if "/" in name}
            identity = states[0].identity
            after = {name: len(self._below(State(identity, name))) if is_there else -len(name) for name in common}
        return min(after, key=lambda name: (after[name], -len(name), name), default=None)

    # -- told ------------------------------------------------------------------------------------

    def begin(self, before: State, after: State, call: Caller) -> tuple[int, list[Below]]:
        """A call begins that leads from one state to the other. Answers its number, and what is to be undone, newest first: all that has
        come from `before` until now, and what has come, not by a fork, from a state that `before` was forked from.

        Raises:
            Busy: another call is changing what is to be undone.
            HandleError: the thing is not in the state `before`, nor has it come from there.
        """
        with self._exclusive():
            self._check(before)
            undone = self._replaced(before)
            self._mark_undoing(undone, call)
            return self._insert(after, [before], call, is_change=True), undone

    def join(self, before: Sequence[State], after: State, call: Caller) -> tuple[int, list[Below]]:
        """Several states lead to one. Answers as `begin`, but with 0 where the thing has the state already, and what is to be undone is
        all that has come from one of `before` by another way, and what `after` claims not to be there. Raises as `begin`.
        """
        with self._exclusive():
            for state in before:
                self._check(state)
            is_new = self._token(after.plain) is None
            kept = set() if is_new else {row.number for row in [*self._named(after), *self._below(after)]}
            undone = [row for state in before for row in self._below(state)]
            if after.claim:
                led, _ = self._led(before)
                undone += [row for row in self._below(State(after.identity, after.claim[1:])) if row.number not in led]
            wanted = {row.number: row for row in undone if row.number not in kept}
            newest_first = [wanted[number] for number in sorted(wanted, reverse=True)]
            self._mark_undoing(newest_first, call)
            return self._insert(after, before, call, is_change=False) if is_new else 0, newest_first

    def settle(self, state: State, call: Caller) -> tuple[int, list[Below]]:
        """To be undone is what the state claims not to be there. Answers 0, and that. Raises as `begin`."""
        with self._exclusive():
            self._check(state)
            undone = self._claimed(state)
            self._mark_undoing(undone, call)
            return 0, undone

    def go_back(self, state: State, call: Caller) -> tuple[int, list[Below]]:
        """To be undone is what `begin` from this state undoes. Answers 0, and that. Raises as `begin`."""
        with self._exclusive():
            self._check(state)
            undone = self._replaced(state)
            self._mark_undoing(undone, call)
            return 0, undone

    def gone_back(self, undone: Sequence[Below]) -> None:
        """These were undone, and who went back has ended."""
        with self._exclusive():
            self.forget(undone)

    def forget(self, undone: Sequence[Below]) -> None:
        """These were undone. Left to the caller to commit."""
        for row in undone:
            self._execute("DELETE FROM alonzo_state_parent WHERE number = {0}", row.number)
            self._execute("DELETE FROM alonzo_state WHERE number = {0}", row.number)

    def finish(self, number: int) -> None:
        """The call with this number has ended well. Left to the caller to commit.

        Raises:
            HandleError: it was taken for dead, and rolled back.
        """
        token = os.urandom(8).hex()
        sql = "UPDATE alonzo_state SET status = 'valid', token = {0} WHERE number = {0} AND status = 'changing'"
        if self._execute(sql, token, number).rowcount != 1:
            raise HandleError("what this call has changed was rolled back by another one meanwhile: run it again")

    def broke(self, number: int) -> None:
        """The call with this number has failed midway: whoever comes next undoes it."""
        with self._exclusive():
            sql = "UPDATE alonzo_state SET status = 'broken' WHERE number = {0} AND status = 'changing'"
            self._execute(sql, number)

    # -- rows ------------------------------------------------------------------------------------

    def _check(self, state: State) -> None:
        if self._token(state.plain) is None:
            raise HandleError(
                f"{state.identity} is not in the state {state} any more: another call has rolled it back. When two calls change it "
                "from one state, give each a fork of its own, `handle.fork(name)`; when a call read an earlier state, let it come before "
                "the next change, with `seq`; when another run did it, run this one again"
            )

    def _token(self, state: State, *, is_there: bool = True) -> str | None:
        base = base_of(state.name)
        if not is_there:
            return None if base else AT_FIRST
        if state.claim and any(row.is_change for row in self._claimed(state)):
            return None
        if not base:
            return AT_FIRST
        sql = "SELECT token FROM alonzo_state WHERE identity = {0} AND name = {0} AND status = 'valid'"
        found = self._execute(sql, state.identity, base).fetchone()
        return None if found is None else str(found[0])

    def _below(self, state: State) -> list[Below]:
        """What has come from the state, newest first."""
        return self._rows(_BELOW, state.identity, state.name, state.identity)

    def _replaced(self, before: State) -> list[Below]:
        """What does not stay when `before` is changed, newest first."""
        found = {row.number: row for row in self._below(before)}
        for name in parents_of(before.name)[:-1]:
            for row in self._rows(_DIRECT, before.identity, name):
                below = self._below(State(before.identity, row.name))
                found.update({each.number: each for each in [row, *below]})
        return [found[number] for number in sorted(found, reverse=True)]

    def _claimed(self, state: State) -> list[Below]:
        """What the state claims not to be there, newest first."""
        led, _ = self._led([state])
        if not state.is_last:
            led.update(row.number for row in self._below(state))
        return [row for row in self._below(State(state.identity, state.claim[1:])) if row.number not in led]

    def _led(self, states: Sequence[State]) -> tuple[set[int], set[str]]:
        """The numbers of all that led to one of these states, and the names of the states on the way, with forks."""
        numbers: set[int] = set()
        names: set[str] = set()
        for state in states:
            rows = self._execute(_LED, state.identity, base_of(state.name), state.identity).fetchall()
            numbers.update(number for number, _ in rows)
            names.update([*parents_of(state.name), *[parent for _, parent in rows]])
        return numbers, names

    def _named(self, state: State) -> list[Below]:
        return self._rows(_NAMED, state.identity, state.name)

    def _rows(self, sql: str, *args: str) -> list[Below]:
        rows = self._execute(sql, *args).fetchall()
        return [
            Below(number, name, status, bool(is_change), owner, task)
            for number, name, status, is_change, owner, task in rows
        ]

    def _mark_undoing(self, undone: Sequence[Below], call: Caller) -> None:
        for row in undone:
            if row.status in {"changing", UNDOING} and call.is_alive(row):
                raise Busy(row)
        for row in undone:
            sql = "UPDATE alonzo_state SET status = 'undoing', owner = {0} WHERE number = {0}"
            self._execute(sql, call.owner, row.number)

    def _insert(self, state: State, before: Sequence[State], call: Caller, *, is_change: bool) -> int:
        number = int(self._execute("SELECT coalesce(max(number), 0) + 1 FROM alonzo_state").fetchone()[0])
        row = (number, state.identity, state.name, "changing", int(is_change), call.owner, call.task, "")
        self._execute(_INSERT, *row)
        direct = {one.name for one in before}
        for parent in sorted({name for one in before for name in parents_of(one.name)}):
            sql = "INSERT INTO alonzo_state_parent VALUES ({0}, {0}, {0}, {0})"
            self._execute(sql, state.identity, parent, number, int(parent in direct))
        return number

    def _execute(self, sql: str, *args: Any) -> Any:
        cursor = self._cursor()
        cursor.execute(sql.replace("{0}", self._mark), args)
        return cursor

    def _cursor(self) -> Any:
        """A cursor that gives rows as tuples, however those of the connection's user are."""
        raise NotImplementedError

    # -- transactions, by the kind of database ------------------------------------------------------

    def _reading(self) -> contextlib.AbstractContextManager[bool]:
        """A block in which is read only; answers whether the tables are there."""
        raise NotImplementedError

    def _exclusive(self) -> contextlib.AbstractContextManager[None]:
        """Nobody else writes to the tables during the block; what is written is durable at its end, and was never if it raises."""
        raise NotImplementedError


class SqliteStates(SqlStates):
    """States in an SQLite database, by a connection of the module sqlite3."""

    def _cursor(self) -> Any:
        cursor = self.connection.cursor()
        cursor.row_factory = None
        return cursor

    @contextlib.contextmanager
    def _reading(self) -> Iterator[bool]:
        sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('alonzo_state', 'alonzo_state_parent')"
        yield self._execute(sql).fetchone()[0] == 2

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        if self.connection.in_transaction:
            self.connection.rollback()
        if not self.connection.in_transaction:  # with `autocommit=False` there is always one
            self.connection.execute("BEGIN IMMEDIATE")
        try:
            for sql in _TABLES:
                self.connection.execute(sql)
            yield
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise


class PostgresStates(SqlStates):
    """States in a PostgreSQL database, by a connection of psycopg (version 3)."""

    _mark = "%s"

    def _cursor(self) -> Any:
        from psycopg.rows import tuple_row

        return self.connection.cursor(row_factory=tuple_row)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[bool]:
        with self.connection.transaction():
            found = self._execute("SELECT to_regclass('alonzo_state'), to_regclass('alonzo_state_parent')").fetchone()
            yield None not in tuple(found)

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        self.connection.rollback()
        with self.connection.transaction():
            # Two that make the tables at once would be told of a name that exists.
            self._execute("SELECT pg_advisory_xact_lock(hashtext('alonzo_state'))")
            for sql in _TABLES:
                self._execute(sql)
            yield
