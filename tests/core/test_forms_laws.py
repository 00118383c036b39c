"""The laws, for every form: one value in any order of answers, one record, and one look-up the next time."""

from random import Random

import pytest
from form_samples import RECOVERING, SAMPLES, root
from machine_driver import Drive, World

CONTEXT = {"a": 7}
NAMES = list(SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_a_form_has_the_value_that_was_worked_out_for_it(name):
    make, value = SAMPLES[name]

    assert Drive(make(), context=CONTEXT).value() == value


@pytest.mark.parametrize("name", NAMES)
def test_a_form_in_any_order_of_answers_has_one_value_and_one_record(name):
    first = Drive(root(name), context=CONTEXT)
    value = first.value()
    for seed in range(4):
        other = Drive(root(name), context=CONTEXT, order=Random(seed))

        assert other.value() == value
        assert other.applied == first.applied
        assert other.record() == first.record()


@pytest.mark.parametrize("name", NAMES)
def test_a_form_that_was_reduced_is_recalled_by_one_look_up_unless_it_recovered(name):
    world = World()
    Drive(root(name), world, context=CONTEXT).reduce()
    again = Drive(root(name), world, context=CONTEXT)

    assert again.value() == SAMPLES[name][1]
    if name not in RECOVERING:
        assert again.asked["Recall"] == 1
        assert again.asked["Apply"] == 0


@pytest.mark.parametrize("name", sorted(RECOVERING))
def test_what_failed_is_tried_again_and_what_did_not_is_recalled(name):
    world = World()
    first = Drive(root(name), world, context=CONTEXT)
    first.value()
    again = Drive(root(name), world, context=CONTEXT)
    again.value()

    assert root.full_name not in again.ran
    assert again.ran["form_samples.fail"] == first.ran["form_samples.fail"]
    assert again.ran["form_samples.inc"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_answers_give_the_same_effects_byte_for_byte(name):
    first, second = (Drive(root(name), context=CONTEXT, order=Random(5)) for _ in range(2))
    first.reduce()
    second.reduce()

    assert second.transcript == first.transcript
