"""Sub-runs: a sub-workflow that is reduced as a whole by a runtime of its own, somewhere else."""

import importlib
import sys

import pytest

from alonzo import LoopError, OptionError, Runtime, catch, get_context, subrun, task

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

FLOW = """
from alonzo import get_context, subrun, task

@task
def leaf(x):
    return {leaf}

@task
def total(xs):
    return sum(xs)

@task
def part(n):
    return total([leaf(i) for i in range(n)])

@task
def place():
    return get_context("place", "nowhere")

@task(cache=False)
def fresh():
    return 1

@task
def bad():
    raise ValueError("no such thing")

@task
def main(where):
    return subrun(part(3), executor=where)

@task
def placed(where):
    return subrun(place(), executor=where)

@task
def refreshed(where):
    return subrun([part(2), fresh()], executor=where)

@task
def failing(where):
    return subrun([part(2), bad()], executor=where)
"""

WHERE = ["inprocess", "threads", pytest.param("processes", marks=pytest.mark.slow)]
pytestmark = pytest.mark.filterwarnings("ignore::alonzo.AlonzoWarning")


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.chdir(tmp_path)

    def write(leaf="x + 1"):
        (tmp_path / "parted_flow.py").write_text(FLOW.format(leaf=leaf))
        importlib.invalidate_caches()
        module = sys.modules.get("parted_flow")
        return importlib.reload(module) if module else importlib.import_module("parted_flow")

    yield write
    sys.modules.pop("parted_flow", None)


def opened(**given):
    return Runtime(store="sqlite:memo.db", workers=2, **given)


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@pytest.mark.parametrize("where", WHERE)
def test_its_value_its_jobs_and_what_it_rests_on_are_those_of_the_run_around_it(project, where):
    flow = project()
    with opened() as runtime:
        assert runtime.run(flow.main(where)) == 1 + 2 + 3
        assert ran(runtime) == {"main": 1, "reduced": 1, "part": 1, "total": 1, "leaf": 3}
        jobs = {job.number: job for job in runtime.store.jobs(runtime.last.id)}
        parents = {(jobs[job.parent].task if job.parent else "", job.task) for job in jobs.values()}
        prefix = "parted_flow."
        assert parents == {
            ("", f"{prefix}main"),
            (f"{prefix}main", "alonzo._subrun.reduced"),
            ("alonzo._subrun.reduced", f"{prefix}part"),
            (f"{prefix}part", f"{prefix}total"),
            (f"{prefix}part", f"{prefix}leaf"),
        }
        assert {job.status for job in jobs.values()} == {"ran"}

        assert runtime.run(flow.main(where)) == 6
        assert ran(runtime) == {}
        assert sum(runtime.last.recalled.values()) == 1  # the root, by one look-up


@pytest.mark.parametrize("where", WHERE)
def test_a_changed_task_below_it_runs_and_nothing_else(project, where):
    flow = project()
    with opened() as runtime:
        runtime.run(flow.main(where))
    flow = project(leaf="x + 1 if x else 10")
    with opened() as runtime:
        assert runtime.run(flow.main(where)) == 10 + 2 + 3
        assert ran(runtime) == {"reduced": 1, "leaf": 3, "total": 1}
        runtime.run(flow.main(where))
        assert ran(runtime) == {}


def test_what_was_computed_outside_is_recalled_inside_and_the_other_way_round(project):
    flow = project()
    with opened() as runtime:
        runtime.run(flow.part(3))
        assert runtime.run(flow.main("threads")) == 6
        assert ran(runtime) == {"main": 1, "reduced": 1}
        runtime.run(flow.main("inprocess"))
        assert ran(runtime) == {"main": 1}, "where it runs is no part of what it is"
    with opened() as runtime:
        runtime.run(subrun(flow.part(2), executor="threads"))
        runtime.run(flow.part(2))
        assert ran(runtime) == {}


@pytest.mark.parametrize("where", WHERE)
def test_the_context_of_its_place_holds_inside_and_what_it_read_counts(project, where):
    flow = project()
    with opened(context={"place": "here"}) as runtime:
        assert runtime.run(flow.placed(where)) == "here"
        assert runtime.run(flow.placed.context(place="there")(where)) == "there"
        assert runtime.run(flow.placed(where)) == "here"
        assert ran(runtime) == {}
    with opened(context={"place": "elsewhere", "other": 1}) as runtime:
        assert runtime.run(flow.placed(where)) == "elsewhere"
    with opened(context={"place": "elsewhere", "other": 2}) as runtime:
        runtime.run(flow.placed(where))
        assert ran(runtime) == {}


@pytest.mark.parametrize("where", WHERE)
def test_what_is_not_to_be_cached_below_it_runs_in_every_run(project, where):
    flow = project()
    with opened() as runtime:
        for _ in range(2):
            assert runtime.run(flow.refreshed(where)) == [3, 1]
        assert ran(runtime) == {"reduced": 1, "fresh": 1}


@pytest.mark.parametrize("where", WHERE)
def test_its_failure_is_that_of_the_task_below_it_and_what_succeeded_is_kept(project, where):
    flow = project()
    with opened() as runtime:
        runtime.run(flow.part(2))
        with pytest.raises(ValueError, match="no such thing") as caught:
            runtime.run(flow.failing(where))
        assert any("bad()" in note for note in caught.value.__notes__)
        failed = {name.rpartition(".")[2] for name in runtime.last.failed}
        assert failed == {"bad", "reduced", "failing"}

        assert runtime.run(catch(flow.failing(where), ValueError, "recovered")) == "recovered"
        assert ran(runtime) == {}  # what failed failed again, what had not was recalled


def test_options_below_its_place_hold_inside():
    ran_as = []

    @task
    def once():
        ran_as.append("once")
        return len(ran_as)

    @task
    def around():
        return subrun([once(), once()])

    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert sorted(runtime.run(around.options_below(share=False)())) == [1, 2]


@task
def endless(n):
    return subrun(endless(n), executor="threads")


@task
def countdown(n):
    return subrun(countdown(n - 1)) if n else "done"


def test_one_that_demands_its_own_result_is_a_loop_and_one_within_another_is_not():
    with Runtime(store="memory:", executor="threads", workers=1) as runtime:
        with pytest.raises(LoopError, match="demands its own result"):
            runtime.run(endless(1))
        assert runtime.run(countdown(3)) == "done"


def test_its_options_are_those_of_a_call(project):
    flow = project()
    with pytest.raises(OptionError, match=r"executer.*did you mean 'executor'"):
        subrun(flow.part(1), executer="threads")
    with opened() as runtime, pytest.raises(OptionError, match="nowhere"):
        runtime.run(subrun(flow.part(1), executor="nowhere"))


def test_the_default_of_its_context_is_that_of_the_form():
    with Runtime(store="memory:", executor="inprocess", context={"a": {"b": 3}}) as runtime:
        assert runtime.run(subrun([get_context("a.b"), get_context("a.c", 4)])) == [3, 4]
