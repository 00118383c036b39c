import asyncio
import threading
import time

from alonzo import seq
from alonzo._effects import Found, Lost, Raised
from alonzo._errors import AlonzoError
from alonzo._executor_contract import Posts, applied, applied_one, applier, bytes_only, job, value


def test_async_tasks_of_one_executor_run_at_the_same_time_on_one_thread(opened, task):
    executor = opened("asyncio", workers=100)
    come = []

    async def meet():
        come.append(threading.current_thread().name)
        while len(come) < 50:  # noqa: ASYNC110
            await asyncio.sleep(0)
        return len(set(come))

    posts = applied(executor, [(n, task(meet), ()) for n in range(50)])

    assert {value(answer) for _, answer, _ in posts} == {1}


def test_no_more_than_the_width_run_at_once(opened, task):
    executor = opened("asyncio", workers=3)
    running, most = 0, 0

    async def count():
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            await asyncio.sleep(0)
        running -= 1

    applied(executor, [(n, task(count), ()) for n in range(20)])

    assert most == 3


def test_an_awaited_expression_is_asked_for_and_its_value_comes_back(opened, task):
    executor, expression = opened("asyncio"), seq([1, 2])
    posts = Posts(1)

    async def wait():
        return (await expression) + 1

    executor.submit([("t", job(task(wait)))], posts)
    ((ticket, asks),) = posts.wait_for_asks(1)
    assert (ticket, asks.expression is expression) == ("t", True)
    executor.resume("t", asks.number, Found(41))

    assert value(posts.wait()[0][1]) == 42


def test_a_value_that_was_made_elsewhere_is_decoded_for_who_awaits_it(opened, task):
    executor, posts = opened("asyncio"), Posts(1)

    async def wait():
        return await seq([])

    executor.submit([("t", job(task(wait)))], posts)
    ((_, asks),) = posts.wait_for_asks(1)
    executor.resume("t", asks.number, bytes_only(applier().found([1, 2])))

    assert value(posts.wait()[0][1]) == [1, 2]


def test_an_awaited_failure_is_raised_where_it_is_awaited(opened, task):
    executor, posts = opened("asyncio"), Posts(2)

    async def wait():
        try:
            await seq([])
        except (ValueError, AlonzoError) as error:
            return str(error)

    executor.submit([("a", job(task(wait))), ("b", job(task(wait)))], posts)
    for ticket, asks in list(posts.wait_for_asks(2)):
        lost, raised = Lost(AlonzoError("a worker died")), Raised(ValueError("no luck"))
        executor.resume(ticket, asks.number, raised if ticket == "a" else lost)

    assert {ticket: value(answer) for ticket, answer, _ in posts.wait()} == {
        "a": "no luck",
        "b": "a worker died",
    }


def test_several_expressions_are_awaited_together_and_come_in_any_order(opened, task):
    executor, posts = opened("asyncio"), Posts(1)

    async def wait():
        return await asyncio.gather(_value(seq([1])), _value(seq([2])))

    async def _value(expression):
        return await expression

    executor.submit([("t", job(task(wait)))], posts)
    first, second = (asks for _, asks in posts.wait_for_asks(2))
    assert first.number != second.number
    executor.resume("t", second.number, Found("second"))
    executor.resume("t", first.number, Found("first"))

    assert value(posts.wait()[0][1]) == ["first", "second"]


def test_who_awaits_gives_its_place_to_another(opened, task):
    executor, posts = opened("asyncio", workers=1), Posts(2)

    async def wait():
        return await seq([])

    async def other():
        return "other"

    executor.submit([("waits", job(task(wait))), ("other", job(task(other)))], posts)
    ((_, asks),) = posts.wait_for_asks(1)
    executor.resume("waits", asks.number, Found("at last"))

    assert {ticket: value(answer) for ticket, answer, _ in posts.wait()} == {
        "other": "other",
        "waits": "at last",
    }


def test_an_answer_that_nobody_waits_for_any_more_is_dropped(opened, task):
    executor, posts = opened("asyncio"), Posts(1)

    async def impatient():
        try:
            async with asyncio.timeout(0.001):
                await seq([])
        except TimeoutError:
            return "gave up"

    executor.submit([("t", job(task(impatient)))], posts)
    assert value(posts.wait()[0][1]) == "gave up"
    executor.resume("t", posts.asked[0][1].number, Found(1))

    assert value(applied_one(executor, task(impatient))) == "gave up"


def test_plain_functions_do_not_block_the_loop(opened, task):
    executor, go = opened("asyncio"), threading.Event()
    plain, coroutine = Posts(1), Posts(1)

    async def quick():
        return "quick"

    executor.submit([(1, job(task(lambda: go.wait(30))))], plain)
    executor.submit([(2, job(task(quick)))], coroutine)

    assert value(coroutine.wait()[0][1]) == "quick"
    go.set()
    assert value(plain.wait()[0][1]) is True


def test_close_cancels_what_runs_and_posts_nothing(opened, task):
    executor, posts, started = opened("asyncio"), Posts(1), threading.Event()
    ended = []

    async def long():
        started.set()
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("cancelled")

    executor.submit([(1, job(task(long)))], posts)
    started.wait(30)
    began = time.monotonic()
    executor.close()

    assert time.monotonic() - began < 10
    assert ended == ["cancelled"]
    assert posts.posted == []
