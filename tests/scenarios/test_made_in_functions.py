"""Tasks that are made inside functions: what runs, what is recalled after an edit, and that nothing is ever stale."""

import pytest
from flow_program import told

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
        lines, errors = told(tmp_path, *start, executor, *expressions)
        assert errors == ""
        return lines

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


PLAIN = """
from alonzo import task

class Plain:
    def __init__(self, n):
        self.n = n

@task
def outer(n):
    plain = Plain(n)
    @task
    def inner(x):
        return x * plain.n
    return [inner(1), inner(2)]
"""


def test_what_has_been_captured_counts_by_its_pickle_when_nothing_else_gives_it_a_digest(program):
    assert program(PLAIN, "threads", "outer(6)", "outer(7)") == [
        [[6, 12], {"outer": 1, "inner": 2}],
        [[7, 14], {"outer": 1, "inner": 2}],
    ]
    assert program(PLAIN, "processes", "outer(7)", "outer(6)") == [[[7, 14], {"outer": 1}], [[6, 12], {"outer": 1}]]


# -- made in a body, wherever that runs -----------------------------------------------------------------

MADE = """
import threading
from alonzo import catch, task

def helper(x):
    return x + 1

@task
def leaf(x):
    return x * 100

@task
def outer(n, by=10):
    @task
    def inner(x):
        return helper(x) * by
    return [inner(i) for i in range(n)]

@task
def use(function, x):
    return function(x)

@task
def maker(by):
    @task
    def made(x):
        return leaf(x) + by
    return {"made": [made]}

@task
def uses_made(by):
    return use(maker(by)["made"][0], 2)

@task
def partials(by):
    @task
    def scaled(by, x):
        return helper(x) * by
    return [use(scaled.partial(by), 1), use(scaled.partial(x=by), 2)]

@task
def conditional(n):
    if n > 1:
        @task
        def chosen(x):
            return helper(x)
    else:
        @task
        def chosen(x):
            return -x
    for i in range(n):
        @task(name=f"numbered{i}")
        def numbered(x, by=i):
            return x + by
        last = numbered
    return [chosen(5), last(5)]

@task
def deep(n):
    @task
    def down(n):
        @task
        def within(n):
            return down(n - 1) + 1 if n else 0
        return within(n)
    return down(n)

@task
def makes_makers(a):
    @task
    def first(b):
        @task
        def second(c):
            return [a, b, c, helper(c)]
        return second(b + 1)
    return first(a + 1)

class Broken(Exception):
    pass

@task
def shown(error):
    return f"{type(error).__name__} {error}"

@task
def fails(text):
    @task
    def raising(x):
        raise Broken(f"{text} {x}")
    @task
    def recovering(error):
        return f"{text}: {error}"
    return [catch(raising(1), Broken, recovering), catch(raising(2), Broken, shown)]

@task
def function_as_argument(by):
    return use(lambda x: helper(x) * by, 3)

@task
async def awaits(n):
    @task(executor="EXECUTOR")
    def within(x):
        return helper(x)
    return [await within(i) for i in range(n)] + await outer.options(executor="EXECUTOR")(1)

@task
def two_steps():
    return [outer(1, 2), outer(1, 3)]

@task
def holds_a_lock():
    lock = threading.Lock()
    @task
    def locked(x):
        with lock:
            return x
    return locked(1)

@task
def asynchronous(n):
    @task
    async def slow(x):
        return x + n
    return slow(1)

@task
def optioned(n):
    @task(retries=2, cache=False, nout=2)
    def pair(x):
        return x, helper(x)
    a, b = pair(n)
    return [a, b]
"""

EXECUTORS = pytest.mark.parametrize("executor", ["threads", "processes"])
SCRIPT = ("flow.py",)
MODULE = ("-c", "import flow, runner; runner.run(vars(flow))")
STARTS = pytest.mark.parametrize("start", [MODULE, SCRIPT], ids=["module", "script"])

# expression: value, what runs at first, what runs in a later process: who makes a task makes it anew, its calls are recalled
PROGRAMS = {
    "outer(3)": ([10, 20, 30], {"outer": 1, "inner": 3}, {"outer": 1}),
    "uses_made(7)": (207, {"uses_made": 1, "maker": 1, "use": 1, "made": 1, "leaf": 1}, {"maker": 1}),
    "partials(3)": ([6, 8], {"partials": 1, "use": 2, "scaled": 2}, {"partials": 1}),
    "conditional(3)": ([6, 7], {"conditional": 1, "chosen": 1, "numbered2": 1}, {"conditional": 1}),
    "conditional(1)": ([-5, 5], {"conditional": 1, "chosen": 1, "numbered0": 1}, {"conditional": 1}),
    "deep(30)": (30, {"deep": 1, "down": 31, "within": 31}, {"deep": 1, "down": 1}),
    "makes_makers(1)": ([1, 2, 3, 4], {"makes_makers": 1, "first": 1, "second": 1}, {"makes_makers": 1, "first": 1}),
    # What was caught is tried again, and fails again.
    "fails('no')": (["no: no 1", "Broken no 2"], {"fails": 1, "recovering": 1, "shown": 1}, {"fails": 1}),
    "function_as_argument(2)": (8, {"function_as_argument": 1, "use": 1}, {}),
    # The call of inner is that of the first program.
    "awaits(2)": ([1, 2, 10], {"awaits": 1, "within": 2, "outer": 1}, {"awaits": 1}),
    "asynchronous(2)": (3, {"asynchronous": 1, "slow": 1}, {"asynchronous": 1}),
    "optioned(4)": ([4, 5], {"optioned": 1, "pair": 1}, {"optioned": 1, "pair": 1}),
}


@EXECUTORS
@STARTS
def test_what_a_body_makes_is_called_wherever_the_body_has_run(program, executor, start):
    flow = MADE.replace("EXECUTOR", executor)

    first = program(flow, executor, *PROGRAMS, start=start)
    again = program(flow, executor, *PROGRAMS, start=start)

    assert dict(zip(PROGRAMS, first, strict=True)) == {call: [value, ran] for call, (value, ran, _) in PROGRAMS.items()}
    assert dict(zip(PROGRAMS, again, strict=True)) == {call: [value, ran] for call, (value, _, ran) in PROGRAMS.items()}


@STARTS
def test_what_ran_on_processes_is_recalled_on_threads_and_the_other_way_round(program, start):
    flow = MADE.replace('(executor="EXECUTOR")', "").replace(', executor="EXECUTOR"', "")
    calls = [call for call in PROGRAMS if "awaits" not in call]
    program(flow, "processes", *calls, start=start)

    again = program(flow, "threads", *calls, start=start)

    assert dict(zip(calls, again, strict=True)) == {call: [PROGRAMS[call][0], PROGRAMS[call][2]] for call in calls}


# An old text, a new one, a call, its new value, and what runs.
NO = "fails('no')"
EDITS = [
    ("helper(x) * by\n    return [inner", "helper(x) - by\n    return [inner", "outer(2)", [-9, -8], {"outer": 1, "inner": 2}),
    ("by=10", "by=20", "outer(2)", [20, 40], {"outer": 1, "inner": 2}),
    ("return x + 1", "return x + 2", "outer(2)", [20, 30], {"outer": 1, "inner": 2}),
    ("return x * 100", "return x * 1000", "uses_made(7)", 2007, {"maker": 1, "leaf": 1}),
    ("return leaf(x) + by", "return leaf(x) - by", "uses_made(7)", 193, {"maker": 1, "use": 1, "made": 1}),
    ("return x + 1", "return x + 2", "makes_makers(1)", [1, 2, 3, 5], {"makes_makers": 1, "first": 1, "second": 1}),
    ("return -x", "return -x - 1", "conditional(1)", [-6, 5], {"conditional": 1, "chosen": 1}),
    ("lambda x: helper(x) *", "lambda x: helper(x) -", "function_as_argument(2)", 2, {"function_as_argument": 1, "use": 1}),
    ("return down(n - 1) + 1", "return down(n - 1) + 2", "deep(3)", 6, {"deep": 1, "down": 4, "within": 4}),
    ("{text}: {error}", "{text}; {error}", NO, ["no; no 1", "Broken no 2"], {"fails": 1, "recovering": 1}),
]  # fmt: skip


@EXECUTORS
@STARTS
@pytest.mark.parametrize("edit", EDITS, ids=[edit[2] + edit[1][-4:] for edit in EDITS])
def test_an_edit_reruns_what_rests_on_it_and_is_never_missed(program, executor, start, edit):
    old, new, call, value, ran = edit
    flow = MADE.replace("EXECUTOR", executor)
    assert old in flow
    [[before, _]] = program(flow, executor, call, start=start)

    assert program(flow.replace(old, new), executor, call, start=start) == [[value, ran]]
    assert program(flow, executor, call, start=start)[0][0] == before != value


@EXECUTORS
def test_two_definitions_of_one_name_in_one_run_are_an_error_that_names_both(program, executor):
    [[kind, text]] = program(MADE.replace("EXECUTOR", executor), executor, "two_steps()")

    assert kind == "AlonzoError"
    assert text.startswith("two tasks are called flow.outer.<locals>.inner in this run, and differ: ")
    assert "(where by=2)" in text
    assert "(where by=3)" in text


def test_a_task_that_cannot_travel_fails_with_what_it_has_captured_and_what_to_do(program):
    line = MADE.splitlines().index("    def locked(x):")  # of its decorator, counted from 1
    flow = MADE.replace("EXECUTOR", "processes")

    assert program(flow, "threads", "holds_a_lock()") == [[1, {"holds_a_lock": 1, "locked": 1}]]
    [[kind, text]] = program(flow, "processes", "holds_a_lock()")
    assert kind == "EncodeError"
    assert text.startswith("task flow.holds_a_lock.<locals>.locked (")
    assert f'flow.py", line {line}) was made in a worker process' in text
    assert "it has captured lock: TypeError: cannot pickle '_thread.lock' object; make that inside the task" in text
    assert "\n" not in text


@EXECUTORS
@STARTS
def test_a_sub_run_on_processes_of_what_makes_tasks(program, executor, start):
    flow = MADE.replace("EXECUTOR", "processes")
    calls = {
        "subrun(outer(3), executor='processes')": ([10, 20, 30], {"reduced": 1, "outer": 1, "inner": 3}, {"outer": 1}),
        "subrun(deep(3), executor='processes')": (3, {"reduced": 1, "deep": 1, "down": 4, "within": 4}, {"deep": 1, "down": 1}),
        # What a sub-run gives may be a task, which is called outside.
        "use(subrun(maker(5), executor='processes')['made'][0], 1)": (
            105,
            {"reduced": 1, "maker": 1, "use": 1, "made": 1, "leaf": 1},
            {"maker": 1},
        ),
    }  # fmt: skip

    first = program(flow, executor, *calls, start=start)
    again = program(flow, executor, *calls, start=start)

    assert first == [[value, ran] for value, ran, _ in calls.values()]
    assert again == [[value, {"reduced": 1, **ran}] for value, _, ran in calls.values()]


@STARTS
def test_a_sub_run_tells_what_it_was_sent_from_what_it_makes(program, start):
    flow = (
        CAPTURED
        + """
@task
def both(function, x):
    return [function(x), makes(x)]

@task
def makes(x):
    return with_default(4)(x)
"""
    )
    [[kind, text], [value, _]] = program(
        flow,
        "threads",
        "subrun(both(with_default(3), 2), executor='processes')",
        "subrun(both(with_default(4), 2), executor='processes')",
        start=start,
    )

    assert (kind, value) == ("AlonzoError", [8, 8])
    assert text.startswith("two tasks are called flow.with_default.<locals>.inner in this run, and differ: ")
