"""Several processes on one database, and processes that are killed."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from alonzo._store_samples import key

PROGRAM = """
import sys
from pathlib import Path
from alonzo._store_samples import FOOTPRINT, key, leaf, note, opaque, small, start
from alonzo.plugin import StoreSite
from alonzo_store_sqlite._settings import SqliteSettings
from alonzo_store_sqlite._store import SqliteStore

def open_store():
    return SqliteStore.open(StoreSite("sqlite:test.db", Path.cwd(), trust=False), SqliteSettings())

"""


@pytest.fixture
def python(tmp_path):
    """Starts programs in the test's directory; those that still run are killed at its end."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    running = []

    def python(program, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM + program, *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield python
    for process in running:
        process.kill()
        process.communicate()


def errors(processes):
    return [process.communicate(timeout=60)[1] for process in processes]


@pytest.mark.slow
def test_processes_that_make_one_new_database_at_once_all_succeed(python):
    # All have imported what they need before the first may begin.
    program = """
import sqlite_utils
print("ready", flush=True)
sys.stdin.readline()
open_store().close()
"""
    processes = [python(program) for _ in range(4)]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 4
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()

    assert errors(processes) == ["", "", "", ""]


@pytest.mark.slow
def test_processes_that_write_one_database_at_once_never_find_it_locked(python, open_store):
    program = """
store = open_store()
run = store.begin(start())
mine = int(sys.argv[1])
for turn in range(60):
    number = turn * 10
    shared = [leaf(number + i, small(b"shared %d" % (number + i))) for i in range(5)]
    own = [leaf(10_000 * mine + number + i, small(b"own")) for i in range(5)]
    store.recall([key(number + i) for i in range(5)])
    store.commit(run, shared + own)
    store.beat(run)
store.finish(run, "done", {})
store.close()
"""
    processes = [python(program, number) for number in (1, 2, 3)]

    assert errors(processes) == ["", "", ""]
    store = open_store()
    assert [run.status for run in store.runs()] == ["done"] * 3
    answers = store.recall([key(turn * 10 + i) for turn in range(60) for i in range(5)])
    assert all(len(records.normals) == 1 for records in answers)
    assert store.epochs([("flow.f", b"fingerprint-of-f")]) == [0]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("seed", range(8))
def test_a_kill_leaves_whole_transactions_and_a_lost_run(python, open_store, tmp_path, seed):
    program = """
store = open_store()
run = store.begin(start())
number = int(sys.argv[1])
while True:
    group = [leaf(i, opaque(b"%d " % i * 200)) for i in range(number, number + 20)]
    store.commit(run, group)
    print(number, flush=True)
    number += 20
"""
    process = python(program, 0)
    told = [process.stdout.readline() for _ in range(2)]
    kill_at = time.monotonic() + random.Random(seed).random() * 0.1
    while time.monotonic() < kill_at:
        told.append(process.stdout.readline())
    process.kill()
    told += process.communicate()[0].splitlines()

    connection = sqlite3.connect(tmp_path / "test.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    counts = {connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("memo", "job", "value")}
    connection.close()

    (committed,) = counts  # as many of each
    assert committed % 20 == 0
    assert committed >= 20 * len([line for line in told if line.strip()])
    store = open_store()
    assert [run.status for run in store.runs()] == ["lost"]
    answers = store.recall([key(number) for number in range(committed + 1)])
    assert [records is None for records in answers] == [False] * committed + [True]
