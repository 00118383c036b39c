"""Databases that cannot be used: one line that says what to do, exit code 2, and nothing lost or written over."""

import contextlib
import os
import shutil
import sqlite3
import subprocess

import pytest
from crash_project import Project

from alonzo import Runtime, StoreError

pytestmark = pytest.mark.slow

FLOW = """\
import random, time
from alonzo import task
from effects import effect

@task
def work(n, size):
    effect("end", n)
    time.sleep(size / 1e7)  # large values are not made in one breath: each is a commit or so
    return random.Random(n).randbytes(size)

@task
def count(parts):
    return sum(len(part) for part in parts)

@task
def main(n=20, size=2000):
    return count([work(i, size) for i in range(n)])
"""


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path, FLOW) as project:
        yield project


@pytest.fixture
def filled(project):
    project.alonzo("run", "flow.py", "main")
    with contextlib.closing(sqlite3.connect(project.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return project


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None:
        pytest.skip("there is no mount here")
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def write_over(project, start, stop=None):
    data = bytearray(project.database.read_bytes())
    data[start:stop] = bytes(reversed(range(256))) * (len(data[start:stop]) // 256 + 1)
    project.database.write_bytes(data)


def first_bytes_are_gone(project):
    write_over(project, 0, 256)


def everything_but_the_first_page_is_gone(project):
    write_over(project, 4096)


def half_of_it_is_gone(project):
    os.truncate(project.database, project.database.stat().st_size // 2)


def it_is_a_text(project):
    project.database.write_text("no database\n" * 1000)


def it_is_another_programs(project):
    project.database.unlink()
    project.change("CREATE TABLE theirs (x)")


def it_is_newer(project):
    project.change("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    "harm, told",
    [
        (first_bytes_are_gone, "not an SQLite database"),
        (everything_but_the_first_page_is_gone, "the database is damaged"),
        (half_of_it_is_gone, "the database is damaged"),
        (it_is_a_text, "not an SQLite database"),
        (it_is_another_programs, "another program's database"),
        (it_is_newer, "written by a newer version"),
    ],
)
def test_a_bad_database_is_one_line_and_is_left_as_it_is(filled, harm, told):
    harm(filled)
    before = filled.database.read_bytes()
    effects = filled.effects()

    out, err = filled.alonzo("run", "flow.py", "main", "--quiet", code=2)
    with pytest.raises(StoreError) as caught, Runtime(store=filled.url):
        pass

    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("alonzo: error: ")
    assert str(filled.database) in line
    assert told in line
    assert line.removeprefix("alonzo: error: ") == str(caught.value)
    assert filled.effects() == effects
    assert filled.database.read_bytes() == before


def test_the_log_of_a_bad_database_is_the_same_line(filled):
    it_is_newer(filled)

    out, err = filled.alonzo("log", code=2)

    assert out == ""
    assert len(err.splitlines()) == 1
    assert "written by a newer version" in err


def test_a_database_that_was_moved_away_is_made_anew_and_the_moved_one_still_serves(filled):
    shutil.move(filled.database, filled.directory / "moved.db")

    filled.alonzo("run", "flow.py", "main", turn=1)
    filled.run("-m", "alonzo_cli", "run", "flow.py", "main", "--store", "sqlite:moved.db", turn=2)

    assert len(filled.names("end", turn=1)) == 20
    assert filled.names("end", turn=2) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
@pytest.mark.parametrize("what", ["database", "directory"])
def test_what_is_read_only_is_refused_and_untouched(filled, what):
    place = getattr(filled, what)
    mode = place.stat().st_mode
    place.chmod(0o400 if what == "database" else 0o500)
    try:
        _, err = filled.alonzo("run", "flow.py", "main", "--quiet", code=2)
    finally:
        place.chmod(mode)

    assert "read-only" in err
    assert len(err.splitlines()) == 1


def test_a_read_only_file_system_is_refused_in_one_line(small_disk, project):
    place = f"sqlite:{small_disk}/runs.db"
    project.run("-m", "alonzo_cli", "run", "flow.py", "main", "--store", place)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    out, err = project.run("-m", "alonzo_cli", "run", "flow.py", "main", "--store", place, "--quiet", code=2)

    assert out == ""
    [line] = err.splitlines()
    assert "read-only" in line


def test_a_full_disk_ends_the_run_says_what_was_not_kept_and_loses_nothing_else(small_disk, project):
    place = f"sqlite:{small_disk}/runs.db"
    words = ["-m", "alonzo_cli", "run", "flow.py", "main", "--n", "60", "--size", "100000", "--workers", "1"]

    out, err = project.run(*words, "--store", place, "--quiet", code=2)

    assert out == ""
    assert "results of this run were not kept" in err
    assert "the disk is full" in err
    assert "Traceback" not in err
    with contextlib.closing(sqlite3.connect(small_disk / "runs.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        query = "SELECT count(*) FROM jobs WHERE task = 'flow.work' AND status = 'ran'"
        kept = connection.execute(query).fetchone()[0]
    assert 0 < kept < len(project.names("end")) < 60

    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    out, _ = project.run(*words, "--store", place, turn=1)
    assert out.strip() == "6000000"
    assert len(project.names("end", turn=1)) == 60 - kept


def test_a_disk_that_is_full_from_the_start_is_one_line(small_disk, project):
    with contextlib.suppress(OSError), (small_disk / "filler").open("wb") as file:
        while True:
            file.write(bytes(4096))

    out, err = project.run(
        "-m", "alonzo_cli", "run", "flow.py", "main", "--store", f"sqlite:{small_disk}/runs.db", "--quiet", code=2
    )

    assert out == ""
    [line] = err.splitlines()
    assert "the disk is full" in line or "No space left" in line
