"""External values that may be deleted: what is recorded of one holds also when nothing is there any more; changed is not deleted."""

import warnings
from collections import Counter

import pytest
from shelf import Shelf

from alonzo import Runtime, run, task
from alonzo.plugin import hookimpl

THINGS = {}  # what is where
RAN = Counter()


class Scratch:
    """An external value that may be deleted."""

    def __init__(self, name):
        self.name = name

    def read(self):
        return THINGS[self.name]


class Kept(Scratch):
    """One that may not."""


class Plugin:
    @hookimpl
    def alonzo_inspectors(self):
        return [Shelf("scratch", Scratch, THINGS, absent_is_valid=True), Shelf("kept", Kept, THINGS)]


@task
def made(name, text):
    RAN["made"] += 1
    THINGS[name] = text
    return Scratch(name)


@task
def kept(name, text):
    RAN["kept"] += 1
    THINGS[name] = text
    return Kept(name)


@task
def read(thing):
    RAN["read"] += 1
    return thing.read()


@task
def read_and_delete(thing):
    RAN["read_and_delete"] += 1
    return THINGS.pop(thing.name)


@task
def wrapped(name, text):
    RAN["wrapped"] += 1
    return {"it": made(name, text), "more": 1}


@task
def unwrapped(box):
    RAN["unwrapped"] += 1
    return box["it"].read()


@task
async def waits(name, text):
    RAN["waits"] += 1
    thing = await made(name, text)
    return thing.read()


@pytest.fixture(autouse=True)
def _empty():
    THINGS.clear()
    RAN.clear()


@pytest.fixture
def runtime():
    with Runtime(store="memory:", executor="inprocess", plugins=[Plugin()]) as runtime:
        yield runtime


def _ran(runtime, expression, **options):
    RAN.clear()
    value = runtime.run(expression, **options)
    return value, dict(RAN)


def test_deleted_nothing_runs(runtime):
    assert _ran(runtime, read(made("a", "text"))) == ("text", {"made": 1, "read": 1})
    del THINGS["a"]

    assert _ran(runtime, read(made("a", "text"))) == ("text", {})
    assert _ran(runtime, [read(made("a", "text"))]) == (["text"], {})
    assert runtime.run(made("a", "text")).name == "a"
    assert "a" not in THINGS


def test_what_may_not_be_absent_is_made_again(runtime):
    assert _ran(runtime, read(kept("k", "text"))) == ("text", {"kept": 1, "read": 1})
    del THINGS["k"]

    assert _ran(runtime, read(kept("k", "text"))) == ("text", {"kept": 1})


def test_changed_it_is_made_again_and_who_read_it_is_recalled(runtime):
    runtime.run(read(made("a", "text")))
    THINGS["a"] = "tampered with"

    assert _ran(runtime, read(made("a", "text"))) == ("text", {"made": 1})
    assert THINGS == {"a": "text"}


def test_deleted_and_wanted_it_is_made_again_first(runtime):
    runtime.run(read(made("a", "text")))
    del THINGS["a"]

    assert _ran(runtime, read(made("a", "text")), force=["*.read"]) == ("text", {"made": 1, "read": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it was allowed to go: nothing to warn of
        del THINGS["a"]
        assert _ran(runtime, read(made("a", "text")), force=["*.read"])[0] == "text"


def test_deleted_and_wanted_from_inside_what_another_call_has_put_it_into(runtime):
    runtime.run(unwrapped(wrapped("b", "deep")))
    del THINGS["b"]

    value, ran = _ran(runtime, unwrapped(wrapped("b", "deep")), force=["*.unwrapped"])

    assert value == "deep"
    assert (ran["made"], ran["unwrapped"]) == (1, 1)


def test_deleted_and_wanted_by_an_operator(runtime):
    runtime.run(made("c", "by hand"))
    del THINGS["c"]

    assert _ran(runtime, made("c", "by hand").read()) == ("by hand", {"made": 1})


def test_deleted_and_wanted_by_who_awaits_it(runtime):
    assert _ran(runtime, waits("d", "later")) == ("later", {"made": 1, "waits": 1})
    del THINGS["d"]
    assert _ran(runtime, waits("d", "later")) == ("later", {})

    value, ran = _ran(runtime, waits("d", "later"), force=["*.waits"])

    assert value == "later"
    assert ran["made"] == 1


def test_who_deletes_what_it_has_read_is_remembered_without_a_warning(runtime):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _ran(runtime, read_and_delete(made("e", "once"))) == ("once", {"made": 1, "read_and_delete": 1})
        assert _ran(runtime, read_and_delete(made("e", "once"))) == ("once", {})


def test_deleted_while_another_call_still_wants_it(runtime):
    """Both take it; the first deletes it: then the other has it made again, by the run beginning anew, or fails for want of it."""
    thing = made("f", "twice")
    assert _ran(runtime, [read(thing), read_and_delete(thing)])[0] == ["twice", "twice"]


def test_absent_without_ever_having_been_made_is_missing_as_anything_else():
    with pytest.raises(KeyError):
        run(read(Scratch("nowhere")), store="memory:", executor="inprocess", plugins=[Plugin()])
