"""What a display shows, counted from the moments of a run."""

from __future__ import annotations

import threading

import attrs

from alonzo.plugin import Moment


@attrs.define
class TaskTally:
    """The jobs of one task so far. `seconds` is what the applications took together; the others count jobs."""

    ran: int = 0
    recalled: int = 0
    shared: int = 0
    failed: int = 0
    queued: int = 0
    running: int = 0
    seconds: float = 0.0
    began: float | None = None
    ended: float | None = None

    @property
    def waiting(self) -> int:
        """How many are to be applied and have not begun."""
        return self.queued

    def elapsed(self, now: float) -> float | None:
        """Seconds from the first application's beginning to the last one's end, or to now."""
        if self.began is None:
            return None
        return (now if self.running or self.ended is None else self.ended) - self.began


class Tally:
    """Counts of all tasks of a run, by full name in the order in which they were met. Safe to use from several threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: dict[str, TaskTally] = {}
        self.run = 0
        self.began: float | None = None
        self.ended: float | None = None
        self.widest = 1
        self._running = 0
        self._queued: set[int] = set()
        self._started: dict[int, float] = {}

    def count(self, moment: Moment) -> None:
        """Take a moment into account; one of a kind that is not counted changes nothing."""
        with self.lock:
            self._count(moment)

    def total(self, name: str) -> int:
        """The sum of one count over all tasks."""
        return sum(getattr(tally, name) for tally in list(self.tasks.values()))

    def left(self, task: str) -> float | None:
        """About how many seconds the task's jobs that are known will still take; None where nothing is to be done or known."""
        tally = self.tasks[task]
        ended = tally.ran + tally.failed
        if not ended or not (tally.running or tally.waiting):
            return None
        # A running one is half done, on average; as many work at once as ever did.
        return (tally.waiting + tally.running / 2) * tally.seconds / ended / self.widest

    def _count(self, moment: Moment) -> None:
        match moment.what:
            case "run_started":
                self.run, self.began = moment.run, moment.at
            case "run_finished":
                self.ended = moment.at
            case "queued" | "started" | "finished" | "recalled" | "shared" | "failed" if moment.task:
                tally = self.tasks.get(moment.task)
                if tally is None:
                    tally = self.tasks[moment.task] = TaskTally()
                self._count_job(tally, moment)

    def _count_job(self, tally: TaskTally, moment: Moment) -> None:
        match moment.what:
            case "queued":
                tally.queued += 1
                self._queued.add(moment.job)
            case "started":
                self._dequeue(tally, moment.job)
                if moment.job not in self._started:
                    tally.running += 1
                    self._running += 1
                    self.widest = max(self.widest, self._running)
                self._started[moment.job] = moment.at
                tally.began = moment.at if tally.began is None else min(tally.began, moment.at)
            case "finished" | "failed":
                self._end(tally, moment)
            case "recalled":
                self._dequeue(tally, moment.job)
                tally.recalled += 1
            case "shared":
                tally.shared += 1

    def _end(self, tally: TaskTally, moment: Moment) -> None:
        self._dequeue(tally, moment.job)
        began = self._started.pop(moment.job, None)
        if began is not None:
            tally.running -= 1
            self._running -= 1
        if moment.what == "failed":
            tally.failed += 1
        else:
            tally.ran += 1
        # The executor's own times, where it tells them: a job may have waited at its door.
        began = moment.details.get("started", began)
        ended = moment.details.get("finished", moment.at)
        if began is not None:
            tally.seconds += max(0.0, ended - began)
            tally.began = began if tally.began is None else min(tally.began, began)
            tally.ended = ended if tally.ended is None else max(tally.ended, ended)

    def _dequeue(self, tally: TaskTally, job: int) -> None:
        if job in self._queued:
            self._queued.discard(job)
            tally.queued -= 1


def duration(seconds: float | None) -> str:
    """Seconds for people: 0.25 s, 12.3 s, 3 min 05 s, 2 h 10 min."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"
