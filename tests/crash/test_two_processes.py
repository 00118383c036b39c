"""Two processes that run one workflow on one database at the same time, while others read it."""

import os

import pytest
from crash_campaign import EXPECTED, FLOW
from crash_project import Project

pytestmark = pytest.mark.slow

ROUNDS = int(
    os.environ.get("CRASH_ROUNDS", "10")
)  # more of them: CRASH_ROUNDS=200 pytest tests/crash/test_two_processes.py
EXECUTORS = [("threads", "threads"), ("threads", "inprocess"), ("processes", "threads")]
# Short, so that the two are at each other's heels
QUICK = FLOW.replace("time.sleep(", "time.sleep(0.02 * ")
LOG = ["-m", "alonzo_cli", "log", "--store", "sqlite:runs.db", "--json"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    with Project(tmp_path_factory.mktemp("two"), QUICK) as project:
        project.run("flow.py", "inprocess", turn=-9)  # makes the database that is read while others write
        yield project


@pytest.mark.parametrize("number", range(ROUNDS))
def test_both_are_right_and_no_one_is_locked_out(project, number):
    # A changed constant makes all of it new again.
    project.write(QUICK.replace("return n * n", f"return n * n + 0 * {number}"))
    runs = [project.start("flow.py", executor, turn=number) for executor in EXECUTORS[number % 3]]
    readers = [project.start(*LOG, turn=number)] if number % 3 == 0 else []
    done = [process.communicate(timeout=60) for process in [*runs, *readers]]

    assert [err for _, err in done] == ["", *[""] * (len(done) - 1)]
    assert [out.strip() for out, _ in done[:2]] == [str(EXPECTED)] * 2
    assert [process.returncode for process in [*runs, *readers]] == [0] * len(done)
    assert project.integrity() == "ok"
    assert {status for (status,) in project.rows("SELECT status FROM run")} == {"done"}


def test_what_two_have_recorded_runs_for_no_third(project):
    for run in [project.start("flow.py", "threads", turn=-1) for _ in range(2)]:
        run.communicate(timeout=60)

    out, _ = project.run("flow.py", "threads", turn=-2)

    assert out.strip() == str(EXPECTED)
    assert project.names("begin", turn=-2) == []
