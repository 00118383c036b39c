"""Standard output belongs to the result: whatever else is printed goes to stderr, a task's with its name, and into its job's record."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, TextIO

Line = Callable[[str], None]


class Router(io.TextIOBase):
    """Stands in for `sys.stdout`, or `sys.stderr`: text that a job prints is kept with it, and passed on line by line with the task's name.

    capture  answers what the running job's output is kept in (with `task` and `parts`), or None outside of jobs
    line     takes a whole line for the user; `plain` answers the file for text that no job printed
    beside   the router of the other stream, where there is one: it passes on the rest of what a job has printed to either
    """

    def __init__(
        self, capture: Callable[[], Any], line: Line, plain: Callable[[], TextIO], *, beside: Router | None = None
    ) -> None:
        super().__init__()
        self._capture = capture
        self._line = line
        self._plain = plain
        self._lock: Any = threading.RLock() if beside is None else beside._lock
        # By the capture itself: an id may be used again. What follows the last newline waits in it, for each stream.
        self._waiting: dict[Any, dict[Router, str]] = {} if beside is None else beside._waiting
        self.buffer = _Bytes(self)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._plain().encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._plain().errors

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._plain().isatty()

    def fileno(self) -> int:
        return self._plain().fileno()

    def flush(self) -> None:
        with contextlib.suppress(ValueError):  # closed, at the interpreter's end
            self._plain().flush()

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        capture = self._capture()
        with self._lock:
            if capture is None:
                self._plain().write(text)
                return len(text)
            capture.parts.append(text)
            waiting = self._waiting.setdefault(capture, {})
            *lines, waiting[self] = (waiting.get(self, "") + text).split("\n")
            for line in lines:
                self._line(f"{capture.task} | {line}")
        return len(text)

    def printed(self, task: str, text: str) -> None:
        """A job of this task has ended, having printed this: pass on what was not seen here, because it was printed elsewhere."""
        with self._lock:
            for capture in self._waiting:
                if capture.task == task and "".join(capture.parts) == text:
                    self._rest(capture)
                    return
            for line in text.splitlines():
                self._line(f"{task} | {line}")

    def close(self) -> None:
        """Pass on what still waits for a newline. Text written later is passed on as ever: somebody may have kept a reference."""
        with self._lock:
            for capture in list(self._waiting):
                self._rest(capture)

    def _rest(self, capture: Any) -> None:
        for rest in self._waiting.pop(capture).values():
            if rest:
                self._line(f"{capture.task} | {rest}")


class _Bytes(io.RawIOBase):
    """The bytes' side of a router, for those who write to `sys.stdout.buffer`."""

    def __init__(self, router: Router) -> None:
        super().__init__()
        self._router = router

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._router.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def flush(self) -> None:
        return None


class _Closed(io.StringIO):
    """Stands for a standard output that is closed: what is written to it is refused as the system would."""

    def write(self, text: str, /) -> int:
        raise OSError(errno.EBADF, "standard output is closed")


def hold_streams() -> None:
    """Open descriptors 0 to 2 where they are closed: else the next file opened, a database, would get what is printed."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one. Inheritable as the three always are.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


@contextlib.contextmanager
def only_results(
    capture: Callable[[], Any], line: Line, plain: Callable[[], TextIO]
) -> Iterator[tuple[Router, TextIO]]:
    """Within, nothing but what is written to the second of the pair reaches standard output; programs that tasks start included.

    What jobs print, to either stream, goes through the router; all else that is printed to `plain()`.
    """
    before: TextIO | None = sys.stdout
    errors = sys.stderr
    router = Router(capture, line, plain)
    saved = None
    if before is None:  # the program was started with it closed
        result: TextIO = _Closed()
    else:
        before.flush()
        saved = _diverted(before)
        result = before if saved is None else os.fdopen(saved, "w", encoding=before.encoding, errors="backslashreplace")
    sys.stdout, sys.stderr = router, Router(capture, line, plain, beside=router)
    try:
        yield router, result
    finally:
        router.close()
        sys.stdout, sys.stderr = before, errors
        if saved is not None:
            with contextlib.suppress(OSError):
                result.flush()
            os.dup2(saved, 1)
            with contextlib.suppress(OSError):
                result.close()


def _diverted(stream: TextIO) -> int | None:
    """Let descriptor 1 mean stderr; the descriptor that is the real stdout from now on, None where `stream` is something else."""
    try:
        if stream.fileno() != 1:
            return None
        saved = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError):
        return None
    return saved
