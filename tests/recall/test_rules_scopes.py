"""Rules 11, 17 and 22 below `.context`, `.options_below` and `--option`: each as one history, counting what ran."""

import pytest
from recall_world import Bench, Cup, define, flow

from alonzo import cond, get_context


def getter():
    def get(path="a"):
        return get_context(path, "none")

    define(get)


def constant():
    def leaf():
        return 5

    define(leaf)


def test_11_what_an_override_decides_does_not_count_above_it(bench):
    getter()

    def main():
        return [flow.get.context(a=1)()]

    define(main)
    bench.context = {"a": 0}
    bench.run(flow.main())

    bench.context = {"a": 7}
    again = bench.run(flow.main())
    assert (again.value, again.ran, again.keys) == ([1], {}, 1)


def test_11_what_an_override_leaves_open_counts_with_its_value_outside(bench):
    getter()

    def main():
        return [flow.get.context(b=1)(), flow.get.context({"a": {"y": 2}})("a")]

    define(main)
    bench.context = {"a": {"x": 1}}
    assert bench.run(flow.main()).value == [{"x": 1}, {"x": 1, "y": 2}]
    assert bench.run(flow.main()).keys == 1

    bench.context = {"a": {"x": 3}}
    assert bench.run(flow.main()).value == [{"x": 3}, {"x": 3, "y": 2}]


def test_11_an_entry_that_was_absent_below_an_override_is_seen_when_it_appears(bench):
    getter()

    def main():
        return [flow.get.context(b=1)("c.d")]

    define(main)
    assert bench.run(flow.main()).value == ["none"]

    bench.context = {"c": {"d": 4}}
    assert bench.run(flow.main()).value == [4]


def test_11_a_default_that_reads_the_context_of_its_own_call_is_below_the_caller_as_that_sees_it(bench):
    getter()

    def inner(x=flow.get()):
        return x

    define(inner)

    def main():
        return [flow.inner.context(b=1)(), flow.inner.context(a=9)()]

    define(main)
    bench.context = {"a": 1}
    assert bench.run(flow.main()).value == [1, 9]
    bench.context = {"a": 2}
    changed = bench.run(flow.main())
    assert (changed.value, bench.run(flow.main()).keys) == ([2, 9], 1)


def test_22_two_contexts_on_one_store_each_have_their_own_answer_and_one_look_up(bench):
    getter()

    def main():
        return [flow.get(), flow.get("b")]

    define(main)
    for value in (1, 2):
        assert bench.run(flow.main.context(a=value)()).value == [value, "none"]
    for value in (2, 1, 2):
        again = bench.run(flow.main.context(a=value)())
        assert (again.value, again.ran, again.keys) == ([value, "none"], {}, 1)


def test_22_a_second_context_is_answered_from_the_same_application(bench):
    getter()

    def main():
        return [flow.get()]

    define(main)
    done = bench.run([flow.main.context(a=1)(), flow.main.context(a=2)()])

    assert (done.value, done.ran) == ([[1], [2]], {"main": 1, "get": 1})


def test_22_an_edit_of_what_is_read_in_one_context_only_reruns_nothing_in_the_other(bench):
    getter()
    constant()

    def main():
        return cond(flow.get() == 1, flow.leaf(), 0)

    define(main)
    for value in (1, 2):
        bench.run(flow.main.context(a=value)())

    def leaf():
        return 6

    define(leaf, "2")
    assert bench.run(flow.main.context(a=2)()).keys == 1
    changed = bench.run(flow.main.context(a=1)())
    assert (changed.value, changed.ran) == (6, {"leaf": 1})


def test_22_external_values_below_an_override_are_inspected_as_anywhere(bench):
    def read(cup):
        return cup.content

    define(read)

    def main():
        return flow.read(Cup("in"))

    define(main)
    bench.places["in"] = 1
    assert bench.run(flow.main.context(a=1)()).value == 1
    bench.places["in"] = 2
    changed = bench.run(flow.main.context(a=1)())
    assert (changed.value, changed.ran) == (2, {"main": 1, "read": 1})


# -- options: rule 17 -------------------------------------------------------------------------------------------

HARMLESS = {
    "check": "each", "retries": 2, "retry_delay": 1, "priority": 4, "limits": "db", "tags": {"a": "b"}, "executor": "losing",
    "cache": True, "nout": 1,
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_17_no_option_but_the_identity_ones_causes_a_rerun_wherever_it_is_set(bench, name):
    constant()

    def main():
        return [flow.leaf()]

    define(main)
    bench.run(flow.main())
    option = {name: HARMLESS[name]}

    for call in (flow.main.options(**option)(), flow.main.options_below(**option)()):
        again = bench.run(call)
        assert (again.value, again.ran) == ([5], {})
    define(flow.main.func, **option)
    define(flow.leaf.func, **option)
    assert bench.run(flow.main()).ran == {}
    if name != "nout":
        for where in ("tasks", "options"):
            bench.fresh()
            bench.settings = {where: {"recall_flow.*": option}}
            assert bench.run(flow.main()).ran == {}


def test_17_cache_false_on_the_command_line_is_over_everything_and_runs_below_what_is_remembered(bench):
    constant()

    def main():
        return [flow.leaf.options(cache=True)()]

    define(main)
    bench.run(flow.main())

    bench.fresh()
    bench.settings = {"tasks": {"recall_flow.leaf": {"cache": True}}, "options": {"recall_flow.leaf": {"cache": False}}}
    assert [bench.run(flow.main()).ran for _ in range(2)] == [{"leaf": 1}] * 2


def test_17_a_changed_ignore_counts_though_the_code_is_pinned(bench):
    def leaf(x, y=0):
        return [x, y]

    def main():
        return [flow.leaf(1, 1), flow.leaf(1, 2)]

    define(main)
    define(leaf, "pinned")
    assert bench.run(flow.main()).value == [[1, 1], [1, 2]]

    define(leaf, "pinned", ignore=["y"])
    first, second = bench.run(flow.main()).value
    assert first == second


def test_17_share_false_below_a_call_runs_each_for_itself_and_remembers_nothing_above(bench):
    constant()

    def main():
        return [flow.leaf(), flow.leaf()]

    define(main)
    bench.run(flow.main())

    unshared = [bench.run(flow.main.options_below(share=False)()).ran for _ in range(2)]
    assert unshared == [{"leaf": 2}] * 2
    assert bench.run(flow.main()).keys == 1


def test_17_options_below_written_in_a_task_do_not_keep_it_from_being_one_look_up(bench):
    constant()
    define(flow.leaf.func, cache=False)

    def middle():
        return [flow.leaf()]

    def main():
        return flow.middle.options_below(cache=True)()

    define(middle)
    define(main)
    bench.run(flow.main())
    again = bench.run(flow.main())
    assert (again.value, again.ran, again.keys) == ([5], {}, 1)
    assert bench.run(flow.middle()).ran == {"leaf": 1}


def test_two_stores_of_contexts_do_not_meet():
    with Bench(context={"a": 1}) as one, Bench(context={"a": 2}, probe=one.probe) as other:
        getter()

        def main():
            return flow.get()

        define(main)
        values = [bench.run(flow.main()).value for bench in (one, other, one, other)]

    assert values == [1, 2, 1, 2]
