"""What another run records while an application waits to be made is an answer to it, as good as one to the look-up."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from machine_driver import Drive, World
from random_programs import CONTEXT, Boom, lazy, plain, programs

from alonzo import Expression, task
from alonzo._effects import ABSENT, Apply


class Late(Drive):
    """Of what waits to be applied some is found recorded when it is looked up a second time."""

    share = 1.0
    chance = Random(0)

    def __attrs_post_init__(self):
        super().__attrs_post_init__()
        self.seconds = Counter()

    def _answer(self, ticket, effect):
        if type(effect) is Apply and effect.recalls and not self.seconds[ticket]:
            self.seconds[ticket] += 1
            found = self.world.recall(effect.key)
            if found is not ABSENT and self.chance.random() < self.share:
                return found
        return super()._answer(ticket, effect)


def _outcome(function):
    try:
        return function()
    except Boom as error:
        return ("failed", error.args[0])


@settings(max_examples=60, derandomize=True, database=None)
@given(programs(), st.integers(0, 1000))
def test_whatever_is_found_late_the_value_is_that_of_plain_python(program, seed):
    world, order = World(), Random(seed)
    expected = _outcome(lambda: plain(program, 1))
    Drive(lazy(program, 1), world, context=CONTEXT).reduce()
    for share in (1.0, 0.5):
        late = Late(lazy(program, 1), world, context=CONTEXT, order=order, miss=lambda _: order.random() < 0.8)
        late.share, late.chance = share, order

        assert _outcome(late.value) == expected


applied = []


@task
def leaf(x: int) -> int:
    applied.append("leaf")
    return x + 1


@task
def body(x: int) -> Expression[int]:
    applied.append("body")
    return leaf(x) + leaf(x + 1)


def _late(expression, world):
    applied.clear()
    late = Late(expression, world, miss=lambda _: True)
    return late, late.value()


def test_a_value_that_is_found_late_is_not_computed_and_counts_as_recalled():
    world = World()
    Drive(body(1), world).value()
    late, value = _late(body(1), world)

    assert (value, applied) == (5, [])
    assert [note.job.status for note in late.notes] == ["recalled"]


def test_what_is_found_late_and_does_not_hold_any_more_is_applied():
    world = World()
    Drive(body(1), world).value()
    world.versions[leaf.full_name] = "2"
    _, value = _late(body(1), world)

    # The call itself is recalled by what it returned; what is below it has another key.
    assert (value, applied) == (5, ["leaf", "leaf"])


def test_only_what_was_looked_up_may_be_answered_late():
    said = []

    class Listening(Drive):
        def _answer(self, ticket, effect):
            if type(effect) is Apply and not effect.operation:
                said.append(effect.recalls)
            return super()._answer(ticket, effect)

    Listening(leaf(1), World()).value()
    Listening(leaf.options(cache=False)(1), World()).value()
    Listening(leaf.options(share=False)(1), World()).value()
    Listening(leaf(1), World(), recall=False).value()

    assert said == [True, False, False, False]
