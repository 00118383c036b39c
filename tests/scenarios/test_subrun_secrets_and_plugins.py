"""Sub-runs: what is secret stays so, and plugins that a runtime was given go along."""

import sys
import threading
from pathlib import Path

import pytest

from alonzo import EncodeError, Runtime, Secret, get_context, subrun, task
from alonzo.plugin import hookimpl

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

WHERE = ["inprocess", "threads", pytest.param("processes", marks=pytest.mark.slow)]
CLEAR = "swordfish-in-a-barrel"


@task
def login(password):
    print("login with", password)
    return {"user": "ada", "password": password}


@task
def length(login):
    return len(login["password"].reveal())


@task
def from_context():
    return length({"password": get_context("db.password")})


@task
def refused(password):
    raise ValueError("no entry", password)


@pytest.mark.parametrize("where", WHERE)
def test_a_secret_inside_is_nowhere_in_clear(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    expression = [length(login(Secret(CLEAR))), from_context(), login(Secret(CLEAR))]
    context = {"db": {"password": Secret(CLEAR)}}
    with Runtime(store="sqlite:memo.db", workers=1, context=context) as runtime:
        first, second, third = runtime.run(subrun(expression, executor=where))
        assert (first, second, third["password"].reveal()) == (len(CLEAR), len(CLEAR), CLEAR)
        with pytest.raises(ValueError, match="no entry"):
            runtime.run(subrun(refused(Secret(CLEAR)), executor=where))
        shown = list(runtime.store.jobs(1))

        runtime.run(subrun(expression, executor=where))
        assert not runtime.last.ran, "recalled: the secret is the same"
        runtime.run(subrun([length(login(Secret("another")))], executor=where))
        assert sum(runtime.last.ran.values()) == 3

    assert CLEAR not in repr(shown)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in files)
    assert [path for path in files if CLEAR.encode() in path.read_bytes()] == []


class Celsius:
    def __init__(self, degrees):
        self.degrees = degrees


class CelsiusEncoder:
    kinds = (Celsius,)

    def simplify(self, value):
        return value.degrees


class CelsiusPlugin:
    def __init__(self):
        self.lock = None

    @hookimpl
    def alonzo_encoders(self):
        return [CelsiusEncoder()]


class Display:
    """Observes, and cannot be pickled."""

    def __init__(self):
        self.lock = threading.Lock()
        self.runs = 0

    @hookimpl
    def alonzo_observers(self):
        return [self]

    def observe(self, moment):
        with self.lock:
            self.runs += moment.what == "run_started"


@task
def warm(degrees):
    return Celsius(degrees)


@task
def degrees_of(celsius):
    return celsius.degrees


@pytest.mark.parametrize("where", WHERE)
def test_a_plugin_that_decides_values_goes_along_and_an_observer_stays(tmp_path, monkeypatch, where):
    monkeypatch.chdir(tmp_path)
    display = Display()
    with Runtime(store="sqlite:memo.db", workers=1, plugins=[CelsiusPlugin(), display]) as runtime:
        assert runtime.run(subrun(degrees_of(warm(20)), executor=where)) == 20
        assert runtime.run(degrees_of(warm(20))) == 20
        assert not runtime.last.ran, "digested there as here"
    assert display.runs == 2


def test_a_module_as_a_plugin_goes_along(tmp_path, monkeypatch):
    (tmp_path / "given_plugin.py").write_text(
        "from alonzo.plugin import hookimpl\n\n@hookimpl\ndef alonzo_encoders():\n    return []\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import given_plugin

    with Runtime(store="memory:", workers=1, plugins=[given_plugin]) as runtime:
        assert runtime.run(subrun(degrees_of(warm(20)), executor="processes")) == 20
    del sys.modules["given_plugin"]
    assert Path("given_plugin.py").exists()


@pytest.mark.slow
def test_a_plugin_that_cannot_go_along_is_named():
    plugin = CelsiusPlugin()
    plugin.lock = threading.Lock()
    with Runtime(store="memory:", workers=1, plugins=[plugin]) as runtime:
        assert runtime.run(subrun(degrees_of(warm(20)), executor="threads")) == 20
        with pytest.raises(
            EncodeError, match=r"the plugin CelsiusPlugin, .* cannot go with a sub-run to another process"
        ):
            runtime.run(subrun(degrees_of(warm(30)), executor="processes"))
