"""What decides how a call is bound and recalled: rule 17, `check="each"`, and forcing."""

from recall_world import define, flow

from alonzo import cond


def constant(name, value, version="1", **options):
    """A task of this name that returns the value."""

    def function():
        return value

    function.__name__ = name
    return define(function, version, **options)


def pinned(default, **options):
    def leaf(x=default):
        return x

    return define(leaf, "pinned", **options)


def call_leaf():
    def main():
        return [flow.leaf()]

    define(main)


def test_17_a_changed_default_counts_though_the_code_is_pinned(bench):
    call_leaf()
    pinned(3)
    assert bench.run(flow.main()).value == [3]

    pinned(4)
    changed = bench.run(flow.main())

    assert (changed.value, changed.ran) == ([4], {"leaf": 1})


def test_17_cache_false_counts_though_the_code_is_pinned(bench):
    call_leaf()
    pinned(3)
    bench.run(flow.main())

    pinned(3, cache=False)

    assert bench.run(flow.main()).ran == {"leaf": 1}
    assert bench.run(flow.main()).ran == {"leaf": 1}


def test_17_check_each_counts_though_the_code_is_pinned(bench):
    call_leaf()
    pinned(3)
    bench.run(flow.main())

    pinned(3, check="each")
    each = bench.run(flow.main())

    assert (each.ran, each.recalled, each.keys) == ({}, {"main": 1, "leaf": 1}, 2)


def test_17_a_settings_pattern_counts(bench):
    call_leaf()
    pinned(3)
    bench.run(flow.main())

    bench.fresh()
    bench.settings = {"tasks": {"recall_flow.l*": {"cache": False}}}

    assert bench.run(flow.main()).ran == {"leaf": 1}


def test_check_each_refuses_above_itself(bench):
    constant("leaf", 1, check="each")

    def main():
        return [cond(flow.leaf(), 1)]

    define(main)
    bench.run(flow.main())
    again = bench.run(flow.main())

    assert (again.ran, again.recalled, again.keys) == ({}, {"main": 1, "leaf": 1}, 2)


def test_what_is_forced_runs_though_everything_above_it_is_remembered(bench):
    constant("leaf", 1)
    constant("other", 2)

    def main():
        return [flow.leaf(), flow.other()]

    define(main)
    bench.run(flow.main())

    forced = bench.run(flow.main(), force=["recall_flow.leaf"])

    assert (forced.ran, forced.recalled) == ({"leaf": 1}, {"main": 1, "other": 1})
