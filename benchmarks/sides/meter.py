"""One measurement: a process is told case and options, and prints one line of JSON."""

import json
import resource
import sqlite3
import sys
import time
from pathlib import Path


def serve(cases):
    """Run the case that the command line names, print what it measured."""
    case, options = sys.argv[1], json.loads(sys.argv[2])
    print(json.dumps(cases[case](**options)))


class Meter:
    """Wall and CPU seconds (all threads; no other processes) of a `with` block, and the process's peak memory at its end."""

    def __enter__(self):
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu
        self.peak = peak()

    def read(self, **more):
        return {"wall": self.wall, "cpu": self.cpu, "peak": self.peak, **more}


def peak():
    """Bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def database_size(path):
    """Bytes of the database after a checkpoint."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return Path(path).stat().st_size
