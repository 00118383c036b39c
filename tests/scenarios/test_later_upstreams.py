"""A call that is made again in a later run with other upstreams shows those for the later run, and the earlier ones for the earlier run."""

import pytest

from alonzo import Runtime, task


@task
def one(n):
    return n + 1


@task
def another(n):
    return n + 1


@task
def used(n):
    return n * 10


@pytest.fixture(params=["memory", "sqlite"])
def runtime(request, tmp_path):
    url = f"memory:{tmp_path}" if request.param == "memory" else f"sqlite:{tmp_path}/runs.db"
    with Runtime(store=url, executor="inprocess") as runtime:
        yield runtime


def upstreams(runtime, run):
    """How `used` fared in this run, and which tasks gave its arguments."""
    jobs = {job.number: job for job in runtime.store.jobs(run)}
    (job,) = [job for job in jobs.values() if job.task.endswith(".used")]
    return job.status, [jobs[number].task.rpartition(".")[2] for number in job.upstreams]


def test_each_run_shows_the_upstreams_that_a_call_had_in_it(runtime):
    assert runtime.run(used(one(1))) == 20
    assert runtime.run(used(another(1))) == 20
    assert runtime.run(used(2)) == 20

    assert upstreams(runtime, 1) == ("ran", ["one"])
    assert upstreams(runtime, 2) == ("recalled", ["another"])
    assert upstreams(runtime, 3) == ("recalled", [])
