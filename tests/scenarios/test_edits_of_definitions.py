"""What a definition reaches, edited: a module is written and imported anew, and the transcript says what ran."""

import importlib
import sys
import textwrap

import pytest
from recall_world import Bench


class Edited:
    """A module `written_flow`; each `run` writes it anew and gives the value of its `main()` and what ran."""

    def __init__(self, folder):
        self.bench = Bench()
        self._folder = folder

    def write(self, text, name="written_flow"):
        (self._folder / f"{name}.py").write_text("from alonzo import task\n" + textwrap.dedent(text), encoding="utf-8")

    def run(self, text=None):
        if text is not None:
            self.write(text)
        forget()
        importlib.invalidate_caches()
        done = self.bench.run(importlib.import_module("written_flow").main())
        assert done.error is None
        return done.value, dict(done.ran)


def forget():
    for name in [name for name in sys.modules if name.startswith("written_")]:
        del sys.modules[name]


@pytest.fixture
def edited(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    edited = Edited(tmp_path)
    with edited.bench:
        yield edited
    forget()


def test_a_method_of_a_compiled_class_may_be_reached_and_passed_as_an_argument(edited):
    """The class of such a method, of Cython's making, is of a module without a file, and its own class shows no module's name."""
    pytest.importorskip("numpy")
    flow = """
    import numpy as np
    normal = np.random.default_rng({seed}).normal
    @task
    def use(function): return type(function).__name__
    @task
    def main(): return [normal(0, 0), use(normal)]
    """

    assert edited.run(flow.format(seed=1)) == ([0.0, "method"], {"main": 1, "use": 1})
    assert edited.run(flow.format(seed=1))[1] == {}
    assert edited.run(flow.format(seed=2)) == ([0.0, "method"], {"main": 1, "use": 1})
