"""The benchmark command runs, at sizes too small to mean anything, and the floor writes the rows that the store writes."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alonzo import Runtime, task

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the benchmarks measure by POSIX's getrusage")


@task
def one():
    return 1


def command(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_one_round_of_few_calls_ends_with_a_verdict_on_each_bar(tmp_path):
    pytest.importorskip("alonzo_store_sqlite")
    pytest.importorskip("alonzo_executor_local")
    file = tmp_path / "figures.json"
    chosen = ["--only", "cold", "--only", "again", "--only", "each", "--only", "changed"]

    done = command(BENCHMARKS / "run.py", "--calls", 20, "--rounds", 1, "--json", file, *chosen)

    assert done.returncode == 0, done.stderr
    written = json.loads(file.read_text())
    assert list(written["benchmarks"]) == ["cold", "again", "each", "changed"]
    verdicts = [
        bar["met"] in {True, False} for found in written["benchmarks"].values() for bar in found["bars"] if bar["limit"]
    ]
    assert verdicts == [True] * 8  # and one limit is 0


def test_a_bar_is_met_on_its_limit_and_missed_beyond_it():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        from bars import Bar
    finally:
        sys.path.remove(str(BENCHMARKS))

    assert Bar("at most", "", lambda _: 0, 2).is_met(2)
    assert not Bar("at most", "", lambda _: 0, 2).is_met(2.1)
    assert Bar("at least", "", lambda _: 0, 2, at_least=True).is_met(2)
    assert not Bar("at least", "", lambda _: 0, 2, at_least=True).is_met(1.9)


@pytest.mark.slow
def test_the_floor_writes_the_columns_that_the_store_writes(tmp_path):
    pytest.importorskip("alonzo_store_sqlite")
    ours, floor = tmp_path / "alonzo.db", tmp_path / "floor.db"
    with Runtime(store=f"sqlite:{ours}", executor="inprocess") as runtime:
        runtime.run(one())

    done = command(BENCHMARKS / "sides" / "on_floor.py", "cold", json.dumps({"store": str(floor), "n": 3}))

    assert done.returncode == 0, done.stderr
    for table in ("job", "memo"):
        assert columns(floor, table) == columns(ours, table)
    assert rows(floor, "SELECT count(*) FROM job") == rows(floor, "SELECT count(*) FROM memo") == [(3,)]


@pytest.mark.slow
def test_the_bare_machine_is_profiled_in_all_three_shapes():
    done = command(BENCHMARKS / "profile_machine.py", "--calls", 20)

    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "shape",
        "fan-out",
        "chain",
        "recursion",
        "budget:",
    ]


def columns(database, table):
    """Names, types, and whether they must be given; the floor may cluster its rows as suits it best."""
    return [(name, kind, required) for _, name, kind, required, _, _ in rows(database, f"PRAGMA table_info({table})")]


def rows(database, query):
    connection = sqlite3.connect(database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
