"""Real SIGKILLs in the middle of a write, and a user who may not: a file is whole or not there."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from alonzo_files import Dir, File

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and users of POSIX")

HALF = """
import sys, time
from alonzo_files import File

with File("out/a.txt").open("wb") as file:
    file.write(bytes(3_000_000))
    file.flush()
    print("half", flush=True)
    time.sleep(60)
"""

AGAIN_AND_AGAIN = """
from alonzo_files import File

print("begun", flush=True)
while True:
    for letter in (b"a", b"b"):
        File("out/a.txt").write_bytes(letter * 3_000_000)
"""

FLOW = """
import sys, time
from alonzo import Runtime, task
from alonzo_files import Dir, File

@task
def write(path: str) -> File:
    with File(path).open("w") as file:
        for number in range(1000):
            file.write(f"{number}\\n")
            if number == 500 and len(sys.argv) > 1:
                file.flush()
                print("half", flush=True)
                time.sleep(60)
    return File(path)

with Runtime() as runtime:
    runtime.run(write("out/a.txt"))
    print(dict(runtime.last.ran), flush=True)
"""


def started(program, directory, *words):
    """The program, from the moment when it has printed a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words], cwd=directory, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file_and_nothing_that_is_listed(tmp_path):
    file = File(tmp_path / "out" / "a.txt")
    file.write_text("old")

    kill(started(HALF, tmp_path))

    assert file.read_text() == "old"
    assert list(Dir(tmp_path)) == [file]
    assert Dir(tmp_path).glob("**/*") == [file]


@pytest.mark.slow
def test_whenever_a_writer_is_killed_and_whenever_a_reader_looks_the_file_is_whole(tmp_path):
    file = File(tmp_path / "out" / "a.txt")
    file.write_bytes(b"a" * 3_000_000)
    chance = random.Random(7)

    for _ in range(5):
        process = started(AGAIN_AND_AGAIN, tmp_path)
        deadline = time.monotonic() + chance.random() / 5
        while time.monotonic() < deadline:
            data = file.read_bytes()
            assert data in (b"a" * 3_000_000, b"b" * 3_000_000)
        kill(process)
        assert file.read_bytes() in (b"a" * 3_000_000, b"b" * 3_000_000)


@pytest.mark.slow
def test_a_run_killed_while_its_task_writes_is_made_good_by_the_next_one(tmp_path):
    kill(started(FLOW, tmp_path, "wait"))
    assert not (tmp_path / "out" / "a.txt").exists()

    def run():
        command = [sys.executable, "-W", "ignore", "-c", FLOW]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "write': 1" in run()
    assert len((tmp_path / "out" / "a.txt").read_text().splitlines()) == 1000
    assert run() == "{}\n"


DENIED = """
import os, sys
from alonzo import AlonzoError, Runtime, task
from alonzo_files import Dir, File, FileSet

@task
def look(thing) -> str:
    return "looked"

with Runtime(store="memory:", executor="inprocess") as runtime:
    for thing in (File("secret.txt"), Dir("secret"), FileSet("secret/*")):
        runtime.run(look(thing))  # all that is to be imported
with Runtime(store="memory:", executor="inprocess") as runtime:
    os.seteuid(65534)
    for thing in (File("secret/a.txt"), File("secret.txt"), Dir("secret"), FileSet("secret/*")):
        try:
            print(runtime.run(look(thing)))
        except AlonzoError as error:
            print(error)
for act in (lambda: File("new.txt").write_text("x"), lambda: File("secret.txt").read_text(), lambda: list(Dir("secret"))):
    try:
        act()
    except PermissionError as error:
        print("PermissionError")
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_what_may_not_be_read_is_an_error_that_names_it_and_never_counts_as_absent(tmp_path):
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.txt").write_text("text")
    (tmp_path / "secret.txt").write_text("text")
    for name, mode in ((".", 0o755), ("secret", 0o700), ("secret.txt", 0o600)):
        (tmp_path / name).chmod(mode)
    above = tmp_path
    opened = []
    while above != above.parent:
        mode = above.stat().st_mode
        if not mode & 0o001:
            opened.append((above, mode))
            above.chmod(mode | 0o001)
        above = above.parent

    try:
        done = subprocess.run(
            [sys.executable, "-B", "-c", DENIED], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    finally:
        for directory, mode in opened:
            directory.chmod(mode)

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == 7
    assert all("ermission denied" in line for line in lines[:4])
    assert [name in line for name, line in zip(("a.txt", "secret.txt", "secret", "secret"), lines, strict=False)] == [
        True
    ] * 4
    assert lines[4:] == ["PermissionError"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["secret", "secret.txt"]
