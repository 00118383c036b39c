"""Cells of a notebook: source that is executed, again and again, in one namespace."""

import ast
import linecache
import sys
import types

import pytest

from alonzo import Runtime

FIRST = """\
from alonzo import task

@task
def square(n):
    began.append(("square", n))
    return n * n

@task
def main(n):
    began.append(("main", n))
    return [square(i) for i in range(n)]
"""
CHANGED = """\
@task
def square(n):
    began.append(("square", n))
    return n * n * n
"""
PART = """\
@task
def square(n):
    # a comment, and other spaces
    began.append(("square",   n))

    return n * n
"""


class Notebook:
    """Executes cells as IPython does: each under a name of its own, with its text in linecache, its statements compiled one by one."""

    def __init__(self, *, has_text, namespace=None):
        self.namespace = {"__name__": "__main__"} if namespace is None else namespace
        self.namespace["began"] = []
        self._has_text = has_text
        self._number = 0

    def cell(self, source):
        self._number += 1
        name = f"<cell {id(self)}-{self._number}>"
        if self._has_text:
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        for statement in ast.parse(source).body:
            exec(compile(ast.Module([statement], []), name, "exec"), self.namespace)

    def began(self):
        """What has begun since the last time."""
        began, self.namespace["began"][:] = self.namespace["began"][:], []
        return began


@pytest.fixture(params=["main with text", "main without text", "dict with text", "dict without text"])
def notebook(request, monkeypatch):
    """In the main module, as notebooks are, or in a dict, as a program has it that calls exec() itself."""
    where, _, text = request.param.partition(" ")
    if where == "dict":
        return Notebook(has_text=text == "with text")
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    return Notebook(has_text=text == "with text", namespace=vars(main))


@pytest.fixture(params=["inprocess", "threads"])
def runtime(request, tmp_path):
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", executor=request.param) as runtime:
        yield runtime


pytestmark = pytest.mark.filterwarnings("ignore::alonzo._runtime.AlonzoWarning")


def run(notebook, runtime, n=3):
    return runtime.run(notebook.namespace["main"](n)), sorted(notebook.began())


ALL = [("main", 3), ("square", 0), ("square", 1), ("square", 2)]


def test_a_cell_that_is_run_again_as_it_is_runs_nothing(notebook, runtime):
    notebook.cell(FIRST)
    assert run(notebook, runtime) == ([0, 1, 4], ALL)

    notebook.cell(FIRST)

    assert run(notebook, runtime) == ([0, 1, 4], [])


@pytest.mark.filterwarnings("error")
def test_the_text_counts_also_where_the_cell_imports_the_module_that_a_task_calls():
    notebook = Notebook(has_text=True)
    notebook.cell("import json\nfrom alonzo import task\n\n@task\ndef text(x):\n    return json.dumps(x)\n")

    with Runtime(store="memory:") as runtime:
        assert runtime.run(notebook.namespace["text"]([1])) == "[1]"
        notebook.cell("@task\ndef text(x):  # the same\n    return json.dumps(x)\n")
        assert runtime.run(notebook.namespace["text"]([1])) == "[1]"
        assert not runtime.last.ran


def test_a_task_defined_anew_runs_again_and_its_caller_does_not(notebook, runtime):
    notebook.cell(FIRST)
    run(notebook, runtime)

    notebook.cell(CHANGED)

    assert run(notebook, runtime) == ([0, 1, 8], ALL[1:])


def test_a_task_defined_as_it_was_before_is_recalled(notebook, runtime):
    notebook.cell(FIRST)
    run(notebook, runtime)
    notebook.cell(CHANGED)
    run(notebook, runtime)

    notebook.cell(FIRST)

    assert run(notebook, runtime) == ([0, 1, 4], [])


def test_another_cell_with_the_same_definition_is_the_same(runtime):
    notebook = Notebook(has_text=True)
    notebook.cell(FIRST)
    run(notebook, runtime)

    notebook.cell(PART)

    assert run(notebook, runtime) == ([0, 1, 4], [])


def test_a_constant_of_another_cell_counts(notebook, runtime):
    notebook.cell("FACTOR = 2")
    notebook.cell(FIRST.replace("n * n", "n * FACTOR"))
    assert run(notebook, runtime) == ([0, 2, 4], ALL)

    notebook.cell("FACTOR = 3")
    assert run(notebook, runtime) == ([0, 3, 6], ALL[1:])

    notebook.cell("FACTOR = 2")
    assert run(notebook, runtime) == ([0, 2, 4], [])
