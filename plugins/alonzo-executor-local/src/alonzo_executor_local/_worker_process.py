"""One worker process: started, spoken to, and when it has ended, asked what it was doing."""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import cloudpickle

from alonzo.worker import BEGUN, Setup, read_frame, write_frame

from ._pack import pack
from ._shipping import surroundings

_KILL = getattr(signal, "SIGKILL", 0)
_GROUPS = "/sys/fs/cgroup"  # where Linux shows control groups (version 2)
_LAST_WORDS = 2000  # bytes of what it printed last that are quoted when a worker dies


class End(NamedTuple):
    """How a worker process ended.

    begun          the serial number of the job that it began last, 0: none
    seconds        since that began
    words          how it ended
    printed        what it printed last
    out_of_memory  the kernel ended it for want of memory, as far as can be told
    """

    begun: int
    seconds: float
    words: str
    printed: str = ""
    out_of_memory: bool = False


class WorkerProcess:
    """A process that runs `python -m alonzo.worker`.

    One thread writes to it, another reads from it; both find the end of its pipes when it dies.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, wiring: Any) -> None:
        # What it prints before it is ready, or when it dies, and what its jobs print until they are done.
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 - closed by forget()
        handle, self._begun_path = tempfile.mkstemp(prefix="alonzo-worker-")
        try:
            os.write(handle, bytes(BEGUN.size))
            self._begun = mmap.mmap(handle, BEGUN.size)
            self._process = self._started()
        except BaseException:
            self._printed.close()
            Path(self._begun_path).unlink()
            raise
        finally:
            os.close(handle)
        self.pid = self._process.pid
        self._oom_kills = oom_kills()
        # What it knows: numbers of definitions, and the surroundings as they were sent last.
        self.defined: set[int] = set()
        self.surroundings = surroundings()
        self._failure = ""
        self._wiring = wiring

    def introduce(self) -> None:
        """Tell it what it must know first."""
        main = sys.modules.get("__main__")
        spec = getattr(main, "__spec__", None)
        try:
            wiring = cloudpickle.dumps({**self._wiring, "pack": pack})
        except Exception as error:
            self.fail(f"what it needs cannot be pickled: {type(error).__name__}: {error}")
            return
        setup = Setup(
            self._begun_path,
            self.surroundings,
            wiring,
            getattr(main, "__file__", None),
            getattr(spec, "name", None),
        )
        self.send(setup)

    def send(self, message: Any) -> None:
        """Write a frame; blocks while the pipe is full. To a worker that has ended it writes nothing: its reader finds out."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            write_frame(self._process.stdin, pickle.dumps(message, 5))  # type: ignore[arg-type]

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """What it says, until it ends. A start that failed is kept for `end`."""
        assert self._process.stdout is not None
        while (frame := read_frame(self._process.stdout)) is not None:  # type: ignore[arg-type]
            message = pickle.loads(frame)
            if message[0] == "failed":
                self._failure = message[1]
            else:
                yield message

    def hang_up(self) -> None:
        """Nothing more will be sent: it ends when it has done what it has."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def fail(self, problem: str) -> None:
        """End it, because of this."""
        self._failure = problem
        self.kill()

    def kill(self) -> None:
        """End it at once, and where there are process groups the programs too that its tasks have started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg") and self._process.poll() is None:
                os.killpg(self.pid, _KILL)
            else:
                self._process.kill()

    def begun(self) -> tuple[int, float]:
        """The serial number of the job that it began last (0: none), and how many seconds ago."""
        try:
            since, serial = BEGUN.unpack_from(self._begun, 0)
        except ValueError:  # forgotten
            return 0, 0.0
        return serial, perf_counter() - since

    def end(self) -> End:
        """Wait until it has ended."""
        code = self._process.wait()
        serial, seconds = self.begun()
        out_of_memory = code == -_KILL and oom_kills() > self._oom_kills
        words = _in_words(self.pid, code) + (self._failure and f":\n{self._failure}")
        return End(serial, seconds, words, self._last_words(), out_of_memory=out_of_memory)

    def forget(self) -> None:
        """Give back what it used, after its end; all but the pipe to it, which who writes to it closes with `hang_up`."""
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._printed.close()
        self._begun.close()
        with contextlib.suppress(OSError):
            Path(self._begun_path).unlink()

    def _started(self) -> subprocess.Popen[bytes]:
        # Modules are found as here, but not in the working directory just because -m is used.
        path = os.pathsep.join([entry for entry in sys.path if entry])
        # A group of its own: Ctrl-C is for the coordinator, which may let what is under way finish, and whoever ends the worker ends all.
        group: dict[str, Any] = {"process_group": 0} if hasattr(os, "killpg") else {}
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "alonzo.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
            **group,
        )

    def _last_words(self) -> str:
        size = self._printed.seek(0, os.SEEK_END)
        self._printed.seek(max(0, size - _LAST_WORDS))
        return self._printed.read().decode("utf-8", "replace").strip()


def oom_kills() -> int:
    """How many processes of this process's control group Linux has killed for want of memory; 0 where it does not say.

    A worker that SIGKILL has ended has run out of memory if this has grown in its life; else anybody may have killed it.
    """
    with contextlib.suppress(OSError, ValueError):
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
        own = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
        for group in (*own, "/"):  # in a container the name may be the host's, and the group the root
            events = Path(f"{_GROUPS}{group}/memory.events")
            if events.exists():
                counts = dict(line.split() for line in events.read_text("utf-8").splitlines())
                return int(counts.get("oom_kill", 0))
    return 0


def _in_words(pid: int, code: int) -> str:
    if code >= 0:
        return f"worker process {pid} ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return f"worker process {pid} was ended by signal {-code} ({name})"
