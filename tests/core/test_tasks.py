"""Tasks: what `@task` takes, how arguments are bound, partial applications."""

import pytest
from machine_driver import Drive

from alonzo import OptionError, task


@task
def everything(a, /, b, *more, c=3, **named):
    return [a, b, more, c, named]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: everything(1, 2), [1, 2, (), 3, {}]),
        (lambda: everything(1, b=2), [1, 2, (), 3, {}]),
        (lambda: everything(1, 2, 4, 5, c=6, d=7, a=8), [1, 2, (4, 5), 6, {"d": 7, "a": 8}]),
        (lambda: everything.partial(1)(2, c=9), [1, 2, (), 9, {}]),
        (lambda: everything.partial(1).partial(2, c=4)(c=5), [1, 2, (), 5, {}]),
    ],
)
def test_arguments_reach_the_function_as_they_were_written(call, expected):
    assert Drive(call()).value() == expected


def test_equal_calls_are_equal_however_they_are_written():
    drive = Drive([everything(1, 2), everything(1, b=2), everything(1, 2, c=3)])
    drive.value()

    assert drive.ran == {everything.full_name: 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cach": True}, "did you mean 'cache'"),
        ({"cache": 1}, "true or false"),
        ({"nout": -1}, "0 or more"),
        ({"nout": True}, "0 or more"),
        ({"check": "never"}, "'footprint' or 'each'"),
        ({"executor": 3}, "a string"),
        ({"depends_on": "x"}, "a list"),
    ],
)
def test_a_wrong_option_is_an_error_that_says_what_is_right(options, words):
    with pytest.raises(OptionError, match=words):
        task(**options)(lambda: 1)


@pytest.mark.parametrize("thing", [3, "f", everything])
def test_only_functions_become_tasks(thing):
    with pytest.raises(TypeError):
        task(thing)


def test_the_plain_function_and_its_documentation_are_at_hand():
    @task
    def documented(x):
        """Says what it does."""
        return x

    assert documented.func(3) == 3
    assert documented.__doc__ == "Says what it does."
    assert documented.full_name.endswith("documented")
