"""One runtime, run from several threads at once: each result is right, what one computed the others recall, and failures stay apart."""

import threading

import pytest

from alonzo import Runtime, task

began = []


@task
def slowly(n):
    began.append(n)
    return sum(range(n * 1000)) * 0 + n


@task
def total(parts):
    return sum(parts)


@task
def upto(n):
    return total([slowly(i) for i in range(n)])


@task
def broken(n):
    raise ValueError(f"broken {n}")


@task
def failing(n):
    return total([slowly(n), broken(n)])


@pytest.fixture(params=["inprocess", "threads", "processes"])
def runtime(request, tmp_path):
    began.clear()
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", executor=request.param, workers=2) as runtime:
        yield runtime


def at_once(runtime, expressions):
    """The outcomes of runs that begin together: values, or exceptions."""
    outcomes = [None] * len(expressions)
    together = threading.Barrier(len(expressions))

    def one(place, expression):
        together.wait()
        try:
            outcomes[place] = runtime.run(expression)
        except Exception as error:
            outcomes[place] = error

    threads = [threading.Thread(target=one, args=row) for row in enumerate(expressions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_each_is_right(runtime):
    assert at_once(runtime, [upto(n) for n in range(2, 14)]) == [n * (n - 1) // 2 for n in range(2, 14)]
    assert {row.status for row in runtime.store.runs(100)} == {"done"}
    began.clear()
    assert at_once(runtime, [upto(n) for n in range(2, 14)]) == [n * (n - 1) // 2 for n in range(2, 14)]
    assert began == []


def test_the_same_workflow_at_once_is_right_in_all(runtime):
    assert at_once(runtime, [upto(12) for _ in range(6)]) == [66] * 6


def test_one_that_fails_leaves_the_others_alone(runtime):
    outcomes = at_once(runtime, [upto(8), failing(20), upto(9), failing(21)])

    assert outcomes[0::2] == [28, 36]
    assert [str(error) for error in outcomes[1::2]] == ["broken 20", "broken 21"]
    assert sorted(row.status for row in runtime.store.runs(100)) == ["done", "done", "failed", "failed"]
