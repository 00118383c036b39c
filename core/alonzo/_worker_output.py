"""What tasks print in a worker process, job by job: also what programs that they start print."""

from __future__ import annotations

import io
import os
import sys

_MOST = 1_000_000  # bytes kept of a job


class Output:
    """From now on, standard output and error go where the coordinator put this process's standard error: into a file.

    The file is emptied after each job. What is in it when the process dies, the coordinator can read.
    """

    def __init__(self) -> None:
        os.dup2(2, 1)
        sys.stdout = _text_file(1, line_buffering=False)
        sys.stderr = _text_file(2, line_buffering=True)

    def taken(self) -> str:
        """What was printed since the last time, its beginning if it is more than a megabyte."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                continue  # a task closed or replaced it
        size = os.lseek(2, 0, os.SEEK_CUR)
        if size == 0:
            return ""
        os.lseek(2, 0, os.SEEK_SET)
        text = os.read(2, min(size, _MOST)).decode("utf-8", "replace")
        os.lseek(2, 0, os.SEEK_SET)
        os.ftruncate(2, 0)
        return text if size <= _MOST else f"{text}\n({size - _MOST} bytes more)\n"


def _text_file(number: int, *, line_buffering: bool) -> io.TextIOWrapper:
    # Written at the place where all writers of this file stand, so that processes that a task starts are in turn.
    raw = open(number, "wb", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8", errors="backslashreplace", line_buffering=line_buffering)
