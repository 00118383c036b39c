"""What is recorded as a footprint is the naive definition's, entry for entry; and each of its rules is needed for that.

TEST_RECALL_PROGRAMS=50000 pytest tests/recall/test_canonicity.py
"""

import os
from random import Random

import pytest
from recall_oracle import RULES, Always, EndlessError
from recall_programs import FORMS, PLACES, Hands, Maker, install, root
from recall_world import Bench, Probe

COUNT = int(os.environ.get("TEST_RECALL_PROGRAMS", "1200"))
CONTEXTS = ({}, {"a": {"x": 1}, "b": 2})
# These never show in what is recorded: what recovered is not remembered, and what is in an awaited value stands in what it came from.
MOOT = ("handled", "awaited values")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def benches():
    probe = Probe()
    made = [Bench(context=context, probe=probe) for context in CONTEXTS]
    yield made
    for bench in made:
        bench.fresh()


def world():
    PLACES.clear()
    PLACES.update({"in/0": 5})


def reference(program, context, *off):
    world()
    always = Always(program, context, frozenset(off))
    always.root("t0")
    return always.remembered


def recorded(probe):
    return {
        (note.job.task.rpartition(".")[2], frozenset(map(comparable, note.footprint)))
        for note in probe.noted
        if note.footprint is not None
    }


def comparable(entry):
    match entry:
        case ("task", name, *_):
            return "task", name.rpartition(".")[2]
        case ("external", _, place, digest):
            return "external", place, "None" if digest is None else digest.decode()
        case ("context", path, _):
            return "context", path
    return entry


def programs(benches, count, first=0):
    """Random programs that end, run with an empty memory: bench, program, expected footprints."""
    Hands.entropy, Hands.at_run = 0, None
    for seed in range(first, first + count):
        chance = Random(seed)
        program = Maker(chance, chance.choice([2, 3, 4, 5])).program()
        bench = chance.choice(benches)
        try:
            expected = reference(program, bench.context)
        except EndlessError:
            continue
        world()
        install(program)
        bench.probe.clear()
        bench.run(root("t0"))
        yield bench, program, expected, seed


def test_footprints_are_those_of_the_naive_definition(benches):
    for bench, program, expected, seed in programs(benches, COUNT):
        assert recorded(bench.probe) == expected, f"seed {seed}: {program}"


def test_a_recalled_part_has_the_footprint_that_was_computed(benches):
    for bench, program, expected, seed in programs(benches, COUNT // 4, first=1_000_000):
        chance = Random(seed)
        lost = {key for key in bench.probe.memo if chance.random() < 0.5}
        for key in lost:
            bench.probe.memo[key].normals.clear()
        bench.probe.noted.clear()
        bench.run(root("t0"))

        assert recorded(bench.probe) <= expected, f"seed {seed}: {program}"


@pytest.fixture(scope="module")
def differences(benches):
    """Rules without which some recorded footprint would be another."""
    left, found = set(RULES), set()
    for bench, program, _, _ in programs(benches, 4 * COUNT, first=2_000_000):
        made = recorded(bench.probe)
        for rule in sorted(left):
            if reference(program, bench.context, rule) != made:
                found.add(rule)
        left -= found
        if left <= set(MOOT):
            break
    return found


@pytest.mark.parametrize("rule", sorted(set(RULES) - set(MOOT)))
def test_without_a_rule_the_definition_is_another(differences, rule):
    assert rule in differences


def test_programs_have_every_form():
    made = [repr(Maker(Random(seed), 4).program()) for seed in range(200)]

    for form in FORMS:
        assert sum(f"('{form}'" in program for program in made) >= 10, form
