"""What ended more than a second ago is recorded, whatever else the run is at."""

import signal

import pytest
from crash_project import Project, wait_or_end

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]

FLOW = """\
import sys, time
from alonzo import run, task
from effects import effect

@task
def quick(n):
    effect("end", f"quick({n})")
    return n

@task
def endless():
    effect("begin", "endless")
    while True:
        time.sleep(1)

@task
def main():
    return [*[quick(n) for n in range(30)], endless()]

if __name__ == "__main__":
    run(main(), store="sqlite:runs.db", executor=sys.argv[1], workers=2)
"""


@pytest.mark.parametrize("executor", ["threads", "processes", "inprocess"])
def test_short_jobs_are_recorded_while_a_long_one_goes_on(tmp_path, executor):
    with Project(tmp_path, FLOW) as project:
        process = project.start("flow.py", executor)
        assert project.wait_for_effect(process)
        assert wait_or_end(process, 1.1)
        process.kill()
        process.communicate()

        recorded = project.rows("SELECT arguments FROM jobs WHERE task = 'flow.quick' AND status = 'ran'")
        assert {f"quick({arguments})" for (arguments,) in recorded} == set(project.names("end"))
