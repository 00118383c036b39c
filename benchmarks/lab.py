"""Where measurements are made: fresh processes, scratch directories, versions of what is compared."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SIDES = HERE / "sides"
REDUN = HERE / ".redun-venv"

# Modules are compiled once, as where Alonzo is installed.
ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

Figures = dict[str, Any]


class Lab:
    """Runs one measurement at a time, each in a process of its own.

    calls  what stands for 10,000 calls
    redun  whether redun is measured too: its environment is made when it is not there
    """

    def __init__(self, calls: int, *, redun: bool) -> None:
        self.calls = calls
        self.redun = redun
        self._scratch = Path(tempfile.mkdtemp(prefix="alonzo-benchmarks-"))
        self._places = 0
        self._redun_python = redun_python() if redun else ""

    def close(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def place(self) -> Path:
        """A new empty directory."""
        self._places += 1
        directory = self._scratch / str(self._places)
        directory.mkdir()
        return directory

    def leave(self, *places: Path) -> None:
        """These directories are not needed any more."""
        for place in places:
            shutil.rmtree(place)

    def program(self, change: tuple[str, str] | None = None) -> str:
        """A directory with the module `flow`; `change`: this text in it is replaced by that."""
        text = (SIDES / "flow.py").read_text()
        if change is not None:
            assert change[0] in text
            text = text.replace(*change)
        directory = self.place()
        (directory / "flow.py").write_text(text)
        return str(directory)

    def alonzo(self, program: str, root: str, *args: Any, store: Path | None = None, **options: Any) -> Figures:
        path = str(store / "alonzo.db") if store is not None else None
        given = {"program": program, "root": root, "args": args, "store": path, **options}
        return self._measured(sys.executable, "on_alonzo.py", "run", given)

    def floor(self, case: str, n: int, store: Path, **options: Any) -> Figures:
        return self._measured(
            sys.executable, "on_floor.py", case, {"store": str(store / "floor.db"), "n": n, **options}
        )

    def files(self, case: str, place: Path, n: int, **options: Any) -> dict[str, Figures]:
        """Files in a directory, by Alonzo and by hand: figures by the name of what was measured."""
        return self._measured(sys.executable, "on_files.py", case, {"directory": str(place), "n": n, **options})

    def on_redun(self, root: str, *args: Any, store: Path, **options: Any) -> Figures:
        given = {"root": root, "args": args, "store": str(store / "redun.db"), **options}
        return self._measured(self._redun_python, "on_redun.py", "run", given)

    def command(self, *command: str, cwd: Path) -> Figures:
        """CPU and wall seconds of a whole process.

        Raises:
            RuntimeError: it failed.
        """
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begun
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        return {"wall": wall, "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}

    def _measured(self, python: str, side: str, case: str, options: Figures) -> Figures:
        command = [python, str(SIDES / side), case, json.dumps(options)]
        done = subprocess.run(command, cwd=self._scratch, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{side} {case} {options} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])


def redun_python() -> str:
    """The interpreter of redun's environment, made on demand."""
    python = REDUN / "bin" / "python"
    if not python.exists():
        venv.create(REDUN, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "redun"], check=True)
    return str(python)


def versions(*, redun: bool) -> dict[str, str]:
    """What was measured, on what."""
    found = {
        "alonzo": version("alonzo"),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": str(os.cpu_count()),
    }
    if redun:
        asked = [redun_python(), "-c", "import importlib.metadata as m; print(m.version('redun'))"]
        found["redun"] = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return found
