"""`check_pure`: which files are a task's own, and whose doing it is what is done meanwhile."""

# ruff: noqa: PTH208

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from purity import Paper, line_of, told

from alonzo import AlonzoWarning, Runtime, subrun, task


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data.txt").write_text("data")


# -- files that are arguments, or in the result ---------------------------------------------------------------------


@task
def read(paper):
    return paper.read()


@task
def read_nested(papers):
    return [paper.read() for paper in papers["all"]]


@task
def read_another(paper):
    return Path("data.txt").read_text()


@task
def read_path(path):
    return Path(path).read_text()


@task
def made(name):
    Path("sub").mkdir(exist_ok=True)
    Path("sub", f"{name}.part").write_text("new")
    Path("sub", f"{name}.part").replace(f"sub/{name}")
    return {"made": Paper(f"sub/{name}")}


@task
def made_another(name):
    Path(name).write_text("new")
    return Paper("data.txt")


@task
def below(folder):
    return sorted(os.listdir(folder.path)), Path(folder.path, "a.txt").read_text()


@task
def matching(pattern):
    return [path.read_text() for path in sorted(Path().glob(pattern.path))]


@task
def failing():
    Path("new.txt").write_text("new")
    raise ValueError(Path("data.txt").read_text())


def test_files_that_are_arguments_may_be_opened():
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("a")

    assert told([read(Paper("data.txt")), read_nested({"all": [Paper("data.txt")]})]) == []
    assert told([below(Paper("folder")), matching(Paper("folder/*.txt"))]) == []


def test_files_in_the_result_may_be_made():
    assert told(read(made("a.txt")["made"])) == []


def test_other_files_than_those_of_arguments_and_result_are_named():
    other, one = sorted(
        told([read_another(Paper("else.txt")), made_another("new.txt")]), key=lambda text: "read_another" in text
    )

    assert one.endswith("read_another opens data.txt, which is neither an argument nor in the result")
    assert other.endswith("made_another opens new.txt to write, which is neither an argument nor in the result")


@pytest.mark.parametrize("given", ["data.txt", Path("data.txt")], ids=["text", "path"])
def test_a_path_as_an_argument_is_said_not_to_count_by_what_is_there(given):
    (text,) = told(read_path(given))

    assert text.endswith("opens data.txt, of which only the path is an argument: what is in it does not count")


def test_of_a_task_that_fails_only_what_it_has_read_is_told():
    with Runtime(store="memory:", executor="inprocess", settings={"check_pure": True}) as runtime:
        with pytest.raises(ValueError, match="data"), pytest.warns(AlonzoWarning, match=r"failing opens data\.txt"):
            runtime.run(failing())

    assert len(runtime.last.warnings) == 1


@task
async def awaiting(name):
    result = await made(name)
    return result["made"].read(), time.time() > 0  # line: awaiting


def test_files_in_what_an_async_task_awaits_may_be_opened_and_its_clock_is_seen():
    (text,) = told(awaiting("a.txt"))

    assert text == f"{__file__}:{line_of(__file__, 'awaiting')}: {awaiting.full_name} reads the clock (time.time)"


# -- who did it -------------------------------------------------------------------------------------------------------


@task
def in_a_thread():
    found = []

    def work():
        found.append(time.time() > 0)  # line: in_a_thread
        found.append(Path("data.txt").read_text())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found


def test_what_a_task_does_on_threads_that_it_starts_is_its_own_doing():
    clock, file = sorted(told(in_a_thread()), key=lambda text: "opens" in text)

    line = line_of(__file__, "in_a_thread")
    assert clock == f"{__file__}:{line}: {in_a_thread.full_name} reads the clock (time.time)"
    assert file.startswith(f"{__file__}:{line + 1}: {in_a_thread.full_name} opens data.txt")


@task
def meanwhile(event, other):
    THREADS[event].set()
    THREADS[other].wait(10)
    return 1


@task
def pooled():
    POOL.append(ThreadPoolExecutor(1))
    return POOL[0].submit(profiler).result()


def profiler():
    time.time()  # line: profiler
    return sys.getprofile() is not None


POOL = []


def test_a_thread_that_outlives_the_task_which_started_it_is_watched_no_more():
    (text,) = told(pooled())

    with POOL[0] as pool:
        assert text.startswith(f"{__file__}:{line_of(__file__, 'profiler')}: {pooled.full_name} reads the clock")
        assert [pool.submit(profiler).result() for _ in range(3)] == [False, False, False]
    POOL.clear()


THREADS = {}


def test_what_other_threads_do_meanwhile_is_not_the_task_s_doing():
    THREADS.update(began=threading.Event(), done=threading.Event())

    def work():
        THREADS["began"].wait(10)
        time.time()
        Path("data.txt").read_text()
        THREADS["done"].set()

    thread = threading.Thread(target=work)
    thread.start()

    assert told(meanwhile("began", "done")) == []
    thread.join()


def helper():
    return time.time() > 0  # line: helper


@task
def by_helper():
    return helper()


def test_the_innermost_line_of_project_code_is_named():
    assert told(by_helper()) == [
        f"{__file__}:{line_of(__file__, 'helper')}: {by_helper.full_name} reads the clock (time.time)"
    ]


@task
def part():
    return time.time() > 0


@task
def whole():
    return subrun(part())


def test_a_task_in_a_sub_run_is_named_by_the_run_around_it():
    (text,) = told(whole())

    assert f": {part.full_name} reads the clock" in text


def test_a_check_that_fails_is_told_and_changes_nothing_else(monkeypatch):
    monkeypatch.setattr("purity.Papers.local_path", broken)

    (text,) = told(read(Paper("data.txt")))

    assert text == f"check_pure: what {read.full_name} did cannot be told: RuntimeError('broken')"


def broken(_inspector, _place):
    raise RuntimeError("broken")


# -- installed libraries ----------------------------------------------------------------------------------------------

LIBRARY = """import datetime, os, random, time
from pathlib import Path

def measured():
    return time.perf_counter() + len(os.environ.get("HOME", ""))

def dated():
    return datetime.datetime.now().year

def drawn():
    return random.random()

def own_data():
    return Path(__file__).with_name("data.csv").read_text()

def read(path):
    return Path(path).read_text()
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages" / "pure_library"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(LIBRARY)
    (folder / "data.csv").write_text("a")
    monkeypatch.syspath_prepend(folder.parent)
    yield
    sys.modules.pop("pure_library")


@task
def asks(name, *args):
    import pure_library

    return getattr(pure_library, name)(*args) != 0  # line: asks


@pytest.mark.usefixtures("library")
def test_what_a_library_reads_for_itself_does_not_count():
    assert told([asks("measured"), asks("own_data")]) == []


@pytest.mark.usefixtures("library")
def test_what_a_library_reads_for_its_caller_is_the_caller_s_doing():
    found = set(told([asks("dated"), asks("drawn"), asks("read", "data.txt")]))

    where = f"{__file__}:{line_of(__file__, 'asks')}: {asks.full_name}"
    assert found == {
        f"{where} reads the clock (pure_library.dated)",
        f"{where} draws random numbers (pure_library.drawn)",
        f"{where} opens data.txt, of which only the path is an argument: what is in it does not count",
    }
