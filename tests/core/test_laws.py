"""Laws 1 to 3 over random programs: what the order of answers, the batching, and what is recalled may not change."""

from collections import Counter
from random import Random

import pytest
from hypothesis import event, given, settings, target
from hypothesis import strategies as st
from machine_driver import Drive, World
from random_programs import CONTEXT, KINDS, Boom, kinds, lazy, plain, programs

EXAMPLES = settings(max_examples=40, derandomize=True, database=None)


def _outcome(function):
    try:
        return function()
    except Boom as error:
        return ("failed", error.args[0])


def _drive(program, world, **how):
    drive = Drive(lazy(program, 1), world, context=CONTEXT, **how)
    return drive, _outcome(drive.value)


def test_every_form_container_and_option_is_in_one_random_program_of_twenty():
    seen = Counter()

    @settings(EXAMPLES, max_examples=250)
    @given(programs())
    def look(program):
        seen.update(kinds(program))
        seen["programs"] += 1

    look()

    rare = {kind: seen[kind] for kind in KINDS if seen[kind] < seen["programs"] / 20}
    assert seen["programs"] >= 100
    assert rare == {}


@settings(EXAMPLES, max_examples=60)
@given(programs(), st.randoms(use_true_random=False))
def test_any_order_and_batching_of_answers_gives_the_value_of_plain_python_and_the_same_record(program, order):
    for kind in kinds(program):
        event(kind)
    expected = _outcome(lambda: plain(program, 1))
    first, value = _drive(program, World())
    target(float(len(first.notes)), label="calls")
    second, again = _drive(program, World(), order=order)

    assert value == expected
    assert again == expected
    assert second.applied == first.applied
    assert second.record() == first.record()


@EXAMPLES
@given(programs(), st.integers(0, 1000))
def test_whatever_was_remembered_or_lost_the_value_is_that_of_plain_python(program, seed):
    chance, world = Random(seed), World()
    expected = _outcome(lambda: plain(program, 1))
    values = [_drive(program, world)[1]]
    values += [
        _drive(program, world, miss=lambda _, share=share: chance.random() < share, order=chance)[1]
        for share in (0.0, 0.5, 0.9)
    ]
    values.append(_drive(program, world, recall=False)[1])

    assert values == [expected] * 5


@EXAMPLES
@given(programs())
def test_the_same_answers_in_the_same_order_give_the_same_effects_byte_for_byte(program):
    first, _ = _drive(program, World(), order=Random(3))
    second, _ = _drive(program, World(), order=Random(3))

    assert second.transcript == first.transcript


@EXAMPLES
@given(programs())
def test_what_failed_nowhere_and_may_be_recalled_is_recalled_by_one_question(program):
    calm = kinds(program).isdisjoint(
        {"fail", "cache=False", "share=False", "uncached below", "check=each", "async catch"}
    )
    world = World()
    root = ("body", program, ("const", 1))
    _drive(root, world)
    again, value = _drive(root, world)

    if calm:
        assert value == plain(program, 1)
        assert again.asked["Recall"] == 1
        assert again.asked["Apply"] == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_program_with_all_kinds_at_once_is_confluent(seed):
    program = ("const", 1)
    for kind in KINDS:
        if kind in ("fail", "tree", "context", "context path", "climb", "catch other"):
            continue
        program = (kind, program, ("arg",), ("call", ("arg",)))[: 1 + {"cond": 3, "many conds": 3}.get(kind, 2)]
        if kind in ("body", "async catch"):
            program = (kind, program[1], ("arg",))
    first, value = _drive(program, World())
    second, again = _drive(program, World(), order=Random(seed))

    assert value == again
    assert second.record() == first.record()
