"""`check_pure`: a task that touches more than its arguments is named, with file and line; one that does not is not."""

# ruff: noqa: DTZ005, DTZ007, DTZ011, PTH123, PTH208

import asyncio
import datetime
import io
import logging
import multiprocessing
import os
import random
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
import warnings
import zipfile
from os import getenv as get_variable
from pathlib import Path

import pytest
from purity import line_of, told

from alonzo import AlonzoWarning, Runtime, SettingsError, arun, task


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data.txt").write_text("data")


# -- each category, and its twin that is none -----------------------------------------------------------------------


@task
def timed():
    return time.time() > 0  # line: timed


@task
def dated():
    return datetime.datetime.now().year > 0  # line: dated


@task
def today():
    return datetime.date.today().year > 0  # line: today


@task
def gone_by():
    return time.gmtime().tm_year  # line: gone_by


@task
def zipped():
    with zipfile.ZipFile(io.BytesIO(), "w") as file:
        file.writestr("name", "text")  # line: zipped


@task
def home():
    return os.environ.get("HOME", "")  # line: home


@task
def path():
    return os.getenv("PATH")  # line: path


@task
def aliased(variables=None):
    variables = os.environ if variables is None else variables
    return handed_on(variables)


def handed_on(variables):
    return variables["PATH"]  # line: aliased


@task
def imported_name():
    return get_variable("PATH")  # line: imported_name


@task
def all_variables():
    return dict(os.environ)  # line: all_variables


@task
def changed():
    os.environ["ALONZO_TEST_PURE"] = "1"  # line: changed
    del os.environ["ALONZO_TEST_PURE"]


@task
def process():
    return os.getpid() > 0  # line: process


@task
def drawn():
    return random.random() < 2  # line: drawn


@task
def chosen():
    return random.choice([1, 1])  # line: chosen


@task
def unseeded():
    return random.Random().random() < 2  # line: unseeded


@task
def named_anew():
    return str(uuid.uuid4())  # line: named_anew


@task
def stamped():
    return str(uuid.uuid1())  # line: stamped


@task
def stamped_with():
    return str(uuid.uuid1(1, 2))  # line: stamped_with


@task
def address():
    return uuid.getnode() > 0  # line: address


@task
def token():
    return len(secrets.token_hex())  # line: token


@task
def opened():
    return Path("data.txt").read_text()  # line: opened


@task
def written():
    Path("new.txt").write_text("new")  # line: written


@task
def listed():
    return sorted(os.listdir("."))  # line: listed


@task
def removed():
    Path("data.txt").unlink()  # line: removed


@task
def database():
    sqlite3.connect("data.db").close()  # line: database


@task
def connected():
    socket.socket().close()  # line: connected


@task
def started():
    return subprocess.run([sys.executable, "-c", ""], check=True).returncode  # line: started


@task
def shell():
    return os.system(f"{sys.executable} -c pass")  # line: shell


@task
def spawned():
    process = multiprocessing.get_context("spawn").Process(target=str)
    process.start()  # line: spawned
    process.join()
    return process.exitcode


PYTHON = os.path.basename(sys.executable)
NEITHER = "which is neither an argument nor in the result"


@pytest.mark.parametrize(
    ("called", "does"),
    [
        (timed, "reads the clock (time.time)"),
        (dated, "reads the clock (datetime.datetime.now)"),
        (today, "reads the clock (datetime.date.today)"),
        (gone_by, "reads the clock (time.gmtime)"),
        (zipped, "reads the clock (zipfile.ZipFile.writestr)"),
        (home, "reads the environment (HOME)"),
        (path, "reads the environment (PATH)"),
        (aliased, "reads the environment (PATH)"),
        (imported_name, "reads the environment (PATH)"),
        (all_variables, "reads the environment (all of it)"),
        (changed, "changes the environment (ALONZO_TEST_PURE)"),
        (process, "reads the environment (os.getpid)"),
        (drawn, "draws random numbers (random.random)"),
        (chosen, "draws random numbers (random.choice)"),
        (unseeded, "draws random numbers (random.Random)"),
        (named_anew, "draws random numbers (uuid.uuid4)"),
        (stamped, "reads the clock (uuid.uuid1)"),
        (stamped_with, "reads the clock (uuid.uuid1)"),
        (address, "reads the environment (uuid.getnode)"),
        (token, "draws random numbers (secrets.token_hex)"),
        (opened, f"opens data.txt, {NEITHER}"),
        (written, f"opens new.txt to write, {NEITHER}"),
        (listed, f"lists ., {NEITHER}"),
        (removed, f"removes data.txt, {NEITHER}"),
        (database, f"opens the database data.db, {NEITHER}"),
        (connected, "opens a socket"),
        (started, f"starts a process ({PYTHON})"),
        (shell, "starts a process (os.system)"),
        (spawned, "starts a process (multiprocessing)"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_task_that_touches_more_than_its_arguments_is_named_with_file_and_line(called, does):
    name = called.full_name
    where = f"{__file__}:{line_of(__file__, called.name)}"

    found = told(called())

    assert found[0] == f"{where}: {name} {does}"
    assert all(f": {name} " in text for text in found)


@task
def moment(at):
    return time.strftime("%Y", time.gmtime(at)) + datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat()


@task
def waited():
    threading.Event().wait(0.001)
    time.sleep(0)
    return 1


@task
def variables(given):
    return given["HOME"]


@task
def seeded(seed):
    own = random.Random(seed)
    return own.random(), own.choice([1, 2, 3]), own.getrandbits(8)


@task
def named_by(name):
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


@task
def own_file():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "sub", "a.txt")
        path.parent.mkdir()
        path.write_text("text")
        found = [*os.listdir(folder), path.read_text()]
        shutil.rmtree(path.parent)
    with tempfile.NamedTemporaryFile() as one, tempfile.TemporaryFile() as other:
        other.write(one.read())
    return found


@task
def gone_again():
    Path("mine.txt").write_text("mine")
    text = Path("mine.txt").read_text()
    Path("mine.txt").unlink()
    return text


@task
def in_memory():
    return sqlite3.connect(":memory:").execute("SELECT 1").fetchone()


@task
def imported():
    import colorsys  # noqa: F401

    import in_this_folder

    return in_this_folder.SIZE


@task
def logged():
    logging.getLogger("pure").error("text")
    return 1


@task
def own_pair():
    one, other = socket.socketpair()
    with one, other:
        one.send(b"x")
        return other.recv(1)


@task
def looped():
    async def main():
        await asyncio.sleep(0.001)
        return 1

    return asyncio.run(main())


@task
def parsed():
    return datetime.datetime.strptime("2020", "%Y").isoformat()


@task
def devices():
    with open(os.devnull, "w") as nowhere:
        nowhere.write("x")
    return 1


@task
def of_python():
    return Path(os.__file__).read_text()[:3]


@task
def plain(numbers):
    return sorted({number * 2 for number in numbers}), [str(number) for number in numbers]


@pytest.mark.parametrize(
    "call",
    [
        moment(0),
        waited(),
        variables({"HOME": "/"}),
        seeded(1),
        named_by("x"),
        own_file(),
        gone_again(),
        in_memory(),
        imported(),
        logged(),
        own_pair(),
        looped(),
        parsed(),
        devices(),
        of_python(),
        plain([3, 1]),
    ],
    ids=lambda call: call._task.name,
)
def test_a_task_that_keeps_to_its_arguments_is_not_named(call, tmp_path, monkeypatch):
    (tmp_path / "in_this_folder.py").write_text("import os, time\nSIZE = time.time() and len(open(__file__).read())\n")
    monkeypatch.syspath_prepend(tmp_path)
    logger, handler = logging.getLogger("pure"), logging.FileHandler("log.txt", delay=True)
    monkeypatch.setattr(logger, "handlers", [handler])

    found = told(call)

    handler.close()
    sys.modules.pop("in_this_folder", None)
    assert found == []


# -- nothing else changes -----------------------------------------------------------------------------------------------


PROGRAM = """
import sys
seen = []
sys.addaudithook(lambda event, _args: seen.append(event) if event in ("sys.addaudithook", "sys.setprofile") else None)
from alonzo import run, task

@task
def plain(x):
    return x

for check in (False, True, True):
    run(plain(1), store="memory:", executor="inprocess", settings={"check_pure": check})
    print(len(set(seen)), seen.count("sys.addaudithook"), "alonzo._pure" in sys.modules, sys.getprofile())
"""


def test_nothing_is_imported_hooked_or_told_unless_it_is_asked_for_and_the_hook_is_set_once():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["0 0 False None", "2 1 True None", "2 1 True None"]
    assert told([timed(), opened()], check_pure=False) == []


def test_profile_functions_are_there_again_and_those_of_others_are_left_alone():
    seen = []

    def another(frame, event, arg):
        seen.append(event)

    assert sys.getprofile() is None
    told(timed())
    assert sys.getprofile() is None

    sys.setprofile(another)
    try:
        found = told([timed(), opened()])
        assert sys.getprofile() is another
    finally:
        sys.setprofile(None)

    assert seen
    assert sorted("another profile function" in text or "opens data.txt" in text for text in found) == [True, True]


def test_the_same_is_recorded_and_recalled_with_the_check_and_without(tmp_path):
    runs = []
    for check in (True, False):
        with Runtime(store="memory:", executor="inprocess", settings={"check_pure": check}) as runtime:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = runtime.run([seeded(3), plain([2, 1]), home()])
                again = runtime.run([seeded(3), plain([2, 1]), home()])
            runs.append((value, again, runtime.last.ran, runtime.last.recalled))

    assert runs[0] == runs[1]
    assert not runs[0][2]


def test_a_warning_is_python_s_own_with_file_and_line():
    with pytest.warns(AlonzoWarning, match="reads the clock") as caught:
        with Runtime(store="memory:", executor="inprocess", settings={"check_pure": True}) as runtime:
            runtime.run(timed())

    assert (caught[0].filename, caught[0].lineno) == (__file__, line_of(__file__, "timed"))


def test_it_is_seen_in_arun_too():
    async def main():
        return await arun(timed(), store="memory:", executor="inprocess", settings={"check_pure": True})

    with pytest.warns(AlonzoWarning, match="timed reads the clock"):
        assert asyncio.run(main())


# -- what is let ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("impure", "left"),
    [
        ({"*.timed": ["clock"]}, ["opened"]),
        ({"*": ["clock", "files"]}, []),
        ({"*": ["./data.txt"], "*.timed": ["randomness"]}, ["timed"]),
        ({"*": ["*/data.*", "logs/*"]}, ["timed"]),
        ({}, ["opened", "timed"]),
    ],
)
def test_the_settings_let_tasks_do_things_by_pattern_and_category_or_path(impure, left):
    names = [text.split(": ")[1].split()[0].rpartition(".")[2] for text in told([timed(), opened()], impure=impure)]

    assert sorted(names) == left


def test_an_unknown_word_is_an_error_that_names_the_nearest_one():
    settings = {"check_pure": True, "impure": {"*": ["clok"]}}

    with pytest.raises(SettingsError, match=r'\[impure\]: "\*": unknown word "clok" \(did you mean "clock"\?\)'):
        Runtime(store="memory:", settings=settings)


def test_a_socket_that_is_opened_by_a_library_is_named_where_the_task_called_it():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]  # nobody listens there

        (text,) = told(fetched(port))

    assert text.endswith(f"{fetched.full_name} opens a socket (127.0.0.1:{port})")


@task
def fetched(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/").status
    except OSError:
        return 0
