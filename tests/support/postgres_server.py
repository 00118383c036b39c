"""A PostgreSQL server of its own for a test run: on a Unix socket in its own directory, in memory where that can be.

It comes from Debian's package `postgresql` (`scripts/test_servers.py` installs it). The server refuses to run as root, so root starts it
as the user `postgres`, whom the package makes.
"""

import os
import shutil
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


def binaries():
    """The directory of the server's programs, or None: it is not installed."""
    here = shutil.which("initdb")
    if here is not None and Path(here).with_name("postgres").exists():
        return Path(here).parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class PostgresServer:
    """A running server. `database()` makes an empty database and gives its URL."""

    def __init__(self, programs):
        memory = Path("/dev/shm")
        self._where = Path(tempfile.mkdtemp(prefix="alonzo-pg-", dir=memory if os.access(memory, os.W_OK) else None))
        self._programs = programs
        self._user = {}
        if os.geteuid() == 0:
            shutil.chown(self._where, "postgres", "postgres")
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        data = self._where / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = [part for setting in _SETTINGS for part in ("-c", setting)]
        command = [programs / "postgres", "-D", data, "-k", self._where, "-h", "", *options]
        self._log = (self._where / "log").open("wb")
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd="/",
            env=self._environment(),
            stdout=self._log,
            stderr=self._log,
            **self._user,
        )
        end = time.monotonic() + 30
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                self.close()
                raise RuntimeError("PostgreSQL did not start")

    def database(self):
        """The URL of a new and empty database."""
        import psycopg

        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def close(self):
        self._process.send_signal(2)  # SIGINT: without waiting for those who are connected
        self._process.wait(30)
        self._log.close()
        shutil.rmtree(self._where)

    def _url(self, database):
        return f"postgresql://postgres@/{database}?host={self._where}"

    def _is_ready(self):
        import psycopg

        try:
            psycopg.connect(self._url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, name, *arguments):
        command = [str(part) for part in (self._programs / name, *arguments)]
        subprocess.run(command, check=True, cwd="/", env=self._environment(), stdout=subprocess.DEVNULL, **self._user)

    def _environment(self):
        return {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self._where)}
