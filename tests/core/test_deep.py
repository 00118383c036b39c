"""Law 4: 100,000 deep, long or wide works, failures included; and what it costs grows no faster than the program."""

import sys
import traceback
from collections import Counter

import pytest
from machine_driver import Drive

from alonzo import Runtime, catch, cond, seq, task
from alonzo._digests import Digester
from alonzo._effects import ABSENT, Apply, Found, Inspect, Raised, Recall
from alonzo._machine import Machine
from alonzo._operations import perform
from alonzo._rebuild import Definition
from alonzo._scalars import blake

DEEP = 100_000  # once each for what is nested, long, wide and failing; other shapes far beyond the limit of recursion
LESS = 10_000
RUN = 4_000
pytestmark = pytest.mark.slow


@task
def inc(x):
    return x + 1


@task
def bad(x):
    raise ValueError(x)


@task
def pair(x, y):
    return y


@task
def down(n, total):
    return total if n == 0 else down(n - 1, total + 1)


@task
def count(n):
    return 0 if n == 0 else count(n - 1) + 1


@task
def sink(n):
    if n == 0:
        raise ValueError("bottom")
    return sink(n - 1)


def found(value):
    """A result as an executor would report it, without the cost of encoding."""
    token = b"i%x" % value if type(value) is int else b"#" + blake(repr(type(value)).encode())
    lazy = type(value) is not int
    return Found(value, token, "scalar", token, (), lazy, len(token))


def settle(expression):
    """The outcome, by hand and fast: nothing is recorded."""
    machine = Machine(expression, Digester())
    applied = Counter()
    while machine.outcome is None:
        for ticket, effect in machine.take():
            kind = type(effect)
            if kind is Recall:
                machine.answer(ticket, ABSENT)
            elif kind is Apply:
                applied[effect.operation] += 1
                machine.answer(ticket, _applied(effect))
            elif kind is Inspect:
                answer = {t: Definition(t[1], blake(t[1].name.encode()), b"", 0, t[1].declared) for t in effect.targets}
                machine.answer(ticket, answer)
    return machine.outcome, applied


def _applied(effect):
    try:
        if effect.operation == "gather":
            return found(effect.args[0])
        return found(perform(effect.operation, effect.args) if effect.operation else effect.task.func(*effect.args))
    except ValueError as error:
        return Raised(error)


def nested(function, start, depth=DEEP):
    expression = start
    for _ in range(depth):
        expression = function(expression)
    return expression


def test_calls_nested_deep():
    outcome, applied = settle(nested(inc, 0))

    assert outcome.value == DEEP
    assert applied == {"": DEEP}


def test_operations_nested_deep():
    outcome, applied = settle(nested(lambda e: e + 1, inc(0), LESS))

    assert outcome.value == LESS + 1
    assert applied == {"": 1, "add": LESS}


def test_a_recursion_in_tail_position():
    outcome, _ = settle(down(DEEP, 0))

    assert outcome.value == DEEP


def test_a_recursion_that_is_not():
    outcome, _ = settle(count(LESS))

    assert outcome.value == LESS


def test_a_call_deep_inside_lists():
    outcome, applied = settle(nested(lambda e: [e], inc(0), LESS))
    depth, inside = 0, outcome.value
    while type(inside) is list:
        depth, inside = depth + 1, inside[0]

    assert (depth, inside) == (LESS, 1)
    assert applied == {"": 1}


@pytest.mark.parametrize("wrap", [lambda e: (e,), lambda e: {"k": e}], ids=["tuple", "dict"])
def test_a_call_deep_inside_other_containers(wrap):
    outcome, applied = settle(nested(wrap, inc(0), LESS))

    assert type(outcome) is Found
    assert applied == {"": 1}


def test_a_failure_at_the_bottom_reaches_the_root_by_itself():
    outcome, applied = settle(nested(inc, bad("bottom")))

    assert type(outcome) is Raised
    assert str(outcome.error) == "bottom"
    assert len(traceback.extract_tb(outcome.error.__traceback__)) < 10
    assert applied == {"": 1}


def test_sharing_two_to_the_power_of_many():
    outcome, applied = settle(nested(lambda e: pair(e, e), inc(0), LESS))

    assert outcome.value == 1
    assert applied == {"": 2}  # pair(1, 1) is one call however often it stands there


def test_forms_nested_deep():
    outcome, _ = settle(nested(lambda e: cond(True, e, 0), inc(0), LESS))

    assert outcome.value == 1


def test_many_calls_side_by_side():
    outcome, _ = settle([inc(i) for i in range(DEEP)])

    assert outcome.value == list(range(1, DEEP + 1))


def test_a_run_of_many_calls_one_in_another():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert runtime.run(nested(inc, 0, RUN)) == RUN
        assert runtime.last.ran[inc.full_name] == RUN


def test_a_run_of_a_call_deep_inside_lists_and_operations():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        inside = runtime.run(nested(lambda e: [e], nested(lambda e: e - 1, inc(LESS), LESS), LESS))
        while type(inside) is list:
            inside = inside[0]

        assert inside == 1


def test_a_run_that_fails_at_the_bottom_of_a_recursion_has_few_frames():
    with Runtime(store="memory:", executor="inprocess") as runtime:
        with pytest.raises(ValueError, match="bottom") as caught:
            runtime.run(sink(RUN))

        assert len(traceback.extract_tb(caught.value.__traceback__)) < 10
        assert runtime.last.failed[sink.full_name] == RUN + 1
        assert len(runtime.last.failures) == 1


# -- growth ----------------------------------------------------------------------------------------


def _steps(program):
    """How many Python and C functions are called while it is reduced: the work, without a clock."""
    steps = 0

    def count_it(frame, event, arg):
        nonlocal steps
        steps += event in ("call", "c_call")

    sys.setprofile(count_it)
    try:
        settle(program)
    finally:
        sys.setprofile(None)
    return steps


SHAPES = {
    "calls nested": lambda n: nested(inc, 0, n),
    "operations nested": lambda n: nested(lambda e: e + 1, inc(0), n),
    "a sum of calls": lambda n: nested(lambda e: e + inc(3), 0, n),
    "a failure below many calls": lambda n: nested(inc, bad(1), n),
    "a failure far below the catch": lambda n: catch(nested(inc, bad(1), n), ValueError, 0),
    "many failures below a catch": lambda n: catch([bad(i) for i in range(n)], ValueError, 0),
    "a catch around each": lambda n: [catch(bad(i), ValueError, 0) for i in range(n)],
    "one after another": lambda n: seq([inc(i) for i in range(n)]),
    "a chain of conditions": lambda n: cond(*[part for i in range(n) for part in (inc(i) < 0, i)], -1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_as_much_is_at_most_five_times_the_work(shape):
    few, many = _steps(SHAPES[shape](100)), _steps(SHAPES[shape](400))

    assert many <= 5 * few


def test_what_cells_hold_grows_with_the_program_only():
    import tracemalloc

    peaks = []
    for n in (250, 1000):
        program = SHAPES["a sum of calls"](n)
        tracemalloc.start()
        settle(program)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] <= 5 * peaks[0]


def test_a_program_that_was_reduced_by_the_tests_driver_says_the_same():
    drive = Drive(nested(inc, 0, 50))

    assert drive.value() == settle(nested(inc, 0, 50))[0].value
