"""Runs of a runtime: one after another, at once, after failures, stopped, dry, forced."""

import asyncio
import dataclasses
import os
import subprocess
import sys
import threading
import warnings

import pytest

from alonzo import (
    AlonzoError,
    LoopError,
    OptionError,
    Runtime,
    SettingsError,
    StoreError,
    arun,
    catch,
    get_context,
    run,
    task,
)
from alonzo._memory_store import MemoryStore, _Shelves
from alonzo.plugin import StoreKind, hookimpl

HERE = {"store": "memory:", "executor": "inprocess"}


@task
def inc(x):
    return x + 1


@task
def bad(x):
    raise ValueError(x)


@task
def setting(path):
    return get_context(path, "none")


@task
async def gathered(x):
    return await inc(x) + await inc(x + 1)


def within(seconds, function):
    """What the function returns or raises; a failure when it hangs."""
    done = []

    def work():
        try:
            done.append((function(), None))
        except BaseException as error:
            done.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert done, f"it hangs: not done after {seconds} s"
    value, error = done[0]
    if error is not None:
        raise error
    return value


def test_run_returns_the_value():
    assert run([inc(1), {"a": inc(inc(1))}], **HERE) == [2, {"a": 3}]


def test_runs_of_one_runtime_share_what_is_remembered():
    with Runtime(**HERE) as runtime:
        runtime.run(inc(1))
        runtime.run([inc(1), inc(2)])

        assert dict(runtime.last.recalled) == {inc.full_name: 1}
        assert dict(runtime.last.ran) == {inc.full_name: 1}


def test_a_run_after_a_failed_one_works():
    with Runtime(**HERE) as runtime:
        with pytest.raises(ValueError):
            runtime.run([bad(1), inc(5)])

        assert runtime.run(inc(5)) == 6
        assert runtime.last.failures == []


def test_runs_at_once_from_several_threads_are_each_right():
    with Runtime(**HERE) as runtime:
        results = {}

        def work(number):
            results[number] = [
                runtime.run([inc(i), catch(bad(i), ValueError, -1), inc(number * 1000)]) for i in range(10)
            ]

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert results == {n: [[i + 1, -1, n * 1000 + 1] for i in range(10)] for n in range(6)}


def test_arun_lets_the_event_loop_go_on():
    async def main():
        ticks = []

        async def tick():
            while True:
                ticks.append(1)
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async with asyncio.TaskGroup() as group:
            first, second = group.create_task(arun(inc(1), **HERE)), group.create_task(arun(gathered(1), **HERE))
        ticking.cancel()
        return first.result(), second.result(), len(ticks)

    one, other, ticks = asyncio.run(main())

    assert (one, other) == (2, 5)
    assert ticks > 2


def test_stop_ends_a_run_with_the_keyboard_interrupt_and_keeps_what_is_done():
    with Runtime(**HERE) as runtime:

        @task
        def stops(x):
            runtime.stop()
            return x

        with pytest.raises(KeyboardInterrupt, match="goes on where it was"):
            runtime.run([stops(1), *[inc(stops(1) + i) for i in range(50)]])

        assert runtime.last.ran[stops.full_name] == 1
        assert runtime.last.ran[inc.full_name] == 0
        assert runtime.run(inc(1)) == 2


def test_a_dry_run_applies_nothing_and_says_what_would_run():
    with Runtime(**HERE) as runtime:
        assert runtime.run([inc(1), inc(2)], dry_run=True) is None

        assert runtime.last.would_run == [inc.full_name, inc.full_name]
        assert not runtime.last.ran


def test_a_dry_run_of_what_is_recorded_has_nothing_to_run():
    with Runtime(**HERE) as runtime:
        runtime.run(inc(1))

        assert runtime.run(inc(1), dry_run=True) == 2
        assert runtime.last.would_run == []


def test_a_run_after_a_dry_run_works():
    with Runtime(**HERE) as runtime:
        runtime.run(inc(1))
        runtime.run([inc(1), inc(5)], dry_run=True)

        assert runtime.run([inc(1), inc(5)]) == [2, 6]


def test_force_runs_again_what_matches():
    @task
    def outer(x):
        return inc(x)

    with Runtime(**HERE) as runtime:
        runtime.run(outer(1))
        runtime.run(outer(1), force=["*.inc"])

        assert dict(runtime.last.ran) == {inc.full_name: 1}
        assert dict(runtime.last.recalled) == {outer.full_name: 1}


def test_without_cache_everything_runs_and_is_recorded_all_the_same():
    with Runtime(cache=False, **HERE) as runtime:
        runtime.run(inc(1))
        runtime.run(inc(1))

        assert runtime.last.ran[inc.full_name] == 1


def test_the_context_is_merged_and_looked_up_by_path():
    settings = {"context": {"db": {"host": "a", "port": 1}}}
    with Runtime(settings=settings, context={"db.host": "b"}, **HERE) as runtime:
        assert runtime.run([setting("db.host"), setting("db.port"), setting("db.user")]) == ["b", 1, "none"]


def test_another_context_runs_what_looked_it_up():
    shared = "memory:test_runtime_context"
    run([setting("a"), inc(1)], store=shared, executor="inprocess", context={"a": 1})
    with Runtime(store=shared, executor="inprocess", context={"a": 2}) as runtime:
        assert runtime.run([setting("a"), inc(1)]) == [2, 2]
        assert runtime.last.recalled[inc.full_name] == 1


def test_close_may_be_called_again_and_what_comes_after_is_an_error():
    runtime = Runtime(**HERE)
    runtime.run(inc(1))
    runtime.close()
    runtime.close()

    with pytest.raises(AlonzoError, match="closed"):
        runtime.run(inc(1))


def test_a_runtime_that_never_ran_closes():
    with Runtime(**HERE):
        pass


@pytest.mark.parametrize("url", ["memory", "nothing:", "sqlit:x", "/some/path", "", "://"])
def test_a_store_that_is_none_is_an_error_that_names_those_there_are(url):
    with pytest.raises(StoreError, match="memory:"):
        Runtime(store=url, executor="inprocess")


def test_an_unknown_executor_is_an_error_that_names_the_nearest():
    with pytest.raises(OptionError, match="inprocess"):
        Runtime(store="memory:", executor="inproces")
    with pytest.raises(SettingsError):
        Runtime(settings={"sotre": "memory:"})


def test_a_task_for_an_unknown_executor_fails_and_can_be_caught():
    @task(executor="nowhere")
    def lost():
        return 1

    assert run(catch(lost(), OptionError, "caught"), **HERE) == "caught"


# -- exceptions of users -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int


class Wordless(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@pytest.mark.parametrize("error", [Frozen(3), Wordless()])
def test_an_unfriendly_exception_is_raised_as_it_is(error):
    @task
    def fails():
        raise error

    with pytest.raises(type(error)):
        run(fails(), **HERE)


# -- async tasks ---------------------------------------------------------------------------------


def test_async_tasks_await_expressions():
    assert run(gathered(1), **HERE) == 5


def test_a_run_with_a_failure_ends_though_an_async_task_awaits_what_is_not_started_any_more():
    with pytest.raises(ValueError):
        within(3, lambda: run([bad(1), gathered(1), gathered(5), gathered(10)], **HERE))


def test_an_async_task_may_end_without_having_waited():
    @task
    async def impatient():
        async def wait(expression):
            return await expression

        waiting = asyncio.ensure_future(wait(inc(inc(5))))
        await asyncio.sleep(0)
        waiting.cancel()
        return inc(inc(inc(inc(7))))

    assert within(5, lambda: run(impatient(), **HERE)) == 11


def test_run_works_inside_a_running_event_loop_as_in_a_notebook():
    async def cell():
        return run([inc(1), gathered(1)], **HERE)

    assert within(5, lambda: asyncio.run(cell())) == [2, 5]


def test_an_arun_that_is_cancelled_leaves_other_runs_of_its_runtime_alone():
    gate = threading.Event()

    @task
    def waits(x):
        gate.wait(5)
        return x

    async def main(runtime):
        one = asyncio.create_task(runtime.arun(waits(1)))
        other = asyncio.create_task(runtime.arun(inc(waits(2))))
        await asyncio.sleep(0.05)
        one.cancel()
        await asyncio.sleep(0)
        gate.set()
        return await other

    with Runtime(**HERE) as runtime:
        assert within(5, lambda: asyncio.run(main(runtime))) == 3


def test_an_arun_that_is_cancelled_starts_nothing_new():
    began = []

    @task
    def slow(x):
        began.append(x)
        threading.Event().wait(0.02)
        return x

    async def main():
        await asyncio.wait_for(arun([slow(i) for i in range(30)], **HERE), 0.1)

    with pytest.raises(TimeoutError):
        asyncio.run(main())

    assert len(began) < 20


@task
async def awaits_itself(x):
    return await awaits_itself(x)


@task
async def told(error):
    await asyncio.sleep(0.02)
    return "caught"


def test_a_circle_of_async_tasks_can_be_caught():
    assert within(5, lambda: run(catch(awaits_itself(1), LoopError, told), **HERE)) == "caught"


# -- misuse --------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", [lambda: run(inc(1), **HERE), lambda: Runtime(**HERE)], ids=["run", "Runtime"])
def test_a_run_inside_a_task_is_refused_at_once(nested):
    @task
    def outer():
        return nested()

    with pytest.raises(AlonzoError, match="inside a task"):
        run(outer(), **HERE)


def test_a_failures_traceback_as_text_has_frames_of_the_user_alone():
    with Runtime(**HERE) as runtime:
        with pytest.raises(ValueError):
            runtime.run(inc(bad(1)))
        [failure] = runtime.last.failures

    assert 'test_runtime.py", line' in failure.traceback
    assert f"alonzo{os.sep}_" not in failure.traceback


# -- a store that cannot be written --------------------------------------------------------------


class Flaky(MemoryStore):
    broken = False

    def __init__(self):
        super().__init__(_Shelves())

    def commit(self, run, notes):
        if self.broken:
            raise StoreError("disk full")
        super().commit(run, notes)


class FlakyPlugin:
    def __init__(self):
        self.store = Flaky()

    @hookimpl
    def alonzo_stores(self):
        return [StoreKind(("flaky",), lambda site: self.store)]


def _flaky():
    plugin = FlakyPlugin()
    return plugin.store, Runtime(store="flaky:", executor="inprocess", plugins=[plugin])


def test_a_store_that_cannot_be_written_is_said_with_how_much_was_lost():
    store, runtime = _flaky()
    store.broken = True

    with pytest.raises(StoreError, match="1 results of this run were not kept: disk full"):
        runtime.run(inc(1))
    store.broken = False
    runtime.close()


def test_a_run_after_the_store_has_recovered_works():
    store, runtime = _flaky()
    store.broken = True
    with pytest.raises(StoreError):
        runtime.run(inc(1))
    store.broken = False

    assert runtime.run(inc(1)) == 2
    runtime.close()


def test_a_run_that_the_store_broke_off_never_returns_none():
    store, runtime = _flaky()

    @task
    def breaks(x):
        store.broken = True
        for _ in range(200):
            if runtime._committer.error is not None:
                break
            threading.Event().wait(0.01)
        store.broken = False
        return x

    try:
        value = runtime.run([inc(1), inc(breaks(inc(2)))])
    except StoreError:
        value = "said"
    runtime.close()

    assert value in ("said", [2, 4])


def test_warnings_of_a_run_are_python_warnings(recwarn):
    @task
    def forgets():
        inc(1)
        return 1

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(forgets(), **HERE)

    assert [warning.category.__name__ for warning in caught] == ["AlonzoWarning"]


IN_ITSELF = """
from alonzo import run, task, AlonzoError
@task
def f(x): return x
def made():
    inside = []
    call = f(inside)
    inside.append(call)
    return call
@task
def body(): return made()
try: run({}, store='memory:', executor='inprocess')
except AlonzoError as error: print(type(error).__name__)
"""


@pytest.mark.parametrize("root", ["made()", "body()"])
def test_a_call_that_is_part_of_its_own_argument_is_an_error_and_no_hang(root, tmp_path):
    script = tmp_path / "in_itself.py"
    script.write_text(IN_ITSELF.format(root))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)

    assert done.stdout in ("LoopError\n", "EncodeError\n")
