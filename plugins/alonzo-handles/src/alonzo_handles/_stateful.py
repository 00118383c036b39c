"""`StatefulHandle`: a handle that carries the state which the calls before have brought its live thing into."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any, Self

from alonzo import Secret
from alonzo.plugin import Capture

from ._errors import HandleError
from ._handle import Handle, here
from ._inspector import KIND, HandleInspector
from ._sql import UNDOING, Below, Busy, Caller, SqlStates
from ._state import ALONE, LAST, State, base_of, merged

_PLAIN = (str, int, float, bool, bytes, type(None), PurePath)
_PAUSE = 0.05  # seconds, between looks at whether another process has ended its change


class StatefulHandle(Handle):
    """A handle on something that tasks change, step by step: a database that is loaded into.

        @task
        def load(db: Warehouse, rows: list[tuple[str, int]]) -> Warehouse:
            with db.changing() as db:
                db.live.executemany("INSERT INTO sales VALUES (?, ?)", rows)
            return db

    `state` is the sequence of calls that have changed it, None at first. A result that holds a handle is recalled only as long as the
    thing is in the handle's state, or has come from it.
    """

    state: State | None = dataclasses.field(default=None, kw_only=True, repr=False)

    # -- what a subclass may say -------------------------------------------------------------------

    def identity(self) -> str:
        """The name of what it stands for: by default the class and the fields, without secrets. Two that have it are one thing.

        Raises:
            HandleError: a field is no plain value.
        """
        shown = []
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "state" or type(value) is Secret:
                continue
            if not isinstance(value, _PLAIN):
                raise HandleError(
                    f"{type(self).__qualname__} needs a method identity(self) that names what it stands for: its field {field.name} "
                    f"is a {type(value).__qualname__}"
                )
            shown.append(f"{field.name}={str(value) if isinstance(value, PurePath) else value!r}")
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def rollback(self, undone: Sequence[str]) -> None:
        """Undo what the calls did that led to these states, newest first: by default nothing, as steps replace what they wrote before.

        Called in the task that changes it anew, before that; `self` is in the state to go back to. A call that did not come to its end
        is among them, and after an interruption it may be called again for the same states.
        """

    def commit(self, live: Any) -> None:
        """Make what was changed last: by default with the live object's own `commit`, where it has one."""
        commit = getattr(live, "commit", None)
        if commit is not None:
            commit()

    def states(self, live: Any) -> SqlStates:
        """Where its states are kept: by default in the project's `.alonzo/handles.sqlite`.

        Best beside what is changed: `return SqliteStates(live)`, `return PostgresStates(live)`. Then they go where the data goes, and a
        step and its state are committed together.
        """
        raise HandleError("the project's file is asked for its states")

    # -- changing it -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def changing(self) -> Iterator[Self]:
        """A block in which a task changes the thing; gives the handle in its new state, which the task returns.

        Before the block, what was changed since this state is rolled back: another version of this step, or of one that came after it.
        When the block ends, its changes are committed, then the new state counts. When it raises, the live object is closed, and what
        had been committed is rolled back by whoever comes next.

        Waits while another process or thread changes it from the same state, or from one after that.

        Raises:
            HandleError: not in a task; the thing is not in this state any more; this task, or another one of the same thread, changes it
                already from the same state; the handle comes from `settled`.
        """
        application, inspector = here(self, "changing()")
        before = self.state_now
        if before.is_last:
            raise HandleError(
                f"{before.identity} was settled: nothing changes it after that. Change it before, and settle it last"
            )
        after = before.after(application.key)
        changed = dataclasses.replace(self, state=after)
        begin = partial(SqlStates.begin, before=before, after=after)
        number, undone = self._begun(application, inspector, begin)
        mine = (before.identity, number)
        try:
            self._undo(application, inspector, undone)
            inspector.held(application).trusted.add(after)
            yield changed
            self._committed(application, inspector, lambda states: states.finish(number))
        except BaseException:
            inspector.drop(self, application)
            with contextlib.suppress(Exception), inspector.states(self, application) as states:
                # Where it cannot be told either, this process says that the call does not go on.
                states.broke(number)
            raise
        finally:
            inspector.changing.pop(mine, None)

    def fork(self, name: str) -> Self:
        """The same state, as the beginning of a branch of its own: what is changed in one branch rolls nothing back in another.

        For steps that run in parallel, or in any order. `merge_handles` joins them.

        Raises:
            HandleError: the name is empty, or has a /, # or ! in it; the handle comes from `settled`.
        """
        if self.state_now.is_last:
            raise HandleError(f"{self.state_now.identity} was settled: nothing comes after that")
        return dataclasses.replace(self, state=self.state_now.fork(name))

    @property
    def live(self) -> Any:
        """The live object, as `Handle.live`. Change it in a `changing` block only; elsewhere it is to be read.

        What was changed since this state is rolled back first, as by `changing`; nothing changes the thing from this state then until
        the task has ended, and the changes are made again when they are next called.

        Raises:
            HandleError: not in a task; the thing was in this state and is in another now, which nothing can or may take it back from.
        """
        application, inspector = here(self, "live")
        state = self.state_now
        trusted = inspector.held(application).trusted
        if state not in trusted:
            with inspector.states(self, application, make=False) as states:
                if states.tokens([state.plain]) == [None]:
                    raise HandleError(
                        f"{state.identity} is not in the state {state} any more: run it again. A call that reads two states of one thing "
                        "is to be two calls, the earlier state's before the change that leads to the other, with `seq`"
                    )
                since = states.since(state.plain)
            if since:
                self._go_back(application, inspector, since)
            trusted.add(state)
        return inspector.lent(self, application)

    # -- for this package --------------------------------------------------------------------------

    @property
    def state_now(self) -> State:
        return self.state if self.state is not None else State(self.identity())

    @property
    def keeps_states(self) -> bool:
        return type(self).states is not StatefulHandle.states

    @property
    def plain(self) -> Handle:
        return self if self.state is None else dataclasses.replace(self, state=None)

    def settle(self) -> Self:
        """What `settled` does."""
        application, inspector = here(self, "settled")
        with inspector.states(self, application) as states:
            claim = LAST + states.scope(self.state_now.plain)
        state = dataclasses.replace(self.state_now, claim=claim)
        _, undone = self._begun(application, inspector, partial(SqlStates.settle, state=state))
        self._undo(application, inspector, undone)
        return dataclasses.replace(self, state=state)

    def join(self, before: Sequence[State], *, alone: bool) -> Self:
        """What `merge_handles` does."""
        application, inspector = here(self, "merge_handles")
        after = merged(before)
        if alone:
            with inspector.states(self, application) as states:
                origin = states.origin(before)
            after = after if origin is None else dataclasses.replace(after, claim=ALONE + origin)
        begin = partial(SqlStates.join, before=before, after=after)
        number, undone = self._begun(application, inspector, begin)
        try:
            self._undo(application, inspector, undone)
            if number:
                self._committed(application, inspector, lambda states: states.finish(number))
        finally:
            inspector.changing.pop((after.identity, number), None)
        return dataclasses.replace(self, state=after)

    def _go_back(self, application: Capture, inspector: HandleInspector, since: list[Below]) -> None:
        """Roll back what was changed since this state, and hold the thing in it until the application ends."""
        state, held = self.state_now, inspector.held(application)
        past = f"{state.identity} is past the state {state}: {since[0].task} has changed it since"
        if {row.name for row in since} & {other.name for other in held.trusted if other.identity == state.identity}:
            raise HandleError(
                f"{past}, and this call is at that. Read by the handle that the block gives; to read two states, let two calls do it, "
                "the earlier state's before the change that leads to the other, with `seq`"
            )
        if not base_of(state.name):
            raise HandleError(
                f"{past}; nothing is rolled back to read what no step has made. Read by a handle that a step has returned, be it one "
                "that only makes the tables"
            )
        if type(self).rollback is StatefulHandle.rollback:
            raise HandleError(
                f"{past}, and {type(self).__qualname__} has no method `rollback` to take that back by. Define it, and run again: all "
                "steps are made anew then; or let the reading be part of a step"
            )
        undone: list[Below] = []
        thread = threading.get_ident()
        if any(
            inspector.changing.get((state.identity, row.number)) != thread or row.status != UNDOING for row in since
        ):
            _, undone = self._begun(application, inspector, partial(SqlStates.go_back, state=state.plain))
            held.at_end.append(lambda: self._stop_reading(application, inspector, undone))
        # Else another call of this thread, which awaits something, has done it, and reads.
        # Another call may have done it meanwhile: it is undone for this run, too.
        names = dict.fromkeys(row.name for row in [*since, *undone])
        application.undone += tuple((KIND, State(state.identity, name).place) for name in names)
        held.trusted.add(state)
        changes = list(dict.fromkeys(row.name for row in undone if row.is_change))
        if changes:
            self.rollback(changes)
            self.commit(inspector.lent(self, application))

    def _stop_reading(self, application: Capture, inspector: HandleInspector, undone: list[Below]) -> None:
        # Where it cannot be written, whoever comes next rolls back once more.
        with contextlib.suppress(Exception), inspector.states(self, application) as states:
            states.gone_back(undone)
        for number in _numbers(undone):
            inspector.changing.pop((self.state_now.identity, number), None)

    def _begun(
        self,
        application: Capture,
        inspector: HandleInspector,
        begin: Callable[..., tuple[int, list[Below]]],
    ) -> tuple[int, list[Below]]:
        """Begin, as soon as nobody else changes what is to be undone."""
        identity, thread = self.state_now.identity, threading.get_ident()

        def is_alive(row: Below) -> bool:
            if row.owner != inspector.owner:
                return inspector.is_alive(row)
            other = inspector.changing.get((identity, row.number))
            if other == thread:
                raise HandleError(
                    f"{row.task} is changing {identity} already, from the same state: give each of the two a fork of its own"
                )
            return other is not None

        held = inspector.held(application)
        while held.at_end:
            held.at_end.pop()()
        caller = Caller(inspector.owner, application.task, is_alive)
        while True:
            try:
                with inspector.states(self, application) as states, inspector.beginning:
                    number, undone = begin(states, call=caller)
                    inspector.changing.update(
                        {(identity, each): thread for each in [number, *_numbers(undone)] if each}
                    )
                    return number, undone
            except Busy:
                time.sleep(_PAUSE)

    def _undo(self, application: Capture, inspector: HandleInspector, undone: list[Below]) -> None:
        try:
            if undone:
                inspector.held(application).trusted.add(self.state_now)
                names = list(dict.fromkeys(row.name for row in undone if row.is_change))
                if names:
                    self.rollback(names)
                self._committed(application, inspector, lambda states: states.forget(undone))
        finally:
            for number in _numbers(undone):
                inspector.changing.pop((self.state_now.identity, number), None)

    def _committed(self, application: Capture, inspector: HandleInspector, write: Callable[[SqlStates], None]) -> None:
        """Commit what was changed, and then, or with it, what is written of the states."""
        live = inspector.lent(self, application)
        if self.keeps_states:
            with inspector.states(self, application) as states:
                write(states)
                self.commit(live)
            return
        self.commit(live)
        with inspector.states(self, application) as states:
            write(states)


def _numbers(rows: list[Below]) -> list[int]:
    return [row.number for row in rows]
