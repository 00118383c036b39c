"""Sub-runs on processes of what belongs to the main program: sent by value, and known there as it is here."""

import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

pytestmark = pytest.mark.slow

FLOW = """
import dataclasses, functools, importlib, json, pathlib, sys
import helpers
from alonzo import Runtime, subrun, task

{more}

def shown(function):
    @functools.wraps(function)
    def around(*args):
        return function(*args)
    return around

@dataclasses.dataclass
class Point:
    x: int

def helper(x):
    return {helper}

@task
@shown
def leaf(point):
    return helper(point.x)

@task
def total(xs):
    return sum(xs)

@task
def part(n):
    return total([leaf(Point(i)) for i in range(n)])

@task
def far(x):
    return helpers.far(x)

def made(k):
    @task
    def inner(x):
        return x * k
    return inner

@task
def main():
    return subrun(part(3), executor="processes")

def run(runtime, expression):
    value = runtime.run(expression)
    ran = {{name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}}
    print(json.dumps([value, ran]))

if __name__ == "__main__":
    with Runtime(store="sqlite:memo.db", workers=1) as runtime:
        {body}
"""


@pytest.fixture
def script(tmp_path):
    def run(*lines, helper="x + 1", more=""):
        body = "\n        ".join(lines or ["run(runtime, main())"])
        (tmp_path / "flow.py").write_text(FLOW.format(helper=helper, body=body, more=more))
        done = subprocess.run(
            [sys.executable, "flow.py"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    (tmp_path / "helpers.py").write_text("def far(x):\n    return x + 1\n")
    return run


def test_a_second_run_of_the_script_applies_nothing(script):
    first = {"main": 1, "reduced": 1, "part": 1, "leaf": 3, "total": 1}

    assert script() == [[6, first]]
    assert script() == [[6, {}]]


def test_what_ran_inside_is_recalled_outside_and_the_other_way_round(script):
    [[_, _], [value, ran]] = script("run(runtime, main())", "run(runtime, part(3))")
    assert (value, ran) == (6, {})

    [[value, ran]] = script("run(runtime, part(4))")
    assert (value, ran) == (10, {"part": 1, "leaf": 1, "total": 1})
    [[value, ran]] = script('run(runtime, subrun(part(4), executor="processes"))')
    assert (value, ran) == (10, {"reduced": 1})


def test_a_changed_helper_of_the_script_reruns_what_rests_on_it_and_nothing_else(script):
    script()
    assert script(helper="x + 1 if x else 10") == [[15, {"reduced": 1, "leaf": 3, "total": 1}]]
    assert script(helper="x + 1") == [[6, {}]]
    assert script(more="unrelated = 1") == [[6, {}]]


def test_a_call_of_a_task_that_was_made_inside_a_function_is_recalled_inside(script):
    line = 'run(runtime, subrun(made(3)(2), executor="processes"))'
    assert script(line) == [[6, {"reduced": 1, "inner": 1}]]
    # The sub-run itself is reduced again: that a task of this name exists is not known before it is met.
    assert script(line) == [[6, {"reduced": 1}]]


RELOAD = (
    'pathlib.Path("helpers.py").write_text("def far(x):\\n    return x + 100\\n")',
    "importlib.invalidate_caches(); importlib.reload(helpers)",
)


@pytest.mark.parametrize("call", ['far.options(executor="processes")(1)', 'subrun(far(1), executor="processes")'])
def test_a_worker_that_has_imported_another_version_of_what_the_script_imports_is_replaced(script, call):
    [[before, _], [after, ran]] = script(f"run(runtime, {call})", *RELOAD, f"run(runtime, {call})")
    assert (before, after) == (2, 101)
    assert ran["far"] == 1

    [[value, ran]] = script(f"run(runtime, {call})")
    assert (value, ran) == (101, {})


def test_a_task_of_the_script_that_was_defined_anew_meanwhile_is_never_stale(script):
    call = 'run(runtime, subrun(total([1, 2]), executor="processes"))'
    anew = "total = task(lambda xs: 100 * sum(xs), name='total', namespace='flow')"
    [[before, _], [after, ran], [again, nothing]] = script(call, anew, call, call)
    assert (before, after, again) == (3, 300, 300)
    assert (ran["total"], nothing) == (1, {})


MORE = """
@task(executor="processes")
def applied(function, x):
    return function(x)

def by_far(x):
    return helpers.far(x)
"""


def test_a_function_that_is_an_argument_does_not_meet_an_older_version_of_what_it_imports(script):
    call = "run(runtime, applied(by_far, 1))"
    assert [value for value, _ in script(call, *RELOAD, call, more=MORE)] == [2, 101]
    assert script(call, more=MORE) == [[101, {}]]
