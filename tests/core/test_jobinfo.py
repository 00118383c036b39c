"""What a task may know of its own application."""

from fake_executors import FakeClock, Faulty, runtime

from alonzo import Runtime, task
from alonzo._errors import PreemptedError
from alonzo._tasks import THIS_JOB, JobInfo

HERE = {"store": "memory:", "executor": "inprocess"}


@task
def told(x, job: JobInfo = THIS_JOB):
    return [x, job.run, job.job, job.attempt]


def test_a_job_is_told_its_run_its_number_and_its_attempt():
    with Runtime(**HERE) as r:
        value = r.run(told(7))
        [row] = r.store.jobs(r.last.id)

    assert value == [7, r.last.id, row.number, 1]


def test_each_attempt_is_told_its_own_number():
    attempts = []

    @task(retries=2)
    def shaky(job: JobInfo = THIS_JOB):
        attempts.append(job.attempt)
        if job.attempt < 3:
            raise ValueError
        return job.attempt

    with Runtime(**HERE) as r:
        assert r.run(shaky()) == 3
    assert attempts == [1, 2, 3]


def test_attempts_that_the_platform_broke_off_count():
    executor = Faulty()
    executor.faults[told.full_name] = [PreemptedError("1"), PreemptedError("2")]

    with runtime(executor, clock=FakeClock()) as r:
        assert r.run(told(1))[3] == 3


def test_it_does_not_count_for_the_key():
    with Runtime(**HERE) as r:
        first = r.run(told(7))
        again = r.run([told(8), told(7)])

        assert again[1] == first
        assert dict(r.last.recalled) == {told.full_name: 1}


def test_an_async_task_is_told_too():
    @task
    async def informed(job: JobInfo = THIS_JOB):
        return job.attempt

    with Runtime(**HERE) as r:
        assert r.run(informed()) == 1


def test_jobs_of_one_fan_out_are_told_different_numbers():
    with Runtime(**HERE) as r:
        numbers = [number for _, _, number, _ in r.run([told(x) for x in range(5)])]

    assert len(set(numbers)) == 5
