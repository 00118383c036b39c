"""Files that a task reaches without having been given them: by their place alone, and listed as untracked."""

import importlib
import json
import sqlite3
import sys

import pytest

from alonzo import Runtime

FLOW = """\
import functools
from dataclasses import dataclass

from alonzo import task
from alonzo_files import File


@dataclass
class Box:
    file: File


def size(file=File("default.txt")):
    return len(file.read_text())


def plain(file):
    return len(file.read_text())


def made(file):
    def inner():
        return len(file.read_text())

    return inner


REF = File("ref.txt")
LISTED = {"files": [File("listed.txt")]}
BOX = Box(File("held.txt"))
inner = made(File("closed.txt"))
partial = functools.partial(plain, File("partial.txt"))


@task
def constant():
    return len(REF.read_text())


@task
def listed():
    return len(LISTED["files"][0].read_text())


@task
def held():
    return len(BOX.file.read_text())


@task
def default():
    return size()


@task
def closure():
    return inner()


@task
def applied():
    return partial()


@task
def given(file=File("ref.txt")):
    return len(file.read_text())


@task
def passed():
    return given(REF)
"""
PLACES = {
    "constant": ("REF", "ref.txt"),
    "listed": ("LISTED", "listed.txt"),
    "held": ("BOX", "held.txt"),
    "default": ("size", "default.txt"),
    "closure": ("made.<locals>.inner", "closed.txt"),
    "applied": ("partial", "partial.txt"),
}


@pytest.fixture
def flow(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "flow_of_constants.py").write_text(FLOW)
    for _, place in PLACES.values():
        (tmp_path / place).write_text("12")
    yield importlib.import_module("flow_of_constants")
    del sys.modules["flow_of_constants"]


def untracked(name):
    """What the record says of a task's code that was not taken into account, of the module that it is in."""
    connection = sqlite3.connect("a.db")
    [[listed]] = connection.execute("SELECT untracked FROM tasks WHERE name = ?", [f"flow_of_constants.{name}"])
    connection.close()
    return [line for line in json.loads(listed or "[]") if line.startswith("flow_of_constants.")]


@pytest.mark.parametrize("name", PLACES)
def test_a_file_that_is_no_argument_counts_by_its_place_and_is_listed_with_the_reason(flow, tmp_path, name):
    label, place = PLACES[name]
    with Runtime(store="sqlite:a.db", executor="inprocess") as runtime:
        runtime.run(getattr(flow, name)())
        (tmp_path / place).write_text("123")
        runtime.run(getattr(flow, name)())

        assert runtime.last.ran == {}
    reason = "which counts by its place alone: give it as an argument"
    assert untracked(name) == [f"flow_of_constants.{label}: holds the file {place}, {reason}"]


@pytest.mark.parametrize("name", ["given", "passed"])
def test_a_file_that_is_an_argument_counts_by_its_content(flow, tmp_path, name):
    with Runtime(store="sqlite:a.db", executor="inprocess") as runtime:
        assert runtime.run(getattr(flow, name)()) == 2
        (tmp_path / "ref.txt").write_text("123")

        assert runtime.run(getattr(flow, name)()) == 3
    assert untracked("given") == []
