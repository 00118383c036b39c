"""A bench for each test, and the module `recall_flow` empty before it."""

import pytest
from recall_world import LOST, Bench, flow


@pytest.fixture
def bench():
    for name in [name for name in vars(flow) if not name.startswith("_")]:
        delattr(flow, name)
    LOST.clear()
    with Bench() as made:
        yield made
