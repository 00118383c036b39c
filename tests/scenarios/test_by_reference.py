"""Large values pass from one worker process to the next by way of the value store, and never through the coordinator."""

import importlib
import sys

import pytest

from alonzo import AlonzoWarning, Runtime, StoreError
from alonzo.plugin import ValueStoreKind, hookimpl

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

FLOW = """
import os
from alonzo import subrun, task

@task
def make(n):
    return os.urandom(n)

@task
def turn(data):
    return data[::-1]

@task
def size(data):
    return len(data)

@task
def main(n):
    return size(turn(turn(make(n))))

@task
def both(n):
    made = make(n)
    return [size(made), size([made, turn(made)]), size({"deep": made})]

@task
def large(n):
    return make(n)

@task
def inner(n):
    return size(turn(make(n)))

@task
def outer(n, where):
    return subrun(inner(n), executor=where)
"""

COUNTED = """
import os
from pathlib import Path
from alonzo._value_directory import ValueDirectory

class Counted:
    '''A value directory that writes down which process kept and read how many bytes.'''

    def __init__(self, directory, log):
        self.inner, self.log = ValueDirectory(Path(directory)), str(log)

    def put(self, data):
        self.note("put", data)
        return self.inner.put(data)

    def get(self, content):
        data = self.inner.get(content)
        self.note("get", data)
        return data

    def note(self, what, data):
        with open(self.log, "a") as file:
            print(what, os.getpid(), len(data), file=file)
"""
N = 300_000


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "ref_flow.py").write_text(FLOW)
    (tmp_path / "counted.py").write_text(COUNTED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("ref_flow", "counted"):
        sys.modules.pop(name, None)


@pytest.fixture
def flow(project):
    return importlib.import_module("ref_flow")


def _counting(project):
    counted = importlib.import_module("counted")

    class Plugin:
        @hookimpl
        def alonzo_value_stores(self):
            return [ValueStoreKind(("counted",), lambda site: counted.Counted(project / "values", project / "log"))]

    return Plugin()


def _read_by(project, what="get"):
    """By process, the sizes of what it has read, or put there."""
    read = {}
    log = project / "log"
    for line in log.read_text().splitlines() if log.exists() else ():
        did, process, size = line.split()
        if did == what:
            read.setdefault(int(process), []).append(int(size))
    return read


def _runtime(**options):
    return Runtime(store="sqlite:a.db", workers=2, **options)


@pytest.mark.slow
def test_no_byte_of_what_only_workers_need_is_read_by_the_coordinator(project, flow):
    import os

    with _runtime(executor="processes", values="counted:", plugins=[_counting(project)]) as runtime:
        assert runtime.run(flow.main(N)) == N
        assert runtime.run(flow.both(N)) == [N, 2, 1]

        put = _read_by(project, "put")
        assert os.getpid() not in put
        assert sum(map(len, put.values())) == 3  # make, turn, turn, which `both` recalls
        assert os.getpid() not in _read_by(project)

        before = len((project / "log").read_text())
        assert runtime.run(flow.main(N)) == N
        assert len((project / "log").read_text()) == before  # recalled: nobody reads


@pytest.mark.slow
def test_a_recalled_value_goes_to_the_one_remote_task_that_needs_it_by_reference(project, flow):
    import os

    with _runtime(executor="processes", values="counted:", plugins=[_counting(project)]) as runtime:
        runtime.run([flow.turn(flow.make(N))])
    os.truncate(project / "log", 0) if (project / "log").exists() else None
    with _runtime(executor="processes", values="counted:", plugins=[_counting(project)]) as runtime:
        assert runtime.run(flow.size(flow.turn(flow.make(N)))) == N
        assert dict(runtime.last.ran) == {"ref_flow.size": 1}

    [(process, sizes)] = _read_by(project).items()
    assert process != os.getpid()
    assert len(sizes) == 1


@pytest.mark.parametrize("executor", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_the_value_of_the_run_itself_is_had_from_the_store(project, flow, executor):
    with _runtime(executor=executor) as runtime:
        first = runtime.run(flow.large(N))
    with _runtime(executor=executor) as runtime:
        assert runtime.run(flow.large(N)) == first
        assert not runtime.last.ran


@pytest.mark.parametrize("executor", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
@pytest.mark.parametrize("how", ["deleted", "cut short", "emptied", "of another"])
def test_bytes_that_are_missing_or_damaged_are_computed_again_with_a_warning(project, flow, executor, how):
    with _runtime(executor=executor) as runtime:
        runtime.run([flow.turn(flow.make(N))])
    for path in [path for path in (project / "values").rglob("*") if path.is_file()]:
        if how == "deleted":
            path.unlink()
        else:
            path.write_bytes({"cut short": path.read_bytes()[:1000], "emptied": b"", "of another": b"x" * N}[how])

    with _runtime(executor=executor) as runtime:
        with pytest.warns(AlonzoWarning, match=r"1 stored values are missing or damaged.*computed again"):
            assert runtime.run(flow.size(flow.turn(flow.make(N)))) == N
        assert runtime.last.ran["ref_flow.size"] == 1
        assert runtime.last.ran["ref_flow.turn"] == 1
    with _runtime(executor=executor) as runtime:
        assert runtime.run(flow.size(flow.turn(flow.make(N)))) == N
        assert not runtime.last.ran


@pytest.mark.parametrize("where", ["threads", pytest.param("processes", marks=pytest.mark.slow)])
def test_a_sub_run_works_on_what_the_run_around_it_has_recorded_by_reference(project, flow, where):
    with _runtime(executor="threads") as runtime:
        runtime.run([flow.turn(flow.make(N))])
    with _runtime(executor="threads") as runtime:
        assert runtime.run(flow.outer(N, where)) == N

        ran = {name.removeprefix("ref_flow."): count for name, count in runtime.last.ran.items()}
        assert (ran.get("make"), ran.get("turn"), ran.get("size"), ran.get("inner")) == (None, None, 1, 1)
        assert not runtime.last.warnings


def test_by_default_values_are_kept_beside_the_database(project, flow):
    with _runtime(executor="threads") as runtime:
        runtime.run(flow.make(N))

    assert [path.stat().st_size for path in (project / "values").rglob("*") if path.is_file()] == [N]


def test_what_is_kept_by_reference_is_shown_with_its_size(project, flow):
    import sqlite3

    with _runtime(executor="threads") as runtime:
        runtime.run(flow.make(N))

    shown = sqlite3.connect("a.db").execute("SELECT codec, bytes FROM results").fetchall()
    assert shown == [("stored:bytes", N)]


def test_values_that_cannot_be_kept_go_to_the_database(project, flow, caplog):
    (project / "values").write_text("in the way")
    with _runtime(executor="threads") as runtime:
        first = runtime.run(flow.large(N))
    with _runtime(executor="threads") as runtime:
        assert runtime.run(flow.large(N)) == first
        assert not runtime.last.ran

    assert "cannot be kept" in caplog.text


def test_values_in_a_place_that_nobody_knows_is_one_clear_line(project):
    with pytest.raises(StoreError, match="is no place for values"):
        _runtime(values="carrier-pigeon:coop")
