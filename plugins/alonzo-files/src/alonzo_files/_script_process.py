"""A script's process: its own session, its output passed on as it comes, and its end, also when this process is killed."""

from __future__ import annotations

import codecs
import contextlib
import functools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, NamedTuple

_CHUNK = 1 << 16
# Seconds between two looks whether a script has ended: at first, when its output is closed; at most.
_SOON = 0.001
_LOOK = 0.1
_TAIL = 8192  # bytes of the end of its output that an error may quote
_MOST = 1_000_000  # bytes of its output that are passed on
_LINE = 8192  # characters of a line that are passed on at once

# Waits for "go", and becomes the script: whoever dies before that leaves nothing running.
_LAUNCH = 'read -r go && exec "$@" </dev/null'
# Is told the script's group, then that all is well. When instead this process ends, it ends the group and removes the directory.
_WATCH = (
    "read -r group; if read -r over; then exit 0; fi; "
    'if [ -n "$group" ]; then kill -s KILL -- "-$group"; fi; '
    'rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }'
)


class Ended(NamedTuple):
    """How a script ended: its exit code (negative: a signal's number), or that its time was over; and what it printed last."""

    code: int
    is_late: bool
    stderr: str
    stdout: str


class Watcher:
    """A process that removes `directory`, and ends what runs in it, should this process be killed. `over` tells it that all is well."""

    def __init__(self, directory: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - to run programs is what it is for
            ["/bin/sh", "-c", _WATCH, "sh", directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._say(f"{group}\n")

    def over(self) -> None:
        self._say("\nover\n")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed it
            self._process.stdin.write(text.encode())


def run(
    command: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    watcher: Watcher,
    *,
    stdout: IO[bytes] | None,
    stderr: IO[bytes] | None,
    deadline: float | None,
) -> Ended:
    """Run a program to its end, and end what it leaves running in its session.

    stdout, stderr  files that are given what it prints, None: nobody wants it; all goes to `sys.stdout` too, up to a megabyte
    deadline        by `time.monotonic()`

    Raises:
        OSError: it cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - as above
        [*_launcher(), "-c", _LAUNCH, "sh", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=directory,
        env=environment,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        watcher.watch(process.pid)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(b"go\n")
        process.stdin.close()
        echo = _Echo()
        streams = (_Stream(process.stdout, stdout, echo), _Stream(process.stderr, stderr, echo))
        is_late = not _read(process, streams, deadline)
    finally:
        # Before it is waited for: until then nobody else can have its number.
        _end_group(process.pid)
        process.wait()
        process.stdout.close()
        process.stderr.close()
    echo.close(streams)
    return Ended(process.returncode, is_late, streams[1].last(), streams[0].last())


@functools.cache
def _launcher() -> tuple[str, ...]:
    bash = shutil.which("bash")
    # Other shells drop variables whose names are none to them, as exported functions have; with -p, bash passes on all, and reads no file.
    return ("/bin/sh",) if bash is None else (bash, "-p")


def _read(process: subprocess.Popen[bytes], streams: Sequence[_Stream], deadline: float | None) -> bool:
    """Pass on what comes until the program has ended; False: it has not, and its time is over."""
    with selectors.DefaultSelector() as selector:
        for stream in streams:
            os.set_blocking(stream.file.fileno(), False)
            selector.register(stream.file, selectors.EVENT_READ, stream)
        pause = _SOON
        while True:
            has_ended = _has_ended(process)
            # What it has started may hold its output open.
            wait = 0.0 if has_ended else _LOOK if selector.get_map() else pause
            if deadline is not None and not has_ended:
                wait = min(wait, deadline - time.monotonic())
                if wait <= 0:
                    return False
            if not selector.get_map():
                time.sleep(wait)
                pause = min(2 * pause, _LOOK)
            ready = selector.select(wait) if selector.get_map() else []
            for key, _ in ready:
                if not key.data.take():
                    selector.unregister(key.fileobj)
            if has_ended and not ready:
                return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    # Not reaped: its group keeps its number until it has been ended.
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(group: int) -> None:
    # macOS refuses where all have ended and nobody has waited for them.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


class _Stream:
    """One of the two outputs of a script: into a file, to its log, and its end into memory."""

    def __init__(self, file: IO[bytes], into: IO[bytes] | None, echo: _Echo) -> None:
        self.file = file
        self._into = into
        self._echo = echo
        self._tail = bytearray()
        self.waiting = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def take(self) -> bool:
        """Read what is there; False: it has ended."""
        try:
            data = os.read(self.file.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        if not data:
            return False
        if self._into is not None:
            self._into.write(data)
        self._tail += data
        del self._tail[:-_TAIL]
        self._echo.write(self, data)
        return True

    def last(self) -> str:
        return self._tail.decode("utf-8", "replace").strip()


class _Echo:
    """Passes on what a script prints to where its job prints: whole lines, as they come, up to a megabyte."""

    def __init__(self) -> None:
        self._left = _MOST
        self._dropped = 0

    def write(self, stream: _Stream, data: bytes) -> None:
        taken = data[: self._left]
        self._left -= len(taken)
        self._dropped += len(data) - len(taken)
        if not taken:
            return
        text = stream.waiting + stream.decoder.decode(taken)
        lines, newline, rest = text.rpartition("\n")
        if len(rest) > _LINE:
            lines, newline, rest = text, "\n", ""
        stream.waiting = rest
        _print(lines + newline)

    def close(self, streams: Sequence[_Stream]) -> None:
        for stream in streams:
            rest = stream.waiting + stream.decoder.decode(b"", final=True)
            if rest:
                _print(f"{rest}\n")
        if self._dropped:
            _print(f"({self._dropped} bytes more)\n")


def _print(text: str) -> None:
    # As if the job had printed it. What becomes of that is not the script's business.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.write(text)
        sys.stdout.flush()


@contextlib.contextmanager
def watched(directory: str) -> Iterator[Watcher]:
    """A watcher of this directory, until the block ends."""
    watcher = Watcher(directory)
    try:
        yield watcher
    finally:
        watcher.over()
