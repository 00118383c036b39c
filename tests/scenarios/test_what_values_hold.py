"""What a value does depends on what it holds and on its class: all of that counts, and nothing is stale."""

import pytest
from flow_program import told

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_serializer_cloudpickle")
pytest.importorskip("alonzo_store_sqlite")

pytestmark = pytest.mark.slow

RUNNER = """
import json, sys
import flow
from alonzo import Runtime

executor, *texts = sys.argv[1:]
with Runtime(store="sqlite:memo.db", executor=executor, workers=2) as runtime:
    for text in texts:
        try:
            told = [runtime.run(eval(text, vars(flow)))]
            told += [{name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}]
        except Exception as error:
            told = [type(error).__name__, str(error)]
        print(json.dumps(told))
"""

EXECUTORS = ["threads", "processes"]


@pytest.fixture
def program(tmp_path):
    """Runs expressions of `flow`, one after another in one new process: each one's value and what ran, or the failure's type and text."""
    (tmp_path / "runner.py").write_text(RUNNER)

    def run(flow, executor, *expressions):
        (tmp_path / "flow.py").write_text("from alonzo import *\n" + flow)
        lines, errors = told(tmp_path, "runner.py", executor, *expressions)
        assert "Traceback" not in errors
        return lines

    run.folder = tmp_path
    return run


# -- functions, and what they have captured -----------------------------------------------------------

CAPTURED = """
from alonzo_files import File

class K:
    def __init__(self, a):
        self.a = a
    def m(self):
        return ["m", self.a]

def captured(k):
    def f():
        return k.m()
    return f

def by_default(a):
    return lambda k=K(a): k.m()

def by_keyword(a):
    def f(*, k=K(a)):
        return k.m()
    return f

def recursive(k):
    def f(n):
        return f(n - 1) if n else k.m()
    return lambda: f(3)

def through_another(k):
    inner = captured(k)
    return lambda: inner()

def in_a_list(k):
    ks = [k]
    return lambda: ks[0].m()

class Calls:
    def __init__(self, a):
        self.a = a
        self.f = lambda: ["m", self.a]
    def __call__(self):
        return self.f()

def lazy(expression):
    return lambda: expression

def reading(file):
    return lambda: open(file).read()

loaded = captured(K("x"))

@task
def reaches():
    return loaded()

@task
def use(f):
    return f()

@task
def made(a):
    return by_default(a)

@task
def add(x):
    return x + 1

def named(k):
    @task(name="named")
    def t():
        return k.m()
    return t()

def as_tasks(k):
    return as_task(captured(k))()
"""

MAKERS = {
    "captured(K(%d))",
    "by_default(%d)",
    "by_keyword(%d)",
    "recursive(K(%d))",
    "through_another(K(%d))",
    "in_a_list(K(%d))",
    "Calls(%d)",
}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("maker", sorted(MAKERS))
def test_functions_that_hold_different_objects_are_different_arguments_in_one_run_and_across_runs(
    program, maker, executor
):
    both = f"[use({maker % 1}), use({maker % 2})]"
    assert program(CAPTURED, executor, both) == [[[["m", 1], ["m", 2]], {"use": 2}]]
    assert program(CAPTURED, executor, both, f"use({maker % 3})") == [
        [[["m", 1], ["m", 2]], {}],
        [["m", 3], {"use": 1}],
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_lambda_that_a_task_returned_is_told_apart_by_its_defaults_and_an_edit_of_their_class_counts(
    program, executor
):
    both = "[use(made(1)), use(made(2))]"
    assert program(CAPTURED, executor, both) == [[[["m", 1], ["m", 2]], {"made": 2, "use": 2}]]
    assert program(CAPTURED, executor, both) == [[[["m", 1], ["m", 2]], {}]]
    edited = CAPTURED.replace('return ["m", self.a]\n\ndef', 'return ["new", self.a]\n\ndef')
    value, ran = program(edited, executor, both)[0]
    assert value == [["new", 1], ["new", 2]]
    assert ran["use"] == 2


@pytest.mark.parametrize("text", ["use(captured(K(1)))", "reaches()", "named(K(1))", "as_tasks(K(1))"])
def test_an_edit_of_a_method_of_what_a_function_has_captured_counts(program, text):
    value, ran = program(CAPTURED, "threads", text)[0]
    assert value[0] == "m"
    assert program(CAPTURED, "threads", text)[0] == [value, {}]
    edited = CAPTURED.replace('return ["m", self.a]\n\ndef', 'return ["new", self.a]\n\ndef')
    assert program(edited, "threads", text)[0] == [["new", value[1]], ran]


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("maker", ["named", "as_tasks"])
def test_two_tasks_of_one_name_that_hold_different_objects_are_refused_in_one_run_and_two_tasks_in_two(
    program, maker, executor
):
    one, other = f"{maker}(K(1))", f"{maker}(K(2))"
    both, first, second, again = program(CAPTURED, executor, f"[{one}, {other}]", one, other, one)
    assert both[0] == "AlonzoError"
    assert both[1].startswith("two tasks are called flow.")
    assert (first[0], second[0], again[0]) == (["m", 1], ["m", 2], ["m", 1])
    assert again[1] == {}


def test_a_list_that_a_made_task_itself_changes_is_state_and_no_part_of_it(program):
    flow = CAPTURED + (
        "def noting(seen, k):\n    @task(name='noted')\n    def t(x):\n        seen.append(x)\n        return k.m()\n    return t\n"
        "one = noting([], K(1))\n"
    )
    assert program(flow, "threads", "one(1)", "one(1)", "one(2)") == [
        [["m", 1], {"noted": 1}],
        [["m", 1], {}],
        [["m", 1], {"noted": 1}],
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_lazy_value_that_a_function_has_captured_counts(program, executor):
    both = "[use(lazy(add(1))), use(lazy(add(2)))]"
    assert program(CAPTURED, executor, both) == [[[2, 3], {"use": 2, "add": 2}]]
    assert program(CAPTURED, executor, both) == [[[2, 3], {}]]


def test_a_file_that_a_function_has_captured_counts_by_what_is_in_it(program):
    pytest.importorskip("alonzo_files")
    text = "use(reading(File('a.txt')))"
    (program.folder / "a.txt").write_text("one")
    assert program(CAPTURED, "threads", text) == [["one", {"use": 1}]]
    assert program(CAPTURED, "threads", text) == [["one", {}]]
    (program.folder / "a.txt").write_text("other")
    assert program(CAPTURED, "threads", text) == [["other", {"use": 1}]]


def test_a_function_that_has_captured_what_has_no_digest_is_refused_with_what_and_where(program):
    text = "use(captured(open('runner.py')))"
    name, told = program(CAPTURED, "threads", text)[0]
    assert name == "EncodeError"
    assert "flow.captured.<locals>.f (" in told
    assert "flow.py\", line 12) holds 'k', a value of type _io.TextIOWrapper cannot be digested: " in told
    assert told.endswith("Let it make that itself, or take it as an argument")
    assert "\n" not in told


def test_a_function_that_has_captured_a_lock_or_a_logger_is_an_argument_like_others(program):
    flow = CAPTURED + (
        "import logging, threading\n"
        "def locked(a, lock, log):\n    def f():\n        with lock:\n            return [a, log.name]\n    return f\n"
    )
    call = "use(locked(%d, threading.Lock(), logging.getLogger('x')))"
    assert program(flow, "threads", call % 1, call % 1, call % 2) == [
        [[1, "x"], {"use": 1}],
        [[1, "x"], {}],
        [[2, "x"], {"use": 1}],
    ]


# -- exceptions, reductions, types that pickle knows otherwise ------------------------------------------------

BUILT = """
import operator, re

class Factory:
    def __init__(self, n):
        self.n = n
    def make(self, v):
        return Obj(self, v)

class Obj:
    def __init__(self, f, v):
        self.f, self.v = f, v
    def __reduce__(self):
        return (self.f.make, (self.v,))

@task
def show(o):
    return [o.f.n, o.v]

@task
def same(x):
    return x

@task
def length(x):
    return [len(str(x))]

@task
def applied(f):
    return f("1a2b3")

@task
def missing(name):
    return open(name).read()

@task
def failing(name):
    return OSError(2, "m", name)

@task
def seen(error):
    return error.filename

def caught(name):
    return catch(missing(name), OSError, seen)

def all_caught(name):
    return catch_all([missing(name)], OSError, of_all)

@task
def of_all(values):
    return [value.filename for value in values]
"""


@pytest.mark.parametrize("executor", EXECUTORS)
def test_errors_that_differ_in_what_no_argument_says_are_different_values(program, executor):
    first, second, third = program(
        BUILT,
        executor,
        "[caught(n) for n in ('x1', 'x2')]",
        "[all_caught(n) for n in ('x1', 'x2')]",
        "seen(failing('a'))",
    )
    assert first[0] == ["x1", "x2"]
    assert second[0] == [["x1"], ["x2"]]
    assert third[0] == "a"
    assert program(BUILT, executor, "seen(failing('zz'))", "seen(failing('a'))") == [
        ["zz", {"failing": 1, "seen": 1}],
        ["a", {}],
    ]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_objects_that_are_made_by_methods_of_different_objects_are_different_arguments(program, executor):
    both = "[show(Obj(Factory(1), 5)), show(Obj(Factory(2), 5))]"
    assert program(BUILT, executor, both) == [[[[1, 5], [2, 5]], {"show": 2}]]
    assert program(BUILT, executor, both) == [[[[1, 5], [2, 5]], {}]]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_callables_of_the_operator_module_count_with_all_their_arguments(program, executor):
    both = '[applied(operator.methodcaller("split", sep="a")), applied(operator.methodcaller("split", sep="b"))]'
    assert program(BUILT, executor, both) == [[[["1", "2b3"], ["1a2", "3"]], {"applied": 2}]]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_pickles_through_copyreg_is_an_argument_and_a_result(program, executor):
    patterns = '[length(same(re.compile("a"))), length(same(re.compile("bc"))), length(same(re.compile("a", re.I)))]'
    assert program(BUILT, executor, patterns, "length(int | None)")[1] == [[10], {"length": 1}]
    assert program(BUILT, executor, patterns) == [[[[15], [16], [30]], {}]]


# -- classes of the project ----------------------------------------------------------------------------------

CLASSES = """
import datetime, decimal, fractions, pathlib

class E(Exception):
    def m(self):
        return "one"

class Money(decimal.Decimal):
    def m(self):
        return "one"

class Day(datetime.date):
    def m(self):
        return "one"

class Place(type(pathlib.Path())):
    def m(self):
        return "one"

class Part(fractions.Fraction):
    def m(self):
        return "one"

class Plain:
    def m(self):
        return "one"

@task
def bad():
    raise E("x")

@task
def use(x):
    return x.m()

@task
def of_dict(x):
    return x["k"].m()

@task
def of_all(values):
    return [value.m() for value in values]

@task
def secret():
    return Secret(Plain())

@task
def revealed(s):
    return s.reveal().m()
"""

USES = [
    "catch(bad(), E, use)",
    "catch_all([bad()], E, of_all)",
    "of_dict({'k': E('x')})",
    "use(Money('1.5'))",
    "use(Day(2024, 1, 1))",
    "use(Place('a'))",
    "use(Part(1, 3))",
    "revealed(Secret(Plain()))",
    "revealed(secret())",
]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_edit_of_a_method_counts_where_an_encoder_knows_a_base_and_inside_a_secret(program, executor):
    before = program(CLASSES, executor, *USES)
    again = program(CLASSES, executor, *USES)
    after = program(CLASSES.replace('"one"', '"new"'), executor, *USES)

    assert [value for value, _ in before] == [["one"] if "all" in text else "one" for text in USES]
    assert [value for value, _ in again] == [value for value, _ in before]
    assert all("use" not in ran and "revealed" not in ran for _, ran in again)
    assert [value for value, _ in after] == [["new"] if "all" in text else "new" for text in USES]


def test_functions_of_one_name_in_secrets_are_told_apart(program):
    flow = CLASSES + "@task\ndef called(s):\n    return s.reveal()()\n"
    both = "[called(Secret(lambda: 1)), called(Secret(lambda: 2))]"
    assert program(flow, "threads", both) == [[[1, 2], {"called": 2}]]


# -- classes that are made in functions -----------------------------------------------------------------

MADE = """
import dataclasses

class K:
    def __init__(self, a):
        self.a = a
    def get(self):
        return self.a

def by_method(k):
    class A:
        def m(self):
            return k.get()
    return A()

def by_attribute(k):
    class A:
        held = k
        def m(self):
            return self.held.get()
    return A()

def by_property(k):
    @dataclasses.dataclass
    class A:
        x: int
        @property
        def p(self):
            return k.get()
        def m(self):
            return self.p
    return A(1)

@task
def use(x):
    return x.m()

@task
def each(xs):
    return [x.m() for x in xs]
"""


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("maker", ["by_method", "by_attribute", "by_property"])
def test_classes_of_one_name_are_told_apart_by_what_they_have_captured(program, maker, executor):
    one, two = f"{maker}(K(1))", f"{maker}(K(2))"
    expressions = [f"[use({one}), use({two})]", f"each([{one}, {two}])", f"each([{two}, {two}])"]

    first = program(MADE, executor, *expressions)
    again = program(MADE, executor, *expressions)
    edited = program(MADE.replace("return self.a", "return self.a * 10"), executor, *expressions)

    assert first == [[[1, 2], {"use": 2}], [[1, 2], {"each": 1}], [[2, 2], {"each": 1}]]
    assert again == [[[1, 2], {}], [[1, 2], {}], [[2, 2], {}]]
    assert edited == [[[10, 20], {"use": 2}], [[10, 20], {"each": 1}], [[20, 20], {"each": 1}]]
