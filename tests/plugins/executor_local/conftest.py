"""What the tests of the local executors share."""

import contextlib

import pytest

from alonzo import Task
from alonzo._executor_contract import site
from alonzo._options import TaskOptions
from alonzo_executor_local import alonzo_executors

KINDS = {kind.name: kind for kind in alonzo_executors()}


@pytest.fixture
def opened():
    """Opens executors by kind; they are closed when the test ends."""
    with contextlib.ExitStack() as stack:

        def open_(name, workers=2, **options):
            kind = KINDS[name]
            executor = kind.open(site(kind.options(**options), workers))
            stack.callback(executor.close)
            return executor

        yield open_


@pytest.fixture
def task():
    """Makes a task of a function, as `@task` does; one that a test defines inside itself travels by value."""

    def make(function):
        return Task(function, "tests", function.__name__, TaskOptions())

    return make
