"""Real edits of real source: a module's file is written anew and imported anew, under one runtime and in new processes."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from recall_world import Bench

HELPER = "def scale(x):\n    return x * {factor}\n"
FLOW = """from alonzo import task
import edited_helper

@task
def leaf(x, add={default}):
    return edited_helper.scale(x) + add

@task
def other(x):
    return {other}

class Ruler:
    def __init__(self, length):
        self.length = length

    def measure(self):
        return {measure}

def ruler():
    return Ruler(3)

@task
def measured(ruler):
    return ruler.measure()

@task
def main(n):
    return [leaf(i) for i in range(n)] + [other(n)]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes the two modules and imports them anew; answers the flow."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(factor=2, default=0, other="x", measure="self.length"):
        (tmp_path / "edited_helper.py").write_text(HELPER.format(factor=factor))
        (tmp_path / "edited_flow.py").write_text(FLOW.format(default=default, other=other, measure=measure))
        importlib.invalidate_caches()
        for name in ("edited_helper", "edited_flow"):
            module = sys.modules.get(name)
            importlib.reload(module) if module else importlib.import_module(name)
        return sys.modules["edited_flow"]

    write.path = tmp_path
    yield write
    for name in ("edited_helper", "edited_flow"):
        sys.modules.pop(name, None)


def test_a_changed_helper_runs_what_reaches_it_and_nothing_else(project):
    with Bench() as bench:
        flow = project()
        assert bench.run(flow.main(3)).value == [0, 2, 4, 3]

        flow = project(factor=3)
        edited, again = bench.run(flow.main(3)), bench.run(flow.main(3))
        flow = project(factor=2)
        back = bench.run(flow.main(3))

    assert (edited.value, edited.ran) == ([0, 3, 6, 3], {"leaf": 3})
    assert edited.recalled == {"main": 1, "other": 1}
    assert (again.ran, again.keys) == ({}, 1)
    assert (back.value, back.ran, back.keys) == ([0, 2, 4, 3], {}, 1)


def test_a_changed_default_runs_the_calls_that_use_it(project):
    with Bench() as bench:
        flow = project()
        bench.run(flow.main(2))

        flow = project(default=10)
        edited = bench.run(flow.main(2))

    assert (edited.value, edited.ran) == ([10, 12, 2], {"leaf": 2})


def test_a_changed_task_with_an_equal_value_stops_the_change(project):
    with Bench() as bench:
        flow = project()
        bench.run(flow.main(2))

        flow = project(other="x + 0")
        edited, again = bench.run(flow.main(2)), bench.run(flow.main(2))

    assert (edited.value, edited.ran) == ([0, 2, 2], {"other": 1})
    assert again.keys == 1


def test_a_task_defined_anew_counts_though_the_runtime_has_met_the_old_one(project):
    """A notebook's cell is run again: the caller is the same object, the module binds another task."""
    with Bench() as bench:
        flow = project()
        main = flow.main
        bench.run(main(2))

        flow = project(other="-x")
        edited = bench.run(main(2))

    assert (edited.value, edited.ran) == ([0, 2, -2], {"other": 1})


def test_a_changed_method_counts_though_only_an_instance_came_in(project):
    with Bench() as bench:
        flow = project()
        bench.run(flow.measured(flow.ruler()))

        flow = project(measure="-self.length")
        edited = bench.run(flow.measured(flow.ruler()))

    assert (edited.value, edited.ran) == (-3, {"measured": 1})


@pytest.mark.slow
def test_a_new_process_sees_edits_as_well(project):
    pytest.importorskip("alonzo_store_sqlite", reason="only a store on disk outlives a process")
    program = (
        "import json, edited_flow\nfrom alonzo import Runtime\n"
        "with Runtime(store='sqlite:memo.db', executor='inprocess') as runtime:\n"
        "    value = runtime.run(edited_flow.main(3))\n"
        "    print(json.dumps([value, {k.rpartition('.')[2]: n for k, n in runtime.last.ran.items()}]))\n"
    )

    def run():
        import alonzo
        import alonzo_store_sqlite

        places = [str(Path(module.__file__).parents[1]) for module in (alonzo, alonzo_store_sqlite)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project.path), *places])}
        # Two edits of one size within one second would run the stale .pyc of the first.
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=project.path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)

    project()
    assert run() == [[0, 2, 4, 3], {"main": 1, "leaf": 3, "other": 1}]
    assert run() == [[0, 2, 4, 3], {}]
    project(factor=3)
    assert run() == [[0, 3, 6, 3], {"leaf": 3}]


@pytest.mark.parametrize("n", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_ten_thousand_unchanged_calls_are_one_look_up(project, n):
    with Bench() as bench:
        flow = project()
        first = bench.run(flow.main(n))
        again = bench.run(flow.main(n))

    assert first.ran == {"main": 1, "leaf": n, "other": 1}
    assert (again.ran, again.recalled, again.keys) == ({}, {"main": 1}, 1)


CACHED = """import functools
from dataclasses import dataclass
from alonzo import task

@functools.{decorator}
def grown(x):
    return x + {more}

@dataclass
class Holder:
    call: object

@task
def called(function):
    return function(1)

@task
def held(holder):
    return holder.call(1)

@task
def first(functions):
    return functions[0](1)

@task
def by_default(function=grown):
    return function(1)

@task
def gives():
    return grown

@task
def main():
    partial = functools.partial(grown)
    return [called(grown), called(partial), held(Holder(grown)), first([grown]), by_default(), called(gives())]
"""


@pytest.mark.parametrize("decorator", ["cache", "lru_cache", "lru_cache(maxsize=3)"])
def test_a_changed_function_that_came_in_as_a_value_within_its_cache_counts(tmp_path, monkeypatch, decorator):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(more):
        (tmp_path / "edited_cached.py").write_text(CACHED.format(decorator=decorator, more=more))
        importlib.invalidate_caches()
        monkeypatch.delitem(sys.modules, "edited_cached", raising=False)
        return importlib.import_module("edited_cached")

    with Bench() as bench:
        assert bench.run(written(1).main()).value == [2] * 6
        again = bench.run(written(1).main())
        edited = bench.run(written(2).main())

    assert (again.value, again.ran) == ([2] * 6, {})
    assert edited.value == [3] * 6
    # main and gives reach it by its name.
    assert edited.ran == {"main": 1, "gives": 1, "called": 3, "held": 1, "first": 1, "by_default": 1}
