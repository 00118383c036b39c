"""A module is edited while a run is going on: the run goes on with the code that it began with, and the next one sees the new."""

import pytest
from crash_project import Project

pytestmark = pytest.mark.slow

# `first` lasts until the file "go" is there; the edit changes `second`, which has not begun by then.
FLOW = """\
import time
from pathlib import Path
from alonzo import task
from effects import effect

@task
def first(n):
    effect("begin", "first")
    while not Path("go").exists():
        time.sleep(0.01)
    return n

@task
def second(n):
    effect("begin", "second")
    return n + 1

@task
def main():
    return second(first(1))
"""
EDITED = FLOW.replace("return n + 1", "return n + 100")
RUN = """\
import sys
from pathlib import Path
from alonzo import Runtime
from flow import main
with Runtime(store="sqlite:runs.db", executor=sys.argv[1], workers=2) as runtime:
    print(runtime.run(main()))
    if "again" in sys.argv:
        print(runtime.run(main()))
"""
TWICE = """\
import importlib, sys
from alonzo import Runtime
import flow
from effects import effect
with Runtime(store="sqlite:runs.db", executor=sys.argv[1], workers=2) as runtime:
    print(runtime.run(flow.main()), flush=True)
    sys.stdin.readline()
    importlib.reload(flow)
    print(runtime.run(flow.main()), dict(runtime.last.ran))
"""


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path, FLOW) as project:
        project.write(RUN, "start.py")
        project.write(TWICE, "twice.py")
        yield project


def edit(project):
    project.write(EDITED)
    (project.directory / "go").touch()


@pytest.mark.parametrize("executor", ["inprocess", "threads", "processes"])
def test_the_run_ends_with_the_old_code_and_the_next_takes_the_new(project, executor):
    process = project.start("start.py", executor)
    assert project.wait_for_effect(process)
    edit(project)
    out, err = process.communicate(timeout=60)

    assert (out.strip(), process.returncode) == ("2", 0), err
    out, _ = project.run("start.py", executor, turn=1)
    assert out.strip() == "101"
    assert project.names("begin", turn=1) == ["second"]


@pytest.mark.parametrize("executor", ["inprocess", "threads"])
def test_what_was_recorded_after_the_edit_is_not_taken_for_the_new_codes(project, executor):
    process = project.start("start.py", executor, "again")
    assert project.wait_for_effect(process)
    edit(project)
    out, err = process.communicate(timeout=60)

    # The module in memory is the old one: that is what the second run of the same process has too.
    assert out.split() == ["2", "2"], err
    assert project.run("start.py", executor, turn=1)[0].strip() == "101"
    project.write(FLOW)
    assert project.run("start.py", executor, turn=2)[0].strip() == "2"
    assert project.names("begin", turn=2) == []


@pytest.mark.parametrize("executor", ["inprocess", "threads", "processes"])
def test_a_module_reloaded_between_two_runs_of_one_runtime(project, executor):
    import subprocess

    (project.directory / "go").touch()
    process = project.start("twice.py", executor, stdin=subprocess.PIPE)
    assert process.stdout.readline().strip() == "2"
    project.write(EDITED)
    out, err = process.communicate("\n", timeout=60)

    assert out.strip() == "101 {'flow.second': 1}", err
