"""Run a command until nobody needs it: `keeper.py FIFO COMMAND...`; it is ended with all its children.

Whoever needs it has the FIFO open for writing. When a process ends in whatever way, SIGKILL included, the system
closes its files, and so no server outlives the tests.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

GRACE = 2  # seconds from SIGTERM to SIGKILL


def main(fifo, *command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_end_with_the_pipe, args=[child, fifo], daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        return child.wait()
    finally:
        _signal(child, signal.SIGKILL)  # and what it left behind


def _end_with_the_pipe(child, fifo):
    with Path(fifo).open("rb") as pipe:
        pipe.read()
    _signal(child, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE)
    _signal(child, signal.SIGKILL)


def _signal(child, number):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
