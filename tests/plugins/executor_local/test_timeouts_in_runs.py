"""Timeouts in whole runs: what is awaited, caught and tried again when an attempt was late."""

import asyncio
import contextlib
import os
import time

import pytest

from alonzo import Runtime, WorkerLostError, catch
from alonzo import task as alonzo_task
from alonzo._executor_contract import (
    LINGER,
    PATIENCE,
)
from alonzo._runtime import AlonzoWarning

# -- awaiting, in runs ------------------------------------------------------------------------------


@alonzo_task
async def tree(depth):
    if depth == 0:
        return 1
    return sum(await asyncio.gather(_awaited(tree(depth - 1)), _awaited(tree(depth - 1))))


async def _awaited(expression):
    return await expression


@alonzo_task(cache=False)
async def met(name, other, folder):
    """Whether the other came while this one was waiting."""
    (folder / name).touch()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not (folder / other).exists():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return (folder / other).exists()


@alonzo_task
async def both(folder):
    return await asyncio.gather(_awaited(met("a", "b", folder)), _awaited(met("b", "a", folder)))


@pytest.mark.parametrize("executor", ["asyncio", "inprocess"])
def test_awaits_within_awaits_get_on_with_one_place(executor):
    with Runtime(store="memory:", executor=executor, workers=1) as runtime:
        assert runtime.run(tree(6)) == 2**6


def test_what_is_awaited_together_runs_at_the_same_time(tmp_path):
    with Runtime(store="memory:", executor="asyncio", workers=2) as runtime:
        assert runtime.run(both(tmp_path)) == [True, True]


# -- what fails in a worker, in runs ----------------------------------------------------------------


@alonzo_task(cache=False, retries=1)
def dies_once(folder):
    with contextlib.suppress(FileExistsError):
        (folder / "died").touch(exist_ok=False)
        os._exit(7)
    return "alive"


@alonzo_task(cache=False)
def dies():
    os._exit(7)


@alonzo_task(cache=False)
def leaves():
    raise SystemExit(3)


@alonzo_task(cache=False)
def raises_what_cannot_travel():
    class Local(LookupError):
        pass

    raise Local("not here")


@alonzo_task(cache=False, retries=1, timeout=0.2)
def late_once(folder):
    with contextlib.suppress(FileExistsError):
        (folder / "tried").touch(exist_ok=False)
        time.sleep(PATIENCE)
    return "in time"


@pytest.fixture
def on_processes():
    with Runtime(store="memory:", executor="processes", workers=1) as runtime:
        yield runtime


@pytest.mark.slow
def test_failures_in_a_worker_process_can_be_caught(on_processes):
    program = [
        catch(dies(), WorkerLostError, "died"),
        catch(leaves(), SystemExit, "left"),
        catch(raises_what_cannot_travel(), LookupError, "not found"),
    ]

    assert on_processes.run(program) == ["died", "left", "not found"]


@pytest.mark.slow
def test_a_worker_that_died_and_an_attempt_that_was_late_can_be_tried_again(on_processes, tmp_path):
    assert on_processes.run([dies_once(tmp_path), late_once(tmp_path)]) == ["alive", "in time"]


@pytest.mark.slow
def test_a_run_in_threads_ends_although_a_late_thread_goes_on_and_says_so(tmp_path):
    with Runtime(store="memory:", executor="threads", workers=1) as runtime:
        with pytest.warns(AlonzoWarning, match="lingers has timed out, but a thread cannot be stopped"):
            assert runtime.run(catch(lingers(tmp_path), TimeoutError, "late")) == "late"
        (tmp_path / "go").touch()


@alonzo_task(timeout=0.1)
def lingers(folder):
    return LINGER.func(str(folder))


@pytest.mark.slow
def test_an_application_that_was_late_while_it_awaited_is_tried_again(tmp_path):
    with Runtime(store="memory:", executor="threads", workers=1) as runtime:
        assert runtime.run(awaits_what_lingers(tmp_path)) == "late"  # which is what lingered until the second attempt


@alonzo_task(cache=False, timeout=0.2, retries=1)
async def awaits_what_lingers(folder):
    if (folder / "tried").exists():
        (folder / "go").touch()
    (folder / "tried").touch()
    return await goes_on(folder)


@alonzo_task(cache=False)
def goes_on(folder):
    return LINGER.func(str(folder))
