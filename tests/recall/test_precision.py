"""Exactly what a value rests on makes it be looked into again: not less, and not more."""

from random import Random

import attrs
import pytest
from recall_oracle import REFUSED, Always, EndlessError, Failure
from recall_programs import PLACES, Hands, Maker, Spec, install, root
from recall_world import Bench, Cup

CONTEXT = {"a": {"x": 1}, "b": 2}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench():
    with Bench(context=CONTEXT) as made:
        yield made


def world():
    PLACES.clear()
    PLACES.update({"in/0": 5, "in/1": 6})


def remembered_programs(bench, count, first):
    """Programs whose root has just been run and is remembered: program, what the root rests on, the world after."""
    Hands.entropy, Hands.at_run = 0, None
    for seed in range(first, first + count):
        chance = Random(seed)
        program = Maker(chance, chance.choice([2, 3, 4])).program()
        world()
        always = Always(program, bench.context)
        try:
            outcome = always.root("t0")
        except EndlessError:
            continue
        if isinstance(outcome, Failure) or REFUSED in always.rests:
            continue
        world()
        install(program)
        bench.probe.clear()
        bench.run(root("t0"))
        yield program, always.rests, dict(PLACES), chance


def is_one_look_up(bench):
    """The root is recalled whole: what is taken as a single reduction and reduced anew is remembered again (rule 24)."""
    bench.probe.noted.clear()
    again = bench.run(root("t0"))
    anew = [note for note in bench.probe.noted if note.footprint is not None]
    return again.keys == 1 and not again.ran and again.error is None and not anew


def test_a_change_outside_the_footprint_is_not_noticed(bench):
    for program, rests, after, _ in remembered_programs(bench, 60, first=3_000_000):
        tasks = {entry[1] for entry in rests if entry[0] == "task"}
        places = {entry[1] for entry in rests if entry[0] == "external"}
        for name in set(program) - tasks:
            install({**program, name: attrs.evolve(program[name], const=77)})
            assert is_one_look_up(bench), name
        install(program)
        for place in {"in/0", "in/1", "elsewhere"} - places:
            PLACES[place] = "changed"
            assert is_one_look_up(bench), place
            PLACES.clear()
            PLACES.update(after)


def test_each_single_change_inside_the_footprint_is_noticed(bench):
    for program, rests, after, _ in remembered_programs(bench, 60, first=4_000_000):
        before = {key: dict(kept.normals) for key, kept in bench.probe.memo.items()}

        def noticed(before=before, after=after):
            one = is_one_look_up(bench)
            PLACES.clear()
            PLACES.update(after)
            for key, kept in bench.probe.memo.items():
                kept.normals = dict(before.get(key, {}))
            return not one

        for kind, what, *_ in sorted(rests):
            if kind == "task":
                install({**program, what: attrs.evolve(program[what], const=77)})
                assert noticed(), what
                install(program)
            elif kind == "external":
                PLACES[what] = "changed"
                assert noticed(), what
                if what in after:
                    del PLACES[what]
                    assert noticed(), what


def test_after_a_revert_to_any_recent_state_the_root_is_one_look_up(bench):
    for program, _, after, chance in remembered_programs(bench, 25, first=5_000_000):
        states = [(program, after)]
        for _ in range(4):
            name = chance.choice(list(program))
            edited = {**states[-1][0], name: attrs.evolve(states[-1][0][name], const=chance.randrange(50))}
            always = Always(edited, bench.context)
            install(edited)
            outcome = bench.run(root("t0"))
            state = edited, dict(PLACES)
            always.root("t0")
            if outcome.error is None and REFUSED not in always.rests:
                states.append(state)
        for edited, places in chance.sample(states, len(states)):
            PLACES.clear()
            PLACES.update(places)
            install(edited)
            assert is_one_look_up(bench), edited


def test_a_context_entry_that_was_looked_up_counts_and_its_neighbour_does_not():
    with Bench(context=CONTEXT) as bench:
        install({"t0": Spec("t0", body=("tuple", (("get", "a.x"), Cup("in/0"))))})
        bench.run(root("t0"))

        bench.context = {"a": {"x": 1, "y": 3}, "b": 9}
        assert is_one_look_up(bench)

        bench.context = {"a": {"x": 2}, "b": 2}
        assert bench.run(root("t0")).value == (2, Cup("in/0"))
