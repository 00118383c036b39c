"""Functions of functions: partial applications in each other, composed, as arguments and as results; what forms leave in the record."""

import math
import subprocess
import sys

import pytest
from form_samples import first_that_works, inc
from machine_driver import Drive, World

from alonzo import (
    Expression,
    as_task,
    catch,
    compose,
    cond,
    const,
    filter_,
    fmt,
    identity,
    map_,
    or_,
    quote,
    reduce_,
    seq,
    tagged,
    task,
    unquote,
    zip_,
)
from alonzo._scalars import blake
from alonzo.plugin import SpecialForm


@task
def volume(a, b, c=1, *, unit="m"):
    return f"{a * b * c} {unit}"


@task
def apply_to(function, *args):
    return function(*args)


@task
def narrowed(a):
    return volume.partial(a, unit="km")


@task
def listed(n):
    return list(range(n))


@task
def total(xs):
    return sum(xs)


@task
def add(x, y):
    return x + y


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (lambda: volume.partial(2).partial(3).partial(c=4)(unit="cm"), "24 cm"),
        (lambda: apply_to(volume.partial(inc(1)), 3), "6 m"),
        (lambda: apply_to(volume.partial(2).partial(c=inc(3)), 3), "24 m"),
        (lambda: narrowed(2)(5), "10 km"),
        (lambda: apply_to(narrowed(inc(1)), 5), "10 km"),
        (lambda: narrowed(2).partial(5)(c=2), "20 km"),
        (lambda: apply_to(apply_to.partial(volume.partial(2)), 3), "6 m"),
        (lambda: map_(narrowed(2), [1, inc(1)]), ["2 km", "4 km"]),
        (lambda: [volume.partial(inc(0)), 2][0](2), "2 m"),
        (lambda: apply_to(compose(narrowed(2), inc), 4), "10 km"),
        (lambda: catch(total("no"), TypeError, const("none")), "none"),
    ],
)
def test_partial_applications_go_into_each_other_as_arguments_and_as_results(made, value):
    assert Drive(made()).value() == value


def test_what_a_partial_application_has_captured_counts():
    world = World()
    Drive(apply_to(add.partial(inc(1)), 3), world).value()
    same, other = Drive(apply_to(add.partial(2), 3), world), Drive(apply_to(add.partial(3), 3), world)

    assert (same.value(), other.value()) == (5, 6)
    assert same.ran == {}
    assert other.ran == {apply_to.full_name: 1, add.full_name: 1}


def upstreams_of(name, drive):
    """The full names of the jobs that the calls of a task show as upstreams."""
    notes = {note.job.number: note.job for note in drive.notes if note.job is not None and note.job.status != "open"}
    return [
        sorted({notes[number].task.rpartition(".")[2] for number in job.upstreams})
        for job in notes.values()
        if job.task.rpartition(".")[2] == name
    ]


@pytest.mark.parametrize(
    ("made", "name", "expected"),
    [
        (lambda: total(map_(inc, listed(1))), "total", ["inc", "listed"]),
        (lambda: map_(inc, listed(2)), "inc", ["listed"]),
        (lambda: total(filter_(inc, listed(2))), "total", ["inc", "listed"]),
        (lambda: reduce_(add, listed(2)), "add", ["listed"]),
        (lambda: inc(cond(inc(-1), add(1, 1), 5)), "inc", ["inc"]),
        (lambda: total(seq([add(1, 2)])), "total", ["add"]),
        (lambda: inc(unquote(quote(add(1, 2)))), "inc", ["add"]),
        (lambda: inc(tagged(add(1, 2), a="b")), "inc", ["add"]),
        (lambda: inc(identity(add(1, 2)) + 1), "inc", ["add"]),
        (lambda: total(zip_(listed(1))[0]), "total", ["listed"]),
        (lambda: inc(fmt("{}", add(1, 2)).count("3")), "inc", ["add"]),
        (lambda: inc(or_(add(0, 0), add(1, 2))), "inc", ["add"]),
    ],
)
def test_forms_make_no_job_and_what_they_demanded_shows_as_upstream(made, name, expected):
    drive = Drive(made())
    drive.value()

    assert expected in upstreams_of(name, drive)
    assert all("." in note.job.task for note in drive.notes if note.job is not None)


def test_tags_are_noted_with_the_digest_of_the_value():
    drive = Drive(tagged(add(1, 2), quality=fmt("{}", "final"), version=2))
    value = drive.value()

    [(digest, tags)] = drive.tagged
    assert value == 3
    assert digest == blake(b"i3")
    assert tags == {"quality": "final", "version": "2"}


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: unquote(inc(1)), "unquote.. takes what quote"),
        (lambda: map_(inc, {1, 2}), "a set has no order"),
        (lambda: map_(inc, inc(1)), "not iterable"),
        (lambda: reduce_(add, listed(0)), "reduce_.. of nothing"),
        (lambda: broken_form(), "yields 3: a form yields Demand or Context"),  # noqa: PLW0108 - called when it is tested
    ],
)
def test_a_form_that_cannot_go_on_fails_and_says_why(made, error):
    with pytest.raises(TypeError, match=error):
        Drive(made()).value()


def _broken():
    yield 3


broken_form = SpecialForm(_broken, "tests.broken")


@pytest.mark.parametrize("call", [lambda: cond(1), lambda: map_(inc), lambda: quote(), lambda: identity(1, 2)])  # noqa: PLW0108
def test_a_form_is_called_as_its_signature_says(call):
    with pytest.raises(TypeError):
        call()


def test_a_form_is_described_by_its_name_and_keeps_its_text():
    assert isinstance(first_that_works(1), Expression)
    assert repr(first_that_works(1)) == "<lazy form_samples.first_that_works(…)>"
    assert repr(cond(1, 2)) == "<lazy cond(…)>"
    assert first_that_works.__doc__.startswith("The value of the first operand")
    assert repr(identity) == "<form identity>"


@pytest.mark.parametrize(
    ("function", "args", "value"),
    [(len, ([1, 2],), 2), (math.sqrt, (9.0,), 3.0), (inc, (1,), 2)],
)
def test_a_task_is_made_of_any_function_with_a_signature(function, args, value):
    assert Drive(as_task(function)(*args)).value() == value


@pytest.mark.parametrize(
    ("function", "error"),
    [(max, "max.*write a task"), (str.upper, "upper.*write a task"), (5, "decorates a function, not 5")],
)
def test_what_no_task_can_be_made_of_is_refused_at_once(function, error):
    with pytest.raises(TypeError, match=error):
        as_task(function)


def test_a_task_made_of_a_function_takes_options_and_a_name():
    made = as_task(len, name="width", retries=2)

    assert made.full_name == "builtins.width"
    assert made.declared.retries == 2
    assert as_task(made) is made


def test_a_program_that_only_defines_tasks_does_not_import_what_forms_need():
    program = (
        "import sys; from alonzo import task; task(len); assert 'attr' not in sys.modules; import alonzo; alonzo.cond"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
