"""Completion in shells."""

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from alonzo_cli._main import program

FLOW = '''
import alonzo
from alonzo import task

raise SystemExit("never run")


@task
def first_task(some_size: int, *, deep=False):
    """Do the first thing.

    And more.
    """


@alonzo.task(version="1")
async def second_task(): ...


def helper(): ...
'''


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "mod.py").write_text(FLOW)
    (tmp_path / "wrong.py").write_text("def (")


def completed(*words):
    *before, incomplete = words
    found = ShellComplete(program, {}, "alonzo", "_ALONZO_COMPLETE").get_completions(before, incomplete)
    return [item.value for item in found if item.type == "plain"] or [item.type for item in found]


@pytest.mark.parametrize(
    "words, expected",
    [
        (["r"], ["run"]),
        (["run", "fl"], ["file"]),
        (["run", "flow.py", ""], ["first_task", "second_task"]),
        (["run", "--quiet", "flow.py", "s"], ["second_task"]),
        (["run", "pkg.mod", "f"], ["first_task"]),
        (["run", "flow.py::s"], ["flow.py::second_task"]),
        (["run", "flow.py", "::", "s"], ["second_task"]),
        (["run", "flow.py", "::"], ["::first_task", "::second_task"]),
        (["run", "flow.py", "first_task", "--some"], ["--some-size"]),
        (["run", "flow.py", "first_task", "--keep"], ["--keep-going"]),
        (["run", "flow.py", "first_task", ""], ["file"]),
        (["run", "wrong.py", ""], []),
        (["run", "missing.py", ""], []),
        (["run", "--no-"], ["--no-cache"]),
        (["run", "--context-f"], ["--context-file"]),
        (["run", "flow.py", "--context-file", ""], ["file"]),
        (["run", "flow.py", "--option", "flow.f"], ["flow.first_task."]),
        (["run", "flow.py", "--option", "flow.first_task.ca"], ["flow.first_task.cache="]),
        (["run", "flow.py", "--option", "*.retry_d"], ["*.retry_delay="]),
        (["run", "flow.py", "--option", "*.retries="], []),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
)
def test_what_fits_is_offered_without_running_the_file(words, expected):
    assert completed(*words) == expected


def test_tasks_are_offered_with_their_documentation():
    [item, _] = ShellComplete(program, {}, "alonzo", "_ALONZO_COMPLETE").get_completions(["run", "flow.py"], "")

    assert (item.value, item.help) == ("first_task", "Do the first thing.")


@pytest.mark.parametrize("shell, word", [("bash", "complete "), ("zsh", "#compdef alonzo"), ("fish", "complete ")])
def test_the_script_is_printed(shell, word):
    done = CliRunner().invoke(program, ["completion", shell])

    assert done.exit_code == 0
    assert word in done.stdout
    assert "_ALONZO_COMPLETE" in done.stdout
