"""The threads of one worker: one starts it and writes to it, another reads from it and posts."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

from alonzo import AlonzoError
from alonzo.plugin import Lost
from alonzo.worker import STORED

from ._answers import Answers, post_hopeless, post_loss, post_refusal, post_undecoded
from ._backlog import Job
from ._deadlines import Deadline, Deadlines
from ._dispatch import START, Dispatch, Place
from ._shipping import Shipping, is_loaded_anew, loaded_modules, surroundings
from ._worker_process import End, WorkerProcess


class Slot:
    """Serves one place of the dispatch, from now until the dispatch is closed."""

    def __init__(
        self,
        dispatch: Dispatch,
        place: Place,
        *,
        shipping: Shipping,
        answers: Answers,
        deadlines: Deadlines,
        wiring: Mapping[str, Any],
        name: str,
    ) -> None:
        self._dispatch = dispatch
        self._place = place
        self._shipping = shipping
        self._answers = answers
        self._deadlines = deadlines
        self._look_lock = threading.Lock()
        self._look: Deadline | None = None
        self._wiring = wiring
        self._name = name
        self._worker: WorkerProcess | None = None
        self._modules: dict[str, Any] = {}  # as they were when the worker was started
        self._reader: threading.Thread | None = None
        self._feeder = threading.Thread(target=self._feed, name=f"{name}-feeder", daemon=True)
        self._feeder.start()

    def kill(self) -> None:
        """End the worker at once."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def join(self, seconds: float) -> None:
        """Wait for the worker and the threads to end, so long at most."""
        for thread in (self._feeder, self._reader):
            if thread is not None and thread is not threading.current_thread():
                thread.join(seconds)

    # -- the feeder's thread -------------------------------------------------------------------

    def _feed(self) -> None:
        while (order := self._dispatch.next(self._place)) is not None:
            if order == START:
                self._start()
            else:
                assert isinstance(order, list)
                self._send(order)
        if self._worker is not None:
            self._worker.hang_up()

    def _start(self) -> None:
        if self._worker is not None:
            self._worker.hang_up()
        self._modules = loaded_modules()
        try:
            worker = WorkerProcess(self._wiring)
        except Exception as error:
            self._ended(End(0, 0.0, f"{type(error).__name__}: {error}"), "")
            return
        self._worker = worker
        self._reader = threading.Thread(target=self._read, args=(worker,), name=f"{self._name}-reader", daemon=True)
        self._reader.start()
        worker.introduce()

    def _send(self, jobs: list[Job]) -> None:
        worker = self._worker
        assert worker is not None
        known, definitions, rows = worker.defined, {}, []
        for job in jobs:
            try:
                definition = self._shipping.definition(job)
            except Exception as error:
                self._refuse(job, str(error))
                continue
            number = definition[0]
            if number and number not in known:
                definitions[number] = definition
            rows.append((job, number))
        if not rows:
            return
        try:
            packed = self._shipping.rows(rows)
        except Exception as error:
            self._send_one_by_one([job for job, _ in rows], error)
            return
        serials = [job.serial for job, _ in rows]
        if is_loaded_anew(self._modules):
            worker.send((None, "outdated", (serials, b"")))  # it gives the jobs back, and ends
            return
        known.update(definitions)
        around = surroundings()
        changed = around if around != worker.surroundings else None
        worker.surroundings = around
        worker.send((changed, list(definitions.values()), (serials, packed)))
        timeouts = [job.apply.timeout for job, _ in rows if job.apply.timeout is not None]
        if timeouts:
            self._look_in(min(timeouts))

    def _send_one_by_one(self, jobs: list[Job], error: Exception) -> None:
        """One of these has an argument that cannot be pickled."""
        if len(jobs) > 1:
            for job in jobs:
                self._send([job])
            return
        if isinstance(error, AlonzoError) and jobs[0].undecoded is not None:
            # Nor can it be decoded here: its bytes are gone.
            if self._dispatch.withdrawn(self._place, jobs[0]):
                post_undecoded(jobs[0], error)
            return
        problem = f"an argument of {jobs[0].name} cannot be sent to a worker process"
        self._refuse(jobs[0], f"{problem}: {type(error).__name__}: {error}")

    def _refuse(self, job: Job, problem: str) -> None:
        if self._dispatch.withdrawn(self._place, job):
            post_refusal(job, problem)

    # -- the reader's thread -------------------------------------------------------------------

    def _read(self, worker: WorkerProcess) -> None:
        name = f"process {worker.pid}"
        try:
            for kind, *message in worker.messages():
                if kind == "ready":
                    self._dispatch.ready(self._place)
                elif kind == "answers":
                    self._answered(message[0], name)
                else:
                    self._unreadable(*message)
        except Exception as error:
            worker.fail(f"its answers cannot be read: {type(error).__name__}: {error}")
        end = worker.end()
        worker.forget()
        self._ended(end, name)

    def _answered(self, rows: list[Any], worker: str) -> None:
        times = [(serial, seconds if told else None) for serial, seconds, _, told in rows]
        made = [row[1] for _, _, row, _ in rows if row[0] == "found" and row[2].startswith(STORED)]
        jobs = self._dispatch.answered(self._place, times, made)
        for job, (_, _, row, told) in zip(jobs, rows, strict=True):
            if row[0] == "stale":  # the worker ends now; its successor imports what the coordinator has
                self._dispatch.again([job])
                continue
            answer, report = self._answers.made(row, told, worker)
            if type(answer) is Lost and told and job.apply.carried and job.undecoded is None:
                job.undecoded = answer  # the worker lacks what its arguments' bytes name
                self._dispatch.again([job])
            elif not self._dispatch.closed:
                job.post(job.ticket, answer, report)

    def _unreadable(self, serials: list[int], problem: str) -> None:
        jobs = self._dispatch.answered(self._place, [(serial, None) for serial in serials])
        if len(jobs) == 1:
            problem = f"an argument of {jobs[0].name} cannot be read by a worker process: {problem}"
            post_refusal(jobs[0], problem)
            return
        for job in jobs:
            job.alone = True
        self._dispatch.again(jobs)

    def _ended(self, end: End, worker: str) -> None:
        lost, hopeless = self._dispatch.ended(self._place, end.begun)
        for job in lost:
            post_loss(job, end, worker)
        for job in hopeless:
            post_hopeless(job, end)

    # -- timeouts ------------------------------------------------------------------------------

    def _look_in(self, seconds: float) -> None:
        """Look in so many seconds, or sooner, whether the time of what the worker does is over."""
        with self._look_lock:
            if self._look is not None:
                if self._look[0] <= time.monotonic() + seconds:
                    return
                self._deadlines.cancel(self._look)
            self._look = self._deadlines.add(seconds, self._look_now)

    def _look_now(self) -> None:
        with self._look_lock:
            self._look = None
        worker = self._worker
        if worker is None:
            return
        seconds = self._dispatch.overdue(self._place, *worker.begun())
        if seconds == 0.0:
            worker.kill()
        elif seconds is not None:
            self._look_in(seconds)
