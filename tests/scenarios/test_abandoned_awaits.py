"""What an async task began to await and gave up: dropped when the run ends first, recorded when it does not."""

import asyncio
import threading

import pytest

from alonzo import AlonzoError, Runtime, catch, task

pytest.importorskip("alonzo_executor_local")

GO = threading.Event()
BEGAN = threading.Event()
WENT_ON = threading.Event()


@task
def slow(x):
    BEGAN.set()
    assert GO.wait(30)
    return after(x)


@task
def after(x):
    WENT_ON.set()
    return x + 1


@task
async def hurried(x):
    try:
        async with asyncio.timeout(None) as limit:
            asyncio.get_running_loop().call_soon(lambda: _when_begun(limit))
            return await slow(x)
    except TimeoutError:
        return "gave up"


def _when_begun(limit):
    """The time is over as soon as what is awaited has begun: no clock decides."""
    loop = asyncio.get_running_loop()
    if BEGAN.is_set():
        limit.reschedule(loop.time())
    else:
        loop.call_later(0.002, _when_begun, limit)


@task
async def first_of(x):
    both = [asyncio.ensure_future(awaited(slow(x))), asyncio.ensure_future(awaited(at_once(x)))]
    done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    for one in left:
        one.cancel()
    return [one.result() for one in done]


async def awaited(expression):
    return await expression


@task
def at_once(x):
    return x


@task(timeout=0.05)
async def short(x):
    return await slow(x)


@task(cache=False)
def lets_go_on(before):
    GO.set()
    assert WENT_ON.wait(30)
    return before


@pytest.fixture
def runtime():
    for event in (GO, BEGAN, WENT_ON):
        event.clear()
    with Runtime(store="memory:", workers=3) as runtime:
        yield runtime
        GO.set()


def jobs(runtime):
    return {job.task.rpartition(".")[2]: job.status for job in runtime.store.jobs(runtime.last.id)}


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@pytest.mark.parametrize(
    ("expression", "value", "recorded"),
    [
        (lambda: hurried(1), "gave up", {"hurried": "ran"}),
        (lambda: first_of(1), [1], {"first_of": "ran", "at_once": "ran"}),
        (lambda: catch(short(1), AlonzoError, "late"), "late", {"short": "failed"}),
    ],
    ids=["timeout", "first completed", "the task's own timeout"],
)
def test_the_run_ends_without_what_was_given_up_and_does_not_record_it(runtime, expression, value, recorded):
    assert runtime.run(expression()) == value
    assert not GO.is_set(), "what was given up is still under way"
    assert jobs(runtime) == recorded
    assert runtime.store.runs()[0].status == "done"

    GO.set()
    runtime.run(slow(1))
    assert ran(runtime) == {"slow": 1, "after": 1}


def test_what_was_given_up_is_recorded_when_the_run_goes_on_for_long_enough(runtime):
    assert runtime.run(lets_go_on(hurried(1))) == "gave up"
    runtime.run(slow(1))
    assert "slow" not in ran(runtime)


def test_a_value_that_rests_on_who_was_first_is_made_anew_in_the_next_run(runtime):
    runtime.run(hurried(1))
    GO.set()
    assert runtime.run(hurried(1)) in (2, "gave up")
    assert ran(runtime)["hurried"] == 1
