"""Whatever happened before: by footprints, call by call and without memory, a run comes to the same; and footprints never cost a run.

A seed that fails is one history; `pytest "tests/recall/test_histories.py" -k SEED` repeats it. The long form:

    TEST_RECALL_HISTORIES=20000 pytest tests/recall/test_histories.py
"""

import os

import pytest
from recall_histories import STEPS, History, Pool

COUNT = int(os.environ.get("TEST_RECALL_HISTORIES", "360"))
BLOCK = 40
LENGTH = 6

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool():
    made = Pool()
    yield made
    made.close()


@pytest.mark.parametrize("first", range(0, COUNT, BLOCK))
def test_by_footprints_and_call_by_call_and_without_memory_agree(pool, first):
    for seed in range(first, first + BLOCK):
        History(pool, seed).play(LENGTH)


@pytest.mark.parametrize("first", range(0, COUNT // 3, BLOCK))
def test_a_change_of_the_world_during_a_run_poisons_no_later_one(pool, first):
    steps = ("disturb", "disturb", "nothing", "input", "small edit")
    for seed in range(first, first + BLOCK):
        History(pool, 10_000_000 + seed, steps=steps).play(LENGTH)


@pytest.mark.parametrize("first", range(0, COUNT // 3, BLOCK))
def test_what_was_forgotten_costs_runs_and_nothing_else(pool, first):
    for seed in range(first, first + BLOCK):
        History(pool, 20_000_000 + seed, steps=("forget", "forget", "nothing", "edit", "revert", "stop")).play(LENGTH)


def test_histories_take_every_kind_of_step(pool):
    seen = set()
    for seed in range(30):
        history = History(pool, seed)
        history.play(LENGTH)
        seen |= set(history.seen)

    assert seen >= set(STEPS)
