"""Start a server of the tests, wait until it answers, and end it for sure."""

import contextlib
import os
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
LONGEST = 60  # seconds until a server answers; the slowest takes about 10
ALIVE = "alive"  # a FIFO, open for writing in whoever needs the server
TAIL = 3_000  # characters of its log in the error


@contextlib.contextmanager
def running(name, command, folder, is_ready, *, longest=LONGEST, env=None):
    """Run the command until the block has ended here, and in all that joined it; its log is in `folder`.

    Raises RuntimeError with the end of the log when it ends or is silent before `is_ready()` is true.
    """
    log, alive = folder / f"{name}.log", folder / ALIVE
    alive.unlink(missing_ok=True)  # an attempt before may have failed
    os.mkfifo(alive)
    needed = os.open(alive, os.O_RDWR)  # for reading too: to open it for writing alone waits for the keeper
    keeper = [sys.executable, str(HERE / "keeper.py"), str(alive), *(str(part) for part in command)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            keeper,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the tests, and they for the keeper
            env=os.environ | (env or {}),
        )
    try:
        _wait(name, process, is_ready, log, longest)
        yield
    finally:
        os.close(needed)
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            process.returncode = 0  # others need it still; nobody is left to be told how it ends


@contextlib.contextmanager
def joined(folder):
    """Need what another process runs in `folder`; gives whether it runs."""
    try:
        needed = os.open(folder / ALIVE, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        os.close(needed)


def free_port():
    """A port of the loopback that nobody listens at, outside the range that the system gives to clients."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def accepts(port):
    """Whether somebody listens at the port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def answers(url):
    """Whether an HTTP server answers there, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True


def _wait(name, process, is_ready, log, longest):
    deadline = time.monotonic() + longest
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            how = "is silent" if process.poll() is None else f"ended with {process.returncode}"
            raise RuntimeError(f"{name} {how}:\n{log.read_text('utf-8', 'replace')[-TAIL:]}")
        time.sleep(0.02)
