"""Jobs of runs: what ran where and when, on what, with what outcome; and the tasks that they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from alonzo.plugin import Attempt, JobNote, JobRow, Note

from ._connection import Connection
from ._rows import NULL, blob, error_text, json_text, list_text, listed, readable

# A job is told more than once: what only an earlier note knew stays.
_WRITE_JOB = """
    INSERT INTO job (run, number, parent, task, status, key, value, started, duration, worker,
        arguments, upstreams, error, traceback, output)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (run, number) DO UPDATE SET
        parent = excluded.parent, task = excluded.task, status = excluded.status,
        key = excluded.key, value = coalesce(excluded.value, value),
        started = coalesce(excluded.started, started),
        duration = coalesce(excluded.duration, duration),
        worker = coalesce(excluded.worker, worker),
        arguments = coalesce(excluded.arguments, arguments),
        upstreams = coalesce(excluded.upstreams, upstreams),
        error = excluded.error, traceback = excluded.traceback,
        output = coalesce(excluded.output, output)
"""


class Jobs:
    """The tables `job`, `attempt`, `worker`, `task` and `definition`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        """After a transaction that was undone: ids that it gave are given again."""
        self._tasks: dict[tuple[str, bytes], int] = {}
        self._workers: dict[tuple[str, str], int] = {}

    def task(self, name: str, fingerprint: bytes) -> int:
        """The id of a task, made where it is not there; in the caller's transaction."""
        known = self._tasks.get((name, fingerprint))
        if known is None:
            known = self._id("task", ("name", "fingerprint"), (name, fingerprint))
            self._tasks[name, fingerprint] = known
        return known

    def write(self, run: int, started: float, notes: Iterable[Note]) -> None:
        """The jobs of these notes, in order; in the caller's transaction."""
        jobs = []
        told = []  # attempts: by far the most jobs have one, and it came to its end
        for note in notes:
            job = note.remember.job
            if job is not None:
                jobs.append(self._plain(run, started, job, note) or self._columns(run, started, job, note))
                if len(note.attempts) > 1 or (note.attempts and note.attempts[0].outcome != "done"):
                    for number, attempt in enumerate(note.attempts, 1):
                        when = self._when(started, attempt)
                        told.append((run, job.number, number, *when, attempt.outcome, readable(attempt.error)))
        self._connection.executemany(_WRITE_JOB, jobs)
        self._connection.executemany(
            "INSERT OR REPLACE INTO attempt (run, job, number, started, duration, worker, outcome, error)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            told,
        )

    def define(self, definitions: Mapping[str, Any]) -> None:
        """Keep what fingerprints were made of: full name -> (fingerprint, tree, untracked)."""
        for name, (fingerprint, tree, untracked) in definitions.items():
            self._connection.execute(
                "INSERT OR IGNORE INTO definition (task, tree, untracked) VALUES (?, ?, ?)",
                (self.task(name, fingerprint), json_text(tree), json_text(untracked)),
            )

    def end_epochs(self, tasks: Iterable[tuple[str, bytes]]) -> None:
        for name, fingerprint in tasks:
            self._connection.execute("UPDATE task SET epoch = epoch + 1 WHERE id = ?", (self.task(name, fingerprint),))

    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> list[int]:
        names = list(dict.fromkeys(name for name, _ in tasks))
        rows = self._connection.look_up(
            "SELECT name, fingerprint, epoch FROM task WHERE epoch > 0 AND name IN ({})", names
        )
        known = {(name, fingerprint): epoch for name, fingerprint, epoch in rows}
        return [known.get(task, 0) for task in tasks]

    def of_run(self, run: int, tags: Mapping[int, Mapping[str, str]]) -> list[JobRow]:
        """The jobs of a run by number, with their tags."""
        attempts = dict(
            self._connection.execute("SELECT job, count(*) FROM attempt WHERE run = ? GROUP BY job", (run,)).fetchall()
        )
        rows = self._connection.execute(
            "SELECT number, parent, task.name, job.status, coalesce(job.arguments, ''), upstreams,"
            " run.started + job.started / 1e6, run.started + (job.started + duration) / 1e6,"
            " coalesce(executor, ''), coalesce(job.error, ''), coalesce(output, '')"
            " FROM job JOIN run ON run.id = job.run JOIN task ON task.id = job.task"
            " LEFT JOIN worker ON worker.id = job.worker WHERE run = ? ORDER BY number",
            (run,),
        )
        return [_job_row(row, attempts, tags) for row in rows]

    def _plain(self, run: int, started: float, job: JobNote, note: Note) -> tuple[Any, ...] | None:
        """The columns of by far the most jobs: applied once, with nothing to tell, by a task and a worker that have ids already."""
        attempts = note.attempts
        if len(attempts) != 1 or job.error is not None or note.output or job.traceback or not job.arguments.isascii():
            return None
        last = attempts[0]
        task = self._tasks.get((job.task, job.fingerprint))
        worker = self._workers.get((last.executor, last.worker))
        if task is None or worker is None:
            return None
        began = last.started
        return (
            run, job.number, job.parent, task, job.status, blob(job.key), blob(job.value) if job.value else NULL,
            round((began - started) * 1e6), round((last.finished - began) * 1e6), worker,
            job.arguments or NULL, list_text(job.upstreams) if job.upstreams else NULL, NULL, NULL, NULL,
        )  # fmt: skip

    def _columns(self, run: int, started: float, job: JobNote, note: Note) -> tuple[Any, ...]:
        last = note.attempts[-1] if note.attempts else None
        return (
            run,
            job.number,
            job.parent,
            self.task(job.task, job.fingerprint),
            job.status,
            job.key,
            job.value or None,
            *((None, None, None) if last is None else self._when(started, last)),
            readable(job.arguments),
            list_text(job.upstreams),
            error_text(job.error),
            readable(job.traceback),
            readable(note.output),
        )

    def _when(self, started: float, attempt: Attempt) -> tuple[int, int, int]:
        """When, for how long, in microseconds, and where."""
        place = attempt.executor, attempt.worker
        worker = self._workers.get(place)
        if worker is None:
            worker = self._workers[place] = self._id("worker", ("executor", "name"), place)
        began = round((attempt.started - started) * 1e6)
        return began, round((attempt.finished - attempt.started) * 1e6), worker

    def _id(self, table: str, columns: tuple[str, str], values: tuple[str, str | bytes]) -> int:
        """The id of the row with these values, made where it is not there."""
        row = [readable(v) or "" if isinstance(v, str) else v for v in values]
        first, second = columns
        self._connection.execute(f"INSERT OR IGNORE INTO {table} ({first}, {second}) VALUES (?, ?)", row)
        found = self._connection.execute(f"SELECT id FROM {table} WHERE {first} = ? AND {second} = ?", row).fetchone()
        return int(found[0])


def _job_row(row: Sequence[Any], attempts: Mapping[int, int], tags: Mapping[int, Mapping[str, str]]) -> JobRow:
    number, parent, task, status, arguments, upstreams, started, finished, *texts = row
    executor, error, output = texts
    return JobRow(
        number=number,
        parent=parent,
        task=task,
        status=status,
        arguments=arguments,
        upstreams=listed(upstreams),
        started=started,
        finished=finished,
        executor=executor,
        error=error,
        output=output,
        attempts=attempts.get(number, 0 if started is None else 1),
        tags=tags.get(number, {}),
    )
