"""When a footprint may be believed, and sharing, order, candidates: rules 13 to 24 but 17.

Each has the history that goes wrong without it.
"""

import types

import pytest
from recall_world import PLACES, Bench, Cup, define, flow

from alonzo import catch, cond, seq


def constant(name, value, version="1", **options):
    """A task of this name that returns the value."""

    def function():
        return value

    function.__name__ = name
    return define(function, version, **options)


def test_13_what_is_stale_when_its_key_is_made_is_not_remembered(bench):
    def one():
        return Cup("p").fill(1)

    def two():
        return Cup("p").fill(2)

    def read(cup):
        return cup.get()

    def main():
        made = flow.one()
        return seq([made, flow.two(), flow.read(made)])

    for task in (one, two, read, main):
        define(task)
    bench.run(flow.main())

    again = bench.run(flow.main())

    # The cup that `one` made says 1, the place holds 2: no key is true of both.
    assert again.value[2] == 2
    assert again.ran == {"one": 1, "two": 1, "read": 1}


def test_13_what_is_stale_when_its_key_is_made_is_not_recalled(bench):
    def one():
        return Cup("p").fill(1)

    def two():
        return Cup("p").fill(2)

    def read(cup):
        return cup.get()

    def before():
        return flow.read(flow.one())

    def main():
        made = flow.one()
        return seq([made, flow.two(), flow.read(made)])

    for task in (one, two, read, before, main):
        define(task)
    assert bench.run(flow.before()).value == 1

    assert bench.run(flow.main()).value[2] == 2


@pytest.mark.parametrize("when", ["before it is read", "after it is read"])
def test_13_an_argument_that_changes_while_the_body_runs_poisons_nothing(bench, when):
    def read(cup):
        found = [] if when == "before it is read" else [cup.get()]
        if PLACES.pop("stranger", None):
            PLACES["in"] = 2
        return found or [cup.get()]

    def main():
        return [flow.read(Cup("in"))]

    define(read)
    define(main)
    bench.places.update({"in": 1, "stranger": True})
    disturbed = bench.run(flow.main())
    quiet = bench.run(flow.main())
    bench.places["in"] = 1
    reverted = bench.run(flow.main())

    assert any("in" in text and "read" in text for text in disturbed.warnings)
    assert quiet.value == [[2]]
    assert (reverted.value, reverted.ran["read"]) == ([[1]], 1)


def test_13_an_update_in_place_is_named_and_is_no_disturbance_and_is_done_again(bench):
    def update(cup):
        return cup.fill(cup.get() + 1)

    def main():
        return flow.update(Cup("in"))

    define(update)
    define(main)
    bench.places["in"] = 1

    [warning] = bench.run(flow.main()).warnings

    assert "update has rewritten its argument in" in warning
    assert bench.run(flow.main()).ran["update"] == 1
    assert bench.places["in"] == 3


def test_14_what_was_awaited_is_below_and_an_async_task_has_no_single_reduction(bench):
    constant("leaf", 1)

    async def main():
        return [await flow.leaf()]

    define(main)
    bench.run(flow.main())

    assert bench.run(flow.main()).keys == 1

    constant("leaf", 1, "2")
    same_value = bench.run(flow.main())
    constant("leaf", 2, "3")
    other_value = bench.run(flow.main())

    assert (same_value.value, same_value.ran) == ([1], {"main": 1, "leaf": 1})
    assert (other_value.value, other_value.ran) == ([2], {"main": 1, "leaf": 1})


def test_14_an_awaited_failure_that_was_caught_is_tried_again(bench):
    def failing():
        raise ValueError("not yet")

    async def main():
        try:
            return await flow.failing()
        except ValueError:
            return "recovered"

    define(failing)
    define(main)
    first, again = bench.run(flow.main()), bench.run(flow.main())
    constant("failing", 5, "2")
    mended = bench.run(flow.main())

    assert (first.value, again.value, again.failed) == ("recovered", "recovered", {"failing": 1})
    assert mended.value == 5


def test_15_two_writers_in_order_leave_what_the_second_wrote(bench):
    def one():
        return Cup("p").fill(1)

    def two():
        return Cup("p").fill(2)

    def first():
        return flow.one()

    def second():
        return flow.two()

    def main():
        return seq([flow.first(), flow.second()])

    for task in (one, two, first, second, main):
        define(task)
    bench.run(flow.main())

    again = bench.run(flow.main())

    assert again.ran == {"one": 1, "two": 1}
    assert bench.places["p"] == 2


def test_15_what_was_judged_to_hold_is_judged_again_after_a_writer_ran(bench):
    def one():
        return Cup("p").fill(1)

    def two():
        return Cup("p").fill(2)

    def first():
        return flow.one()

    def second():
        return flow.two()

    def outer(x):
        return cond(flow.second(), "written")

    def main():
        return seq([flow.outer(0), flow.first(), flow.outer(1)])

    for task in (one, two, first, second, outer, main):
        define(task)
    bench.run([flow.outer(0), flow.outer(1)])

    run = bench.run(flow.main())

    # Both rest on the same; after `first` has written 1, what outer(1) rests on holds no more.
    assert run.ran == {"main": 1, "first": 1, "one": 1, "two": 1}
    assert run.recalled == {"outer": 2, "second": 1}
    assert bench.places["p"] == 2


def test_16_equal_code_under_another_name_is_another_task(bench):
    constant("t1", 1)
    constant("t2", 1)

    def main():
        return [flow.t1(), flow.t2()]

    define(main)
    bench.run(flow.main())

    constant("t1", 5, "2")
    edited = bench.run(flow.main())

    assert (edited.value, edited.ran, edited.recalled) == ([5, 1], {"t1": 1}, {"main": 1, "t2": 1})


def test_16_a_name_that_means_nothing_any_more_does_not_hold(bench):
    constant("leaf", 1)

    def main():
        return [flow.leaf() if hasattr(flow, "leaf") else "no leaf"]

    define(main)
    bench.run(flow.main())

    del flow.leaf
    bench.fresh()  # a new process has met no `leaf`
    gone = bench.run(flow.main())

    assert (gone.value, gone.ran) == (["no leaf"], {"main": 1})


def test_18_a_disagreement_ends_an_epoch(bench):
    answers = [0, 1]

    def drawn():
        return answers.pop(0)

    def p():
        return flow.drawn()

    def q():
        return flow.drawn()

    def main():
        return [flow.p(), flow.q()]

    for task in (drawn, p, q, main):
        define(task)
    assert bench.run(flow.main()).value == [0, 0]

    bench.run(flow.drawn(), force=["recall_flow.drawn"])
    define(q, "2")
    after = bench.run(flow.main())

    assert (after.value, after.ran) == ([1, 1], {"q": 1})


def test_18_another_state_of_an_external_value_is_no_disagreement(bench):
    def look():
        return Cup("in")

    def main():
        return [flow.look(), 0]

    define(look)
    define(main)
    for content in (1, 2):
        bench.places["in"] = content
        bench.run(flow.main())

    bench.places["in"] = 1
    back = bench.run(flow.main())

    assert (back.ran, back.keys) == ({}, 1)


def test_19_a_value_that_is_gone_is_computed_again(bench):
    constant("leaf", "x" * 2000)

    def main():
        return [flow.leaf()]

    define(main)
    bench.run(flow.main())

    bench.probe._shelves.values.clear()
    again = bench.run(flow.main())

    assert again.value == ["x" * 2000]
    assert again.ran["leaf"] == 1


def test_20_the_first_failure_is_the_first_as_written(bench):
    def late():
        return flow.later()

    def later():
        raise ValueError("first as written")

    def early():
        raise ValueError("first in time")

    def write():
        return Cup("out").fill(1)

    def tell(error):
        return [str(error), Cup("out").get()]

    def main():
        return catch([flow.late(), flow.early(), flow.write()], ValueError, flow.tell)

    for task in (late, later, early, write, tell, main):
        define(task)

    assert bench.run(flow.main()).value == ["first as written", 1]


def test_21_a_call_rests_on_all_that_it_demanded_though_one_failed_first(bench):
    def fails():
        raise ValueError

    def slow():
        return flow.slower()

    def slower():
        return flow.chance()

    def part():
        return catch([flow.fails(), flow.slow()], ValueError, 0)

    def chance():
        return 1

    for task in (fails, slow, slower, part):
        define(task)
    define(chance, cache=False)
    bench.run(flow.part())

    assert bench.run(flow.part()).ran == {"chance": 1}


def test_23_after_a_revert_what_held_before_holds_again(bench):
    constant("leaf", 1)

    def middle():
        return flow.leaf()

    def main():
        return [flow.middle()]

    define(middle)
    define(main)
    for value in range(1, 5):
        constant("leaf", value, str(value))
        bench.run(flow.main())

    for value in (2, 4, 1, 3):
        constant("leaf", value, str(value))
        back = bench.run(flow.main())
        assert (back.value, back.ran, back.keys) == ([value], {}, 1)


def test_23_single_reductions_with_externals_are_candidates_too(bench):
    constant("leaf", 1)

    def main():
        return [Cup("in").get(), Cup("in"), flow.leaf()]

    define(main)
    for content in ("a", "b"):
        bench.places["in"] = content
        bench.run(flow.main())

    bench.places["in"] = "a"
    constant("leaf", 2, "2")
    back = bench.run(flow.main())

    assert (back.value, back.ran) == (["a", Cup("in"), 2], {"leaf": 1})


def test_24_what_was_recalled_step_by_step_is_remembered_again(bench):
    constant("leaf", 1)

    def middle():
        return flow.leaf()

    def main():
        return [flow.middle()]

    define(middle)
    define(main)
    bench.run(flow.main())

    constant("leaf", 1, "2")
    edited, after = bench.run(flow.main()), bench.run(flow.main())

    assert (edited.ran, edited.recalled, edited.keys) == ({"leaf": 1}, {"main": 1, "middle": 1}, 3)
    assert (after.recalled, after.keys) == ({"main": 1}, 1)


def test_two_roots_and_two_versions_of_the_code_on_one_store(bench):
    def main():
        return [flow.leaf()]

    def other():
        return flow.leaf()

    define(main)
    define(other)
    with Bench(probe=bench.probe) as second:
        for value in (1, 2, 1, 2):
            constant("leaf", value, str(value))
            run, beside = bench.run(flow.main()), second.run(flow.other())
            assert (run.value, beside.value) == ([value], value)

    assert isinstance(flow, types.ModuleType)
    assert bench.run(flow.main()).keys == 1
