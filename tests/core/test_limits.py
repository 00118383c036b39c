"""Named limits: never exceeded, fair, given back; and what cannot be had is said at once."""

import asyncio
import threading
from collections import Counter
from random import Random

import pytest
from fake_executors import FakeClock, Faulty, Shuffled, runtime
from hypothesis import given
from hypothesis import strategies as st

from alonzo import LimitError, Runtime, TaskTimeoutError, catch, task
from alonzo._limits import Limits, Request

HERE = {"store": "memory:", "executor": "inprocess"}


# -- the counts ----------------------------------------------------------------------------------------


def asked(limits, told, name, priority=0, **wanted):
    request = Request(wanted, priority, lambda: told.append(name))
    if limits.ask(request):
        told.append(name)
    return request


@given(st.data())
def test_whatever_is_asked_and_given_back_no_capacity_is_exceeded_and_all_are_served(data):
    capacities = {"a": 3, "b": 2, "c": 1}
    limits, held = Limits(capacities), []
    wants = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1).map(
        lambda wanted: {name: min(number, capacities[name]) for name, number in wanted.items()}
    )
    requests = [
        Request(wanted, priority) for wanted, priority in data.draw(st.lists(st.tuples(wants, st.integers(0, 1))))
    ]
    for request in requests:
        request.granted = lambda request=request: held.append(request)
    waiting = list(requests)
    served = set()
    while waiting or held:
        if waiting and (not held or data.draw(st.booleans())):
            request = waiting.pop(0)
            if limits.ask(request):
                held.append(request)
        else:
            limits.give_back(held.pop(data.draw(st.integers(0, len(held) - 1))))
        served.update(map(id, held))
        total = Counter()
        for request in held:
            total.update(request.wanted)
        assert all(total[name] <= capacities[name] for name in total)

    assert len(served) == len(requests)


def test_a_wide_request_is_served_before_the_narrow_ones_that_came_later():
    limits, told = Limits({"db": 3}), []
    first = asked(limits, told, "first", db=1)
    asked(limits, told, "wide", db=3)
    narrow = [asked(limits, told, f"narrow {number}", db=1) for number in range(3)]
    assert told == ["first"]
    limits.give_back(first)

    assert told == ["first", "wide"]
    assert not any(request.held for request in narrow)


def test_who_wants_another_limit_is_not_held_up():
    limits, told = Limits({"db": 1, "net": 1}), []
    first = asked(limits, told, "first", db=1)
    asked(limits, told, "both", db=1, net=1)
    asked(limits, told, "after both", net=1)
    asked(limits, told, "late", db=1)
    assert told == ["first"]
    limits.give_back(first)

    assert told == ["first", "both"]


def test_a_request_that_waits_no_more_lets_others_pass():
    limits, told = Limits({"db": 2}), []
    asked(limits, told, "first", db=1)
    wide = asked(limits, told, "wide", db=2)
    asked(limits, told, "narrow", db=1)
    limits.give_back(wide)

    assert told == ["first", "narrow"]


def test_a_higher_priority_is_served_first():
    limits, told = Limits({"db": 1}), []
    first = asked(limits, told, "first", db=1)
    asked(limits, told, "low", db=1)
    asked(limits, told, "high", 5, db=1)
    limits.give_back(first)

    assert told == ["first", "high"]


def test_giving_back_twice_frees_once():
    limits, told = Limits({"db": 1}), []
    first = asked(limits, told, "first", db=1)
    limits.give_back(first)
    limits.give_back(first)
    asked(limits, told, "second", db=1)
    asked(limits, told, "third", db=1)

    assert told == ["first", "second"]


# -- in a run ------------------------------------------------------------------------------------------


@task(limits={"db": 1})
def narrow(x):
    return x


@task(limits={"db": 2, "net": 1})
def wide(x):
    return x


@task(limits=["net"])
def net(x):
    return x


@task
def free(x):
    return x


@task(limits={"db": 3})
def parent(x):
    return [narrow(x), wide(x), free(x)]


LIMITS = {
    narrow.full_name: {"db": 1},
    wide.full_name: {"db": 2, "net": 1},
    net.full_name: {"net": 1},
    free.full_name: {},
    parent.full_name: {"db": 3},
}


@pytest.mark.parametrize("seed", range(6))
def test_no_capacity_is_exceeded_in_any_order_and_everything_runs(seed):
    chance = Random(seed)
    executor = Shuffled(chance, width=5)
    capacities = {"db": 3, "net": 2}
    holds, most = Counter(), Counter()

    def begun(job):
        holds.update(LIMITS[job.task.full_name])
        for name in holds:
            most[name] = max(most[name], holds[name])
        assert all(holds[name] <= capacities[name] for name in holds)

    executor.begun = begun
    executor.ended = lambda job: holds.subtract(LIMITS[job.task.full_name])
    calls = [chance.choice([narrow, wide, net, free, parent])(number) for number in range(60)]
    with runtime(executor, limits=capacities) as r:
        r.run(calls)

    assert executor.failures == []
    assert +holds == Counter()
    assert most["db"] == 3


def test_runs_at_once_of_one_runtime_share_the_limits():
    executor = Shuffled(Random(1), width=5)
    under, most = [0], [0]

    def begun(job):
        under[0] += 1
        most[0] = max(most)
        assert under[0] <= 2

    executor.begun = begun
    executor.ended = lambda job: under.__setitem__(0, under[0] - 1)
    with runtime(executor, limits={"db": 2}) as r:
        threads = [
            threading.Thread(target=r.run, args=([narrow(100 * run + number) for number in range(20)],))
            for run in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert not any(thread.is_alive() for thread in threads)

    assert executor.failures == []


def test_a_limit_is_not_held_while_children_run():
    @task(limits={"one": 1})
    def down(n):
        return down(n - 1) if n else "bottom"

    with Runtime(limits={"one": 1}, **HERE) as r:
        assert r.run(down(20)) == "bottom"


def test_an_unknown_limit_is_an_error_at_once_that_names_the_nearest():
    @task(limits={"dbb": 1})
    def typo():
        return 1

    with Runtime(limits={"db": 1}, **HERE) as r:
        with pytest.raises(LimitError, match=r"'dbb', which has no capacity .*did you mean .*db"):
            r.run(typo())
        assert r.run(catch(typo(), LimitError, "caught")) == "caught"


def test_a_request_above_the_capacity_fails_that_call_alone():
    @task(limits={"db": 4})
    def greedy():
        return 1

    with Runtime(limits={"db": 3}, **HERE) as r:
        assert r.run([catch(greedy(), LimitError, "caught"), narrow(1)]) == ["caught", 1]
        with pytest.raises(LimitError, match="asks for 4 of the limit 'db': its capacity is 3"):
            r.run(greedy())


def test_capacities_come_from_settings_and_the_argument_is_over_them():
    with Runtime(settings={"limits": {"db": 1, "net": 1}}, limits={"db": 2}, **HERE) as r:
        assert r.run([wide(1), net(2)]) == [1, 2]


def test_a_limit_is_given_back_after_a_failure():
    @task(limits=["db"])
    def bad(x):
        raise ValueError(x)

    with Runtime(limits={"db": 1}, keep_going=True, **HERE) as r:
        with pytest.raises(ValueError):
            r.run([bad(1), bad(2), free(3)])
        assert r.run(catch([bad(4)], ValueError, "caught")) == "caught"


def test_a_run_that_ends_early_leaves_no_limit_held():
    @task(limits=["db"])
    def bad(x):
        raise ValueError(x)

    with Runtime(limits={"db": 1}, **HERE) as r:
        with pytest.raises(ValueError):
            r.run([bad(1), narrow(2), narrow(3)])
        assert r.run(narrow(5)) == 5


def test_a_limit_is_given_back_when_the_user_breaks_in():
    @task(limits=["db"])
    def broken(x):
        raise KeyboardInterrupt

    with Runtime(limits={"db": 1}, **HERE) as r:
        with pytest.raises(KeyboardInterrupt):
            r.run(broken(1))
        assert r.run(narrow(5)) == 5


def test_code_that_goes_on_after_its_time_keeps_its_limits_until_it_ends():
    executor = Faulty("timeout")
    executor.sticks = True

    @task(limits=["db"], timeout=1.0)
    def slow():
        return 1

    executor.faults[slow.full_name] = [TaskTimeoutError("slow")]
    with runtime(executor, limits={"db": 1}) as r:
        assert r.run(catch(slow(), TaskTimeoutError, "late")) == "late"

        done = []
        thread = threading.Thread(target=lambda: done.append(r.run(narrow(1))), daemon=True)
        thread.start()
        thread.join(0.1)
        assert not done
        executor.end()
        thread.join(5)

    assert done == [1]


def test_an_attempt_after_one_that_goes_on_waits_for_its_end():
    executor = Faulty("timeout")
    executor.sticks = True
    clock = FakeClock()

    @task(limits=["db"], timeout=1.0, retries=1)
    def slow():
        return 1

    executor.faults[slow.full_name] = [TaskTimeoutError("slow")]
    executor.ends_after = 0.05
    with runtime(executor, limits={"db": 1}, clock=clock) as r:
        assert r.run(slow()) == 1
    assert len(executor.jobs) == 2


# -- awaiting ------------------------------------------------------------------------------------------


def test_while_it_awaits_a_task_holds_no_limit():
    @task(limits={"one": 1})
    async def outer(n):
        return await inner(n) + await inner(n + 1)

    @task(limits={"one": 1})
    def inner(n):
        return n

    with Runtime(limits={"one": 1}, **HERE) as r:
        assert r.run([outer(1), outer(10)]) == [3, 21]


def test_a_task_that_goes_on_has_its_limit_again():
    holding, most = [0], [0]

    @task(limits={"one": 1})
    async def outer(n):
        await free(n)
        holding[0] += 1
        most[0] = max(most[0], holding[0])
        await asyncio.sleep(0.005)
        holding[0] -= 1
        return n

    with Runtime(limits={"one": 1}, settings={}, **HERE) as r:
        assert r.run([outer(n) for n in range(6)]) == [0, 1, 2, 3, 4, 5]
    assert most == [1]


def test_awaiting_several_things_that_need_the_same_limit_is_no_deadlock():
    @task(limits={"one": 1})
    async def deep(n):
        if n == 0:
            return 1
        return sum(await asyncio.gather(deep(n - 1), narrow_one(n), deep(n - 2) if n > 1 else free(0)))

    @task(limits={"one": 1})
    def narrow_one(n):
        return n

    with Runtime(limits={"one": 1}, **HERE) as r:
        assert r.run(deep(5)) == 34  # 1, 2, 5, 10, 19, 34: the two before, and n


def test_a_task_that_waits_for_its_limit_to_go_on_is_finished_though_the_run_is_stopping():
    @task(limits={"one": 1})
    async def outer(n):
        await free(n)
        return n

    @task
    def bad():
        raise ValueError("bad")

    with Runtime(limits={"one": 1}, **HERE) as r, pytest.raises(ValueError):
        r.run([outer(1), outer(2), bad(), outer(3)])
    assert all(not request for request in [r._limits._waiting["one"]])
