"""Branches that run at once, as many as a limit allows; and the identities and recipes of handles."""

import threading

import pytest
from handle_steps import chain, database, written

from alonzo import Runtime, Secret, task
from alonzo_handles import HandleError, SqliteStates, StatefulHandle, merge_handles, settled
from alonzo_handles._file import HandlesFile

AT_WORK = []
MOST = []


class Sealed(StatefulHandle):
    """A database with a password that keeps its states itself."""

    path: str
    password: Secret[str]

    def open(self):
        import sqlite3

        if self.password.reveal() != "swordfish":
            raise PermissionError
        return sqlite3.connect(self.path, check_same_thread=False)

    def states(self, live):
        return SqliteStates(live)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    AT_WORK.clear()
    MOST.clear()


def test_a_limit_of_one_lets_one_branch_write_at_a_time(place):
    @task(limits=["db"])
    def load(db, name):
        with db.changing() as db:
            AT_WORK.append(name)
            MOST.append(len(AT_WORK))
            db.live.cursor().execute(f"INSERT INTO written VALUES ('{name}', '', '', 0, '')")
            AT_WORK.remove(name)
        return db

    with Runtime(executor="threads", workers=4, limits={"db": 1}) as runtime:
        db = chain(database(place), [("a", "1")])
        runtime.run(settled(merge_handles([load(db.fork(name), name) for name in "uvwxyz"])))

    assert max(MOST) == 1
    assert written(place, "step") == [("a",), *[(name,) for name in "uvwxyz"]]


def test_branches_on_postgresql_write_at_once(postgres):
    place = postgres.database()
    barrier = threading.Barrier(3, timeout=60)

    @task
    def load(db, name):
        with db.changing() as db:
            db.live.cursor().execute(f"INSERT INTO written VALUES ('{name}', '', '', 0, '')")
            barrier.wait()
        return db

    with Runtime(executor="threads", workers=3) as runtime:
        db = chain(database(place), [("a", "1")])
        runtime.run(settled(merge_handles([load(db.fork(name), name) for name in "xyz"])))

    assert written(place, "step") == [("a",), ("x",), ("y",), ("z",)]


def test_a_step_waits_for_one_that_changes_the_same_state(tmp_path):
    place = f"sqlite:{tmp_path / 'data.db'}"
    began, go_on = threading.Event(), threading.Event()

    @task
    def first(db):
        with db.changing() as db:
            began.set()
            go_on.wait(60)
            AT_WORK.append("first")
        return db

    @task
    def second(db):
        began.wait(60)
        with db.changing() as db:
            AT_WORK.append("second")
        return db

    def later():
        began.wait(60)
        go_on.set()

    with Runtime(executor="threads", workers=2) as runtime:
        threading.Thread(target=later).start()
        runtime.run([first(database(place)), second(database(place))])

    assert AT_WORK == ["first", "second"]


def test_a_password_is_kept_sealed_and_the_handle_is_made_again_with_it(tmp_path):
    handle = Sealed("data.db", Secret("swordfish"))
    assert handle.identity() == "Sealed(path='data.db')"

    with Runtime(executor="inprocess") as runtime:
        runtime.run(opened(handle))
    with Runtime(executor="inprocess") as runtime:
        runtime.run(opened(handle))
        assert dict(runtime.last.ran) == {}

    kept = (tmp_path / ".alonzo" / "handles.sqlite").read_bytes()
    assert b"Sealed(path='data.db')" in kept
    assert b"swordfish" not in kept
    assert HandlesFile(tmp_path, None).made_again("Sealed(path='data.db')") == handle
    assert HandlesFile(tmp_path, None).made_again("Sealed(path='other.db')") is None


@task
def opened(db):
    with db.changing() as db:
        db.live.execute("CREATE TABLE t (n)")
    return db


def test_an_identity_needs_plain_fields():
    class Odd(StatefulHandle):
        parts: tuple

    with pytest.raises(HandleError, match=r"needs a method identity\(self\).* field parts is a tuple"):
        Odd((1, 2)).identity()


def test_a_fork_needs_a_name():
    for name in ("", "a/b", "a#", "~", "!"):
        with pytest.raises(HandleError, match="cannot be the name of a fork"):
            database("sqlite:x.db").fork(name)


def test_handles_of_two_things_cannot_be_merged():
    with Runtime(executor="inprocess") as runtime, pytest.raises(HandleError, match="takes handles on one thing"):
        runtime.run(merge_handles([database("sqlite:x.db"), database("sqlite:y.db")]))
