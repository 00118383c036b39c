"""The three kinds do what every executor must do."""

import pytest

from alonzo.testing import ExecutorContract
from alonzo_executor_local import alonzo_executors

KINDS = {kind.name: kind for kind in alonzo_executors()}


class TestThreads(ExecutorContract):
    def kind(self):
        return KINDS["threads"]


class TestAsyncio(ExecutorContract):
    def kind(self):
        return KINDS["asyncio"]


@pytest.mark.slow
class TestProcesses(ExecutorContract):
    def kind(self):
        return KINDS["processes"]
