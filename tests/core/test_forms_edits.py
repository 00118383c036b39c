"""Forms that others write: their code counts, also in what was stored, and they are found by name wherever a body is decoded."""

import importlib
import sys

import pytest

from alonzo import Runtime

FORMS = """from alonzo import form
from alonzo.plugin import Demand


@form
def either(first, second):
    found = yield Demand(first, look=True)
    return {chosen}
"""
FLOW = """from alonzo import as_task, compose, task
from form_rules import either


@task
def inc(x):
    return x + 1


@task
def main(x):
    return [either(inc(x), inc(-5)), inc(x)]


@task
def use(function, x):
    return function(x, -1)


@task
def passing(x):
    return use(either, x)


chosen = compose(either)


@task
def composed(x):
    return chosen(inc(x), -1)


def scale(x):
    return x * {factor}


@task
def scaled(x):
    return as_task(scale)(x)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes the modules and imports them anew; answers the flow."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(chosen="found if found.value else second", factor=2):
        (tmp_path / "form_rules.py").write_text(FORMS.format(chosen=chosen))
        (tmp_path / "form_flow.py").write_text(FLOW.format(factor=factor))
        importlib.invalidate_caches()
        for name in ("form_rules", "form_flow"):
            module = sys.modules.get(name)
            importlib.reload(module) if module else importlib.import_module(name)
        return sys.modules["form_flow"]

    yield write
    for name in ("form_rules", "form_flow"):
        sys.modules.pop(name, None)


@pytest.fixture
def runtime():
    with Runtime(store="memory:", executor="inprocess") as made:
        yield made


@pytest.mark.parametrize(("name", "value", "ran"), [("main", [2, 2], 1), ("passing", 1, 2), ("composed", 2, 1)])
def test_an_edit_of_a_form_reruns_what_reaches_it_and_not_the_calls_below_it(project, runtime, name, value, ran):
    assert runtime.run(getattr(project(), name)(1)) == value
    assert runtime.run(getattr(project(), name)(1)) == value
    assert not runtime.last.ran

    flow = project(chosen="found if not found.value else second")
    edited = runtime.run(getattr(flow, name)(1))

    assert edited == {"main": [-4, 2], "passing": -1, "composed": -1}[name]
    assert runtime.last.ran["form_flow.inc"] == (1 if name == "main" else 0)
    assert sum(runtime.last.ran.values()) >= ran


def test_a_task_made_of_a_function_goes_by_its_name_and_reruns_when_it_is_edited(project, runtime):
    assert runtime.run(project().scaled(3)) == 6
    assert runtime.last.ran == {"form_flow.scaled": 1, "form_flow.scale": 1}
    assert runtime.run(project().scaled(3)) == 6
    assert not runtime.last.ran

    assert runtime.run(project(factor=5).scaled(3)) == 15
    assert runtime.last.ran["form_flow.scale"] == 1
