"""The machine's transcripts: what it asks, in which order, and what it does with the answers."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from machine_driver import Drive, World
from random_programs import CONTEXT, INNER, KINDS, lazy

from alonzo import AlonzoError, LoopError, catch, cond, seq, task
from alonzo._effects import ABSENT, Apply, Asks, Found, Inspect, Raised, Recall, Remember, Resume
from alonzo._machine import Machine

SUPPORT = Path(__file__).parents[1] / "support"


@task
def inc(x):
    return x + 1


@task
def double(x):
    return x * 2


@task
def twice(x):
    return double(inc(x))


@task
def around(x):
    return back(x)


@task
def back(x):
    return around(x)


@task
def itself(x):
    return itself(x)


def _kinds(effects):
    return [type(effect) for _, effect in effects]


def _answer(machine, world, effects):
    for ticket, effect in effects:
        if type(effect) is Inspect:
            machine.answer(ticket, {target: world.look(target) for target in effect.targets})
        elif type(effect) is Recall:
            machine.answer(ticket, ABSENT)
        elif type(effect) is Apply:
            machine.answer(ticket, world.applier.apply(effect)[0])


def test_a_call_is_inspected_recalled_applied_and_remembered():
    world = World()
    machine = Machine(inc(1), world.digester)
    transcript = []
    while machine.outcome is None:
        effects = machine.take()
        transcript.append(_kinds(effects))
        _answer(machine, world, effects)
    transcript.append(_kinds(machine.take()))

    assert transcript == [[Inspect], [Recall], [Apply], [], [Remember]] or transcript == [
        [Inspect],
        [Recall],
        [Apply],
        [Remember],
        [],
    ]
    assert machine.outcome.value == 2


def test_a_fan_out_is_one_round_of_recalls_and_one_of_applications():
    world = World()
    machine = Machine([inc(i) for i in range(100)], world.digester)
    rounds = []
    while True:
        effects = [pair for pair in machine.take() if type(pair[1]) is not Remember]
        if not effects:
            break
        rounds.append((type(effects[0][1]).__name__, len(effects)))
        _answer(machine, world, effects)

    assert rounds == [("Inspect", 1), ("Recall", 100), ("Apply", 100)]


def test_equal_calls_in_flight_are_applied_once():
    drive = Drive([inc(1), inc(1), double(inc(1))])

    assert drive.value() == [2, 2, 4]
    assert drive.ran == {inc.full_name: 1, double.full_name: 1}


def test_an_answer_that_nobody_asked_for_is_refused():
    world = World()
    machine = Machine(inc(1), world.digester)
    _answer(machine, world, machine.take())
    [(ticket, effect)] = machine.take()
    assert type(effect) is Recall
    machine.answer(ticket, ABSENT)
    machine.take()

    with pytest.raises(AlonzoError, match="had not asked"):
        machine.answer(ticket, ABSENT)


def test_a_body_is_recalled_part_by_part_when_one_of_them_has_another_code():
    world = World()
    assert Drive(twice(1), world).value() == 4
    world.versions[double.full_name] = "edited"
    again = Drive(twice(1), world)

    assert again.value() == 4
    assert again.ran == {double.full_name: 1}
    assert again.asked["Recall"] == 3


def test_expressions_in_a_set_are_visited_in_order_of_creation():
    calls = [inc(i) for i in range(40)]
    backwards = calls[::-1]
    machine = Machine(set(backwards), World().digester)
    world = World()
    _answer(machine, world, machine.take())
    effects = machine.take()
    for ticket, _ in effects:
        machine.answer(ticket, ABSENT)
    applied = [effect.args for _, effect in machine.take()]

    assert applied == [(i,) for i in range(40)]


def _all_kinds():
    # Each kind once, over leaves.
    leaf = ("call", ("arg",))
    out = []
    for kind in KINDS:
        more = {"climb": [3], "tree": [4], "context": ["a"], "context path": ["a"]}.get(kind, [])
        out.append((kind, *[leaf] * INNER.get(kind, 2), *more))
    return [program for program in out if program[0] != "fail"]


PRINT = """
from machine_driver import Drive
from random_programs import CONTEXT, lazy
from alonzo._scalars import blake
import test_machine_child
expressions = {lazy(program, 1) for program in test_machine_child.PROGRAMS}
drive = Drive([expressions, {"k": frozenset(lazy(p, 2) for p in test_machine_child.PROGRAMS)}], context=CONTEXT)
drive.reduce()
print(len(drive.transcript), blake(b"".join(drive.transcript)).hex())
"""


def test_effects_are_the_same_byte_for_byte_under_any_hash_seed(tmp_path):
    (tmp_path / "test_machine_child.py").write_text(f"PROGRAMS = {_all_kinds()!r}\n")
    printed = []
    for seed in ("0", "1", "4242"):
        path = ":".join([str(SUPPORT), str(tmp_path), *sys.path])
        done = subprocess.run(
            [sys.executable, "-c", PRINT],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        printed.append(done.stdout)

    assert int(printed[0].split()[0]) > 300
    assert printed == [printed[0]] * 3


# -- loops -----------------------------------------------------------------------------------------


@task
async def awaits_itself(x):
    return await awaits_itself(x)


@task
async def awaits_around(x):
    return await by_default(x)


@task
def by_default(x, y=None):
    return awaits_around(x)


@task
def through_partial(x):
    return use(through_partial.partial(x))


@task
def use(function):
    return function()


@task
def through_argument(x):
    return inc(through_argument(x))


@task
def through_forms(x):
    return cond(inc(x) > 0, seq([catch(through_forms(x), ValueError, 0)]), 0)


@task
def through_operation(x):
    return [through_operation(x) + 1]


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        (itself(1), ["itself"]),
        (around(1), ["around", "back"]),
        (awaits_itself(1), ["awaits_itself"]),
        (awaits_around(1), ["awaits_around", "by_default"]),
        (through_partial(1), ["through_partial", "use"]),
        (through_argument(1), ["inc", "through_argument"]),
        (through_forms(1), ["through_forms"]),
        (through_operation(1), ["through_operation"]),
    ],
    ids=lambda value: repr(value) if isinstance(value, list) else None,
)
def test_a_call_that_demands_itself_is_an_error_that_names_the_cycle(expression, names):
    with pytest.raises(LoopError) as caught:
        Drive(expression).value()

    for name in names:
        assert f"test_machine.{name}" in str(caught.value)


def test_the_named_cycle_says_each_call_once_and_the_first_again():
    with pytest.raises(LoopError, match=r"result: \S*around -> \S*back -> \S*around$"):
        Drive(around(1)).value()


def test_a_loop_can_be_caught_and_the_rest_goes_on():
    assert Drive([catch(itself(1), LoopError, "none"), inc(1)]).value() == ["none", 2]


def test_a_call_that_was_made_part_of_its_own_argument_is_a_loop():
    inside = []
    call = inc(inside)
    inside.append(call)

    with pytest.raises(LoopError):
        Drive(call, traced=False).value()


def test_a_loop_beside_work_that_is_under_way_is_found_when_that_has_ended():
    drive = Drive([around(1), double(double(double(1)))])

    with pytest.raises(LoopError):
        drive.value()
    assert drive.ran[double.full_name] == 3


# -- async applications ----------------------------------------------------------------------------


@task
async def gives_up(x):
    """Asks, and returns a body without having waited."""
    waiting = inc(inc(x)).__await__()
    next(waiting)
    return double(double(double(x)))


def _to_answer(machine, world, kind):
    """Answer everything up to the first effect of a kind."""
    while True:
        effects = [pair for pair in machine.take() if type(pair[1]) is not Remember]
        found = [pair for pair in effects if type(pair[1]) is kind]
        _answer(machine, world, [pair for pair in effects if pair not in found])
        if found:
            return found


def test_an_application_that_ends_with_a_question_open_is_settled_all_the_same():
    world = World()
    machine = Machine(gives_up(1), world.digester)
    [(ticket, _)] = _to_answer(machine, world, Apply)
    machine.answer(ticket, Asks(1, inc(inc(5))))
    questions = _to_answer(machine, world, Apply)
    machine.answer(ticket, world.applier.found(double(double(3))))
    _answer(machine, world, questions)
    while machine.outcome is None:
        effects = machine.take()
        assert effects, "it waits in silence"
        _answer(machine, world, effects)

    assert machine.outcome.value == 12


def test_a_loop_is_found_after_an_application_ended_with_a_question_open():
    world = World()
    machine = Machine([gives_up(1), around(1)], world.digester)
    found = []
    while not found:
        effects = machine.take()
        found = [pair for pair in effects if type(pair[1]) is Apply and pair[1].task is gives_up]
        _answer(machine, world, [pair for pair in effects if pair not in found])
    [(ticket, _)] = found
    machine.answer(ticket, Asks(1, inc(5)))
    machine.answer(ticket, world.applier.found(7))
    for _ in range(100):
        _answer(machine, world, machine.take())
        if machine.outcome is not None:
            break

    assert type(machine.outcome) is Raised
    assert type(machine.outcome.error) is LoopError


def test_two_questions_of_one_application_are_both_answered():
    world = World()
    machine = Machine(gives_up(1), world.digester)
    [(ticket, _)] = _to_answer(machine, world, Apply)
    machine.answer(ticket, Asks(1, inc(1)))
    machine.answer(ticket, Asks(2, [double(4), 3]))
    answered = {}
    while len(answered) < 2:
        effects = machine.take()
        answered.update({e.number: world.decode(e.outcome) for _, e in effects if type(e) is Resume})
        _answer(machine, world, effects)
    machine.answer(ticket, world.applier.found(0))
    machine.take()

    assert answered == {1: 2, 2: [8, 3]}
    assert machine.outcome.value == 0


def test_a_plain_value_is_its_own_normal_form():
    drive = Drive({"a": [1, (2,)]})

    assert drive.value() == {"a": [1, (2,)]}
    assert drive.transcript == []


def test_what_holds_no_expression_passes_through_as_the_same_object():
    box = {"a": [1, 2]}

    assert Drive([box, inc(1)]).value()[0] is box


def test_a_lost_application_fails_with_what_was_lost():
    drive = Drive(catch(inc(1), ConnectionError, "lost"), lose=lambda job: ConnectionError("gone"))

    assert drive.value() == "lost"


def test_the_documents_example_loop_reduces(capsys):
    world = World()
    machine = Machine(twice(3), world.digester, context={})
    while machine.outcome is None:
        _answer(machine, world, machine.take())

    assert type(machine.outcome) is Found
    assert machine.outcome.value == 8
    assert asyncio.iscoroutinefunction(gives_up.func)
    assert lazy(("const", 3), 0) == 3
    assert CONTEXT
