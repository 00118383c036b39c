"""A project in a directory of its own, run by real processes, and what they left behind.

Tasks append a line to `effects.txt` when they begin and when they end; the environment's TURN tells runs apart.
"""

import contextlib
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import attrs

EFFECTS = '''\
import os, time

def effect(what, name):
    """Append a line; one write to a file opened with O_APPEND is whole, whoever else writes."""
    line = f"{os.environ.get('TURN', '0')} {what} {name} {os.getpid()} {time.time()}\\n"
    handle = os.open("effects.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)
'''


@attrs.frozen
class Effect:
    """A line of `effects.txt`; `at` is in seconds since the epoch."""

    turn: int
    what: str
    name: str
    process: int
    at: float


class Project:
    """A directory with a workflow, its store and its effects. Processes that are still running are killed by `close`."""

    def __init__(self, directory, flow=None):
        self.directory = Path(directory).resolve()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.database = self.directory / "runs.db"
        self.url = f"sqlite:{self.database}"
        self._started = []
        (self.directory / "effects.py").write_text(EFFECTS)
        if flow is not None:
            self.write(flow)

    def write(self, flow, name="flow.py"):
        """Write a module; one of the same size and time would be taken for the old one, so compiled ones are removed."""
        (self.directory / name).write_text(flow)
        for compiled in self.directory.glob("__pycache__/*.pyc"):
            compiled.unlink()

    def start(self, *words, turn=0, env=None, **streams):
        """Start `python WORDS` in the directory."""
        process = subprocess.Popen(
            [sys.executable, *map(str, words)],
            env={**self._environment(), "TURN": str(turn), **(env or {})},
            text=True,
            **{
                "cwd": self.directory,
                "stdin": subprocess.DEVNULL,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                **streams,
            },
        )
        self._started.append(process)
        return process

    def run(self, *words, code=0, turn=0, env=None, timeout=60):
        """Run `python WORDS` to its end: (stdout, stderr)."""
        process = self.start(*words, turn=turn, env=env)
        out, err = process.communicate(timeout=timeout)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        return out, err

    def alonzo(self, command, *words, **options):
        """Run `alonzo COMMAND` on the project's store to its end: (stdout, stderr)."""
        return self.run("-m", "alonzo_cli", command, *words, "--store", self.url, **options)

    def close(self):
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- what they left behind ---------------------------------------------------------------------

    def effects(self, turn=None):
        path = self.directory / "effects.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        split = [line.split() for line in lines]
        found = [Effect(int(number), what, name, int(pid), float(at)) for number, what, name, pid, at in split]
        return [effect for effect in found if turn is None or effect.turn == turn]

    def names(self, what, turn=None):
        """The names of all effects of this kind, sorted."""
        return sorted(effect.name for effect in self.effects(turn) if effect.what == what)

    def wait_for_effect(self, process, what="begin", turn=0, count=1, seconds=30):
        """Wait until so many are there. Answers False when the process ended before."""
        deadline = time.monotonic() + seconds
        while sum(effect.what == what for effect in self.effects(turn)) < count:
            assert time.monotonic() < deadline, f"no {what} within {seconds} s"
            if not wait_or_end(process, 0.003):
                return False
        return True

    def rows(self, query, *parameters):
        """Ask the database by an independent connection."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as connection:
            return connection.execute(query, parameters).fetchall()

    def change(self, statement, *parameters):
        """Change the database by an independent connection; answers how many rows."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as connection, connection:
            return connection.execute(statement, parameters).rowcount

    def integrity(self):
        return self.rows("PRAGMA integrity_check")[0][0]

    @property
    def path(self):
        """PYTHONPATH: what this process can import, the others can import too."""
        return os.pathsep.join(path for path in sys.path if path)

    def _environment(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ALONZO_", "_ALONZO"))}
        return {**kept, "PYTHONPATH": self.path, "NO_COLOR": "1"}


def wait_or_end(process, seconds):
    """Wait so long; False: the process has ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False


def is_alive(pid):
    """Whether a process with this id lives; one that has ended and was not waited for does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"
