"""The program in a process of its own, in an empty directory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLOW = '''\
from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from alonzo import task

print("importing")


@task
def add(first: int, second: int = 1) -> int:
    """Add two numbers.

    Args:
        first: one of them
    """
    print("adding", first)
    return first + second


@task
def many(n: int):
    return [add(i) for i in range(n)]


@task
def text(word: str) -> str:
    os.system("echo from a child")
    sys.stdout.write("no newline")
    return word


@task
def broken(n: int):
    """Fail."""
    raise ValueError(f"broken {n}\\nsecond line")


@task
def outer(n: int):
    return add(broken(n), 2)


@task
def mixed(n: int):
    return [broken(1), add(n), broken(2)]


@task
def reserved(store: str, json: bool = False) -> str:
    return f"{store} {json}"


@task
def waits(path: str, wanted: str) -> str:
    Path(path).write_text("")
    while not Path(wanted).exists():
        time.sleep(0.01)
    return "waited"


@task
def chain(path: str, wanted: str):
    return add(waits(path, wanted), 1)


@task
def opaque():
    return {"value": complex(1, 2)}


def plain():
    return 1


HERE = Path
'''
PLUGINS = {
    "alonzo": "",
    "alonzo-cli": "cli = alonzo_cli",
    "alonzo-executor-local": "executor-local = alonzo_executor_local",
    "alonzo-files": "files = alonzo_files",
    "alonzo-store-sqlite": "store-sqlite = alonzo_store_sqlite",
}


def make_known(directory, distribution, entry, version="0.1.0"):
    """Make a distribution known whose modules can be imported already."""
    made = directory / f"{distribution.replace('-', '_')}-{version}.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    (made / "entry_points.txt").write_text(f"[alonzo]\n{entry}\n" if entry else "")


class Program:
    """Starts the program; `site` is a directory of distributions that it finds besides those that are here."""

    def __init__(self, directory, site):
        self.directory = directory
        self.site = site
        self.env = {
            key: value for key, value in os.environ.items() if not key.startswith(("ALONZO_", "_ALONZO", "NO_COLOR"))
        }
        # What pytest can import, the program can import too.
        self.env["PYTHONPATH"] = os.pathsep.join([str(site), *(path for path in sys.path if path)])
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.env["ALONZO_STORE"] = "memory:"

    def __call__(self, *words, code=0, **env):
        """Run it to its end; (stdout, stderr)."""
        done = subprocess.run(
            [sys.executable, "-m", "alonzo_cli", *map(str, words)],
            cwd=self.directory,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout, done.stderr

    def start(self, *words, **streams):
        """Start it."""
        return subprocess.Popen(
            [sys.executable, "-m", "alonzo_cli", *map(str, words)],
            cwd=self.directory,
            env=self.env,
            text=True,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        )


@pytest.fixture
def program(tmp_path):
    directory = tmp_path / "project"
    directory.mkdir()
    (directory / "flow.py").write_text(FLOW)
    site = tmp_path / "site"
    for distribution, entry in PLUGINS.items():
        make_known(site, distribution, entry)
    return Program(directory, site)


@pytest.fixture
def install(program):
    """Make a distribution known to the program."""
    return lambda distribution, entry: make_known(program.site, distribution, entry)


@pytest.fixture
def wait_for():
    """Wait until a file is there; a process that has ended meanwhile is an error."""

    def wait(path, process):
        while not Path(path).exists():
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(process.communicate())

    return wait
