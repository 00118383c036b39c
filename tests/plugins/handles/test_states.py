"""Stateful handles on real databases: what runs again, and what is in the database then."""

import pytest
from handle_steps import UNDONE, chain, database, program, step, written

from alonzo import Runtime, task
from alonzo_handles import HandleError, merge_handles, settled


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    UNDONE.clear()


@pytest.fixture
def runtime():
    with Runtime(executor="inprocess") as made:
        yield made


def ran(runtime):
    """The steps that were applied in the last run, by name."""
    return {name.removeprefix("steps."): n for name, n in runtime.last.ran.items() if name.startswith("steps.")}


THREE = [("a", "1"), ("b", "1"), ("c", "1")]


def test_an_unchanged_program_applies_nothing(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, THREE, {}, []))

    assert dict(runtime.last.ran) == {}
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_an_unchanged_program_applies_nothing_in_another_process_s_runtime(place):
    with Runtime(executor="inprocess") as first:
        first.run(program(place, THREE, {}, []))
    with Runtime(executor="inprocess") as second:
        second.run(program(place, THREE, {}, []))

        assert dict(second.last.ran) == {}


def test_a_changed_step_runs_again_with_all_after_it_and_none_before(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, [("a", "1"), ("b", "2"), ("c", "1")], {}, []))

    assert ran(runtime) == {"b": 1, "c": 1}
    assert UNDONE == [2]
    assert written(place) == [("a", "1", 0), ("b", "2", 1), ("c", "1", 2)]


def test_a_step_that_is_as_it_was_before_runs_again(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, [("a", "1"), ("b", "2"), ("c", "1")], {}, []))
    runtime.run(program(place, THREE, {}, []))

    assert ran(runtime) == {"b": 1, "c": 1}
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_a_step_in_the_middle_is_taken_out(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, [("a", "1"), ("c", "1")], {}, []))

    assert ran(runtime) == {"c": 1}
    assert written(place) == [("a", "1", 0), ("c", "1", 1)]


def test_what_settles_takes_the_last_steps_back_when_they_are_taken_out(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, THREE[:1], {}, []))

    assert ran(runtime) == {}
    assert runtime.last.ran["alonzo_handles.settled"] == 1
    assert written(place) == [("a", "1", 0)]


def test_a_changed_branch_runs_again_with_what_comes_after_the_merge(runtime, place):
    branches = {"x": [("x1", "1"), ("x2", "1")], "y": [("y1", "1")]}
    runtime.run(program(place, [("a", "1")], branches, [("z", "1")]))
    runtime.run(program(place, [("a", "1")], {**branches, "x": [("x1", "1"), ("x2", "2")]}, [("z", "1")]))

    assert ran(runtime) == {"x2": 1, "z": 1}
    assert written(place) == [("a", "1", 0), ("x1", "1", 1), ("x2", "2", 2), ("y1", "1", 1), ("z", "1", 4)]


def test_a_branch_is_added_and_another_taken_out(runtime, place):
    runtime.run(program(place, [], {"x": [("x", "1")], "y": [("y", "1")]}, [("z", "1")]))
    runtime.run(program(place, [], {"x": [("x", "1")], "w": [("w", "1")]}, [("z", "1")]))

    assert ran(runtime) == {"w": 1, "z": 1}
    assert written(place) == [("w", "1", 0), ("x", "1", 0), ("z", "1", 2)]


def test_branches_take_the_place_of_a_chain(runtime, place):
    runtime.run(program(place, [("a", "1"), ("b", "1")], {}, []))
    runtime.run(program(place, [], {"x": [("x", "1")], "y": [("y", "1")]}, [("z", "1")]))

    assert written(place) == [("x", "1", 0), ("y", "1", 0), ("z", "1", 2)]

    runtime.run(program(place, [("a", "1"), ("b", "1")], {}, []))

    assert written(place) == [("a", "1", 0), ("b", "1", 1)]


def test_of_two_branches_one_is_left(runtime, place):
    runtime.run(program(place, [("a", "1")], {"x": [("x", "1")], "y": [("y", "1")]}, [("z", "1")]))
    runtime.run(program(place, [("a", "1")], {"x": [("x", "1")]}, [("z", "1")]))

    assert ran(runtime) == {"z": 1}
    assert written(place) == [("a", "1", 0), ("x", "1", 1), ("z", "1", 2)]


def test_a_partial_merge_leaves_other_branches_alone(runtime, place):
    def some(version):
        db = database(place)
        pair = merge_handles([chain(db.fork(name), [(name, "1")], name) for name in "xy"], partial=True)
        return settled(merge_handles([chain(pair, [("z", version)]), chain(db.fork("w"), [("w", "1")], "w")]))

    runtime.run(some("1"))
    runtime.run(some("2"))

    assert ran(runtime) == {"z": 1}
    assert written(place, "step, version") == [("w", "1"), ("x", "1"), ("y", "1"), ("z", "2")]


def test_programs_that_begin_with_a_fork_of_their_own_leave_each_other_alone(runtime, place):
    def one(name, version):
        return settled(chain(database(place).fork(name), [(name, version)]))

    for name, version in [("p", "1"), ("q", "1"), ("p", "2"), ("q", "1")]:
        runtime.run(one(name, version))

    assert dict(runtime.last.ran) == {}
    assert written(place, "step, version") == [("p", "2"), ("q", "1")]


def test_what_a_failing_step_has_written_is_taken_back(runtime, place):
    @task(name="b", namespace="steps", version="failing")
    def failing(db):
        with db.changing() as db:
            db.live.cursor().execute("INSERT INTO written VALUES ('b', 'half', '', 0, '" + db.state.name + "')")
            db.live.commit()
            raise ArithmeticError("midway")

    with pytest.raises(ArithmeticError):
        runtime.run(settled(failing(chain(database(place), [("a", "1")]))))
    assert written(place) == [("a", "1", 0), ("b", "half", 0)]

    runtime.run(program(place, THREE, {}, []))

    assert ran(runtime) == {"b": 1, "c": 1}
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_what_a_failing_step_has_not_committed_is_gone_at_once(runtime, place):
    @task
    def failing(db):
        with db.changing() as db:
            db.live.cursor().execute("INSERT INTO written VALUES ('b', 'half', '', 0, '')")
            raise ArithmeticError("midway")

    with pytest.raises(ArithmeticError):
        runtime.run(failing(chain(database(place), [("a", "1")])))

    assert written(place) == [("a", "1", 0)]


def test_a_retried_step_is_taken_back_before_its_next_attempt(runtime, place):
    attempts = []

    @task(retries=1, namespace="steps", version="1")
    def flaky(db):
        with db.changing() as db:
            db.live.cursor().execute("INSERT INTO written VALUES ('f', '', '', 0, '" + db.state.name + "')")
            db.live.commit()
            attempts.append(1)
            if len(attempts) == 1:
                raise ArithmeticError("midway")
        return db

    runtime.run(flaky(chain(database(place), [("a", "1")])))

    assert len(attempts) == 2
    assert written(place, "step") == [("a",), ("f",)]


def test_when_the_database_is_gone_its_own_states_are_gone_and_all_runs_again(runtime, tmp_path):
    place = f"sqlite-own:{tmp_path / 'data.db'}"
    runtime.run(program(place, THREE, {}, []))
    runtime.close()
    (tmp_path / "data.db").unlink()
    with Runtime(executor="inprocess") as again:
        again.run(program(place, THREE, {}, []))

        assert ran(again) == {"a": 1, "b": 1, "c": 1}
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_a_step_forced_to_run_again_takes_with_it_what_comes_after(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    runtime.run(program(place, THREE, {}, []), force=["steps.b"])

    assert ran(runtime) == {"b": 1, "c": 1}
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_a_reader_runs_with_what_it_reads_and_changes_nothing(runtime, place):
    @task
    def count(db):
        cursor = db.live.cursor()
        cursor.execute("SELECT count(*) FROM written")
        return cursor.fetchone()[0]

    assert runtime.run(count(program(place, THREE, {}, []))) == 3
    assert runtime.run(count(program(place, THREE[:2], {}, []))) == 2
    assert runtime.run(count(program(place, THREE[:2], {}, []))) == 2
    assert dict(runtime.last.ran) == {}


def test_to_read_a_state_that_the_database_is_past_is_an_error(runtime, place):
    @task
    def count(db):
        return db.live and 0

    before = chain(database(place), [("a", "1")])
    db = runtime.run(before)
    runtime.run(step("b", "1")(before))

    with pytest.raises(HandleError, match=r"past the state \w{32}: steps.b has changed it since"):
        runtime.run(count(db))


def test_two_calls_that_change_one_state_are_found_where_they_meet(runtime, place):
    @task
    def both(db):
        return merge_handles([step("b", "1")(db), step("c", "1")(db)])

    with pytest.raises(HandleError, match="give each a fork of its own"), pytest.warns(match="changed while"):
        runtime.run(both(chain(database(place), [("a", "1")])))


def test_a_settled_handle_is_not_changed(runtime, place):
    with pytest.raises(HandleError, match="was settled: nothing changes it after that"):
        runtime.run(chain(program(place, THREE, {}, []), [("d", "1")]))


def test_a_body_that_hands_a_handle_on_makes_no_state(runtime, place):
    @task
    def main(db):
        return chain(db, THREE)

    runtime.run(main(database(place)))
    runtime.run(main(database(place)))

    assert dict(runtime.last.ran) == {}
    assert written(place, "step") == [("a",), ("b",), ("c",)]
