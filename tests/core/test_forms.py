"""Special forms: what they demand, and what they leave alone."""

import pytest
from machine_driver import Drive

from alonzo import catch, cond, get_context, seq, task


@task
def inc(x):
    return x + 1


@task
def chosen():
    return inc


@task
def plain_function():
    return len


def test_cond_reduces_the_branch_it_takes_and_no_other():
    drive = Drive(cond(inc(0), inc(10), inc(20)))

    assert drive.value() == 11
    assert drive.ran == {inc.full_name: 2}


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (lambda: cond(0, 1), None),
        (lambda: cond(inc(-1), 1, [], 2, "else"), "else"),
        (lambda: cond(0, 1, inc(1), [inc(2)], inc(3)), [3]),
        (lambda: cond([], 1, 2), 2),
        (lambda: seq([]), []),
        (lambda: seq((inc(1), 5, [inc(2)])), [2, 5, [3]]),
        (lambda: catch(5, ValueError, inc(1)), 5),
        (lambda: get_context("a.b", inc(1)), 2),
        (lambda: chosen()(4), 5),
        (lambda: plain_function()([1, 2]), 2),
        (lambda: chosen().partial(4)(), 5),  # noqa: PLW0108 - called when it is tested
    ],
)
def test_a_form_has_the_value_of_what_it_chose(form, value):
    assert Drive(form()).value() == value


def test_seq_begins_each_when_the_one_before_has_its_value():
    drive = Drive(seq([inc(1), inc(2), inc(3)]))
    begun = []
    machine = drive.machine
    while machine.outcome is None:
        effects = drive._taken()
        begun += [[effect.args for _, effect in effects if getattr(effect, "task", None) is inc]]
        for ticket, effect in effects:
            machine.answer(ticket, drive._answer(ticket, effect))

    assert [round_ for round_ in begun if round_] == [[(1,)], [(2,)], [(3,)]]


@pytest.mark.parametrize(
    "pairs", [(3, 1), ((ValueError, 3), 1), (ValueError, 1, KeyError), ("ValueError", 1), (int, 1)]
)
def test_catch_takes_classes_of_exceptions_and_complete_pairs(pairs):
    with pytest.raises(TypeError, match=r"catch\(\) takes"):
        catch(inc(1), *pairs)
