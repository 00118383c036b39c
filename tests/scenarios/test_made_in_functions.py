"""Tasks that are made inside functions: what runs, what is recalled after an edit, and that nothing is ever stale."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

pytestmark = pytest.mark.slow

RUNNER = """
import json, sys, warnings
from alonzo import Runtime, subrun

def short(counts):
    return {name.rpartition(".")[2]: count for name, count in counts.items()}

def run(namespace):
    executor, *texts = sys.argv[1:]
    with Runtime(store="sqlite:memo.db", executor=executor, workers=2) as runtime, warnings.catch_warnings():
        warnings.simplefilter("error")
        for text in texts:
            try:
                told = [runtime.run(eval(text, {"subrun": subrun}, namespace)), short(runtime.last.ran)]
            except Exception as error:
                told = [type(error).__name__, str(error)]
            print(json.dumps(told))
"""

END = """
if __name__ == "__main__":
    import runner
    runner.run(globals())
"""


@pytest.fixture
def program(tmp_path):
    """Runs expressions one after another in one new process: each one's value and what ran, or the failure's type and text."""
    (tmp_path / "runner.py").write_text(RUNNER)

    def run(flow, executor, *expressions, start=("-c", "import flow, runner; runner.run(vars(flow))")):
        (tmp_path / "flow.py").write_text(flow + END)
        done = subprocess.run(
            [sys.executable, *start, executor, *expressions],
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


# -- which of several of one name ---------------------------------------------------------------------

CAPTURED = """
from alonzo import task

def stepped(step):
    @task
    def inner(x):
        return x * step
    @task
    def outer(x):
        return inner(x) + 1
    return outer

def named(step):
    @task(name="named")
    def inner(x):
        return x * step
    return inner

def with_default(step):
    @task
    def inner(x, by=step):
        return x * by
    return inner

ALIAS = stepped(5)
OTHER = stepped(6)

@task
def reads(x):
    return ALIAS(x)

@task
def use(function, x):
    return function(x)

@task
def many(count, step):
    @task
    def inner(x):
        return x * step
    return [inner(i) for i in range(count)]

@task
def total(xs):
    return sum(xs)
"""


def test_a_task_that_has_captured_another_one_is_told_apart_by_it(program):
    calls = ["stepped(3)(2)", "stepped(4)(2)", "stepped(3)(2)"]
    assert program(CAPTURED, "threads", *calls) == [
        [7, {"outer": 1, "inner": 1}],
        [9, {"outer": 1, "inner": 1}],
        [7, {"outer": 1}],  # in this process its parts are the other's now; they are recalled
    ]
    assert [value for value, _ in program(CAPTURED, "threads", *calls)] == [7, 9, 7]


@pytest.mark.parametrize("maker", ["named", "with_default"])
def test_a_task_that_is_an_argument_is_told_apart_by_what_it_has_captured(program, maker):
    calls = [f"use({maker}(3), 2)", f"use({maker}(4), 2)"]
    inner = "named" if maker == "named" else "inner"
    assert program(CAPTURED, "threads", *calls) == [[6, {"use": 1, inner: 1}], [8, {"use": 1, inner: 1}]]
    assert program(CAPTURED, "threads", *calls) == [[6, {"use": 1}], [8, {"use": 1}]]


def test_a_name_that_is_bound_to_another_of_them_is_a_change(program):
    assert program(CAPTURED, "threads", "reads(2)")[0][0] == 11
    edited = CAPTURED.replace("ALIAS = stepped(5)", "FIRST = stepped(5)").replace(
        "@task\ndef reads", "ALIAS = OTHER\n\n@task\ndef reads"
    )
    assert program(edited, "threads", "reads(2)") == [[13, {"reads": 1, "outer": 1, "inner": 1}]]


def test_large_bodies_that_call_different_tasks_of_one_name_are_two_values(program):
    calls = ["total(many(3000, 1))", "total(many(3000, 2))"] * 2
    values = [4498500, 8997000] * 2
    assert [value for value, _ in program(CAPTURED, "threads", *calls)] == values
    assert [value for value, _ in program(CAPTURED, "threads", *calls)] == values
