"""A module is edited during a run, before a worker process imports it for the functions and classes that come as arguments: what the
worker has then is not what the key of the call was made of."""

import importlib
import sys

import pytest

from alonzo import AlonzoError, Runtime

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

HELPERS = """
from dataclasses import dataclass

STEP = 1

def add(x):
    return x + STEP

@dataclass
class Shelf:
    size: int

    def filled(self):
        return self.size + 1
"""
FLOW = """
from pathlib import Path
import arg_helpers
from alonzo import task

def through(x):
    return arg_helpers.add(x)

def maker():
    return lambda x: arg_helpers.add(x)

def only(work):
    return work[0] if isinstance(work, list) else work

@task(executor="inprocess")
def here(work, x):
    return only(work)(x)

@task(executor="inprocess")
def shelf(x):
    return arg_helpers.Shelf(x)

@task(executor="inprocess", cache=False)
def edit(before, old, new):
    path = Path(arg_helpers.__file__)
    path.write_text(path.read_text().replace(old, new))
    return 1

@task
def there(work, after, x):
    return only(work)(x)

@task
def fill(shelf, after):
    return shelf.filled()
"""

LATE = """
from pathlib import Path
from alonzo import task

class Late:
    def __call__(self, x):
        return 1

@task(executor="inprocess")
def here(work):
    return work(0)

@task(executor="inprocess", cache=False)
def edit(before):
    path = Path(__file__)
    path.write_text(path.read_text().replace("return 1", "return 2"))
    return 1
"""


@pytest.fixture
def flow(tmp_path, monkeypatch):
    (tmp_path / "arg_helpers.py").write_text(HELPERS)
    (tmp_path / "arg_flow.py").write_text(FLOW)
    (tmp_path / "arg_late.py").write_text(LATE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("arg_flow")
    for name in ("arg_helpers", "arg_flow", "arg_late"):
        sys.modules.pop(name, None)


@pytest.fixture
def runtime(flow):
    with Runtime(store="sqlite:a.db", executor="processes", workers=1) as runtime:
        yield runtime


WORK = {
    "a function": lambda flow: flow.arg_helpers.add,
    "a function that calls it": lambda flow: flow.through,
    "a function without a name": lambda flow: flow.maker(),
    "functions in a list": lambda flow: [flow.arg_helpers.add],
}
EDITS = {"its code": ("return x + STEP", "return x + 100"), "its constant": ("STEP = 1", "STEP = 100")}


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("work", WORK)
def test_a_function_of_the_edited_module_is_not_called_in_the_worker(flow, runtime, work, edit):
    given = WORK[work](flow)
    after = flow.edit(flow.here(given, 0), *EDITS[edit])

    with pytest.raises(AlonzoError, match="is not the coordinator's: a file was changed"):
        runtime.run(flow.there(given, after, 1))

    assert "arg_flow.there" not in runtime.last.ran


@pytest.mark.parametrize("work", WORK)
def test_another_edit_of_the_module_does_not_matter(flow, runtime, work):
    given = WORK[work](flow)
    after = flow.edit(flow.here(given, 0), "self.size + 1", "self.size + 100")

    assert runtime.run(flow.there(given, after, 1)) == 2


def test_a_method_of_an_instance_that_comes_as_a_result_is_not_called_in_the_worker(flow, runtime):
    made = flow.shelf(4)

    with pytest.raises(AlonzoError, match=r"arg_helpers\.Shelf in this worker process is not the coordinator's"):
        runtime.run(flow.fill(made, flow.edit(made, "self.size + 1", "self.size + 100")))

    assert "arg_flow.fill" not in runtime.last.ran


def test_nor_is_that_of_an_instance_that_is_written_in_the_call(flow, runtime):
    one = flow.arg_helpers.Shelf(4)

    with pytest.raises(AlonzoError, match="is not the coordinator's"):
        runtime.run(flow.fill(one, flow.edit(flow.shelf(1), "self.size + 1", "self.size + 100")))


def test_a_worker_that_has_imported_the_module_before_goes_on_with_what_the_run_began_with(flow, runtime):
    runtime.run(flow.there(len, 1, [1]))
    made = flow.shelf(4)
    after = flow.edit(made, "self.size + 1", "self.size + 100")

    assert runtime.run([flow.fill(made, after), flow.there(flow.through, after, 1)]) == [5, 2]


def test_the_other_jobs_of_a_batch_are_done(flow):
    """`there` is timed first, so that many go to the worker at once; the worker imports the module only then."""
    late = importlib.import_module("arg_late")
    one, after = late.Late(), late.edit(late.here(late.Late()))
    with Runtime(store="sqlite:a.db", executor="processes", workers=1, keep_going=True) as runtime:
        runtime.run([flow.there(len, 1, [n]) for n in range(30)])
        with pytest.raises(AlonzoError, match="is not the coordinator's"):
            runtime.run([*[flow.there(abs, after, -n) for n in range(20)], flow.there(one, after, 0)])
        assert runtime.last.failed == {"arg_flow.there": 1}
    with Runtime(store="sqlite:a.db", executor="threads") as other:
        other.run([flow.there(abs, 1, -n) for n in range(20)])
        assert other.last.recalled == {"arg_flow.there": 20}
