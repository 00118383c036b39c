"""`--check-pure` where work is really done: in threads, worker processes and the event loop, with files as arguments and results."""

import asyncio
import http.server
import os
import random
import subprocess
import sys
import threading
import time
import urllib.request
from functools import partial
from pathlib import Path

import pytest
from purity import line_of

from alonzo import AlonzoWarning, Runtime, task

pytest.importorskip("alonzo_cli")
pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")
alonzo_files = pytest.importorskip("alonzo_files")
File, Dir, FileSet = alonzo_files.File, alonzo_files.Dir, alonzo_files.FileSet

EVERYWHERE = ["inprocess", "threads", "processes", "asyncio"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data.txt").write_text("data")
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("a")


def told(expression, executor):
    """What is told when this is run, without where it was done; sorted."""
    settings = {"check_pure": True}
    with Runtime(store="memory:", executor=executor, workers=2, settings=settings) as runtime:
        runtime.run(expression)
    return sorted(runtime.last.warnings)


@task
def timed():
    return time.time() > 0  # line: timed


@task
def opened():
    with open("data.txt") as file:  # noqa: PTH123  # line: opened
        return file.read()


@task
def drawn(number):
    return number + random.randrange(1)  # line: drawn


@task
def plain(number):
    return [random.Random(number).random(), sorted([number, 1])]


@pytest.mark.filterwarnings("ignore::alonzo.AlonzoWarning")
@pytest.mark.parametrize("executor", EVERYWHERE)
def test_tasks_are_named_wherever_they_run_and_each_line_once(executor):
    found = told([timed(), opened(), *[drawn(n) for n in range(20)], *[plain(n) for n in range(20)]], executor)

    at = {name: f"{__file__}:{line_of(__file__, name)}: {__name__}.{name}" for name in ("timed", "opened", "drawn")}
    assert found == sorted(
        [
            f"{at['timed']} reads the clock (time.time)",
            f"{at['opened']} opens data.txt, which is neither an argument nor in the result",
            f"{at['drawn']} draws random numbers (random.randrange)",
        ]
    )


# -- files ------------------------------------------------------------------------------------------------------------


@task
def made(name):
    file = File(name)
    file.write_text("made")
    return file


@task
def made_below(folder):
    Path(folder, "sub").mkdir(parents=True)
    Path(folder, "sub", "one.txt").write_text("one")
    return Dir(folder)


@task
def read(file):
    with open(file) as opened:  # noqa: PTH123
        return opened.read() + file.read_text()


@task
def read_below(folder):
    return sorted(os.listdir(folder)), [file.read_text() for file in folder.glob("**")]  # noqa: PTH208


@task
def read_set(files):
    return [file.read_text() for file in files.files()]


@task
def read_another(file):
    return File("data.txt").read_text()  # line: read_another


@pytest.mark.parametrize("executor", EVERYWHERE)
def test_files_directories_and_sets_that_are_arguments_or_in_the_result_are_a_task_s_own(executor):
    calls = [read(made("new.txt")), read_below(made_below("results")), read_below(Dir("folder"))]

    assert told([*calls, read_set(FileSet("folder/*.txt"))], executor) == []


@pytest.mark.filterwarnings("ignore::alonzo.AlonzoWarning")
@pytest.mark.parametrize("executor", EVERYWHERE)
def test_a_file_that_a_task_makes_up_for_itself_is_named(executor):
    (text,) = told(read_another(File("folder/a.txt")), executor)

    assert text == (
        f"{__file__}:{line_of(__file__, 'read_another')}: {read_another.full_name} "
        "opens data.txt, which is neither an argument nor in the result"
    )


@task
def fetched(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


@pytest.fixture
def server():
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=os.getcwd())) as server:  # noqa: PTH109
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_socket_is_a_task_s_own_when_it_reads_a_remote_file_that_is_its_argument(server):
    pytest.importorskip("aiohttp")

    assert told(read_remote(File(f"{server}/data.txt")), "threads") == []


@task
def read_remote(file):
    return file.read_text()


def test_a_socket_of_its_own_is_named(server):
    with pytest.warns(AlonzoWarning, match=r"fetched opens a socket \(127\.0\.0\.1:\d+\)"):
        told(fetched(f"{server}/data.txt"), "threads")


# -- numpy ------------------------------------------------------------------------------------------------------------


@task
def shared_generator(number):
    import numpy

    return number + int(numpy.random.rand())  # noqa: NPY002  # line: shared_generator


@task
def own_generator(seed):
    import numpy

    return float(numpy.random.default_rng(seed).random())


@task
def unseeded_generator(number):
    import numpy

    return number + int(numpy.random.default_rng().random())  # line: unseeded_generator


@pytest.mark.filterwarnings("ignore::alonzo.AlonzoWarning")
@pytest.mark.parametrize("executor", ["inprocess", "threads", "processes"])
def test_numpy_s_shared_generator_is_told_from_one_with_a_seed(executor):
    pytest.importorskip("numpy")

    found = told([f(n) for n in range(5) for f in (shared_generator, own_generator, unseeded_generator)], executor)

    shared, unseeded = (f"{__file__}:{line_of(__file__, name)}: {__name__}.{name}" for name in DRAWING)
    assert found[0] == f"{shared} draws random numbers (numpy's shared generator)"
    assert found[1].startswith(f"{unseeded} draws random numbers (")
    assert len(found) == 2


DRAWING = ("shared_generator", "unseeded_generator")


# -- many at once in one event loop -----------------------------------------------------------------------------------


@task(executor="asyncio")
async def timed_later(number):
    await asyncio.sleep(0.01)
    return number + int(time.time() < 0)  # line: timed_later


@task(executor="asyncio")
async def plain_later(number):
    for _ in range(5):
        await asyncio.sleep(0.002)
    return number


def test_of_tasks_that_share_an_event_loop_each_is_told_what_is_its_own():
    with pytest.warns(AlonzoWarning):
        found = told([f(n) for n in range(20) for f in (timed_later, plain_later)], "threads")

    where = f"{__file__}:{line_of(__file__, 'timed_later')}"
    assert found == [f"{where}: {timed_later.full_name} reads the clock (time.time)"]


# -- from the command line --------------------------------------------------------------------------------------------

FLOW = """import time
from alonzo import task

@task
def part(n):
    return time.time() * 0 + n

@task
def fine(n):
    return n

@task
def main():
    return [part(1), fine(2)]
"""


def program(*words):
    """What `alonzo run flow.py ...` prints to standard error."""
    places = {
        str(Path(sys.modules[name].__file__).parents[1])
        for name in list(sys.modules)
        if name.startswith("alonzo") and "." not in name
    }
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ALONZO")}
    environment["PYTHONPATH"] = os.pathsep.join([*places, environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "alonzo_cli", "run", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [line for line in done.stderr.splitlines() if line.startswith(("alonzo: warning", "alonzo: --check-pure"))]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_the_command_names_tasks_and_says_what_it_did_not_watch(executor):
    Path("flow.py").write_text(FLOW)
    named = ["alonzo: warning: flow.py:6: flow.part reads the clock (time.time)"]

    assert program("flow.py", "main", "-q", "--executor", executor, "--check-pure") == named
    assert program("flow.py", "main", "-q", "--executor", executor, "--check-pure") == [
        "alonzo: --check-pure: 1 call was recalled, and what is below was not watched: --no-cache runs all"
    ]
    assert program("flow.py", "main", "-q", "--executor", executor, "--check-pure", "--no-cache") == named
    assert program("flow.py", "main", "-q", "--executor", executor, "--no-cache") == []


def test_settings_switch_it_on_and_let_tasks_do_things():
    Path("flow.py").write_text(FLOW)
    Path("alonzo.toml").write_text('check_pure = true\n[impure]\n"flow.part" = ["clock"]\n')

    assert program("flow.py", "main", "-q") == []
    assert len(program("flow.py", "main", "-q", "--no-cache", "--set", 'impure."flow.part"=["randomness"]')) == 1
