"""Programs that are killed midway, between and inside steps, and run again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from handle_steps import program, written

from alonzo import Runtime

SUPPORT = Path(__file__).parents[2] / "support"
STEPS = [("a", "1"), ("b", "1"), ("c", "1")]
RUN = """
import json, sys
from alonzo import Runtime
from handle_steps import program
place, executor = sys.argv[1:]
with Runtime(executor=executor) as runtime:
    runtime.run(program(place, [("a", "1"), ("b", "1"), ("c", "1")], {}, []))
    print(json.dumps(dict(runtime.last.ran)))
"""


def started(place, executor="inprocess", **environment):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, place, executor],
        env={**os.environ, **environment, "PYTHONPATH": str(SUPPORT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def finished(process):
    """The exit code, and the steps that ran by name; none when it was killed."""
    output, _ = process.communicate(timeout=120)
    ran = json.loads(output) if output else {}
    return process.returncode, {name.removeprefix("steps."): n for name, n in ran.items() if name.startswith("steps.")}


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "again"),
    [
        ("inside b", [{"b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}]),
        ("after b", [{"b": 1, "c": 1}, {"a": 1, "b": 1, "c": 1}]),
        ("committed", [{"a": 1, "b": 1, "c": 1}]),
    ],
)
def test_a_killed_program_goes_on_from_the_last_state_that_is_known(point, again, place):
    # What was done in the last 50 ms before the kill may not be recorded yet, and is done again.
    assert finished(started(place, KILL=point)) == (-9, {})

    code, ran = finished(started(place))

    assert code == 0
    assert ran in again
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
def test_a_roll_back_that_is_killed_is_made_again(place):
    with Runtime(executor="inprocess") as runtime:
        runtime.run(program(place, [("a", "1"), ("b", "0"), ("c", "1")], {}, []))

    assert finished(started(place, KILL="undoing")) == (-9, {})
    assert finished(started(place)) == (0, {"b": 1, "c": 1})
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
def test_what_a_killed_step_did_is_rolled_back_when_the_program_has_it_no_more(place):
    assert finished(started(place, KILL="after c")) == (-9, {})
    with Runtime(executor="inprocess") as runtime:
        runtime.run(program(place, [("a", "1")], {}, []))

    assert written(place) == [("a", "1", 0)]


@pytest.mark.slow
def test_two_processes_that_run_one_program_at_once_do_each_step_once(place):
    both = [started(place), started(place)]
    ended = [finished(process) for process in both]

    assert [code for code, _ in ended] == [0, 0]
    assert sum(n for _, ran in ended for n in ran.values()) == 3
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
def test_steps_in_worker_processes_leave_the_same(place):
    assert finished(started(place, "processes")) == (0, {"a": 1, "b": 1, "c": 1})
    assert finished(started(place, "processes")) == (0, {})
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]
