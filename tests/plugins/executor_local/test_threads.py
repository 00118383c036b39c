import subprocess
import sys
import threading
import time

import pytest

from alonzo._executor_contract import Posts, applied, applied_one, job, value


def test_the_width_is_what_the_run_asks_for_else_what_the_settings_say(opened):
    assert opened("threads", workers=3).width == 3
    assert opened("threads", workers=None).width >= 5


def test_options_are_checked():
    from alonzo_executor_local import ThreadsOptions

    with pytest.raises(ValueError, match="workers must be 1 or more, not 0"):
        ThreadsOptions(workers=0)


def test_threads_are_started_only_when_they_are_needed(opened, task):
    executor = opened("threads", workers=8)
    before = threading.active_count()

    for n in range(5):  # one after another: one thread does
        applied_one(executor, task(lambda n: n), n)

    assert threading.active_count() - before == 1


def test_no_job_waits_behind_a_long_one_while_there_are_threads_to_be_had(opened, task):
    executor = opened("threads", workers=2)
    go = threading.Event()
    long_one, short_one = Posts(1), Posts(1)

    executor.submit([(1, job(task(lambda: go.wait(30))))], long_one)
    executor.submit([(2, job(task(lambda: "short")))], short_one)

    assert value(short_one.wait()[0][1]) == "short"
    go.set()
    assert value(long_one.wait()[0][1]) is True


def test_a_report_names_the_thread(opened, task):
    executor = opened("threads")

    ((_, answer, report),) = applied(executor, [(1, task(lambda: threading.current_thread().name), ())])

    assert value(answer) == report.worker == "alonzo-under-test-1"


def test_an_applier_that_breaks_its_word_fails_the_job_and_not_the_thread(opened, task):
    executor = opened("threads", workers=1)
    broken = job(task(lambda: 1))
    broken.task = 5  # no task at all
    posts = Posts(1)
    executor.submit([(1, broken)], posts)

    assert isinstance(posts.wait()[0][1].error, AttributeError)
    assert value(applied_one(executor, task(lambda: 2))) == 2


def test_close_leaves_behind_what_is_stuck_and_drops_what_waits(opened, task):
    executor = opened("threads", workers=1)
    started, go, posts = threading.Event(), threading.Event(), Posts(2)

    def stuck():
        started.set()
        go.wait(30)

    executor.submit([(1, job(task(stuck))), (2, job(task(lambda: 2)))], posts)
    started.wait(30)
    began = time.monotonic()
    executor.close()
    took = time.monotonic() - began
    go.set()

    assert took < 10
    assert posts.posted == []


def test_a_thread_in_user_code_does_not_hold_up_the_end_of_the_program():
    program = """
import threading
from alonzo import Task
from alonzo._options import TaskOptions
from alonzo._executor_contract import job, site
from alonzo_executor_local import alonzo_executors, ThreadsOptions
started = threading.Event()
def stuck():
    started.set()
    threading.Event().wait()
executor = alonzo_executors()[0].open(site(ThreadsOptions(), 1))
executor.submit([(1, job(Task(stuck, "flow", "stuck", TaskOptions())))], print)
started.wait()
print("the end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")
