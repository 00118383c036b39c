"""`@task(script=True)`: what the function returns is the text of a script."""

import asyncio
import importlib
import os
import sys

import pytest

from alonzo import THIS_JOB, JobInfo, OptionError, Runtime, SettingsError, run, task
from alonzo_files import STDOUT, Dir, File, ScriptError, script

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts need a POSIX system")


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@task(script=True)
def first_lines(file: File, count: int = 1) -> str:
    return "head -n {count} {file}"


@task(script=True)
def sorted_into(file: File, where: str):
    return "sort {file} >{to}", {"to": File(where), "count": STDOUT}


@task(script=True)
def in_python(words: list[str]):
    """Says how many."""
    return """
        #!/usr/bin/env python3
        import json, os
        print(len(json.loads(os.environ["words"])))
    """


@task(script=True)
def whole_call(text):
    return script(
        "tr a-z A-Z <<<{it}; mkdir {made}", inputs={"it": text}, outputs={"said": STDOUT, "made": Dir("made")}
    )


@task(script=True)
async def asynchronous(word):
    await asyncio.sleep(0)
    return "echo {word}"


@task(script=True)
def with_the_job(word, job: JobInfo = THIS_JOB):
    return "echo {word} {job}"


@task(script=True)
def nothing():
    return 3


@task(script=True, retries=2)
def third_time(path, job: JobInfo = THIS_JOB):
    return f"echo {job.attempt}; false"


def test_the_arguments_are_the_inputs(runtime):
    File("a b.txt").write_text("one\ntwo\nthree\n")

    assert runtime.run([first_lines(File("a b.txt")), first_lines(File("a b.txt"), count=2)]) == ["one\n", "one\ntwo\n"]


def test_outputs_come_beside_the_text(runtime):
    File("in.txt").write_text("b\na\n")

    assert runtime.run(sorted_into(File("in.txt"), "out/sorted.txt")) == {"to": File("out/sorted.txt"), "count": ""}
    assert File("out/sorted.txt").read_text() == "a\nb\n"


def test_other_interpreters_and_whole_calls_and_coroutines(runtime):
    assert runtime.run(in_python(["a", "b c"])) == "2\n"
    assert runtime.run(whole_call("abc")) == {"said": "ABC\n", "made": Dir("made")}
    assert runtime.run(asynchronous("x y")) == "x y\n"


def test_the_plain_function_is_there_to_be_tested():
    assert first_lines.func(File("x"), 3) == "head -n {count} {file}"
    assert first_lines.__doc__ is None
    assert in_python.__doc__ == "Says how many."


def test_it_is_recalled_and_runs_again_as_scripts_do(runtime):
    def runs(expression):
        runtime.run(expression)
        return ran(runtime)

    File("in.txt").write_text("b\na\n")

    assert runs(sorted_into(File("in.txt"), "out.txt")) == {"sorted_into": 1, "script": 1}
    assert runs(sorted_into(File("in.txt"), "out.txt")) == {}
    File("out.txt").remove()
    assert runs(sorted_into(File("in.txt"), "out.txt")) == {"script": 1}
    File("in.txt").write_text("c\n")
    assert runs(sorted_into(File("in.txt"), "out.txt")) == {"sorted_into": 1, "script": 1}


def test_the_job_is_no_input(runtime):
    assert runtime.run(with_the_job("x")) == "x {job}\n"


def test_options_hold_for_the_function_and_the_script_fails_by_itself(runtime):
    with pytest.raises(ScriptError) as raised:
        runtime.run(third_time("x"))

    assert raised.value.exit_code == 1
    assert raised.value.__notes__[-1].startswith("in task tests.plugins.files.test_script_tasks.third_time('x'")


@pytest.fixture
def say(tmp_path, monkeypatch):
    """Makes the task `edited_say.say` anew."""
    monkeypatch.syspath_prepend(tmp_path)
    # An edit within a second that keeps the size is none to Python's cache of compiled files.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def make(options, text):
        source = f"from alonzo import task\n\n\n@task{options}\ndef say():\n    return {text!r}\n"
        (tmp_path / "edited_say.py").write_text(source)
        sys.modules.pop("edited_say", None)
        importlib.invalidate_caches()
        return importlib.import_module("edited_say").say

    yield make
    sys.modules.pop("edited_say", None)


def test_the_function_may_be_edited(runtime, say):
    values = [runtime.run(say("(script=True)", text)()) for text in ["echo one", "echo two", "echo one"]]

    assert values == ["one\n", "two\n", "one\n"]
    assert ran(runtime) == {}


def test_with_and_without_script_are_two_tasks(runtime, say):
    values = [runtime.run(say(options, "echo one")()) for options in ["", "(script=True)", ""]]

    assert values == ["echo one", "one\n", "echo one"]


def test_something_else_is_no_text(runtime):
    with pytest.raises(TypeError, match=r"returns a text, \(text, outputs\) or script\(...\), not 3"):
        runtime.run(nothing())


@pytest.mark.slow
def test_it_works_in_worker_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    File("in.txt").write_text("b\na\n")

    @task(script=True)
    def sent_by_value(file):
        return "sort {file}"

    value = run(
        [first_lines(File("in.txt")), sent_by_value(File("in.txt"))], store="memory:", executor="processes", workers=1
    )

    assert value == ["b\n", "a\nb\n"]


def test_the_option_is_part_of_what_the_task_is():
    with pytest.raises(OptionError, match="'script' is part of what the task is"):
        first_lines.options(script=False)
    with pytest.raises(OptionError, match="'script' must be true or false"):
        task(script="bash")(len)
    with pytest.raises(SettingsError, match="script cannot be set here"):
        run(first_lines(File("x")), settings={"tasks": {"*": {"script": True}}}, store="memory:")
