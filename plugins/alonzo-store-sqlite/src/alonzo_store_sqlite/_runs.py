"""Runs: begun, alive, finished, or lost with their process."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alonzo.plugin import RunRow, RunStart, StoreError

from ._connection import Connection
from ._rows import json_text, readable

SILENCE = 60.0
"""Seconds without a beat after which a run on another machine counts as lost."""


class Runs:
    """The table `run`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._started: dict[int, float] = {}

    def begin(self, start: RunStart) -> int:
        """A new run; those that died are marked as lost. In the caller's transaction."""
        for number, beat, *alive in self._connection.execute(
            "SELECT id, beat, host, process, process_started FROM run WHERE status = 'running'"
        ).fetchall():
            if not is_alive(beat, *alive):
                self._connection.execute("UPDATE run SET status = 'lost', finished = beat WHERE id = ?", (number,))
        cursor = self._connection.execute(
            "INSERT INTO run (task, arguments, status, started, beat, host, process, "
            "process_started, user, command, tags, counts, error) "
            "VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?, ?, ?, '{}', '')",
            (
                readable(start.task) or "",
                readable(start.arguments) or "",
                start.started,
                time.time(),
                readable(start.host) or "",
                start.process,
                _process_started(start.process),
                readable(start.user) or "",
                readable(start.command) or "",
                json_text(start.tags),
            ),
        )
        assert cursor.lastrowid is not None
        self._started[cursor.lastrowid] = start.started
        return cursor.lastrowid

    def started(self, run: int) -> float:
        """When a run started.

        Raises:
            StoreError: there is no such run.
        """
        known = self._started.get(run)
        if known is not None:
            return known
        row = self._connection.execute("SELECT started FROM run WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise StoreError(f"{self._connection.path}: there is no run {run}")
        self._started[run] = started = float(row[0])
        return started

    def beat(self, run: int) -> None:
        self._connection.execute("UPDATE run SET beat = ? WHERE id = ?", (time.time(), run))

    def finish(self, run: int, status: str, counts: Mapping[str, int], error: str) -> None:
        now = time.time()
        self._connection.execute(
            "UPDATE run SET status = ?, finished = ?, beat = ?, counts = ?, error = ? WHERE id = ?",
            (status, now, now, json_text(counts), readable(error) or "", run),
        )
        self._started.pop(run, None)

    def newest(self, limit: int) -> list[RunRow]:
        rows = self._connection.execute(
            "SELECT id, task, arguments, status, started, finished, counts, error, tags, "
            "beat, host, process, process_started FROM run ORDER BY id DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [_run_row(row) for row in rows]


def is_alive(beat: float, host: str, process: int, process_started: int | None) -> bool:
    """Whether the run's process lives; where that cannot be asked, whether its beat is recent."""
    if host != platform.node() or os.name == "nt" or process <= 0:
        return time.time() - beat <= SILENCE
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's: it lives
    state = _process_state(process)
    if state is None:
        return True
    letter, started = state
    return letter not in "ZX" and process_started in {None, started}


def _run_row(row: Sequence[Any]) -> RunRow:
    number, task, arguments, status, started, finished, counts, error, tags, beat, *alive = row
    if status == "running" and not is_alive(beat, *alive):
        status, finished = "lost", beat
    return RunRow(
        id=number,
        task=task,
        arguments=arguments,
        status=status,
        started=started,
        finished=finished,
        counts=json.loads(counts),
        error=error,
        tags=json.loads(tags),
    )


def _process_started(process: int) -> int | None:
    state = _process_state(process)
    return None if state is None else state[1]


def _process_state(process: int) -> tuple[str, int] | None:
    """A process's state and its start in clock ticks since boot, where the system tells."""
    try:
        text = Path(f"/proc/{process}/stat").read_bytes()
        fields = text[text.rindex(b")") + 2 :].split()  # the name before it may hold anything
        return fields[0].decode(), int(fields[19])
    except (OSError, ValueError, IndexError):
        return None
