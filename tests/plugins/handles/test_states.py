"""Stateful handles on real databases: what runs again, and what is in the database then."""

import asyncio

import pytest
from handle_steps import UNDONE, Database, chain, database, program, read_midway, reader, step, written

from alonzo import AlonzoError, Runtime, seq, task
from alonzo_handles import HandleError, StatefulHandle, merge_handles, settled


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


def test_an_edited_reader_in_the_middle_sees_its_state_and_the_later_steps_run_again(runtime, place):
    assert runtime.run(read_midway(place, "1", THREE)) == [1, 3]
    assert runtime.run(read_midway(place, "2", THREE)) == [1, 3]
    assert ran(runtime) == {"count": 2, "b": 1, "c": 1}
    assert UNDONE == [2]
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]

    assert runtime.run(read_midway(place, "2", THREE)) == [1, 3]
    assert dict(runtime.last.ran) == {}


def test_an_edited_reader_before_branches_takes_them_back(runtime, place):
    def main(version):
        count = reader(version)
        db = chain(database(place), [("a", "1")])
        branches = merge_handles([chain(db.fork(name), [(name, "1")], name) for name in "xy"])
        return seq([count(db), count(settled(chain(branches, [("z", "1")], "last")))])

    assert runtime.run(main("1")) == [1, 4]
    assert runtime.run(main("2")) == [1, 4]
    assert ran(runtime) == {"count": 2, "x": 1, "y": 1, "z": 1}
    assert UNDONE == [3]
    assert written(place) == [("a", "1", 0), ("x", "1", 1), ("y", "1", 1), ("z", "1", 3)]


def test_a_reader_in_a_branch_takes_back_only_what_came_after_it_there(runtime, place):
    def main(version):
        count = reader(version)
        db = chain(database(place), [("a", "1")])
        x = chain(db.fork("x"), [("x0", "1")], "x")
        x = seq([count(x), chain(x, [("x1", "1")], "x")])[1]
        return settled(merge_handles([x, chain(db.fork("y"), [("y", "1")], "y")]))

    runtime.run(main("1"))
    runtime.run(main("2"))

    assert ran(runtime) == {"count": 1, "x1": 1}
    assert written(place, "step") == [("a",), ("x0",), ("x1",), ("y",)]


def test_several_readers_of_one_state_run_again_at_once(place):
    def main(version):
        count = reader(version)
        db = chain(database(place), [("a", "1")])
        return seq([[count(db, n) for n in range(3)], count(settled(chain(db, [("b", "1")])))])

    with Runtime(executor="threads", workers=3) as runtime:
        runtime.run(main("1"))
        UNDONE.clear()
        assert runtime.run(main("2")) == [[1, 1, 1], 2]
        assert ran(runtime) == {"count": 4, "b": 1}
    assert UNDONE == [1]


def test_async_readers_of_one_state_run_again_at_once(place):
    reading = []

    def main(version):
        both = asyncio.Event()

        @task(name="count", namespace="steps", version=version)
        async def count(db, number):
            cursor = db.live.cursor()
            reading.append(number)
            if len(reading) == 2:
                both.set()
            await both.wait()
            cursor.execute("SELECT count(*) FROM written")
            return cursor.fetchone()[0]

        db = chain(database(place), [("a", "1")])
        return seq([[count(db, n) for n in range(2)], settled(chain(db, [("b", "1")]))])[0]

    with Runtime(executor="inprocess") as runtime:
        runtime.run(main("1"))
        reading.clear()
        UNDONE.clear()
        assert runtime.run(main("2")) == [1, 1]
        assert ran(runtime) == {"count": 2, "b": 1}
    assert UNDONE == [1]
    assert written(place) == [("a", "1", 0), ("b", "1", 1)]


def test_an_edited_reader_that_fails_at_first_has_taken_back_what_came_after_all_the_same(runtime, place):
    attempts = []

    @task(name="flaky", retries=1, namespace="steps")
    def flaky(db):
        attempts.append(db.live)
        if len(attempts) == 1:
            raise ArithmeticError("midway")
        return len(attempts)

    db = chain(database(place), [("a", "1")])
    rest = settled(chain(db, [("b", "1")]))
    runtime.run(rest)

    assert runtime.run(seq([flaky(db), rest]))[0] == 2
    assert ran(runtime) == {"flaky": 1, "b": 1}
    assert written(place, "step") == [("a",), ("b",)]


def test_a_reader_that_takes_back_what_the_run_rests_on_already_is_an_error_that_names_seq(runtime, place):
    db = chain(database(place), [("a", "1")])
    rest = settled(chain(db, [("b", "1")]))
    for _ in range(2):
        # At first `b` was made in this run, and then, when it was made by another, recalled in it.
        with pytest.raises(AlonzoError, match=r"steps.count.* has undone what this run rests on already: .*with `seq`"):
            runtime.run(seq([rest, reader("1")(db)]))
        runtime.run(rest)

    assert runtime.run(seq([reader("1")(db), rest]))[0] == 1
    assert ran(runtime) == {"count": 1, "b": 1}


def test_one_call_does_not_read_two_states(runtime, place):
    @task
    def both(first, second):
        return first.live, second.live

    @task
    def both_backwards(first, second):
        return second.live, first.live

    db = chain(database(place), [("a", "1")])
    later = chain(db, [("b", "1")])
    with (
        pytest.raises(HandleError, match="two states of one thing is to be two calls"),
        pytest.warns(match="changed while"),
    ):
        runtime.run(both(db, later))
    with pytest.raises(
        HandleError, match=r"steps.b has changed it since, and this call is at that.*to read two states"
    ):
        runtime.run(both_backwards(db, later))

    assert written(place, "step") == [("a",), ("b",)]


def test_a_step_cannot_take_itself_back_by_reading_the_state_before(runtime, place):
    @task
    def change(db):
        with db.changing() as after:
            after.live.cursor()
        return db.live and after

    with pytest.raises(HandleError, match="change has changed it since, and this call is at that"):
        runtime.run(change(chain(database(place), [("a", "1")])))


def test_a_reader_may_change_the_thing_then_as_a_step(runtime, place):
    @task(namespace="steps")
    def look_first(db):
        before = db.live.cursor()
        before.execute("SELECT count(*) FROM written")
        count = before.fetchone()[0]
        with db.changing() as db:
            db.live.cursor().execute(f"INSERT INTO written VALUES ('l', '{count}', '', 0, '{db.state.name}')")
        return db

    db = chain(database(place), [("a", "1")])
    runtime.run(settled(chain(db, [("b", "1")])))
    runtime.run(settled(look_first(db)))

    assert written(place) == [("a", "1", 0), ("l", "1", 0)]


def test_nothing_is_taken_back_to_read_what_no_step_has_made(runtime, place):
    runtime.run(program(place, THREE, {}, []))
    for db in (database(place), database(place).fork("x")):
        with pytest.raises(
            HandleError, match=r"past the state .*steps.c has changed .*a handle that a step has returned"
        ):
            runtime.run(reader("1")(db))

    assert UNDONE == []
    assert written(place) == [("a", "1", 0), ("b", "1", 1), ("c", "1", 2)]


def test_without_a_rollback_an_edited_reader_says_what_to_do_and_that_does_it(runtime, tmp_path):
    def kind(**methods):
        fields = {"__annotations__": {"path": str}, "mark": "?", "open": Database.open}
        return type("Plain", (StatefulHandle,), fields | methods)

    def main(made, version):
        db = chain(made(str(tmp_path / "data.db")), THREE[:1])
        return seq([reader(version)(db), settled(chain(db, THREE[1:]))])[0]

    runtime.run(main(kind(), "1"))
    with pytest.raises(HandleError, match=r"Plain has no method `rollback` .*Define it, and run again"):
        runtime.run(main(kind(), "2"))

    assert runtime.run(main(kind(rollback=Database.rollback), "2")) == 1
    assert ran(runtime) == {"count": 1, "a": 1, "b": 1, "c": 1}


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
