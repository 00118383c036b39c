"""What the user sees of a run while it is going on: a live table on a terminal, else a plain log. All of it on stderr."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TextIO, cast

from alonzo.plugin import Moment, Observer, hookimpl

from ._tally import Tally, TaskTally, duration

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

# A log that nobody watches should tell where a long run stands, and not be made of that.
_LOG_EVERY = 5.0


class Display:
    """An observer that tells the user. A context: it ends, and says what was done, when that is left.

    quiet    warnings and what tasks print, nothing else
    printed  told (task, text) when a job that printed something has ended
    warned   the texts of the warnings that it has shown
    """

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        self.tally = Tally()
        self.printed: Callable[[str, str], None] = lambda task, text: None
        self.warned: set[str] = set()
        self.quiet = quiet
        self._stream = sys.stderr if stream is None else stream
        self._lock = threading.RLock()
        self._note = ""

    @hookimpl
    def alonzo_observers(self) -> list[Observer]:
        """Itself: this is how a runtime is given a display."""
        return [self]

    @property
    def is_live(self) -> bool:
        """Whether it moves the terminal's cursor."""
        return False

    @property
    def plain(self) -> TextIO:
        """The file for text that is not a whole line."""
        return self._stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._summary()

    def observe(self, moment: Moment) -> None:
        """Count it, and say what is worth a line."""
        self.tally.count(moment)
        match moment.what:
            case "printed":
                self.printed(moment.task, str(moment.details.get("text", "")))
            case "warned":
                text = str(moment.details.get("text", ""))
                self.warned.add(text)
                self.line(f"alonzo: warning: {text}")

    def line(self, text: str) -> None:
        """A whole line for the user, from any thread."""
        with self._lock:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def say(self, text: str) -> None:
        """A line that `quiet` leaves out."""
        if not self.quiet:
            self.line(f"alonzo: {text}")

    def note(self, text: str) -> None:
        """A line from within a signal handler: nothing that may be held by the code that was interrupted is touched."""
        self._note = text
        if not self.is_live:
            os.write(2, f"alonzo: {text}\n".encode())

    def _summary(self) -> None:
        tally = self.tally
        if self.quiet or not tally.tasks:
            return
        width = max(len(name) for name in tally.tasks)
        ended = tally.ended or time.time()
        for name, task in tally.tasks.items():
            self.line(f"  {name:{width}}  {_counts(task)}  {duration(task.elapsed(ended))}".rstrip())
        whole = TaskTally(**{name: tally.total(name) for name in ("ran", "recalled", "shared", "failed")})
        took = f" in {duration(ended - tally.began)}" if tally.began is not None else ""
        self.say(f"run {tally.run}: {_counts(whole)}{took}")


class PlainLog(Display):
    """Lines: when a task is applied for the first time, and now and then where the run stands."""

    def __init__(
        self, *, quiet: bool, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(quiet=quiet, stream=stream)
        self._clock = clock
        self._next = clock() + _LOG_EVERY
        self._told: set[str] = set()

    def observe(self, moment: Moment) -> None:
        super().observe(moment)
        if self.quiet:
            return
        if moment.what == "started" and moment.task not in self._told:
            self._told.add(moment.task)
            self.say(f"{moment.task} started")
        if self._clock() >= self._next:
            self._next = self._clock() + _LOG_EVERY
            self.say(self._progress())

    def _progress(self) -> str:
        tally = self.tally
        counts = [
            f"{tally.total(name):,} {name}"
            for name in ("ran", "recalled", "running", "waiting", "failed")
            if tally.total(name)
        ]
        return f"so far {', '.join(counts) or 'nothing'}"


class LiveTable(Display):
    """A table that is drawn again and again: one row a task."""

    def __init__(self, *, quiet: bool, stream: TextIO | None = None) -> None:
        super().__init__(quiet=quiet, stream=stream)
        from rich.console import Console
        from rich.file_proxy import FileProxy
        from rich.live import Live

        self._console = Console(file=self._stream, highlight=False, markup=False, emoji=False)
        self._above = cast("TextIO", FileProxy(self._console, self._stream))
        # The streams have routers of their own.
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            refresh_per_second=8,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    @property
    def is_live(self) -> bool:
        return self._live.is_started

    @property
    def plain(self) -> TextIO:
        return self._above if self.is_live else self._stream

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        super().__exit__()

    def line(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        with self.tally.lock:
            parts: list[RenderableType] = [self._table(max(3, self._console.height - 4))]
        if self._note:
            parts.append(Text(self._note, style="yellow"))
        return Group(*parts)

    def _table(self, rows: int) -> Table:
        from rich.table import Table

        tally, now = self.tally, time.time()
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="dim")
        table.add_column("task", no_wrap=True, overflow="ellipsis")
        for name, style in (
            ("ran", "green"),
            ("recalled", "cyan"),
            ("running", "bold"),
            ("waiting", ""),
            ("failed", "red"),
        ):
            table.add_column(name, justify="right", style=style, no_wrap=True)
        for name in ("elapsed", "left"):
            table.add_column(name, justify="right", no_wrap=True)
        # Those that are at work come first when there is no room for all.
        names = list(tally.tasks)
        if len(names) > rows:
            names = sorted(names, key=lambda name: not (tally.tasks[name].running or tally.tasks[name].waiting))
        for name in names[:rows]:
            task = tally.tasks[name]
            counts = (task.ran, task.recalled + task.shared, task.running, task.waiting, task.failed)
            left = tally.left(name)
            times = (duration(task.elapsed(now)), "" if left is None else f"~ {duration(left)}")
            table.add_row(name, *(f"{count:,}" if count else "" for count in counts), *times)
        if len(names) > rows:
            table.add_row(f"… and {len(names) - rows:,} more tasks")
        return table


def make_display(*, quiet: bool) -> Display:
    """The display that fits where stderr goes to."""
    if not quiet and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown"):
        return LiveTable(quiet=quiet)
    return PlainLog(quiet=quiet)


def _counts(task: TaskTally | Any) -> str:
    words = [
        f"{getattr(task, name):,} {name}" for name in ("ran", "recalled", "shared", "failed") if getattr(task, name)
    ]
    return ", ".join(words) or "nothing ran"
