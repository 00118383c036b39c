"""Programs that are killed midway, between and inside steps, and run again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from handle_steps import program, read_midway, written

from alonzo import Runtime

SUPPORT = Path(__file__).parents[2] / "support"
STEPS = [("a", "1"), ("b", "1"), ("c", "1")]
IMPORTS = """
import json, sys
from alonzo import Runtime
from handle_steps import program, read_midway
place, executor = sys.argv[1:]
steps = [("a", "1"), ("b", "1"), ("c", "1")]
"""
RUN = f"""{IMPORTS}
with Runtime(executor=executor) as runtime:
    runtime.run(program(place, steps, {{}}, []))
    print(json.dumps(dict(runtime.last.ran)))
"""
READ = f"""{IMPORTS}
with Runtime(executor=executor) as runtime:
    counts = runtime.run(read_midway(place, "2", steps, retries={{"lost": 1}}))
    print(json.dumps(dict(runtime.last.ran) | {{"steps.counts": counts}}))
"""
# Opens and imports everything, says so, and begins when it is told to.
TOGETHER = f"""{IMPORTS}
with Runtime(executor=executor) as runtime:
    print(flush=True)
    sys.stdin.readline()
    runtime.run(program(place, steps, {{}}, []))
    print(json.dumps(dict(runtime.last.ran)))
"""


def started(place, executor="inprocess", text=RUN, **environment):
    path = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", text, place, executor],
        env={**os.environ, **environment, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if text is TOGETHER else None,
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


@pytest.mark.slow
def test_two_processes_that_start_at_once_after_a_revert_leave_what_one_leaves(place):
    for version in "12":
        with Runtime(executor="inprocess") as runtime:
            runtime.run(program(place, [("a", "1"), ("b", version), ("c", "1")], {}, []))

    both = [started(place, text=TOGETHER) for _ in range(2)]
    for process in both:
        process.stdout.readline()
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [(*process.communicate(timeout=120), process.returncode) for process in both]

    # Both have looked before either began: one may take back what the other has done, which then says to run it again, or runs it again.
    assert 0 in [code for _, _, code in ended]
    for output, errors, code in ended:
        if code:
            assert "HandleError" in errors
            assert "run" in errors.rpartition("HandleError")[2]
        else:
            assert json.loads(output).get("steps.a", 0) == 0
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]
    code, ran = finished(started(place))
    assert (code, ran.get("a", 0)) == (0, 0)
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["inprocess", "processes"])
def test_an_edited_reader_in_the_middle_sees_its_state_wherever_it_runs(place, executor):
    with Runtime(executor="inprocess") as runtime:
        assert runtime.run(read_midway(place, "1", STEPS)) == [1, 3]

    assert finished(started(place, executor, READ)) == (0, {"count": 2, "b": 1, "c": 1, "counts": [1, 3]})
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
@pytest.mark.parametrize("point", ["undoing", "committed", "reading"])
def test_a_reader_that_is_killed_while_it_goes_back_does_so_again(place, point):
    with Runtime(executor="inprocess") as runtime:
        runtime.run(read_midway(place, "1", STEPS))

    assert finished(started(place, text=READ, KILL=point)) == (-9, {})
    assert finished(started(place, text=READ)) == (0, {"count": 2, "b": 1, "c": 1, "counts": [1, 3]})
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


@pytest.mark.slow
def test_a_reader_whose_worker_dies_after_it_went_back_has_the_later_steps_run_again(place):
    with Runtime(executor="inprocess") as runtime:
        runtime.run(read_midway(place, "1", STEPS))

    ended = finished(started(place, "processes", READ, KILL="reading at first"))
    assert ended == (0, {"count": 2, "b": 1, "c": 1, "counts": [1, 3]})
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]
