"""Plain handles: values made of their fields, opened where they are used."""

import pickle
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from alonzo import Runtime, Secret, run, task
from alonzo_handles import Handle, HandleError

OPENED = []
CLOSED = []


class Log(Handle):
    name: str
    password: Secret[str] = Secret("")

    def open(self):
        OPENED.append((self.name, self.password.reveal()))
        return [self.name]

    def close(self, live):
        CLOSED.append(live)


class Db(Handle):
    path: str

    def open(self):
        return sqlite3.connect(self.path, check_same_thread=False)


@task(namespace="handles")
def opens(log, number):
    return [log.live is log.live, *log.live, number]


@task(namespace="handles")
def named(name):
    return f"{name}!"


@task(namespace="handles")
def inserted(db):
    db.live.execute("INSERT INTO t VALUES (1)")
    return 1


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    OPENED.clear()
    CLOSED.clear()


def test_handles_are_equal_when_class_and_fields_are():
    assert Log("a") == Log("a") != Log("b")
    assert {Log("a"): 1}[Log("a")] == 1
    assert repr(Log("a", Secret("x"))) == "Log(name='a', password=Secret(…))"
    assert pickle.loads(pickle.dumps(Db("x.db"))) == Db("x.db")


def test_a_handle_cannot_be_changed():
    with pytest.raises(AttributeError):
        Log("a").name = "b"


def test_a_live_object_is_opened_once_for_the_tasks_of_a_thread_and_closed_with_the_runtime():
    with Runtime(executor="inprocess") as runtime:
        assert runtime.run([opens(Log("a"), n) for n in range(3)]) == [[True, "a", n] for n in range(3)]
        assert OPENED == [("a", "")]
        assert CLOSED == []

    assert CLOSED == [["a"]]


def test_threads_at_work_at_once_have_a_live_object_each():
    barrier = threading.Barrier(2, timeout=30)

    @task
    def together(log, number):
        barrier.wait()
        return id(log.live)

    with Runtime(executor="threads", workers=2) as runtime:
        first, second = runtime.run([together(Log("a"), n) for n in range(2)])

    assert first != second
    assert len(CLOSED) == 2


def test_a_call_is_recalled_for_an_equal_handle_and_runs_for_another():
    with Runtime() as runtime:
        runtime.run(opens(Log("a", Secret("1")), 0))
        runtime.run(opens(Log("a", Secret("1")), 0))
        assert sum(runtime.last.ran.values()) == 0
        runtime.run(opens(Log("a", Secret("2")), 0))
        assert sum(runtime.last.ran.values()) == 1

    assert OPENED == [("a", "1"), ("a", "2")]


def test_a_field_may_be_lazy():
    assert run(opens(Log(named("a")), 1), store="memory:") == [True, "a!", 1]


def test_what_a_reading_task_has_not_committed_is_rolled_back(tmp_path):
    with Db("x.db").opened() as live:
        live.execute("CREATE TABLE t (n)")
    run(inserted(Db("x.db")), store="memory:", executor="inprocess")

    with Db("x.db").opened() as live:
        assert live.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.slow
def test_a_handle_reaches_worker_processes_by_its_fields():
    assert run(opens(Log("a", Secret("word")), 1), store="memory:", executor="processes") == [True, "a", 1]
    assert OPENED == []


def test_outside_a_task_there_is_no_live_object_but_an_opened_one():
    with pytest.raises(
        HandleError, match=r"Log.live: only in a task; elsewhere write `with handle.opened\(\) as live:`"
    ):
        Log("a").live

    with Log("a").opened() as live:
        assert live == ["a"]
    assert CLOSED == [["a"]]


def test_a_handle_without_open_says_so():
    class Empty(Handle):
        name: str

    with pytest.raises(NotImplementedError, match=r"needs a method open\(self\)"), Empty("x").opened():
        pass


def test_a_live_object_that_cannot_be_released_is_closed_and_another_is_opened():
    class Stubborn(Log):
        name: str

        def release(self, live):
            raise OSError("gone")

    run([opens(Stubborn("a"), n) for n in range(2)], store="memory:", executor="inprocess")

    assert len(OPENED) == 2
    assert CLOSED == [["a"], ["a"]]


def test_handles_of_one_runtime_can_be_used_by_several_runs_at_once():
    with Runtime(executor="inprocess") as runtime, ThreadPoolExecutor(2) as pool:
        values = list(pool.map(lambda n: runtime.run(opens(Log("a"), n)), range(4)))

    assert values == [[True, "a", n] for n in range(4)]
