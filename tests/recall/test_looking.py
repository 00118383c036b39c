"""What operators, awaits, defaults and the context let a program look into counts: histories in which recall was once wrong."""

import asyncio
import threading

from recall_world import PLACES, Cup, define, flow

from alonzo import cond, get_context


def test_what_an_awaited_expression_looks_into_counts(bench):
    async def main():
        return [await cond(1, Cup("in")).get()]

    define(main)
    bench.places["in"] = 1
    bench.run(flow.main())
    bench.places["in"] = 2

    assert bench.run(flow.main()).value == [2]


def test_what_a_default_expression_looks_into_counts(bench):
    def leaf(x=cond(1, Cup("in")).get()):
        return x

    def main():
        return [flow.leaf()]

    define(leaf)
    define(main)
    bench.places["in"] = 1
    bench.run(flow.main())
    bench.places["in"] = 2

    assert bench.run(flow.main()).value == [2]


def test_an_external_value_in_the_context_counts(bench):
    def main():
        return [get_context("ref").get()]

    define(main)
    bench.context = {"ref": Cup("in")}
    bench.places["in"] = 1
    bench.run(flow.main())
    bench.places["in"] = 2

    assert bench.run(flow.main()).value == [2]


def test_a_change_before_an_operation_looks_poisons_nothing(bench):
    def slow():
        if PLACES.pop("stranger", None):
            PLACES["in"] = 2
        return 1

    def main():
        cup = Cup("in")
        return cond(flow.slow(), cond(1, cup).get())

    define(slow)
    define(main)
    bench.places.update({"in": 1, "stranger": True})
    bench.run(flow.main())
    bench.places["in"] = 1

    assert bench.run(flow.main()).value == 1


def test_what_depends_on_the_order_of_completion_is_not_remembered(bench):
    def quick():
        return 1

    def slow():
        return flow.slower()

    gone_on = threading.Event()

    def slower():
        gone_on.wait(60)  # where it is applied, nothing else is: `main` goes on first
        return 2

    async def value_of(expression):
        return await expression

    async def main():
        waits = [asyncio.ensure_future(value_of(call)) for call in (flow.quick(), flow.slow())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        gone_on.set()
        return [wait.result() for wait in done]

    for task in (quick, slow, slower, main):
        define(task)
    assert bench.run(flow.main()).value == [1]

    assert bench.run(flow.main()).ran["main"] == 1


def test_what_stands_in_an_awaited_expression_counts_where_it_is_not_demanded_too(bench):
    async def main():
        cup = Cup("in")
        return await cond(1, [cup.get(), 0], cup)

    define(main)
    bench.places["in"] = 1
    bench.run(flow.main())
    bench.places["in"] = 2

    assert bench.run(flow.main()).value == [2, 0]


def test_what_an_operator_made_counts_though_nothing_looked_into_it(bench):
    def folder():
        return Cup("dir")

    def part():
        return flow.folder() / "x"

    def read(cup):
        return cup.get()

    def main():
        return [flow.read(flow.part())]

    for task in (folder, part, read, main):
        define(task)
    for content in (1, 2):
        bench.places["dir/x"] = content
        changed, again = bench.run(flow.main()), bench.run(flow.main())

    assert (changed.value, changed.ran) == ([2], {"read": 1})
    assert (again.value, again.keys) == ([2], 1)
