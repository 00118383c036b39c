"""The program where its streams are closed, and where an exception has no text."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

FLOW = """\
import os

from alonzo import task


class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@task
def text(word):
    os.system("echo from a child")
    print("from a task")
    return word


@task
def fails():
    raise Mute(1)
"""


@pytest.fixture
def closed(program):
    """Run the program with streams closed; (exit code, stdout, stderr)."""
    (program.directory / "told.py").write_text(FLOW)

    def closed(streams, *words):
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {streams}', "sh", sys.executable, "-m", "alonzo_cli", *words],
            cwd=program.directory,
            env={**program.env, "ALONZO_STORE": "sqlite:a.db"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.returncode, done.stdout, done.stderr

    return closed


def test_a_closed_standard_output_is_one_line_and_the_result_is_kept(program, closed):
    code, _, err = closed(">&-", "run", "-q", "told.py", "text", "snow")

    assert code == 1
    assert err.splitlines() == [
        "told.text | from a task",
        "alonzo: error: the result cannot be written: standard output is closed",
    ]
    assert closed("", "run", "-q", "told.py", "text", "snow") == (0, "snow\n", "")


def test_a_closed_standard_error_takes_nothing_from_the_result(closed):
    assert closed("2>&-", "run", "told.py", "text", "snow") == (0, "snow\n", "")


@pytest.mark.parametrize("streams", [">&-", "<&- >&- 2>&-"])
def test_what_a_child_prints_reaches_no_file_of_ours(program, closed, streams):
    closed(streams, "run", "told.py", "text", "snow")

    runs = json.loads(program("log", "--json", "--store", "sqlite:a.db")[0])
    assert [run["status"] for run in runs] == ["done"]
    assert b"from a child" not in b"".join(file.read_bytes() for file in program.directory.glob("a.db*"))


def test_a_failure_without_text_is_named_by_its_class(program, closed):
    code, _, err = closed("", "run", "-q", "told.py", "fails")

    assert code == 1
    assert err.splitlines()[-2:] == ["  in told.fails()", "alonzo: error: told.fails failed: Mute"]


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_what_tasks_print_to_standard_error_has_their_name_and_is_kept_in_turn_with_the_rest(program, executor):
    (program.directory / "both.py").write_text(
        "import sys\n\nfrom alonzo import task\n\n\n@task\ndef both():\n"
        "    print('out')\n    sys.stdout.flush()\n    print('err', file=sys.stderr)\n    sys.stderr.write('rest')\n"
    )
    _, err = program("run", "-q", "--executor", executor, "--store", "sqlite:a.db", "both.py", "both")

    assert err.splitlines() == ["both.both | out", "both.both | err", "both.both | rest"]
    [job] = json.loads(program("log", "last", "--json", "--store", "sqlite:a.db")[0])["jobs"]
    assert job["output"] == "out\nerr\nrest"
