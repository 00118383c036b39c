import gc
import os
import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from alonzo import Task
from alonzo._errors import EncodeError, RemoteError, WorkerLostError
from alonzo._executor_contract import (
    SQUARE,
    Posts,
    applied,
    applied_jobs,
    applied_one,
    bytes_only,
    job,
    site,
    value,
)
from alonzo._options import TaskOptions
from alonzo_executor_local import ProcessesOptions, alonzo_executors

pytestmark = pytest.mark.slow


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that workers can import; its tasks are made by `@task`."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
        return __import__(name)

    yield write
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(file.stem, None)


# -- what travels -----------------------------------------------------------------------------------


def test_closures_and_lambdas_travel_by_value(opened, task):
    executor, ten = opened("processes"), 10

    def add_ten(n):
        return n + ten

    assert value(applied_one(executor, task(add_ten), 1)) == 11
    assert value(applied_one(executor, Task(lambda n: -n, "tests", "minus", TaskOptions()), 1)) == -1


def test_tasks_of_modules_are_imported_there_by_full_name(opened, module):
    flow = module(
        "flow_by_name",
        "import os\nfrom alonzo import task\n@task(name='renamed')\ndef where():\n    return os.getpid(), __name__\n",
    )

    process, name = value(applied_one(opened("processes"), flow.where))

    assert process != os.getpid()
    assert name == "flow_by_name"


def test_a_task_whose_module_the_worker_cannot_import_is_lost_by_name(opened, module):
    flow = module("flow_gone", "from alonzo import task\n@task\ndef f(): pass\n")
    Path(flow.__file__).unlink()
    executor = opened("processes")

    answer = applied_one(executor, flow.f)

    assert "task flow_gone.f is not to be had in a worker process" in str(answer.error)
    assert value(applied_one(executor, SQUARE, 3)) == 9


def test_workers_share_working_directory_and_environment_also_as_they_change(opened, task, monkeypatch, tmp_path):
    def look():
        import os
        from pathlib import Path

        return str(Path.cwd()), os.environ.get("ALONZO_TEST_WORD")

    executor, look = opened("processes", workers=1), task(look)
    applied_one(executor, look)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALONZO_TEST_WORD", "later")

    assert value(applied_one(executor, look)) == (str(tmp_path), "later")


def test_an_argument_that_cannot_be_pickled_fails_its_job_alone(opened, task):
    executor = opened("processes", workers=1)
    same = task(lambda thing: thing)

    posts = applied(executor, [(1, same, (1,)), (2, same, (threading.Lock(),)), (3, same, (3,))])

    answers = {ticket: answer for ticket, answer, _ in posts}
    assert isinstance(answers[2].error, EncodeError)
    assert "pickle '_thread.lock' object" in str(answers[2].error)
    assert (value(answers[1]), value(answers[3])) == (1, 3)


def test_a_task_that_captured_what_cannot_be_sent_fails_by_name(opened, task):
    lock = threading.Lock()

    def locked():
        return lock

    answer = applied_one(opened("processes"), task(locked))

    assert isinstance(answer.error, EncodeError)
    assert "task tests.locked cannot be sent to a worker process: it has captured lock: TypeError" in str(answer.error)


def test_an_argument_that_cannot_be_read_there_fails_its_job_alone(opened, task):
    class Broken:
        def __reduce__(self):
            return int, ("no number",)

    executor = opened("processes", workers=1)
    same = task(lambda thing: thing)
    posts = applied(executor, [(1, same, (1,)), (2, same, (Broken(),)), (3, same, (3,))])

    answers = {ticket: answer for ticket, answer, _ in posts}
    assert isinstance(answers[2].error, EncodeError)
    assert "invalid literal for int()" in str(answers[2].error)
    assert (value(answers[1]), value(answers[3])) == (1, 3)


def test_an_exception_that_cannot_travel_leaves_its_text_and_the_names_of_its_classes(opened, task):
    def fail():
        class Local(LookupError):
            pass

        raise Local("not here")

    answer = applied_one(opened("processes"), task(fail))

    assert isinstance(answer.error, RemoteError)
    assert str(answer.error) == "not here"
    assert "builtins.LookupError" in answer.error.type_names
    assert 'raise Local("not here")' in answer.traceback


def test_an_exception_whose_class_does_not_take_its_arguments_back_is_a_remote_error(opened, module):
    flow = module(
        "flow_errors",
        "from alonzo import task\n"
        "class Odd(Exception):\n"
        "    def __init__(self, one, two): super().__init__(f'{one} {two}')\n"
        "@task\n"
        "def fail(): raise Odd(1, 2)\n",
    )

    answer = applied_one(opened("processes"), flow.fail)

    assert isinstance(answer.error, RemoteError)
    assert str(answer.error) == "1 2"
    assert answer.error.type_names[0] == "flow_errors.Odd"


def test_async_tasks_cannot_await_expressions_there_and_are_told_so(opened, task):
    from alonzo import seq

    async def wait():
        return await seq([])

    answer = applied_one(opened("processes"), task(wait))

    assert "this executor cannot await" in str(answer.error)


# -- what is printed --------------------------------------------------------------------------------


def test_what_a_job_prints_is_in_its_report_also_by_programs_that_it_starts(opened, task):
    def talk(word):
        import os
        import subprocess
        import sys

        print("out", word)
        print("err", word, file=sys.stderr)
        os.write(1, b"raw\n")
        subprocess.run([sys.executable, "-c", "print('child')"], check=True)

    executor = opened("processes", workers=1)
    posts = applied(executor, [(n, task(talk), (n,)) for n in range(2)])

    for ticket, _, report in posts:
        lines = sorted(report.output.splitlines())
        assert lines == ["child", f"err {ticket}", f"out {ticket}", "raw"]


def test_of_very_much_output_the_beginning_is_kept(opened, task):
    ((_, _, report),) = applied(opened("processes"), [(1, task(lambda: print("x" * 3_000_000)), ())])

    assert len(report.output) < 1_000_100
    assert report.output.endswith("(2000001 bytes more)\n")


def test_a_job_cannot_read_what_is_meant_for_the_worker(opened, task):
    def read():
        import sys

        return sys.stdin.read()

    assert value(applied_one(opened("processes"), task(read))) == ""


# -- workers that die -------------------------------------------------------------------------------


def test_a_killed_worker_loses_the_job_that_it_had_begun_and_no_other(opened, task, tmp_path):
    def maybe_die(n, victim, log):
        import os
        import signal

        with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(f"{n}\n")
        if n == victim:
            os.kill(os.getpid(), signal.SIGKILL)
        return n

    executor, log = opened("processes", workers=1), tmp_path / "log"
    maybe_die = task(maybe_die)
    applied(executor, [(n, maybe_die, (n, -1, os.devnull)) for n in range(30)])  # batches from now on
    posts = applied(executor, [(n, maybe_die, (n, 7, str(log))) for n in range(20)])

    answers = {ticket: answer for ticket, answer, _ in posts}
    lost = answers.pop(7)
    assert isinstance(lost.error, WorkerLostError)
    assert "tests.maybe_die: worker process" in str(lost.error)
    assert "was ended by signal 9 (SIGKILL)" in str(lost.error)
    assert {n: value(answer) for n, answer in answers.items()} == {n: n for n in range(20) if n != 7}
    assert log.read_text(encoding="utf-8").split().count("7") == 1


def test_a_worker_that_exits_says_its_code_and_what_it_printed_last(opened, task):
    def leave():
        import os

        print("last words", flush=True)
        os._exit(7)

    executor = opened("processes")
    answer = applied_one(executor, task(leave))

    assert "ended with exit code 7" in str(answer.error)
    assert str(answer.error).endswith("It printed last:\nlast words")
    assert value(applied_one(executor, SQUARE, 3)) == 9


def test_a_worker_killed_while_idle_costs_no_job(opened, task):
    def process():
        import os

        return os.getpid()

    executor, process = opened("processes", workers=1), task(process)
    first = value(applied_one(executor, process))
    os.kill(first, signal.SIGKILL)
    posts = applied(executor, [(n, process, ()) for n in range(3)])

    assert first not in {value(answer) for _, answer, _ in posts}


def test_workers_that_cannot_be_started_are_a_clear_failure(opened, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    posts = applied(opened("processes"), [(n, SQUARE, (n,)) for n in range(3)])

    assert {type(answer.error) for _, answer, _ in posts} == {WorkerLostError}
    assert "no worker process can be started: FileNotFoundError" in str(posts[0][1].error)
    assert "/no/such/python" in str(posts[0][1].error)


def test_a_worker_whose_setup_fails_tells_why(task):
    kind = next(kind for kind in alonzo_executors() if kind.name == "processes")

    class Bad:
        def __reduce__(self):
            return exec, ("raise ImportError('no module of that plugin')",)

    place = site(ProcessesOptions(), 2)
    place.wiring["serializers"] = Bad()
    executor = kind.open(place)
    posts = applied(executor, [(n, SQUARE, (n,)) for n in range(3)])
    executor.close()

    assert all("no module of that plugin" in str(answer.error) for _, answer, _ in posts)


def test_workers_end_when_the_coordinator_is_killed():
    program = """
import os, sys, time
from alonzo._executor_contract import Posts, job, site, applied_one, value
from alonzo import Task
from alonzo._options import TaskOptions
from alonzo_executor_local import alonzo_executors, ProcessesOptions
kind = next(kind for kind in alonzo_executors() if kind.name == "processes")
executor = kind.open(site(ProcessesOptions(), 1))
print(value(applied_one(executor, Task(os.getpid, "flow", "getpid", TaskOptions()))), flush=True)
time.sleep(1000)
"""
    coordinator = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    worker = int(coordinator.stdout.readline())
    coordinator.kill()
    coordinator.wait()
    coordinator.stdout.close()

    assert _ends(worker)


# -- definitions ------------------------------------------------------------------------------------


FLOW = "from alonzo import task\n@task\ndef f(): return {}\n"


def fingerprint(task):
    from alonzo._worker_assembly import assembled

    return assembled({"root": "."}, None, print).fingerprint(task)


def test_a_worker_does_not_run_what_is_not_the_coordinators_definition(opened, module):
    flow = module("flow_edited", FLOW.format(1))
    apply = job(flow.f, fingerprint=fingerprint(flow.f))
    Path(flow.__file__).write_text(FLOW.format("'edited'"), encoding="utf-8")

    ((_, answer, _),) = applied_jobs(opened("processes"), [(1, apply)])

    assert "the definition of task flow_edited.f" in str(answer.error)


def test_a_worker_with_an_old_definition_is_replaced(opened, module):
    executor = opened("processes", workers=1)
    flow = module("flow_again", FLOW.format(1))
    old = job(flow.f, fingerprint=fingerprint(flow.f))
    assert value(applied_jobs(executor, [(1, old)])[0][1]) == 1
    flow = module("flow_again", FLOW.format("'again'"))
    new = job(flow.f, fingerprint=fingerprint(flow.f))

    assert new.fingerprint != old.fingerprint
    assert value(applied_jobs(executor, [(1, new)])[0][1]) == "again"


def test_a_closure_that_changed_is_sent_again(opened, task):
    executor = opened("processes", workers=1)
    amount = 1

    def add(n):
        return n + amount

    add = task(add)
    assert value(applied_jobs(executor, [(1, job(add, 1, fingerprint=b"one"))])[0][1]) == 2
    amount = 10
    assert value(applied_jobs(executor, [(1, job(add, 1, fingerprint=b"ten"))])[0][1]) == 11


def test_a_value_of_a_class_that_no_worker_can_have_fails_its_job_alone(opened, task):
    module = types.ModuleType("only_here")
    exec("class Thing:\n    size = 3", module.__dict__)
    sys.modules["only_here"] = module
    try:
        carried = bytes_only(applier_with_pickles().found(module.Thing()))
        apply = job(task(lambda things: things[0].size), [carried], carried=True)
        ((_, answer, _),) = applied_jobs(opened("processes"), [(1, apply)])
    finally:
        del sys.modules["only_here"]

    assert isinstance(answer.error, EncodeError)
    assert "No module named 'only_here'" in str(answer.error)


class Anything:
    """Digests whatever comes: what matters in these tests is that it cannot travel."""

    def simplify(self, value):
        return "any"

    def check(self, value, token, again):
        """Every digest is the same."""


def applier_with_pickles():
    from alonzo._apply import LocalApplier
    from alonzo._codec import Codec
    from alonzo._digests import Digester

    return LocalApplier(Digester(fallback=Anything()), Codec(), {})


# -- the end ----------------------------------------------------------------------------------------


def test_close_ends_workers_also_busy_ones(opened, task, tmp_path):
    import time

    def busy(log):
        import os
        import time
        from pathlib import Path

        Path(log).write_text(str(os.getpid()), encoding="utf-8")
        time.sleep(1000)

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor, posts = opened("processes", workers=2), Posts(1)
    process = task(os.getpid)
    idle = value(applied_one(executor, process))
    executor.submit([(1, job(task(busy), str(pipe)))], posts)
    working = int(pipe.read_text(encoding="utf-8"))
    began = time.monotonic()
    executor.close()

    assert time.monotonic() - began < 10
    assert _ends(idle)
    assert _ends(working)
    assert posts.posted == []


def test_an_executor_that_is_forgotten_ends_its_workers(task):
    kind = next(kind for kind in alonzo_executors() if kind.name == "processes")
    executor = kind.open(site(ProcessesOptions(), 1))
    worker = value(applied_one(executor, task(os.getpid)))
    del executor
    gc.collect()

    assert _ends(worker)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_end_its_parents_workers(opened, task):
    executor = opened("processes", workers=1)
    process = task(os.getpid)
    worker = value(applied_one(executor, process))
    child = os.fork()
    if child == 0:
        executor.close()
        os._exit(0)
    os.waitpid(child, 0)

    assert value(applied_one(executor, process)) == worker


def _ends(process):
    """Whether the process is gone, or goes within some seconds."""
    done = threading.Event()
    for _ in range(1000):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if _is_zombie(process):
            return True  # only its parent's notice of it is left
        done.wait(0.01)
    return False


def _is_zombie(process):
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:  # gone meanwhile, or not Linux
        return False
    return status.rpartition(")")[2].split()[0] == "Z"
