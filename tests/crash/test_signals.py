"""SIGINT and SIGTERM: `alonzo run` ends in good order, and Ctrl-C in a program of one's own leaves a usable store."""

import os
import signal

import pytest
from crash_project import Project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="signals are sent as POSIX does"),
]

FLOW = """\
import os, sys, time
from pathlib import Path
from alonzo import Runtime, task
from effects import effect

@task
def quick(n):
    effect("end", f"quick({n})")
    return n

@task
def slow(n):
    effect("begin", f"slow({n})")
    while not Path("go").exists():
        time.sleep(0.01)
    effect("end", f"slow({n})")
    return n

@task
def both(first, second):
    return first + second

@task
def main():
    return [quick(1), both(slow(2), 1), both(slow(3), 1), both(slow(4), 1)]

if __name__ == "__main__":
    with Runtime(store="sqlite:runs.db", executor=sys.argv[1], workers=1) as runtime:
        try:
            runtime.run(main())
        except KeyboardInterrupt:
            Path("go").touch()
            print("interrupted", runtime.store.runs()[0].status)
            print(runtime.run(main()), runtime.last.recalled["flow.quick"])
"""
VALUE = [1, 3, 4, 5]


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path, FLOW) as project:
        yield project


def statuses(project):
    return [status for (status,) in project.rows("SELECT status FROM run ORDER BY id")]


@pytest.mark.parametrize("executor", ["threads", "processes"])
@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_lets_what_is_under_way_end_and_the_same_command_goes_on(project, executor, number, code):
    words = ["run", "flow.py", "main", "--executor", executor, "--workers", "1", "--store", project.url]
    process = project.start("-m", "alonzo_cli", *words)
    assert project.wait_for_effect(process)

    process.send_signal(number)
    told = ""
    while signal.Signals(number).name not in told:  # the handler says so at once
        told += process.stderr.readline()
    (project.directory / "go").touch()
    out, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert out == ""
    assert "alonzo run flow.py main" in err
    assert statuses(project) == ["interrupted"]
    kept = project.names("end")
    assert "quick(1)" in kept
    assert "slow(2)" in kept
    out, _ = project.alonzo("run", "flow.py", "main", "--executor", executor, turn=1)
    assert out.strip() == str(VALUE)
    assert not set(project.names("end", turn=1)) & set(kept)
    assert statuses(project) == ["interrupted", "done"]


@pytest.mark.parametrize("executor", ["threads", "processes", "inprocess"])
def test_a_second_signal_stops_at_once_and_the_store_is_whole(project, executor):
    words = ["run", "flow.py", "main", "--executor", executor, "--workers", "1", "--store", project.url]
    process = project.start("-m", "alonzo_cli", *words)
    assert project.wait_for_effect(process)

    process.send_signal(signal.SIGTERM)
    told = ""
    while "SIGTERM" not in told:
        told += process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)  # nobody lets slow() end

    assert process.returncode == 143
    assert project.integrity() == "ok"
    out, _ = project.alonzo("log")
    assert "lost" in out
    (project.directory / "go").touch()
    out, _ = project.alonzo("run", "flow.py", "main", turn=1)
    assert out.strip() == str(VALUE)


@pytest.mark.parametrize("executor", ["threads", "processes", "inprocess"])
def test_ctrl_c_in_a_program_is_a_keyboard_interrupt_and_the_same_runtime_goes_on(project, executor):
    process = project.start("flow.py", executor)
    assert project.wait_for_effect(process)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[0] == "interrupted interrupted"
    assert out.splitlines()[1].startswith(str(VALUE))
    assert statuses(project) == ["interrupted", "done"]
    assert project.integrity() == "ok"


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_what_had_finished_before_ctrl_c_is_recalled(project, executor):
    process = project.start("flow.py", executor)
    assert project.wait_for_effect(process)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert out.splitlines()[1] == f"{VALUE} 1", err
    assert project.names("end").count("quick(1)") == 1


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_after_the_first_signal_nothing_new_starts(project, executor):
    words = ["run", "flow.py", "main", "--executor", executor, "--workers", "1", "--store", project.url]
    process = project.start("-m", "alonzo_cli", *words)
    assert project.wait_for_effect(process)

    process.send_signal(signal.SIGINT)
    while "SIGINT" not in process.stderr.readline():
        assert process.poll() is None
    (project.directory / "go").touch()
    process.communicate(timeout=60)

    assert project.names("begin") == ["slow(2)"]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_ctrl_c_in_a_program_starts_nothing_of_the_interrupted_run(project, executor):
    process = project.start("flow.py", executor)
    assert project.wait_for_effect(process)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)

    # slow(2) was under way and is computed again; of the others, each begins once: in the second run.
    assert project.names("begin") == ["slow(2)", "slow(2)", "slow(3)", "slow(4)"]
