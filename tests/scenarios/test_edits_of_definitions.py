"""What a definition reaches, edited: a module is written and imported anew, and the transcript says what ran."""

import importlib
import sys
import textwrap

import pytest
from recall_world import Bench

from alonzo import Task
from alonzo._definitions import Definitions


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


def untracked(each):
    """What the fingerprint of a task cannot take into account."""
    definitions = Definitions(
        digest_value=lambda _: None, task_name=lambda value: value.full_name if isinstance(value, Task) else None
    )
    return definitions.fingerprint(each.func, each.full_name).untracked


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


@pytest.mark.parametrize(
    "given",
    [
        "class K: pass\nK.x = {}",
        "class K:\n    x = 0\nK.x = {}",
        "class K:\n    x = [0]\nK.x = [{}]",
        "class K:\n    x = 0\n    def change(self): self.x = 1\nK.x = {}",
        "class K: pass\nsetattr(K, 'x', {})",
        "class K: pass\nfor name in 'xy': setattr(K, name, object() if name == 'y' else {})",
        "class K:\n    x = [0]\nK.x.append({})",
        "class K:\n    x = {{}}\nK.x[1] = {}",
        "class K: pass\nif True:\n    K.x = {}",
        "def K(): pass\nK.x = {}",
        "import functools\n@functools.lru_cache\ndef K(): pass\nK.x = {}",
        "class O:\n    class K: pass\nO.K.x = {}\nK = O.K",
    ],
)
def test_what_a_module_gives_to_a_class_or_function_counts_where_a_task_reaches_it(edited, given):
    flow = given + "\n@task\ndef main(): return str(K.x)[:40]\n"

    before = edited.run(flow.format(5))
    again = edited.run(flow.format(5))
    after = edited.run(flow.format(6))

    assert ("5" in before[0], before[1], again[1]) == (True, {"main": 1}, {})
    assert (after[0], after[1]) == (before[0].replace("5", "6"), {"main": 1})


def test_what_another_module_gives_to_a_class_counts_too_and_for_its_instances(edited):
    edited.write("class K:\n    def get(self): return self.x\n", "written_classes")
    flow = """
    import written_classes
    written_classes.K.x = {}
    @task
    def use(k): return k.get()
    @task
    def main(): return use(written_classes.K())
    """

    assert edited.run(flow.format(5)) == (5, {"main": 1, "use": 1})
    assert edited.run(flow.format(5)) == (5, {})
    assert edited.run(flow.format(6)) == (6, {"main": 1, "use": 1})


def test_what_a_module_gives_to_a_class_and_has_no_digest_counts_by_the_statement_and_what_that_reaches(edited):
    flow = """
    class Box:
        def __init__(self, n): self.n, self.lock = n, open(__file__)
    def make(): return Box({})
    class K: pass
    K.x = make()
    K.x.lock.close()
    @task
    def main(): return K.x.n
    """

    assert edited.run(flow.format(5)) == (5, {"main": 1})
    assert edited.run(flow.format(5)) == (5, {})
    assert edited.run(flow.format(6)) == (6, {"main": 1})


def test_what_a_task_itself_changes_in_a_class_or_function_is_state_and_listed(edited):
    edited.write("""
    class K: pass
    K.seen = []
    def f(): pass
    f.calls = 0
    @task
    def main():
        K.seen.append(1)
        f.calls += 1
        return len(K.seen) + f.calls
    """)
    flow = importlib.import_module("written_flow")

    first, again = edited.bench.run(flow.main()), edited.bench.run(flow.main())

    assert (first.value, dict(first.ran)) == (2, {"main": 1})
    assert (again.value, dict(again.ran)) == (2, {})
    assert untracked(flow.main) == (
        "written_flow.K.seen: changed by written_flow.main",
        "written_flow.f.calls: changed by written_flow.main",
    )


def test_the_instance_that_a_class_keeps_of_itself_is_no_part_of_its_definition(edited):
    edited.write(
        "class Base:\n    @classmethod\n    def get(cls):\n        cls.kept = 1\n        return cls", "written_base"
    )
    edited.write("""
    from written_base import Base
    class K(Base): pass
    @task
    def main(): return K.get().kept
    """)
    flow = importlib.import_module("written_flow")

    assert dict(edited.bench.run(flow.main()).ran) == {"main": 1}
    assert dict(edited.bench.run(flow.main()).ran) == {}
    assert untracked(flow.main) == ("written_flow.K.kept: changed by code that runs",)


TAKEN = [
    "return t.func(1)",
    "return getattr(t, 'func')(1)",
    "return t.__wrapped__(1)",
    "import written_flow; return written_flow.t.func(1)",
    "return Tasks.t.func(1)",
    "return [t.func(each) for each in (1,)][0]",
]


@pytest.mark.parametrize("body", TAKEN)
@pytest.mark.parametrize(("before", "after", "value"), [("n=0, m=1", "n=0, m=2", 3), ("n, m=1", "n, m=2", 3)])
def test_a_task_whose_plain_function_is_called_counts_like_a_function(edited, body, before, after, value):
    flow = """
    @task
    def t({}): return n + m
    class Tasks:
        t = t
    @task
    def main():
        {}
    """

    assert edited.run(flow.format(before, body)) == (2, {"main": 1})
    assert edited.run(flow.format(before, body)) == (2, {})
    assert edited.run(flow.format(after, body)) == (value, {"main": 1})
    assert edited.bench.run(importlib.import_module("written_flow").main()).warnings == []


def test_a_task_whose_plain_function_is_called_counts_with_its_body_and_helpers(edited):
    flow = """
    def helper(n): return n + {}
    @task
    def t(n): return helper(n) * {}
    @task
    def main(): return [t.func(1), t(1)]
    """

    assert edited.run(flow.format(1, 1)) == ([2, 2], {"main": 1, "t": 1})
    assert edited.run(flow.format(2, 1)) == ([3, 3], {"main": 1, "t": 1})
    assert edited.run(flow.format(2, 2)) == ([6, 6], {"main": 1, "t": 1})


@pytest.mark.parametrize(
    "body",
    [
        "return given.func(1)",
        "f = given\n    return f.func(1)",
        "return [given][0].func(1)",
        "return getattr(given, 'func')(1)",
    ],
)
def test_a_task_that_came_in_and_whose_plain_function_is_called_is_named_with_the_line(edited, body):
    edited.write(f"@task\ndef t(n): return n\n@task\ndef use(given):\n    {body}\n@task\ndef main(): return use(t)\n")
    flow = importlib.import_module("written_flow")

    done = edited.bench.run(flow.main())

    line = 6 + body.count("\n")
    assert done.value == 1
    [warning] = done.warnings
    assert warning.startswith(
        f"{flow.__file__}:{line}: written_flow.t is taken by .func of a value: an edit of it does not rerun"
    )


@pytest.mark.parametrize(
    "body",
    [
        "return importlib.import_module('written_other').f()",
        "import importlib as il\n    return il.import_module('written_other').f()",
        "from importlib import import_module\n    return import_module('written_other').f()",
        "return load('written_other').f()",
    ],
)
def test_what_is_imported_by_a_computed_name_is_listed(edited, body):
    edited.write("def f(): return 1", "written_other")
    edited.write(f"import importlib\nfrom importlib import import_module as load\n@task\ndef main():\n    {body}\n")
    flow = importlib.import_module("written_flow")

    assert edited.bench.run(flow.main()).value == 1
    assert untracked(flow.main) == ("written_flow.main: imports with importlib.import_module()",)


READ = """
import functools
def read(function):
    kinds = function.__annotations__
    @functools.wraps(function)
    def checked(x): return kinds.get("x", str)(x), kinds.get("return", "none")
    return checked
"""


@pytest.mark.parametrize(
    ("helper", "after"),
    [
        ("@read\ndef helper(x: {}): return x", "float"),
        ("@read\ndef helper(x: int) -> {}: return x", "2"),
        ("class K:\n    @read\n    def m(x: {}): return x\nhelper = K.m", "float"),
        (
            "def make():\n    @read\n    def inner(x: {}): return x\n    return inner\ndef helper(x): return make()(x)",
            "float",
        ),
    ],
)
def test_annotations_that_a_decorator_may_read_count(edited, helper, after):
    flow = READ + helper + "\n@task\ndef main(): return repr(helper(3))\n"

    first, again, then = (edited.run(flow.replace("{}", each)) for each in ("int", "int", after))

    assert (first[1], again[1], then[1]) == ({"main": 1}, {}, {"main": 1})
    assert first[0] != then[0]


def test_what_an_annotation_names_counts_where_a_decorator_may_read_it(edited):
    flow = READ + "Kind = {}\n@read\ndef helper(x: Kind): return x\n@task\ndef main(): return helper(3)\n"

    assert edited.run(flow.replace("{}", "int")) == ((3, "none"), {"main": 1})
    assert edited.run(flow.replace("{}", "str")) == (("3", "none"), {"main": 1})


@pytest.mark.parametrize(
    "decorator", ["", "@functools.lru_cache", "@functools.lru_cache(maxsize=None)", "@functools.wraps(print)", "@cache"]
)
def test_annotations_that_no_decorator_reads_do_not_count(edited, decorator):
    flow = "import functools\nfrom functools import cache\n{}\ndef helper(x{}){}: return x\n@task\ndef main({}){}: return helper(3)\n"

    assert edited.run(flow.format(decorator, "", "", "", "")) == (3, {"main": 1})
    assert edited.run(flow.format(decorator, ": int", " -> int", "", "")) == (3, {})
    assert edited.run(flow.format(decorator, ": int", " -> int", "", " -> list")) == (3, {})


def test_an_annotation_that_pydantic_checks_by_counts(edited):
    pytest.importorskip("pydantic")
    flow = "from pydantic import validate_call\n@validate_call\ndef helper(x: {}): return x\n@task\ndef main(): return helper(3)\n"

    assert edited.run(flow.format("int")) == (3, {"main": 1})
    assert edited.run(flow.format("float")) == (3.0, {"main": 1})
    assert edited.run(flow.format("float")) == (3.0, {})
