"""Results and exceptions that cannot be encoded or brought back: each fails its own job, clearly, on every executor."""

import json

import pytest
from crash_project import Project

pytestmark = pytest.mark.slow

# Each task is run with others beside it; what came of it is printed as JSON.
SCRIPT = '''\
import json, os, sys, threading
from alonzo import Runtime, WorkerLostError, catch, task

class Plain(Exception):
    pass

class Trap(Exception):
    """Unpickling calls Trap("1 and 2"), which is an argument too few."""
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")

class Locked(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()

class BadReduce(Exception):
    def __reduce__(self):
        raise RuntimeError("no")

class Liar(Exception):
    def __reduce__(self):
        return (int, ("7",))

class Silent(Exception):
    def __str__(self):
        raise ValueError("no text")

def leave():
    raise SystemExit(3)

class Leaver(Exception):
    """Unpickling it ends the thread that does so."""
    def __reduce__(self):
        return (leave, ())

class BadRepr:
    def __repr__(self):
        raise ValueError("no repr")

@task
def returns_lambda(): return {"a": [1, lambda: 0]}
@task
def returns_lock(): return {"a": [1, threading.Lock()]}
@task
def returns_generator(): return [1, (n for n in range(3))]
@task
def returns_file(): return (open(__file__), 1)
@task
def returns_module(): return json
@task
def returns_itself():
    loop = []
    loop.append(loop)
    return loop
@task
def returns_deep():
    nested = []
    for _ in range(100_000):
        nested = [nested]
    return nested

@task
def raises_plain(): raise Plain("told")
@task
def raises_trap(): raise Trap(1, 2)
@task
def raises_locked(): raise Locked("held")
@task
def raises_bad_reduce(): raise BadReduce("told")
@task
def raises_liar(): raise Liar("told")
@task
def raises_silent(): raise Silent("x")
@task
def raises_leaver(): raise Leaver("told")
@task
def raises_surrogate(): raise ValueError("\\udc80 \\x00")
@task
def raises_group(): raise ExceptionGroup("several", [ValueError("one"), Plain("two")])
@task
def raises_chained():
    try:
        raise Locked("first")
    except Locked as error:
        raise ValueError("second") from error
@task
def raises_huge(): raise ValueError("x" * 5_000_000)
@task
def raises_exit(): sys.exit(5)
@task
def raises_interrupt(): raise KeyboardInterrupt("mine")
@task
def raises_stop(): raise StopIteration("told")
def again(): return again()
@task
def recurses(): return again()
@task
async def raises_async(): raise Plain("async")
@task
def raises_with(argument): raise ValueError("told")

@task
def dies(): os._exit(7)
@task
def rescued(error): return type(error).__name__
@task
def good(n): return n

def outcome(runtime, beside, expression):
    """`beside` has not run before."""
    try:
        return ["value", runtime.run([beside, expression])[1]]
    except BaseException as error:
        kind = type(error).__name__
        text = "" if kind == "Silent" else str(error)
        told = [failure.task for failure in runtime.last.failures]
        return [kind, ascii(text[:300]), list(getattr(error, "type_names", ())), told, runtime.last.ran["troubles.good"]]

if __name__ == "__main__":
    executor, *names = sys.argv[1:]
    made = {}
    with Runtime(store="memory:", executor=executor, workers=2, keep_going=True, plugins=["no:serializer-cloudpickle"]) as runtime:
        for name in names:
            if name == "caught":
                expression = catch(dies(), WorkerLostError, rescued)
            elif name == "raises_with":
                expression = raises_with(BadRepr())
            else:
                expression = globals()[name]()
            made[name] = outcome(runtime, good(len(made)), expression)
    print(json.dumps(made))
'''
RESULTS = [
    ("returns_lambda", "the result['a'][1]", "builtins.function"),
    ("returns_lock", "the result['a'][1]", "_thread.lock"),
    ("returns_generator", "the result[1]", "builtins.generator"),
    ("returns_file", "the result[0]", "_io.TextIOWrapper"),
    ("returns_module", "the result", "builtins.module"),
    ("returns_itself", "", "builtins.list"),
    ("returns_deep", "", "builtins.list"),
]
# name: what it is where it was raised, its text
HERE = {
    "raises_plain": ("Plain", "told"),
    "raises_surrogate": ("ValueError", "\udc80 \0"),
    "raises_group": ("ExceptionGroup", "several (2 sub-exceptions)"),
    "raises_chained": ("ValueError", "second"),
    "raises_stop": ("StopIteration", "told"),
    "recurses": ("RecursionError", "maximum recursion depth exceeded"),
    "raises_async": ("Plain", "async"),
    "raises_with": ("ValueError", "told"),
}
UNPICKLABLE = {
    "raises_trap": ("Trap", "1 and 2"),
    "raises_locked": ("Locked", "held"),
    "raises_bad_reduce": ("BadReduce", "told"),
    "raises_liar": ("Liar", "told"),
}
EXECUTORS = ["inprocess", "threads", "processes"]
ENDS_READER = "what decoding an exception raises besides Exception ends the thread that reads the worker, and the run waits forever"


@pytest.fixture(scope="module", params=EXECUTORS)
def outcomes(request, tmp_path_factory):
    names = [name for name, *_ in RESULTS] + [*HERE, *UNPICKLABLE, "raises_huge", "raises_exit", "raises_silent"]
    if request.param != "inprocess":  # there it is the user's own Ctrl-C
        names.append("raises_interrupt")
    with Project(tmp_path_factory.mktemp("travel")) as project:
        project.write(SCRIPT, "troubles.py")
        out, _ = project.run("-W", "ignore", "troubles.py", request.param, *names, timeout=120)
    return request.param, json.loads(out)


@pytest.mark.parametrize("name, path, kind", RESULTS)
def test_a_result_that_cannot_be_encoded_fails_its_job_alone(outcomes, name, path, kind):
    raised, _, _, failed, good = outcomes[1][name]

    assert raised == "EncodeError"
    assert failed == [f"troubles.{name}"]
    assert good == 1


@pytest.mark.parametrize("name, path, kind", RESULTS)
def test_the_path_to_what_cannot_be_encoded_is_named(outcomes, name, path, kind):
    assert path in eval(outcomes[1][name][1])


@pytest.mark.parametrize(
    "name, path, kind",
    RESULTS,
)
def test_so_is_its_type(outcomes, name, path, kind):
    assert kind in outcomes[1][name][1]


@pytest.mark.parametrize("name", HERE)
def test_an_exception_arrives_as_it_is(outcomes, name):
    raised, text, _, failed, good = outcomes[1][name]

    assert (raised, eval(text)) == HERE[name]
    assert failed == [f"troubles.{name}"]
    assert good == 1


@pytest.mark.parametrize("name", UNPICKLABLE)
def test_an_exception_that_cannot_travel_leaves_its_text_and_its_classes(outcomes, name):
    executor, made = outcomes
    raised, text, names, failed, good = made[name]
    own, told = UNPICKLABLE[name]

    assert eval(text) == told
    assert raised == ("RemoteError" if executor == "processes" else own)
    if executor == "processes":
        assert names[:2] == [f"__main__.{own}", "builtins.Exception"]
    assert failed == [f"troubles.{name}"]
    assert good == 1


def test_an_exception_without_a_text_is_raised_all_the_same(outcomes):
    assert outcomes[1]["raises_silent"][0] == "Silent"


def test_a_message_of_megabytes_arrives(outcomes):
    raised, text, _, _, good = outcomes[1]["raises_huge"]

    assert (raised, eval(text)) == ("ValueError", "x" * 300)
    assert good == 1


def test_a_task_cannot_end_the_program(outcomes):
    executor, made = outcomes

    assert made["raises_exit"][:3] == [
        "RemoteError",
        "'SystemExit: 5'",
        ["builtins.SystemExit", "builtins.BaseException", "builtins.object"],
    ]
    if executor != "inprocess":
        assert made["raises_interrupt"][:2] == ["RemoteError", "'KeyboardInterrupt: mine'"]


def test_a_worker_that_exits_loses_its_own_job_and_can_be_caught(tmp_path):
    with Project(tmp_path) as project:
        project.write(SCRIPT, "troubles.py")
        out, _ = project.run("troubles.py", "processes", "dies", "caught")
    made = json.loads(out)

    raised, text, _, failed, good = made["dies"]
    assert raised == "WorkerLostError"
    assert "troubles.dies" in text
    assert "exit code 7" in text
    assert failed == ["troubles.dies"]
    assert good == 1
    assert made["caught"] == ["value", "WorkerLostError"]


def test_an_exception_that_ends_who_unpickles_it_is_a_failure_like_any_other(tmp_path):
    with Project(tmp_path) as project:
        project.write(SCRIPT, "troubles.py")
        process = project.start("troubles.py", "processes", "raises_leaver")
        out, _ = process.communicate(timeout=5)

    assert json.loads(out)["raises_leaver"][0] == "RemoteError"
