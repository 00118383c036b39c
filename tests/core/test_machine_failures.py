"""Law 5: which failure is a call's, when; what can be caught; what the machine says of what failed."""

import itertools
from random import Random

import pytest
from machine_driver import Drive

from alonzo import EncodeError, RemoteError, Runtime, catch, cond, get_context, run, seq, task
from alonzo._effects import Raised


@task
def inc(x):
    return x + 1


@task
def bad(x):
    raise ValueError(x)


@task
def worse(x):
    raise KeyError(x)


@task
def pair(x, y):
    return [x, y]


@task
def excuse(error):
    return [type(error).__name__, *error.args]


@task
def leaves():
    raise SystemExit(3)


@task
def deep(x):
    return inc(pair(bad(x), 1))


def here(expression, **options):
    return run(expression, store="memory:", executor="inprocess", **options)


@pytest.mark.parametrize("seed", range(8))
def test_the_first_failure_in_the_order_of_writing_wins_in_any_order_of_answers(seed):
    with pytest.raises(ValueError, match="2"):
        Drive([inc(1), bad(inc(1)), worse(0), bad(3)], order=Random(seed)).value()


@pytest.mark.parametrize("seed", range(8))
def test_a_call_fails_once_all_its_arguments_have_settled(seed):
    drive = Drive(catch(pair(bad(1), inc(inc(inc(inc(5))))), ValueError, "caught"), order=Random(seed))

    assert drive.value() == "caught"
    assert drive.ran[inc.full_name] == 4
    assert drive.ran[pair.full_name] == 0


def test_a_failure_that_nothing_can_catch_dooms_the_machine_before_the_rest_has_ended():
    drive = Drive([bad(1), inc(inc(inc(1)))], stop_when_doomed=True)

    assert drive.reduce() is None
    assert type(drive.machine.doomed) is Raised
    assert drive.machine.doomed.error.args == (1,)


def test_a_failure_that_something_may_catch_does_not_doom():
    drive = Drive([catch([bad(1), inc(inc(inc(1)))], ValueError, 0), inc(1)])
    drive.value()

    assert drive.machine.doomed is None


@pytest.mark.parametrize(
    ("error", "recovered"), [(ValueError, "yes"), (Exception, "yes"), ((KeyError, ValueError), "yes"), (KeyError, None)]
)
def test_catch_takes_the_classes_it_names_and_their_subclasses(error, recovered):
    expression = catch(bad(1), error, "yes")

    if recovered is None:
        with pytest.raises(ValueError):
            Drive(expression).value()
    else:
        assert Drive(expression).value() == recovered


def test_the_first_pair_that_fits_recovers():
    expression = catch(bad(7), KeyError, "key", ValueError, excuse, Exception, "late")

    assert Drive(expression).value() == ["ValueError", 7]


def test_what_a_recovery_raises_is_not_caught_by_the_same_catch():
    with pytest.raises(KeyError):
        Drive(catch(bad(1), ValueError, worse(2), KeyError, "no")).value()


def test_an_exit_inside_a_task_is_a_failure_of_that_task():
    with pytest.raises(RemoteError, match="SystemExit: 3"):
        here(leaves())
    assert here(catch(leaves(), SystemExit, "stayed")) == "stayed"


def test_a_failure_far_away_is_caught_by_the_name_of_its_class():
    @task
    def remote():
        raise RemoteError("elsewhere", ("lib.Special", "builtins.ValueError", "builtins.Exception"))

    assert Drive(catch(remote(), ValueError, "by name")).value() == "by name"
    with pytest.raises(RemoteError):
        Drive(catch(remote(), KeyError, "by name")).value()


def test_a_failure_is_shared_within_a_run_and_tried_again_in_the_next():
    drive = Drive([catch(bad(1), ValueError, 0), catch(bad(1), ValueError, 0)])
    drive.value()
    again = Drive([catch(bad(1), ValueError, 0)], drive.world)
    again.value()

    assert drive.ran[bad.full_name] == 1
    assert again.ran[bad.full_name] == 1


def test_a_failure_says_the_chain_of_calls_around_it():
    with pytest.raises(ValueError) as caught:
        here(deep(5))

    assert caught.value.__notes__[0] == f"in task {bad.full_name}(5)"
    assert f"in task {deep.full_name}(5)" in caught.value.__notes__


def test_all_failures_are_listed_with_keep_going_and_everything_that_can_run_does():
    with Runtime(store="memory:", executor="inprocess", keep_going=True) as runtime:
        with pytest.raises(ValueError, match="1"):
            runtime.run([bad(1), inc(bad(2)), worse(3), *[inc(i) for i in range(50)]])

        assert sorted(failure.task for failure in runtime.last.failures) == [
            bad.full_name,
            bad.full_name,
            worse.full_name,
        ]
        assert runtime.last.ran[inc.full_name] == 50
        assert runtime.last.failed[inc.full_name] == 1


def test_a_failure_without_keep_going_starts_nothing_new():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        with pytest.raises(ValueError):
            runtime.run([bad(1), *[inc(i) for i in range(500)]])

        assert runtime.last.ran[inc.full_name] < 100


def test_a_run_that_is_broken_off_raises_what_doomed_it_not_what_was_recovered():
    program = [catch(bad(1), ValueError, 0), *[inc(i) for i in range(10)], worse(inc(77))]
    program += [inc(inc(i)) for i in range(100, 150)]

    with pytest.raises(KeyError):
        here(program)


# -- what goes wrong inside a form or a container fails the call, and can be caught --------------

FORMS = {
    "recover takes other arguments": (catch(bad(1), ValueError, pair), TypeError),
    "a lazy task takes other arguments": (cond(True, inc, inc)(1, 2, 3), TypeError),
    "the path of an entry is no text": (get_context(inc(1)), (TypeError, AttributeError)),
    "a key that cannot be hashed": ({cond(True, [1], 0): 2}, TypeError),
    "an item of a set that cannot be hashed": ({cond(True, [1], 0)}, TypeError),
}


@pytest.mark.parametrize("name", FORMS)
def test_an_error_inside_a_form_is_a_failure_that_can_be_caught(name):
    expression, error = FORMS[name]

    assert Drive(catch([expression], error, "caught")).value() == "caught"


def test_an_entry_of_the_context_that_holds_an_expression_is_reduced_or_refused():
    with pytest.raises((EncodeError, TypeError, ValueError)):
        Drive(get_context("a"), context={"a": inc(1)}).value()


def test_an_exception_that_cannot_be_digested_can_be_recovered_from():
    import threading

    @task
    def locked():
        raise ValueError(threading.Lock())

    @task
    def recover(error):
        return type(error).__name__

    assert here(catch(locked(), ValueError, recover)) == "ValueError"


def test_seq_stops_at_its_first_failure():
    drive = Drive(catch(seq([inc(1), bad(2), inc(3)]), ValueError, "stopped"))

    assert drive.value() == "stopped"
    assert drive.ran[inc.full_name] == 1


def test_cond_fails_with_its_test_and_reduces_no_branch():
    drive = Drive(catch(cond(bad(1), inc(1), inc(2)), ValueError, "test"))

    assert drive.value() == "test"
    assert drive.ran[inc.full_name] == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_failing_arguments_decides_not_their_speed(order):
    calls = [bad(0), bad(inc(0)), bad(inc(inc(0)))]

    with pytest.raises(ValueError, match=str(order[0])):
        Drive([calls[place] for place in order]).value()
