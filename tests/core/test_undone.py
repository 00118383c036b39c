"""Applications that undo external values which others have made: what was known of these in the run is not true any more."""

from collections import Counter

import pytest
from shelf import Shelf

from alonzo import AlonzoError, Runtime, seq, subrun, task
from alonzo.plugin import CAPTURE, hookimpl

THINGS = {}  # what is where
RAN = Counter()


class Thing:
    def __init__(self, name):
        self.name = name


class Plugin:
    @hookimpl
    def alonzo_inspectors(self):
        return [Shelf("thing", Thing, THINGS)]


@task(namespace="undone")
def made(name):
    RAN[name] += 1
    THINGS[name] = "there"
    return Thing(name)


@task(namespace="undone")
def name_of(thing):
    return thing.name


@task(namespace="undone")
def undo(prefix, switch):
    """Undo what is at all places that begin so."""
    CAPTURE.get().undone += (("thing", prefix),)
    for name in [name for name in THINGS if name.startswith(prefix)]:
        del THINGS[name]


@task(namespace="undone")
def main():
    return seq([undo("a", Thing("switch")), [name_of(made(name)) for name in ("a1", "a2", "b")]])


@task(namespace="undone")
def main_with_a_sub_run():
    return seq([subrun(undo("a", Thing("switch"))), name_of(made("a1"))])


@pytest.fixture
def runtime():
    THINGS.clear()
    RAN.clear()
    with Runtime(executor="inprocess", store="memory:", plugins=[Plugin()]) as made:
        yield made


def test_what_was_undone_is_made_again_though_it_was_seen_at_the_beginning_of_the_run(runtime):
    THINGS["switch"] = "1"
    runtime.run(main())
    THINGS["switch"] = "2"
    # All that main rests on is looked at: the things are as they were, the switch is not.
    assert runtime.run(main()) == [None, ["a1", "a2", "b"]]

    assert dict(runtime.last.ran) == {"undone.main": 1, "undone.undo": 1, "undone.made": 2}
    assert RAN == {"a1": 2, "a2": 2, "b": 1}


def test_what_a_sub_run_has_undone_is_made_again_in_the_run_around_it(runtime):
    THINGS["switch"] = "1"
    runtime.run(main_with_a_sub_run())
    THINGS["switch"] = "2"

    assert runtime.run(main_with_a_sub_run()) == [None, "a1"]
    assert RAN == {"a1": 2}


def test_to_undo_what_the_run_has_made_or_recalled_is_an_error(runtime):
    for _ in range(2):
        # At first it is made in this run, and then, as it was made by another, recalled.
        with pytest.raises(
            AlonzoError, match=r"undone.undo.* has undone what this run rests on already: a1\. Let it come"
        ):
            runtime.run(seq([name_of(made("a1")), undo("a", None)]))
        runtime.run(name_of(made("a1")))

    assert RAN == {"a1": 3}


def test_to_undo_what_nobody_has_asked_for_is_none(runtime):
    runtime.run(name_of(made("a")))

    assert runtime.run(seq([undo("a", None), 1])) == [None, 1]
