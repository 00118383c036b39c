"""Applying: what a function returned or raised becomes an answer, and never an exception."""

import pytest
from machine_driver import World

from alonzo import EncodeError, RemoteError, task
from alonzo._effects import Apply, Found, Raised


@task
def divided(x, y):
    return x / y


@task
def leaves():
    raise SystemExit(2)


@task
def unsendable():
    return {"deep": [lambda: 0]}


def _apply(a_task, *args):
    return World().applier.apply(Apply(1, a_task, args))[0]


def test_a_result_comes_with_its_token_and_bytes():
    found = _apply(divided, 4, 2)

    assert type(found) is Found
    assert (found.value, found.token, found.codec, found.data) == (
        2.0,
        b"f@\0\0\0\0\0\0\0",
        "scalar",
        b"f@\0\0\0\0\0\0\0",
    )


def test_an_exception_comes_with_the_users_frames_only():
    answer = _apply(divided, 1, 0)

    assert type(answer) is Raised
    assert type(answer.error) is ZeroDivisionError
    assert "return x / y" in answer.traceback
    assert "alonzo/_apply.py" not in answer.traceback


def test_an_exit_is_a_failure_with_the_names_of_its_classes():
    answer = _apply(leaves)

    assert type(answer.error) is RemoteError
    assert "builtins.SystemExit" in answer.error.type_names


def test_a_result_that_cannot_be_encoded_is_a_failure_that_says_where():
    answer = _apply(unsendable)

    assert type(answer.error) is EncodeError
    assert "['deep'][0]" in str(answer.error)


@pytest.mark.parametrize(
    ("operation", "args"),
    [("getitem", ([], 0)), ("add", (1, "a")), ("getattr", (1, "none")), ("method", (1, "x", (), {}))],
)
def test_an_operation_raises_what_python_raises(operation, args):
    answer = World().applier.operate(Apply(0, None, args, operation))

    assert type(answer) is Raised
    assert isinstance(answer.error, (IndexError, TypeError, AttributeError))
