"""What workers answer, as it is posted."""

from __future__ import annotations

import time
from typing import Any

from alonzo import (
    AlonzoError,
    EncodeError,
    OutOfMemoryError,
    RemoteError,
    TaskTimeoutError,
    WorkerLostError,
)
from alonzo.plugin import ABSENT, Found, Lost, Raised, Report

from ._backlog import Job
from ._worker_process import End

Answer = tuple[Any, ...]
_SMALL = 1024  # bytes of a number or a text that is decoded as it comes


class Answers:
    """Makes answers and reports of what came from a worker. `applier` decodes exceptions."""

    def __init__(self, applier: Any) -> None:
        self._applier = applier

    def made(self, answer: Answer, told: Answer | None, worker: str) -> tuple[Found | Raised | Lost, Report]:
        report = _report(worker) if told is None else Report(told[0], told[1], worker, *told[2:])
        kind, *parts = answer
        if kind == "found":
            token, codec, data, externals, lazy, size, names, made = parts
            for full_name, identity, packed in made:
                try:
                    self._meet((full_name, identity), packed)
                except Exception as error:  # whatever looking up what it names raises
                    problem = f"task {full_name}, made in a worker process, is not to be had here"
                    return Raised(EncodeError(f"{problem}: {type(error).__name__}: {error}")), report
            found = Found(ABSENT, token, codec, data, externals, lazy, size, names)
            if codec == "scalar" and size <= _SMALL:
                # Decoded once, here: a list of thousands of numbers goes to the next task as what it is.
                found.value = self._applier.decode(found)
            return found, report
        if kind == "lost":
            return Lost(AlonzoError(parts[0]), tuple(parts[1])), report
        codec, data, text, names, traceback = parts
        return Raised(self._error(codec, data) or RemoteError(text, names, traceback), traceback), report

    def _meet(self, place: tuple[str, bytes], packed: bytes) -> None:
        """A task that was made in the worker: what the answer's bytes call it."""
        made = self._applier.codec.made
        if place not in made:
            from ._homeward import unpacked

            made[place] = unpacked(packed, self._applier.codec)

    def _error(self, codec: str, data: bytes) -> BaseException | None:
        """The exception itself, if it could travel."""
        if not codec:
            return None
        try:
            error = self._applier.decode(Found(ABSENT, b"", codec, data))
        except AlonzoError:
            return None
        return error if isinstance(error, BaseException) else None


def post_refusal(job: Job, problem: str) -> None:
    """The job cannot be sent: the task or an argument cannot travel."""
    job.post(job.ticket, Raised(EncodeError(problem)), _report(""))


def post_undecoded(job: Job, error: AlonzoError) -> None:
    """An argument can be decoded neither by a worker nor, for this reason, here."""
    assert job.undecoded is not None
    job.post(job.ticket, Lost(error, job.undecoded.missing), _report(""))


def post_loss(job: Job, end: End, worker: str) -> None:
    """The worker that had begun the job is gone."""
    report = _report(worker)
    report.started -= end.seconds
    if job.is_late:
        report.output = end.printed
        job.post(job.ticket, Lost(TaskTimeoutError.after(job.name, job.apply.timeout or 0.0)), report)
        return
    kind = OutOfMemoryError if end.out_of_memory else WorkerLostError
    words = f"{end.words}\nIt printed last:\n{end.printed}" if end.printed else end.words
    job.post(job.ticket, Lost(kind(f"{job.name}: {words}")), report)


def post_hopeless(job: Job, end: End) -> None:
    """No worker can be started."""
    post_loss(job, end._replace(words=f"no worker process can be started: {end.words}"), "")


def _report(worker: str) -> Report:
    now = time.time()
    return Report(now, now, worker)
