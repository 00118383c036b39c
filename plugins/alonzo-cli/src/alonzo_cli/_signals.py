"""The first SIGINT or SIGTERM ends a run in good order, the second at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_SHOW_CURSOR = b"\x1b[?25h"


class Stopper:
    """A context in which signals are for the run.

    stop      called at the first signal, in the handler: it must be safe there
    note      told at the first signal what is going on, as a line; in the handler as well
    terminal  whether a live display must be cleaned up after when the process ends at once
    """

    def __init__(self, stop: Callable[[], None], note: Callable[[str], None], *, terminal: bool) -> None:
        self._stop = stop
        self._note = note
        self._terminal = terminal
        self._before: dict[int, Any] = {}
        self.received: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            # Not through sys.stderr: this may have interrupted a write to it.
            os.write(2, (_SHOW_CURSOR if self._terminal else b"") + b"\nalonzo: stopped at once\n")
            os._exit(128 + number)
        self.received = number
        self._stop()
        name = signal.Signals(number).name
        self._note(f"{name}: nothing new starts, what is under way finishes and is kept; once more stops at once")
