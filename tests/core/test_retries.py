"""Attempts that fail: which are made again, how often, when; what is recorded and told of them."""

import random

import pytest
from fake_executors import FakeClock, Faulty, runtime

from alonzo import (
    AlonzoWarning,
    OutOfMemoryError,
    PreemptedError,
    RemoteError,
    TaskTimeoutError,
    WorkerLostError,
    catch,
    task,
)
from alonzo._effects import Lost, Raised
from alonzo._options import Backoff, TaskOptions
from alonzo._retries import budget, is_wanted, outcome_of, pause

GB = 2**30


def failing(times, error=ValueError, **options):
    """A task that raises so many times, and then answers how often it was applied."""
    calls = []

    @task(**options)
    def shaky():
        calls.append(1)
        if len(calls) <= times:
            raise error(f"attempt {len(calls)}")
        return len(calls)

    return shaky


def here(**options):
    return runtime(Faulty(), clock=FakeClock(), **options)


# -- classes of failure ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Raised(ValueError()), "raised"),
        (Raised(MemoryError()), "memory"),
        (Raised(RemoteError("x", ("builtins.MemoryError", "builtins.Exception"))), "memory"),
        (Lost(OutOfMemoryError("x")), "memory"),
        (Lost(TaskTimeoutError("x")), "timeout"),
        (Lost(PreemptedError("x")), "preempted"),
        (Lost(WorkerLostError("x")), "lost"),
        (Raised(TimeoutError()), "raised"),
    ],
)
def test_a_failure_is_classified_by_what_it_is_and_where_it_comes_from(answer, outcome):
    assert outcome_of(answer) == outcome


def test_each_class_has_a_budget_and_preemption_ten():
    assert [budget(3, outcome) for outcome in ("raised", "timeout", "memory", "lost")] == [3, 3, 3, 3]
    assert budget(0, "preempted") == budget(3, "preempted") == 10
    assert budget({"lost": 2}, "lost") == 2
    assert budget({"lost": 2}, "raised") == 0
    assert budget({"lost": 2}, "preempted") == 10
    assert budget({"preempted": 0}, "preempted") == 0


# -- how often ---------------------------------------------------------------------------------------


def test_a_task_that_raises_is_tried_again_as_often_as_it_says():
    with here() as r:
        assert r.run(failing(2, retries=2)()) == 3
        assert len(r.plugin.told("retried")) == 2

    with here() as r, pytest.raises(ValueError, match="attempt 3"):
        r.run(failing(3, retries=2)())


def test_without_retries_the_first_failure_is_final():
    with here() as r, pytest.raises(ValueError, match="attempt 1"):
        r.run(failing(1)())


def test_what_the_platform_does_uses_up_nothing_of_the_tasks_own_budget():
    shaky = failing(1, retries=1)
    executor = Faulty()
    executor.faults[shaky.full_name] = [PreemptedError("1"), WorkerLostError("2"), PreemptedError("3"), None, None]

    with runtime(executor, clock=FakeClock()) as r:
        assert r.run(shaky()) == 2
        assert [moment.details["outcome"] for moment in r.plugin.told("retried")] == [
            "preempted",
            "lost",
            "preempted",
            "raised",
        ]


def test_a_preempted_job_is_begun_again_ten_times_by_itself():
    shaky = failing(0)
    executor = Faulty()
    executor.faults[shaky.full_name] = [PreemptedError(str(number)) for number in range(11)]

    with runtime(executor, clock=FakeClock()) as r, pytest.raises(PreemptedError, match="10"):
        r.run(shaky())
    assert len(executor.jobs) == 11


def test_a_lost_worker_is_final_unless_the_task_says_otherwise():
    shaky = failing(0)
    executor = Faulty()
    executor.faults[shaky.full_name] = [WorkerLostError("gone")]

    with runtime(executor, clock=FakeClock()) as r:
        assert r.run(catch(shaky(), WorkerLostError, "caught")) == "caught"


def test_each_call_has_its_own_budget():
    attempts = []

    @task(retries=1)
    def half(x):
        attempts.append(x)
        if attempts.count(x) == 1:
            raise ValueError(x)
        return x

    with here() as r:
        assert r.run([half(1), half(2), half(3)]) == [1, 2, 3]
    assert sorted(attempts) == [1, 1, 2, 2, 3, 3]


def test_a_failure_that_was_tried_again_is_not_one_of_the_runs_failures():
    with here() as r:
        shaky = failing(1, retries=1)
        r.run(shaky())

        assert r.last.failures == []
        assert dict(r.last.ran) == {shaky.full_name: 1}
        assert not r.last.failed


# -- which -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "attempts"),
    [
        (ValueError, 3),
        (Exception, 3),
        ((KeyError, ValueError), 3),
        (KeyError, 1),
        (lambda error: "attempt 1" in str(error), 2),
    ],
)
def test_retry_on_says_which_failures_of_the_task_are_worth_another_attempt(wanted, attempts):
    shaky = failing(9, retries=2, retry_on=wanted)
    executor = Faulty()

    with runtime(executor, clock=FakeClock()) as r, pytest.raises(ValueError, match=f"attempt {attempts}"):
        r.run(shaky())
    assert len(executor.jobs) == attempts


def test_retry_on_has_no_say_about_faults_of_the_platform():
    shaky = failing(0, retries=1, retry_on=KeyError)
    executor = Faulty()
    executor.faults[shaky.full_name] = [WorkerLostError("gone")]

    with runtime(executor, clock=FakeClock()) as r:
        assert r.run(shaky()) == 1


def test_a_predicate_that_raises_makes_the_failure_final_and_is_named():
    def picky(error):
        raise KeyError("oops")

    with (
        here() as r,
        pytest.warns(AlonzoWarning, match=r"retry_on: .*picky raised KeyError\('oops'\)"),
        pytest.raises(ValueError, match="attempt 1"),
    ):
        r.run(failing(9, retries=3, retry_on=picky)())


def test_an_interrupt_of_the_user_is_not_tried_again():
    interrupted = RemoteError("KeyboardInterrupt: ", ("builtins.KeyboardInterrupt", "builtins.BaseException"))

    assert not is_wanted(TaskOptions(retries=3), "raised", interrupted, print)


# -- when --------------------------------------------------------------------------------------------


def test_the_wait_grows_by_the_factor_up_to_the_most():
    backoff = Backoff(first=1.0, factor=2.0, most=5.0, jitter=0.0)

    assert [pause(backoff, n, random.random) for n in (1, 2, 3, 4, 5000)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert [pause(0.5, n, random.random) for n in (1, 2, 3)] == [0.5, 0.5, 0.5]


def test_jitter_makes_the_wait_longer_or_shorter_by_its_part():
    backoff = Backoff(first=10.0, factor=2.0, jitter=0.1)

    assert pause(backoff, 1, lambda: 0.0) == 9.0
    assert pause(backoff, 1, lambda: 0.5) == 10.0
    assert pause(backoff, 1, lambda: 1.0) == 11.0


def test_an_attempt_is_made_when_it_is_due_and_nothing_sleeps():
    clock = FakeClock()
    shaky = failing(3, retries=3, retry_delay=Backoff(first=100.0, factor=3.0, most=1e6, jitter=0.0))

    with runtime(Faulty(), clock=clock) as r:
        assert r.run(shaky()) == 4
    assert clock.time == 100.0 + 300.0 + 900.0


def test_others_go_on_while_one_waits_for_its_next_attempt():
    order = []
    shaky = failing(1, retries=1, retry_delay=5.0)

    @task
    def step(x):
        order.append(x)
        return x + 1

    with here() as r:
        assert r.run([shaky(), step(step(step(0)))]) == [2, 3]
    assert order == [0, 1, 2]


def test_waits_run_side_by_side():
    clock = FakeClock()
    seen = set()

    @task(retries=1, retry_delay=10.0)
    def once(x):
        if x not in seen:
            seen.add(x)
            raise ValueError(x)
        return x

    with runtime(Faulty(), clock=clock) as r:
        assert r.run([once(1), once(2), once(3)]) == [1, 2, 3]
    assert clock.time == 10.0


# -- what an attempt is given --------------------------------------------------------------------------


def test_resources_may_be_functions_of_the_attempt():
    executor = Faulty("memory", "timeout", "cpus", "gpus", "disk")
    shaky = failing(0, retries=2, memory=lambda attempt: 2**attempt * GB, timeout=lambda n: 10.0 * n, cpus=2)
    executor.faults[shaky.full_name] = [OutOfMemoryError("1"), TaskTimeoutError("2"), None]

    with runtime(executor, clock=FakeClock()) as r:
        r.run(shaky())
    assert [(timeout, needs) for _, timeout, needs in executor.jobs] == [
        (10.0, {"cpus": 2, "memory": 2 * GB}),
        (20.0, {"cpus": 2, "memory": 4 * GB}),
        (30.0, {"cpus": 2, "memory": 8 * GB}),
    ]


def test_a_function_of_the_attempt_that_raises_fails_the_job_with_its_name():
    def too_much(attempt):
        return 1 // 0

    shaky = failing(0, retries=5, memory=too_much)
    with (
        runtime(Faulty("memory")) as r,
        pytest.raises(Exception, match=r"memory is .*too_much\(1\), which raised ZeroDivisionError"),
    ):
        r.run(shaky())


def test_a_function_of_the_attempt_that_raises_later_fails_the_job_with_its_attempts():
    executor = Faulty("memory")
    shaky = failing(9, retries=5, memory=lambda attempt: [1, 1][attempt])

    with runtime(executor) as r:
        with pytest.raises(Exception, match="which raised IndexError"):
            r.run(shaky())
        [job] = r.store.jobs(r.last.id)

    assert (job.status, job.attempts) == ("failed", 1)


def test_an_option_that_the_executor_cannot_honour_is_said_once():
    @task(timeout=1.0, memory="1 GB")
    def one(x):
        return x

    @task(timeout=2.0)
    def other():
        return 0

    with (
        runtime(Faulty("memory")) as r,
        pytest.warns(AlonzoWarning, match="the executor 'fake' does not honour timeout"),
    ):
        r.run([one(1), one(2), other()])
    assert len(r.last.warnings) == 1


# -- what is told and recorded -------------------------------------------------------------------------


def test_all_attempts_are_recorded_and_told():
    executor = Faulty("timeout")
    shaky = failing(1, retries=1, timeout=7)
    executor.faults[shaky.full_name] = [TaskTimeoutError("too slow")]
    notes = []

    with runtime(executor, clock=FakeClock()) as r:
        commit = r.store.commit
        r.store.commit = lambda run, new: (notes.extend(new), commit(run, new))
        r.run(shaky())
        r.close()

    [note] = [note for note in notes if note.remember.job.status == "ran"]
    assert [(a.outcome, a.error) for a in note.attempts] == [
        ("timeout", "TaskTimeoutError: too slow"),
        ("raised", "ValueError: attempt 1"),
        ("done", ""),
    ]
    [late] = r.plugin.told("timed_out")
    assert (late.task, late.details["attempt"], late.details["timeout"]) == (shaky.full_name, 1, 7)
    assert [moment.details["attempt"] for moment in r.plugin.told("retried")] == [1, 2]


def test_a_stopped_run_tries_nothing_again_and_records_the_failure():
    executor = Faulty()
    with runtime(executor, clock=FakeClock()) as r:

        @task(retries=5)
        def stops():
            r.stop()
            raise ValueError("once")

        with pytest.raises((KeyboardInterrupt, ValueError)):
            r.run(stops())
        [job] = r.store.jobs(r.last.id)

    assert len(executor.jobs) == 1
    assert (job.status, job.attempts) == ("failed", 1)


def test_a_failure_elsewhere_ends_what_waits_for_its_next_attempt():
    clock = FakeClock()
    waiting = failing(9, retries=5, retry_delay=1000.0)

    @task
    def bad():
        raise KeyError("final")

    with runtime(Faulty(), clock=clock) as r:
        with pytest.raises((KeyError, ValueError)):
            r.run([waiting(), bad()])
        rows = {row.task: (row.status, row.attempts) for row in r.store.jobs(r.last.id)}

    assert clock.time < 1000.0
    assert rows == {waiting.full_name: ("failed", 1), bad.full_name: ("failed", 1)}
    assert len(r.last.failures) == 2


def test_with_keep_going_what_waits_for_its_next_attempt_gets_it():
    waiting = failing(1, retries=1, retry_delay=1000.0)

    @task
    def bad():
        raise KeyError("final")

    with here(keep_going=True) as r:
        with pytest.raises(KeyError):
            r.run([bad(), waiting()])
        assert r.last.ran[waiting.full_name] == 1


def test_an_async_task_is_tried_again_though_it_had_questions_open():
    calls = []

    @task
    def bad(x):
        raise ValueError(x)

    @task
    def slow(x):
        return x

    @task(retries=1)
    async def asks():
        import asyncio

        calls.append(1)
        if len(calls) == 1:
            await asyncio.gather(catch(bad(1), KeyError, 0), slow(slow(slow(1))))
        return await slow(7)

    from alonzo import run

    assert run(asks(), store="memory:", executor="inprocess") == 7
    assert len(calls) == 2
