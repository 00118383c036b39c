"""What a run does after a failure: what is under way finishes and is recorded, nothing new starts, everything is reported."""

import pytest
from fake_executors import FakeClock, Faulty, Shuffled, runtime

from alonzo import AlonzoWarning, Runtime, catch, task

HERE = {"store": "memory:", "executor": "inprocess"}


class Oldest:
    """No chance at all: the job that was begun first ends first."""

    def randrange(self, count):
        return 0


@task
def bad(x):
    raise ValueError(x)


@task
def good(x):
    return x


@task
def body(x):
    return [good(x), bad(x)]


def statuses(r):
    return sorted((row.task.rpartition(".")[2], row.status) for row in r.store.jobs(r.last.id))


def test_what_is_under_way_finishes_and_is_recorded_and_nothing_new_starts():
    executor = Shuffled(Oldest(), width=3)
    begun = []
    executor.begun = lambda job: begun.append(job.args)

    with runtime(executor) as r:
        with pytest.raises(ValueError):
            r.run([bad(0), good(1), good(2), good(3), good(4)])
        assert begun == [(0,), (1,), (2,)]
        assert statuses(r) == [("bad", "failed"), ("good", "ran"), ("good", "ran")]

        assert r.run([good(1), good(2)]) == [1, 2]
        assert dict(r.last.recalled) == {good.full_name: 2}


def test_with_keep_going_everything_that_can_run_does_and_all_failures_are_reported():
    with Runtime(keep_going=True, **HERE) as r:
        with pytest.raises(ValueError, match="0"):
            r.run([bad(0), good(1), bad(2), good(bad(3)), good(4)])

        assert dict(r.last.ran) == {good.full_name: 2}
        assert [failure.error.args for failure in r.last.failures] == [(0,), (2,), (3,)]
        assert dict(r.last.failed) == {bad.full_name: 3, good.full_name: 1}


def test_failures_of_jobs_that_were_under_way_are_reported_too():
    executor = Shuffled(Oldest(), width=3)
    with runtime(executor) as r:
        with pytest.raises(ValueError):
            r.run([bad(0), bad(1), good(2), bad(3)])

        assert [failure.error.args for failure in r.last.failures] == [(0,), (1,)]


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_run_that_ended_shows_no_job_as_open(keep_going):
    with Runtime(keep_going=keep_going, **HERE) as r:
        with pytest.raises(ValueError):
            r.run([body(1), body(2), catch(body(3), KeyError, 0)])

        assert {status for _, status in statuses(r)} <= {"ran", "failed"}
        assert ("body", "failed") in statuses(r)


def test_a_run_that_the_user_broke_into_shows_no_job_as_open():
    @task
    def breaks():
        raise KeyboardInterrupt

    @task
    def around():
        return breaks()

    with Runtime(**HERE) as r:
        with pytest.raises(KeyboardInterrupt):
            r.run(around())

        assert statuses(r) == [(around.name.rpartition(".")[2], "stopped")]
        assert r.store.runs()[0].status == "interrupted"


def test_a_stopped_run_shows_no_job_as_open():
    with Runtime(**HERE) as r:

        @task
        def stops(x):
            r.stop()
            return good(x)

        with pytest.raises(KeyboardInterrupt):
            r.run(stops(1))

        assert [status for _, status in statuses(r)] == ["stopped"]


def test_higher_priority_runs_first_and_what_consumes_results_before_what_makes_new_ones():
    order = []

    @task
    def plain(name):
        order.append(name)
        return name

    @task(priority=2)
    def urgent(name):
        order.append(name)
        return name

    with runtime(Faulty(), clock=FakeClock()) as r:
        r.run([plain("a"), plain("b"), plain(urgent("d") + "!"), urgent("e")])

    # "d" is asked for one level further down than "e", and so after it.
    assert order == ["e", "d", "d!", "a", "b"]


def test_each_option_is_said_once_for_each_executor_that_cannot_honour_it():
    @task(timeout=1.0)
    def one(x):
        return x

    @task(timeout=1.0, executor="inprocess")
    def other(x):
        return x

    with runtime(Faulty()) as r, pytest.warns(AlonzoWarning):
        r.run([one(1), one(2), other(1), other(2)])
    assert [text.partition("executor ")[2] for text in r.last.warnings] == [
        "'fake' does not honour timeout: it runs without",
        "'inprocess' does not honour timeout: it runs without",
    ]
