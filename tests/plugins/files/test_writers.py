"""Tasks that write one file at the same time: each waits for the other at gates, which are named pipes, until both have written."""

import os
from pathlib import Path

import pytest

from alonzo import Runtime, task
from alonzo_files import File, script

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes make the gates")


@pytest.fixture(params=["threads", pytest.param("processes", marks=pytest.mark.slow)])
def runtime(request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    close_gates()
    with Runtime(store="memory:", executor=request.param, workers=2) as runtime:
        yield runtime


def close_gates():
    os.mkfifo("is-written")
    os.mkfifo("is-overwritten")


def open_gates():
    """From now on nobody waits for anybody."""
    Path("is-written").unlink()
    Path("is-overwritten").unlink()


def come_to(gate, mode):
    """Wait until somebody else comes to the gate from the other side."""
    if Path(gate).exists():
        os.close(os.open(gate, mode))


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@task
def first(path: str, text: str, added: str = "") -> File:
    file = File(path)
    file.write_text(text)
    if added:
        with Path(path).open("a") as opened:
            opened.write(added)
    come_to("is-written", os.O_WRONLY)
    come_to("is-overwritten", os.O_RDONLY)
    return file


@task
def second(path: str, text: str) -> File:
    come_to("is-written", os.O_RDONLY)
    file = File(path)
    file.write_text(text)
    come_to("is-overwritten", os.O_WRONLY)
    return file


@task
def second_elsewhere(path: str, text: str) -> File:
    come_to("is-written", os.O_RDONLY)
    come_to("is-overwritten", os.O_WRONLY)
    return File(path)


@task
def second_in_place(path: str, made: str) -> File:
    come_to("is-written", os.O_RDONLY)
    file = File(path)
    File(made).copy_to(file)
    come_to("is-overwritten", os.O_WRONLY)
    return file


@task(share=False)
def same(path: str, text: str) -> File:
    file = File(path)
    file.write_text(text)
    return file


@task
def replaces_its_own(path: str) -> File:
    file = File(path)
    file.write_text("one")
    Path("other.txt").write_text("another")
    Path("other.txt").replace(path)
    return file


def test_who_was_overtaken_is_named_with_who_overtook_it_and_is_not_remembered(runtime):
    expression = [first("a.txt", "1"), second("a.txt", "2")]

    with pytest.warns():
        runtime.run(expression)
    said = [text for text in runtime.last.warnings if "have both written a.txt" in text]
    assert len(said) == 1
    assert ".first " in said[0]
    assert ".second " in said[0]

    open_gates()
    runtime.run(first("a.txt", "1"))
    assert ran(runtime) == {"first": 1}
    assert Path("a.txt").read_text() == "1"


def test_who_came_last_is_remembered(runtime):
    with pytest.warns():
        runtime.run([first("a.txt", "1"), second("a.txt", "2")])

    open_gates()
    runtime.run(second("a.txt", "2"))
    assert ran(runtime) == {}


def test_copies_count_as_written(runtime):
    File("made.txt").write_text("2")

    with pytest.warns(match=r"have both written a\.txt"):
        runtime.run([first("a.txt", "1"), second_in_place("a.txt", "made.txt")])


def test_equal_content_is_nobody_s_loss(runtime):
    expression = [first("a.txt", "1"), second("a.txt", "1")]

    runtime.run(expression)
    assert runtime.last.warnings == []
    open_gates()
    runtime.run(expression)
    assert ran(runtime) == {}


def test_to_name_a_file_is_not_to_write_it(runtime):
    runtime.run([first("a.txt", "1"), second_elsewhere("a.txt", "2")])

    assert runtime.last.warnings == []


def test_what_a_task_adds_to_its_own_file_is_its_own(runtime):
    expression = [first("a.txt", "1", "more"), second_elsewhere("b.txt", "2")]

    runtime.run(expression)
    assert runtime.last.warnings == []
    open_gates()
    runtime.run(expression)
    assert ran(runtime) == {}


def test_a_task_twice_in_a_run_is_no_other_task(runtime):
    runtime.run([same("a.txt", "1"), same("a.txt", "1")])

    assert runtime.last.warnings == []


def test_a_task_that_runs_alone_has_replaced_its_own_file(runtime):
    runtime.run(replaces_its_own("a.txt"))
    assert runtime.last.warnings == []

    runtime.run(replaces_its_own("a.txt"))
    assert ran(runtime) == {}


@task
def release(file: File) -> str:
    come_to("is-overwritten", os.O_WRONLY)
    return file.read_text()


def test_scripts_write_their_outputs(runtime):
    made = script(f": < {Path('is-written').absolute()}; echo 2 > a.txt", outputs=File("a.txt"))

    with pytest.warns(match=r"have both written a\.txt"):
        runtime.run([first("a.txt", "1"), release(made)])


@task
def second_unseen(path: str, text: str) -> int:
    second.func(path, text)
    return 2


def test_who_was_overtaken_by_what_no_result_tells_of_is_named_alone(runtime):
    with pytest.warns(match=r"a\.txt was written by something else while .*\.first was running: .* not remembered"):
        runtime.run([first("a.txt", "1"), second_unseen("a.txt", "2")])

    open_gates()
    runtime.run(first("a.txt", "1"))
    assert ran(runtime) == {"first": 1}
