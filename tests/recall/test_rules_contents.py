"""What a footprint contains, rules 1 to 12: for each the history that goes wrong without it. What ran is asserted, not only the value."""

import pytest
from recall_world import LOST, Cup, define, flow

from alonzo import catch, cond, get_context, seq


def leaf(value, version):
    """A task `leaf` that returns this value; another version is an edit of it."""

    def leaf():
        return value

    return define(leaf, version)


def chance(*values):
    """A task `chance` that is not remembered and gives these values one after the other."""
    left = list(values)

    def chance():
        return left.pop(0)

    return define(chance, cache=False)


@define
def failing():
    raise ValueError("failing")


def handler():
    def recovered(error):
        return f"recovered from {error}"

    return define(recovered)


def test_1_a_part_that_was_settled_before_refuses_for_whoever_joins_it(bench):
    def common():
        return flow.chance()

    def joins():
        return [flow.common()]

    def main():
        return seq([flow.common(), flow.joins()])

    for task in (common, joins, main):
        define(task)
    chance(1, 2)

    assert bench.run(flow.main()).value == [1, [1]]
    again = bench.run(flow.main())

    assert again.value == [2, [2]]
    assert again.ran == {"chance": 1}


def test_2_a_part_recalled_whole_contributes_its_whole_footprint(bench):
    def write():
        return Cup("out").fill("good")

    def middle():
        return cond(flow.write(), "written")

    def main():
        return [flow.middle()]

    for task in (write, middle, main):
        define(task)
    bench.run(flow.main())

    define(main, "2")
    edited = bench.run(flow.main())
    bench.places["out"] = "tampered"
    repaired = bench.run(flow.main())

    assert (edited.ran, edited.recalled) == ({"main": 1}, {"middle": 1})
    assert repaired.ran == {"write": 1}
    assert bench.places["out"] == "good"


def test_3_an_external_value_in_a_branch_not_taken_counts(bench):
    def main():
        cup = Cup("in")
        return cond(1, [cup.get(), 0], cup)

    define(main)
    bench.places["in"] = 0
    bench.run(flow.main())

    bench.places["in"] = 1
    changed = bench.run(flow.main())

    assert (changed.value, changed.ran) == ([1, 0], {"main": 1})


def test_4_a_missing_place_is_an_entry(bench):
    def main():
        cup = Cup("in")
        return [cup.get("missing"), cup]

    define(main)
    assert bench.run(flow.main()).value[0] == "missing"
    assert bench.run(flow.main()).keys == 1

    bench.places["in"] = 1
    appeared = bench.run(flow.main())
    del bench.places["in"]
    gone = bench.run(flow.main())

    assert (appeared.value[0], appeared.ran) == (1, {"main": 1})
    assert (gone.value[0], gone.ran) == ("missing", {})


def test_5_an_external_value_in_a_default_counts_for_the_caller(bench):
    def align(x, reference=Cup("ref")):
        return (x, reference.get())

    def main():
        return flow.align(7)

    define(align)
    define(main)
    bench.places["ref"] = "old"
    assert bench.run(flow.main()).value == (7, "old")

    bench.places["ref"] = "new"
    changed = bench.run(flow.main())

    assert (changed.value, changed.ran) == ((7, "new"), {"align": 1})


def test_5_what_a_default_expression_rests_on_is_below_the_caller_not_below_the_task(bench):
    def module(value, version):
        """The module is imported: a default is made when its function is."""
        leaf(value, version)

        def align(x=flow.leaf()):
            return x + 1

        define(align)

    def main():
        return flow.align()

    define(main)
    module(1, "1")
    assert bench.run(flow.main()).value == 2

    module(5, "2")
    changed = bench.run(flow.main())
    module(5, "3")
    given = bench.run(flow.align(5))

    assert (changed.value, changed.ran) == (6, {"leaf": 1, "align": 1})
    assert (given.value, given.ran, given.keys) == (6, {}, 1)


def test_6_an_external_value_made_by_an_operator_counts(bench):
    def folder():
        return Cup("dir")

    def main():
        return (flow.folder() / "x").get("missing")

    define(folder)
    define(main)
    bench.places["dir/x"] = 1
    assert bench.run(flow.main()).value == 1

    del bench.places["dir/x"]
    gone = bench.run(flow.main())

    assert (gone.value, gone.ran) == ("missing", {})


def test_7_the_code_of_a_test_counts_and_that_of_a_branch_not_taken_does_not(bench):
    leaf(1, "1")

    def other():
        return "other"

    def main():
        return cond(flow.leaf(), "then", flow.other())

    define(other)
    define(main)
    assert bench.run(flow.main()).value == "then"

    define(other, "2")
    not_taken = bench.run(flow.main())
    leaf(0, "2")
    changed = bench.run(flow.main())

    assert (not_taken.keys, not_taken.ran) == (1, {})
    assert (changed.value, changed.ran) == ("other", {"leaf": 1, "other": 1})


def test_7_a_handler_that_was_not_called_does_not_count(bench):
    leaf(1, "1")
    handler()

    def main():
        return catch(flow.leaf(), ValueError, flow.recovered)

    define(main)
    bench.run(flow.main())

    define(handler().func, "2")
    unchanged = bench.run(flow.main())

    assert (unchanged.value, unchanged.ran, unchanged.keys) == (1, {}, 1)


def test_8_a_recovery_ends_when_the_failing_task_is_mended(bench):
    define(failing.func)
    handler()

    def main():
        return catch(flow.failing(), ValueError, flow.recovered)

    define(main)
    first, again = bench.run(flow.main()), bench.run(flow.main())

    def mended():
        return 5

    mended.__name__ = "failing"
    define(mended, "2")
    after = bench.run(flow.main())

    assert first.value == "recovered from failing"
    assert (again.value, again.failed, again.ran) == ("recovered from failing", {"failing": 1}, {})
    assert (after.value, after.ran) == (5, {"failing": 1})


def test_8_the_siblings_of_a_failure_count_too(bench):
    define(failing.func)
    handler()

    def write():
        return Cup("out").fill(1)

    def main():
        return catch([flow.failing(), flow.write()], ValueError, flow.recovered)

    define(write)
    define(main)
    bench.run(flow.main())

    del bench.places["out"]
    again = bench.run(flow.main())

    assert bench.places == {"out": 1}
    assert again.ran == {"write": 1}


def test_9_arguments_are_not_below_a_call(bench):
    leaf(1, "1")

    def wrap(x):
        return [flow.inner(x)]

    def inner(x):
        return x + 1

    def main():
        return flow.wrap(flow.leaf())

    for task in (wrap, inner, main):
        define(task)
    bench.run(flow.main())

    leaf(1, "2")
    edited = bench.run(flow.main())

    assert (edited.value, edited.ran, edited.recalled) == ([2], {"leaf": 1}, {"main": 1, "wrap": 1})
    assert edited.keys == 3


def two_writers(bench):
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


def test_10_two_digests_of_one_place_are_both_kept(bench):
    two_writers(bench)

    bench.places["p"] = 1
    bench.run(flow.main())

    assert bench.places["p"] == 2


def test_11_a_context_entry_counts_and_so_does_its_absence(bench):
    def main():
        return [get_context("a.x", "absent")]

    define(main)
    absent, again = bench.run(flow.main()), bench.run(flow.main())
    bench.context = {"a": {"x": 1}}
    appeared = bench.run(flow.main())
    bench.context = {"a": {"x": 1, "y": 2}, "b": 3}
    neighbours = bench.run(flow.main())
    bench.context = {}
    gone = bench.run(flow.main())

    assert (absent.value, again.keys) == (["absent"], 1)
    assert (appeared.value, appeared.ran) == ([1], {})
    assert (neighbours.value, neighbours.keys) == ([1], 1)
    assert (gone.value, gone.keys) == (["absent"], 1)


def test_11_a_table_counts_with_all_that_is_in_it(bench):
    def main():
        return get_context("a")

    define(main)
    bench.context = {"a": {"x": 1}}
    bench.run(flow.main())

    bench.context = {"a": {"x": 2}}

    assert bench.run(flow.main()).value == {"x": 2}


def test_11_a_context_entry_below_a_recalled_part_counts(bench):
    def part():
        return get_context("a")

    def main():
        return [flow.part()]

    define(part)
    define(main)
    bench.context = {"a": 1}
    bench.run(flow.main())
    define(main, "2")
    bench.run(flow.main())

    bench.context = {"a": 2}

    assert bench.run(flow.main()).value == [2]


async def awaiting():
    return [await flow.chance()]


def as_argument():
    return flow.wrap(flow.chance())


def as_test():
    return cond(flow.chance(), flow.chance(), 0)


def as_part():
    return [flow.middle()]


def in_order():
    return seq([0, flow.chance()])


def by_operator():
    return flow.chance() + 0


def by_default():
    return flow.defaulted()


def beside_a_failure():
    return catch([flow.failing(), flow.chance()], ValueError, flow.counted)


@pytest.mark.parametrize(
    "main",
    [awaiting, as_argument, as_test, as_part, in_order, by_operator, by_default, beside_a_failure],
    ids=lambda f: f.__name__,
)
def test_12_cache_false_refuses_upward_through_everything(bench, main):
    runs = []

    def chance():
        runs.append(1)
        return len(runs)

    def wrap(x):
        return x

    def middle():
        return [flow.chance()]

    def counted(error):
        return len(runs)

    define(chance, cache=False)

    def defaulted(x=flow.chance()):
        return x

    for task in (wrap, middle, counted, defaulted, failing.func, main):
        define(task)
    define(counted, cache=False)
    top = define(main)

    def root():
        return [getattr(flow, top.name)()]

    define(root)
    first, second = bench.run(flow.root()), bench.run(flow.root())

    assert second.ran["chance"] == 1
    assert first.value != second.value


def test_12_refusal_does_not_pass_through_values(bench):
    chance(3, 3, 4)

    def inner(x):
        return x * 10

    def wrap(x):
        return flow.inner(x)

    def main():
        return flow.wrap(flow.chance())

    for task in (inner, wrap, main):
        define(task)
    bench.run(flow.main())

    same, other = bench.run(flow.main()), bench.run(flow.main())

    assert (same.value, same.ran, same.recalled) == (30, {"chance": 1}, {"main": 1, "wrap": 1})
    assert (other.value, other.ran) == (40, {"chance": 1, "wrap": 1, "inner": 1})


@pytest.mark.parametrize("how", ["catch", "except"])
def test_12_a_recovered_loss_is_tried_again(bench, how):
    leaf(5, "1")

    def caught():
        return catch(flow.leaf(), Exception, 7)

    async def excepted():
        try:
            return await flow.leaf()
        except Exception:
            return 7

    def main():
        return [flow.part()]

    part = caught if how == "catch" else excepted
    part.__name__ = "part"
    define(part)
    define(main)
    LOST.add("leaf")
    assert bench.run(flow.main()).value == [7]

    LOST.clear()
    after = bench.run(flow.main())

    assert after.value == [5]
    assert after.ran["leaf"] == 1
    assert bench.run(flow.main()).keys == 1
