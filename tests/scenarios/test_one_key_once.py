"""One key, once: what one run is at, another run on the same store waits for, in whichever process, and takes over when that is gone."""

import signal
import sqlite3
import threading
import time

import pytest
from crash_project import Project

from alonzo import Runtime, task

pytestmark = pytest.mark.slow

# `slow` lasts until the file "go" is there, and fails when it says so; `other` is work that has nothing to wait for.
FLOW = """\
import os, time
from pathlib import Path
from alonzo import task
from effects import effect

@task
def slow(n):
    effect("begin", "slow")
    while not Path("go").exists():
        time.sleep(0.01)
    if Path("go").read_text() == "fail":
        raise ValueError(f"no {n}")
    return n + 1

@task
def other(turn):
    effect("begin", "other")
    return 0

@task
def main(turn):
    return [slow(1), other(turn)]

@task
def each(n):
    effect("begin", f"each-{n}")
    time.sleep(0.2)
    effect("end", f"each-{n}")
    return n

@task
def many(turn):
    return [each(n) for n in range(16)]
"""
RUN = """\
import os, sys
from alonzo import Runtime
import flow
with Runtime(store="sqlite:runs.db", executor=sys.argv[1], workers=2) as runtime:
    print(runtime.run(getattr(flow, sys.argv[2])(int(os.environ["TURN"]))))
    print(sum(runtime.last.recalled.values()))
"""


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path, FLOW) as project:
        project.write(RUN, "start.py")
        yield project


def wait_for_rows(database, table, count, seconds=30):
    deadline = time.monotonic() + seconds
    connection = sqlite3.connect(database)
    while connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] < count:
        assert time.monotonic() < deadline, f"no {count} rows of {table} within {seconds} s"
        time.sleep(0.01)
    connection.close()


def at_work(project, executor):
    """Two processes: the first is in `slow`, the second has come to it too, and has done its other work."""
    first = project.start("start.py", executor, "main", turn=1)
    project.wait_for_effect(first, turn=1)
    wait_for_rows(project.database, "claim", 1)
    second = project.start("start.py", executor, "main", turn=2)
    project.wait_for_effect(second, turn=2)
    return first, second


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_waits_for_what_another_process_is_at_and_does_its_other_work_meanwhile(project, executor):
    first, second = at_work(project, executor)
    assert project.names("begin", turn=2) == ["other"]

    (project.directory / "go").touch()

    assert first.communicate(timeout=60) == ("[2, 0]\n0\n", "")
    assert second.communicate(timeout=60) == ("[2, 0]\n1\n", "")
    assert project.names("begin") == ["other", "other", "slow"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_a_run_takes_over_from_a_process_that_was_killed(project, executor):
    first, second = at_work(project, executor)

    first.kill()
    first.wait()
    project.wait_for_effect(second, turn=2, count=2)
    (project.directory / "go").touch()

    assert second.communicate(timeout=60) == ("[2, 0]\n0\n", "")
    assert project.names("begin", turn=2) == ["other", "slow"]


def test_what_failed_in_one_run_is_tried_by_the_one_that_waited(project):
    first, second = at_work(project, "threads")

    (project.directory / "go").write_text("fail")

    assert "ValueError: no 1" in first.communicate(timeout=60)[1]
    assert "ValueError: no 1" in second.communicate(timeout=60)[1]
    assert project.names("begin") == ["other", "other", "slow", "slow"]


def last_line_of(process):
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines()[0]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_two_processes_that_begin_at_once_share_the_work(project, executor):
    runs = [project.start("start.py", executor, "many", turn=turn) for turn in (1, 2)]

    assert [last_line_of(run) for run in runs] == [str(list(range(16)))] * 2
    assert project.names("begin") == sorted(f"each-{n}" for n in range(16))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_of_two_processes_that_share_the_work_one_is_killed_and_the_other_does_the_rest(project, executor):
    first, second = (project.start("start.py", executor, "many", turn=turn) for turn in (1, 2))
    project.wait_for_effect(first, what="end", turn=1, count=3)
    first.kill()
    first.wait()
    kept = project.rows(
        "SELECT count(*) FROM job WHERE run = (SELECT id FROM run WHERE process = ?) AND status = 'ran'", first.pid
    )[0][0]

    assert last_line_of(second) == str(list(range(16)))
    again = project.names("begin", turn=2)
    assert len(again) == len(set(again)) == 16 - kept
    assert set(project.names("begin")) == {f"each-{n}" for n in range(16)}


began = []
go = threading.Event()


@task
def waits(n):
    began.append(n)
    assert go.wait(30)
    return n


def test_two_runs_of_one_process_share_what_is_under_way(tmp_path):
    began.clear()
    go.clear()
    results = []
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", executor="threads", workers=2) as runtime:
        threads = [threading.Thread(target=lambda: results.append(runtime.run(waits(1)))) for _ in range(2)]
        threads[0].start()
        wait_for_rows(tmp_path / "runs.db", "claim", 1)
        threads[1].start()
        wait_for_rows(tmp_path / "runs.db", "run", 2)
        go.set()
        for thread in threads:
            thread.join()

    assert results == [1, 1]
    assert began == [1]
