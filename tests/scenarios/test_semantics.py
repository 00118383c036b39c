"""What engines of this kind get wrong, end to end: real stores and executors, each program run twice and more.

What needs no store and no executor is in tests/core/test_semantics_forms.py, loops in test_machine.py, how a program was started in
test_how_it_was_started.py, upstreams in test_later_upstreams.py, failures that cannot travel in tests/crash.
"""

import asyncio
import copy

import pytest

from alonzo import THIS_JOB, JobInfo, LoopError, Runtime, catch, catch_all, cond, map_, task, throw
from alonzo_files import File

EXECUTORS = ["inprocess", "threads", "asyncio", pytest.param("processes", marks=pytest.mark.slow)]


@pytest.fixture(params=EXECUTORS)
def runtime(request, tmp_path):
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", executor=request.param, workers=2, limits={"door": 1}) as runtime:
        yield runtime


def ran(runtime):
    """What the last run applied, by the function's name."""
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


# -- 1 ------------------------------------------------------------------------------------------------


@task
def process(file):
    return {"a": file.read_text(), "b": 1}


@task
def bare(file):
    return process(file)


@task
def operated(file):
    return process(file)["a"].strip() + "!"


@pytest.mark.parametrize("root", [bare, operated], ids=["bare call", "operators"])
def test_an_operator_on_a_call_reacts_to_a_changed_file_below_it_as_the_bare_call_does(runtime, root, tmp_path):
    path = tmp_path / "p.txt"
    seen = []
    for content in ("one", "one", "three", "one"):
        path.write_text(content, encoding="utf-8")
        value = runtime.run(root(File(str(path))))
        assert value in ({"a": content, "b": 1}, f"{content}!")
        seen.append(ran(runtime).get("process", 0))

    assert seen == [1, 0, 1, 0]


# -- 2 ------------------------------------------------------------------------------------------------


@task
def fine(n):
    return n + 1


@task
def fragile(n):
    raise ValueError(n)


@task
def healed(error):
    return -error.args[0]


@task
def counted(items):
    return len(items)


@task
def recovering():
    return [catch(fragile(fine(1)), ValueError, healed), catch_all([fine(2), fragile(3)], ValueError, counted)]


@task
def outermost():
    return [recovering(), fine(4)]


def test_a_catch_that_recovered_tries_again_in_every_later_run_and_the_rest_is_recalled(runtime):
    failed = fragile.full_name
    assert runtime.run(outermost()) == [[-2, 2], 5]
    assert runtime.last.failed == {failed: 2}
    for _ in range(2):
        assert runtime.run(outermost()) == [[-2, 2], 5]
        assert ran(runtime) == {}
        assert runtime.last.failed == {failed: 2}


# -- 4 ------------------------------------------------------------------------------------------------


@task(share=False)
def chance():
    return 1


@task
def twice():
    return [chance(), chance()]


@task
def once():
    same = chance()
    return [same, same]


@task
async def awaited_twice():
    return list(await asyncio.gather(*map(value_of, (chance.lazy(), chance.lazy()))))


async def value_of(expression):
    return await expression


@pytest.mark.parametrize(("root", "count"), [(twice, 2), (once, 1), (awaited_twice, 2)])
def test_what_is_not_shared_runs_for_each_call_that_was_written_in_every_run(runtime, root, count):
    for _ in range(2):
        assert runtime.run(root()) == [1, 1]
        assert ran(runtime)["chance"] == count


# -- 5 ------------------------------------------------------------------------------------------------


@task
def pair(items):
    return len(items)


def test_one_object_twice_and_an_object_and_its_copy_are_one_argument(runtime):
    item = {"k": [1, (2.5, "text")]}
    runtime.run(pair([item, item]))
    runtime.run(pair([item, copy.deepcopy(item)]))

    assert ran(runtime) == {}


# -- 8 ------------------------------------------------------------------------------------------------


@task
def leaves():
    raise SystemExit(3)


@task
async def leaves_too():
    raise SystemExit(4)


@task
def guarded():
    return [catch(leaves(), SystemExit, "stayed"), catch(leaves_too(), SystemExit, "stayed"), fine(1)]


def test_an_exit_in_a_task_is_a_failure_of_that_task_alone(runtime):
    for _ in range(2):
        assert runtime.run(guarded()) == ["stayed", "stayed", 2]


# -- 9 ------------------------------------------------------------------------------------------------


@task
async def awaits_around(n):
    return await comes_back.partial(n).lazy()


@task
async def comes_back(n):
    return await awaits_around.lazy(n)


@task(limits={"door": 1})
async def awaits_itself_through_a_door(n):
    return await awaits_itself_through_a_door.lazy(n)


@task
def by_default(n, again=None):
    return by_default(n) if again is None else again


@task
def through_partial(n):
    return called(through_partial.options(retries=1).partial(n))


@task
def called(function):
    return function()


@pytest.mark.parametrize("root", [awaits_around, awaits_itself_through_a_door, by_default, through_partial])
def test_a_call_that_demands_itself_is_a_loop_at_once_and_can_be_caught(runtime, root):
    for _ in range(2):
        assert runtime.run(catch(root(1), LoopError, "loop")) == "loop"


# -- failures of forms --------------------------------------------------------------------------------


@task
def throws(n):
    return cond(n > 0, throw(ValueError("too large")), n)


@task
def maps(n):
    return map_(fine, n)


@pytest.mark.parametrize(("root", "error"), [(throws, ValueError), (maps, TypeError)])
def test_a_form_that_fails_inside_a_task_is_that_calls_failure_which_can_be_caught(runtime, root, error):
    with pytest.raises(error):
        runtime.run(root(1))
    (failure,) = runtime.last.failures

    assert failure.task == root.full_name
    assert failure.arguments.endswith(f" in {root.full_name}(1)")
    assert runtime.run(catch(root(1), error, "caught")) == "caught"


# -- attempts, limits and awaiting together -----------------------------------------------------------


@task(limits={"door": 1}, retries=1)
async def second_attempt(n, job: JobInfo = THIS_JOB):
    value = await entered.lazy(n)
    if job.attempt == 1:
        raise OSError("again")
    return value * 10


@task(limits={"door": 1})
def entered(n):
    return n


@task
def through_one_door():
    return map_(second_attempt, [1, 2, 3])


def test_attempts_that_await_what_needs_their_own_limit_all_end(runtime):
    assert runtime.run(through_one_door()) == [10, 20, 30]
    assert ran(runtime) == {"second_attempt": 3, "entered": 3, "through_one_door": 1}
    runtime.run(through_one_door())
    assert ran(runtime) == {}


# -- a task under a decorator, which its name means now -----------------------------------------------


def one_more(wrapped):
    def wrapper(n):
        return wrapped(n) + 1

    return wrapper


@one_more
@task
def decorated(n):
    return n * 10


@task
def of_decorated():
    return decorated(fine(1))


class Scale:
    factor = 7

    @classmethod
    @task
    def times(cls, n):
        return cls.factor * n


@task
def of_class_method():
    return Scale.times(fine(2))


@pytest.mark.parametrize("root", [of_decorated, of_class_method], ids=["decorator", "class method"])
def test_a_task_that_stands_under_a_decorator_is_found_again_by_its_name(runtime, tmp_path, root):
    assert runtime.run(root()) == 21
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", executor="inprocess") as later:
        assert later.run(root()) == 21
        assert ran(later) == {}
