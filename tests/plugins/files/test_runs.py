"""Files in workflows: what makes a task run again."""

import dataclasses
import os

import pytest

from alonzo import AlonzoError, Runtime, catch, task
from alonzo_files import File


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@dataclasses.dataclass
class Pair:
    one: File
    two: File


@task
def read(file: File) -> str:
    return file.read_text()


@task
def read_or_not(file: File) -> str:
    return file.read_text() if file.exists() else "nothing"


@task
def read_default(file: File = File("default.txt")) -> str:
    return file.read_text()


@task
def read_pair(pair: Pair) -> str:
    return pair.one.read_text() + pair.two.read_text()


@task
def read_table(table: dict[File, int]) -> str:
    return "".join(file.read_text() * count for file, count in table.items())


@task
def write(path: str, text: str) -> File:
    file = File(path)
    file.write_text(text)
    return file


@task
def name_file(path: str) -> File:
    return File(path)


@task
def instead(error):
    return "instead"


def test_a_task_runs_again_when_the_content_changes_and_not_when_the_time_does(runtime):
    File("a.txt").write_text("one")
    assert runtime.run(read(File("a.txt"))) == "one"

    os.utime("a.txt", (1, 1))
    assert runtime.run(read(File("a.txt"))) == "one"
    assert ran(runtime) == {}
    File("a.txt").write_text("two")
    assert runtime.run(read(File("a.txt"))) == "two"
    assert ran(runtime) == {"read": 1}


def test_a_content_seen_before_is_recalled(runtime):
    results = []
    for text in ["one", "two", "one"]:
        File("a.txt").write_text(text)
        results.append(runtime.run(read(File("a.txt"))))

    assert results == ["one", "two", "one"]
    assert ran(runtime) == {}


def test_a_file_that_appears_or_goes_is_a_change(runtime):
    expression = read_or_not(File("a.txt"))
    before = runtime.run(expression)
    File("a.txt").write_text("text")
    here = runtime.run(read_or_not(File("a.txt")))
    File("a.txt").remove()
    gone = runtime.run(read_or_not(File("a.txt")))

    assert (before, here, gone) == ("nothing", "text", "nothing")


def test_one_path_spelled_in_two_ways_is_one_argument(runtime, tmp_path):
    File("a.txt").write_text("text")
    runtime.run(read(File("a.txt")))

    assert runtime.run(read(File(tmp_path / "a.txt"))) == "text"
    assert ran(runtime) == {}


@pytest.mark.parametrize(
    "make",
    [
        read_default,
        lambda: read_pair(Pair(File("other.txt"), File("default.txt"))),
        lambda: read_table({File("default.txt"): 1, File("other.txt"): 2}),
    ],
    ids=["default", "dataclass", "dict key"],
)
def test_a_file_counts_wherever_it_stands(runtime, make):
    File("other.txt").write_text("other")
    File("default.txt").write_text("one")
    first = runtime.run(make())
    again = runtime.run(make())
    assert ran(runtime) == {}
    File("default.txt").write_text("two")

    assert again == first
    assert runtime.run(make()) == first.replace("one", "two")


def test_a_result_that_was_deleted_is_made_again(runtime):
    runtime.run(write("out/a.txt", "text"))
    runtime.run(write("out/a.txt", "text"))
    assert ran(runtime) == {}
    File("out/a.txt").remove()

    assert runtime.run(read(write("out/a.txt", "text"))) == "text"
    assert ran(runtime) == {"write": 1, "read": 1}


def test_a_task_that_makes_the_same_file_again_stops_the_change(runtime):
    runtime.run(read(write("out/a.txt", "text")))
    File("out/a.txt").remove()

    assert runtime.run(read(write("out/a.txt", "text"))) == "text"
    assert ran(runtime) == {"write": 1}


def test_a_directory_as_an_argument_fails_and_says_so(runtime, tmp_path):
    (tmp_path / "sub").mkdir()

    with pytest.raises(AlonzoError, match="sub is a directory"):
        runtime.run(read(File("sub")))


def test_a_directory_as_a_result_fails_its_task_and_can_be_caught(runtime, tmp_path):
    (tmp_path / "sub").mkdir()

    with pytest.raises(AlonzoError, match="sub is a directory"):
        runtime.run(name_file("sub"))
    assert runtime.run(catch(name_file("sub"), AlonzoError, instead)) == "instead"
