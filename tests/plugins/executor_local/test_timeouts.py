"""What becomes of jobs whose time is over, in each kind of executor; what all kinds have in common is in the contract."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from alonzo import OutOfMemoryError, TaskTimeoutError, WorkerLostError, seq
from alonzo._effects import Found, Lost
from alonzo._executor_contract import (
    LINGER,
    MEET,
    PATIENCE,
    SAME,
    SQUARE,
    STUBBORN,
    WAIT,
    Posts,
    applied_jobs,
    applied_one,
    job,
    value,
)
from alonzo_executor_local import _deadlines, _worker_process
from alonzo_executor_local._backlog import Job
from alonzo_executor_local._deadlines import Deadlines
from alonzo_executor_local._dispatch import START, Dispatch


def clocks():
    return [thread.name for thread in threading.enumerate() if thread.name.endswith("-deadlines")]


def lost(posts):
    """The only answer, which is a loss, and its report."""
    ((_, answer, report),) = posts.wait()
    assert isinstance(answer, Lost)
    return answer.error, report


# -- the clock --------------------------------------------------------------------------------------


def test_functions_are_called_in_the_order_of_their_times_on_one_thread():
    deadlines, called, done = Deadlines("the clock"), [], threading.Event()
    for seconds, name in [(0.06, "last"), (0.02, "first"), (0.04, "second")]:
        deadlines.add(seconds, lambda name=name: called.append((name, threading.current_thread().name)))
    deadlines.add(0.08, done.set)

    assert done.wait(PATIENCE)
    deadlines.close()
    assert called == [("first", "the clock"), ("second", "the clock"), ("last", "the clock")]


def test_what_was_cancelled_is_not_called():
    deadlines, called, done = Deadlines("the clock"), [], threading.Event()
    cancelled = deadlines.add(0.01, lambda: called.append("cancelled"))
    deadlines.add(0.03, done.set)
    deadlines.cancel(cancelled)

    assert done.wait(PATIENCE)
    deadlines.close()
    assert called == []


def test_the_thread_ends_when_there_is_nothing_to_wait_for(monkeypatch):
    monkeypatch.setattr(_deadlines, "_LOOK", 0.01)
    deadlines = Deadlines("the clock")
    deadlines.cancel(deadlines.add(60, print))
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "the clock")
    thread.join(PATIENCE)
    done = threading.Event()
    deadlines.add(0.01, done.set)  # and begins anew

    assert not thread.is_alive()
    assert done.wait(PATIENCE)
    deadlines.close()


@pytest.mark.parametrize("kind", ["threads", "processes", "asyncio"])
def test_there_is_no_clock_without_timeouts_and_no_more_than_one_with(opened, kind, tmp_path):
    executor, seen = opened(kind, workers=3), []

    class Noting(Posts):
        def __call__(self, *posted):
            seen.append(len(clocks()))
            super().__call__(*posted)

    applied_jobs(executor, [(n, job(SQUARE, n)) for n in range(10)])
    without, posts = clocks(), Noting(3)
    executor.submit([(n, job(LINGER, str(tmp_path), timeout=0.1 + n / 10)) for n in range(3)], posts)
    posts.wait()
    (tmp_path / "go").touch()

    assert without == []
    assert max(seen) <= 1


# -- threads ----------------------------------------------------------------------------------------


def test_a_warning_names_the_task_whose_thread_goes_on(opened, tmp_path):
    executor, posts = opened("threads"), Posts(1)
    executor.submit([(1, job(LINGER, str(tmp_path), timeout=0.1))], posts)
    error, report = lost(posts)
    (tmp_path / "go").touch()

    assert str(error) == "task alonzo._executor_contract.LINGER timed out after 0.1 s"
    assert report.goes_on
    (warning,) = report.warnings
    assert warning.startswith("task alonzo._executor_contract.LINGER has timed out")
    assert warning.endswith("a thread cannot be stopped: alonzo-under-test-1 goes on with it")
    assert posts.wait_for_ends(1) == [1]


def test_as_many_threads_as_before_work_while_those_of_late_jobs_go_on(opened, tmp_path):
    executor, posts = opened("threads", workers=2), Posts(3)
    executor.submit([(n, job(LINGER, str(tmp_path), timeout=0.1)) for n in range(3)], posts)
    posts.wait()
    pair = [(4, job(MEET, str(tmp_path), "a", "b")), (5, job(MEET, str(tmp_path), "b", "a"))]

    assert [value(answer) for _, answer, _ in applied_jobs(executor, pair)] == [True, True]
    (tmp_path / "go").touch()
    assert sorted(posts.wait_for_ends(3)) == [0, 1, 2]


def test_close_does_not_wait_for_a_late_job_and_says_nothing_of_its_end(opened, tmp_path):
    executor, posts = opened("threads"), Posts(1)
    executor.submit([(1, job(LINGER, str(tmp_path), timeout=0.1))], posts)
    _, report = lost(posts)
    began = time.monotonic()
    executor.close()
    took = time.monotonic() - began
    (tmp_path / "go").touch()
    for thread in threading.enumerate():
        if thread.name == report.worker:
            thread.join(PATIENCE)

    assert took < 0.9  # close() gives a thread that works for somebody a second
    assert posts.ended == []


def test_a_late_job_does_not_hold_up_the_end_of_the_program():
    program = """
import threading
from alonzo import Task, TaskTimeoutError
from alonzo._options import TaskOptions
from alonzo._executor_contract import Posts, job, site
from alonzo_executor_local import alonzo_executors, ThreadsOptions
def stuck():
    threading.Event().wait()
executor = alonzo_executors()[0].open(site(ThreadsOptions(), 1))
posts = Posts(1)
executor.submit([(1, job(Task(stuck, "flow", "stuck", TaskOptions()), timeout=0.1))], posts)
print(posts.wait()[0][1].error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "task flow.stuck timed out after 0.1 s\n", "")


# -- processes --------------------------------------------------------------------------------------


def test_what_else_a_worker_had_goes_back_uncharged_when_it_is_killed_for_a_late_job():
    entries = [Job(n, job(SAME, n, timeout=2), print) for n in range(6)]
    dispatch = Dispatch(1)
    (place,) = dispatch.add(entries)
    assert dispatch.take(place) == START
    dispatch.ready(place)
    (timed,) = dispatch.take(place)
    dispatch.answered(place, [(timed.serial, 0.001)])
    late, *others = dispatch.take(place)

    assert dispatch.overdue(place, late.serial, 0.5) == 1.5
    assert dispatch.overdue(place, 0, 0.0) == 2  # none of these has begun
    assert dispatch.overdue(place, late.serial, 2.0) == 0
    assert dispatch.ended(place, others[0].serial) == ([late], [])  # which it has begun since, before it was dead
    assert [(entry.losses, entry.alone) for entry in others] == [(0, False)] * len(others) != []
    assert dispatch.take(place) == START
    dispatch.ready(place)
    assert dispatch.take(place) == others


def test_nobody_looks_at_a_worker_that_has_no_job_with_a_timeout():
    dispatch = Dispatch(1)
    (place,) = dispatch.add([Job(1, job(SAME, 1), print)])
    assert dispatch.take(place) == START
    dispatch.ready(place)
    (entry,) = dispatch.take(place)

    assert dispatch.overdue(place, entry.serial, 1000.0) is None


@pytest.mark.slow
def test_a_late_worker_is_killed_and_the_others_of_its_batch_run_elsewhere(opened, task, tmp_path):
    def maybe_wait(n, victim, log):
        import os
        import time

        with open(log, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(f"{n} {os.getpid()}\n")
        if n == victim:
            print("still at it", flush=True)
            time.sleep(30)
        return os.getpid()

    executor, log = opened("processes", workers=1), tmp_path / "log"
    maybe_wait = task(maybe_wait)
    applied_jobs(executor, [(n, job(maybe_wait, n, -1, os.devnull)) for n in range(30)])  # batches from now on
    posts = applied_jobs(executor, [(n, job(maybe_wait, n, 7, str(log), timeout=0.3)) for n in range(20)])
    answers = {ticket: (answer, report) for ticket, answer, report in posts}
    late, report = answers.pop(7)
    rows = [line.split() for line in log.read_text(encoding="utf-8").splitlines()]
    killed = next(process for n, process in rows if n == "7")

    assert isinstance(late.error, TaskTimeoutError)
    assert str(late.error) == "task tests.maybe_wait timed out after 0.3 s"
    assert (report.output, report.worker, report.goes_on) == ("still at it", f"process {killed}", False)
    assert 0.29 < report.finished - report.started < 10
    assert str(value(answers[19][0])) != killed
    assert sorted(int(n) for n, _ in rows) == list(range(20))
    with pytest.raises(ProcessLookupError):
        os.kill(int(killed), 0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups")
def test_programs_that_a_late_task_has_started_are_ended_with_its_worker(opened, task, tmp_path):
    def start(pipe):
        import subprocess
        import sys

        with open(pipe, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write("begun")
            file.flush()
            subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"], stdout=file, check=False)

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    executor, posts = opened("processes"), Posts(1)
    executor.submit([(1, job(task(start), str(pipe), timeout=0.3))], posts)
    written = pipe.read_text(encoding="utf-8")  # to the end of the last program that has it open

    assert written == "begun"
    assert isinstance(lost(posts)[0], TaskTimeoutError)


@pytest.mark.slow
def test_the_import_of_a_tasks_module_does_not_count(opened, tmp_path, monkeypatch):
    (tmp_path / "slow_to_import.py").write_text(
        "import os, time\n"
        "from alonzo import task\n"
        "time.sleep(0.6 if os.environ.get('SLOW') else 0)\n"
        "@task\n"
        "def quick(n): return n\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    quick = __import__("slow_to_import").quick
    monkeypatch.setenv("SLOW", "1")

    ((_, answer, _),) = applied_jobs(opened("processes"), [(1, job(quick, 3, timeout=0.3))])

    assert value(answer) == 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_worker_that_the_kernel_killed_for_want_of_memory_is_told_from_one_that_was_just_killed(
    opened, task, monkeypatch
):
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    kills = iter([0, 1])  # before the first worker and after it
    monkeypatch.setattr(_worker_process, "oom_kills", lambda: next(kills, 1))
    executor = opened("processes", workers=1)

    assert isinstance(applied_one(executor, task(die)).error, OutOfMemoryError)
    assert isinstance(applied_one(executor, task(die)).error, WorkerLostError)


def test_want_of_memory_is_read_from_the_control_group(monkeypatch, tmp_path):
    monkeypatch.setattr(_worker_process, "_GROUPS", str(tmp_path))
    before = _worker_process.oom_kills()
    (tmp_path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\n", encoding="utf-8")

    assert before == 0
    assert _worker_process.oom_kills() == (2 if os.path.exists("/proc/self/cgroup") else 0)  # noqa: PTH110


@pytest.mark.slow
def test_a_memory_error_of_the_tasks_own_is_raised(opened, task):
    def greedy():
        raise MemoryError("too much")

    assert repr(applied_one(opened("processes"), task(greedy)).error) == "MemoryError('too much')"


# -- the event loop ---------------------------------------------------------------------------------


def test_a_late_coroutine_is_cancelled_and_answered_when_it_has_cleaned_up(opened, task):
    executor, posts, done = opened("asyncio"), Posts(1), []

    async def long():
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(0.01)
            done.append("cleaned up")

    executor.submit([(1, job(task(long), timeout=0.1))], posts)
    error, report = lost(posts)

    assert done == ["cleaned up"]
    assert str(error) == "task tests.long timed out after 0.1 s"
    assert (report.goes_on, report.warnings) == (False, ())


def test_a_coroutine_that_returns_something_when_it_is_cancelled_is_late_all_the_same(opened, task):
    executor, posts = opened("asyncio"), Posts(1)

    async def sly():
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            return "done"

    executor.submit([(1, job(task(sly), timeout=0.1))], posts)

    assert isinstance(lost(posts)[0], TaskTimeoutError)


def test_a_coroutine_that_goes_on_when_it_is_cancelled_is_answered_and_named(opened, tmp_path):
    executor, posts = opened("asyncio"), Posts(1)
    executor.submit([(1, job(STUBBORN, str(tmp_path), timeout=0.1))], posts)
    _, report = lost(posts)
    (tmp_path / "go").touch()

    assert report.goes_on
    assert report.warnings == (
        "task alonzo._executor_contract.STUBBORN was cancelled, for it had timed out, and goes on all the same",
    )
    assert posts.wait_for_ends(1) == [1]


def test_the_time_that_a_coroutine_awaits_an_expression_counts(opened, task):
    executor, posts, awaited = opened("asyncio", workers=1), Posts(1), []

    async def waits():
        try:
            await seq([])
        except asyncio.CancelledError:
            awaited.append("cancelled")
            raise

    executor.submit([("t", job(task(waits), timeout=0.1))], posts)
    error, _ = lost(posts)
    executor.resume("t", posts.asked[0][1].number, Found("too late"))

    assert isinstance(error, TaskTimeoutError)
    assert awaited == ["cancelled"]
    assert isinstance(applied_jobs(executor, [(1, job(WAIT, 0))])[0][1], Found)


def test_what_a_late_coroutine_awaits_fails_and_is_not_asked_for(opened, task):
    executor, posts, met = opened("asyncio"), Posts(1), []

    async def stubborn():
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            try:
                await seq([])
            except TimeoutError as error:
                met.append(error)

    executor.submit([("t", job(task(stubborn), timeout=0.1))], posts)
    lost(posts)

    assert [type(error) for error in met] == [TaskTimeoutError]
    assert posts.asked == []


def test_an_answer_for_an_attempt_that_was_late_is_not_taken_for_one_to_the_next_attempt(opened, task):
    executor, first, second = opened("asyncio"), Posts(1), Posts(1)

    async def waits():
        return await seq([])

    executor.submit([("t", job(task(waits), timeout=0.1))], first)
    lost(first)
    executor.submit([("t", job(task(waits)))], second)
    ((_, asks),) = second.wait_for_asks(1)
    executor.resume("t", first.asked[0][1].number, Found("for the first"))
    executor.resume("t", asks.number, Found("for the second"))

    assert value(second.wait()[0][1]) == "for the second"


def test_a_plain_function_on_the_event_loops_executor_is_late_as_in_a_thread(opened, tmp_path):
    executor, posts = opened("asyncio"), Posts(1)
    executor.submit([(1, job(LINGER, str(tmp_path), timeout=0.1))], posts)
    _, report = lost(posts)
    (tmp_path / "go").touch()

    assert report.goes_on
    assert posts.wait_for_ends(1) == [1]


def test_an_async_task_beside_the_in_process_executor_is_cancelled_when_its_time_is_over(task):
    from alonzo._builtins import InProcess, InProcessOptions
    from alonzo._executor_contract import site

    async def long():
        await asyncio.sleep(1000)

    executor, posts = InProcess(site(InProcessOptions(), None)), Posts(1)
    executor.submit([(1, job(task(long), timeout=0.1))], posts)
    error, _ = lost(posts)
    executor.close()

    assert isinstance(error, TaskTimeoutError)
    assert not hasattr(executor, "honours")
