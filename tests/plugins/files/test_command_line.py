"""Files, directories and sets of files as arguments on the command line."""

import subprocess
import sys

import pytest

pytest.importorskip("alonzo_cli")

FLOW = """
from alonzo import task
from alonzo_files import Dir, File, FileSet


@task
def names(source: File, more: list[File], out: Dir, logs: FileSet | None = None, scratch=File("scratch.txt", keep=False)):
    return [repr(source), repr(more), repr(out), repr(logs), repr(scratch)]


@task
def copy(source: File, target: str = "copy.txt") -> File:
    return source.copy_to(target)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)

    def run(*words, code=0):
        command = [sys.executable, "-m", "alonzo_cli", "run", "flow.py", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
        return done

    return run


@pytest.mark.slow
def test_each_parameter_gets_what_its_annotation_or_default_says(program):
    words = ["--source", "a//b.txt", "--more", "x", "--more", "memory://y", "--out", "o/", "--logs", "*.log"]

    done = program("names", *words, "--scratch", "other.txt")

    for part in (
        "File('a/b.txt')",
        "File('memory://y')",
        "Dir('o')",
        "FileSet('*.log')",
        "File('other.txt', keep=False)",
    ):
        assert part in done.stdout


@pytest.mark.slow
def test_a_file_as_a_result_is_shown_as_its_path(program, tmp_path):
    (tmp_path / "a b.txt").write_text("text")

    assert program("copy", "a b.txt").stdout == "copy.txt\n"
    assert (tmp_path / "copy.txt").read_text() == "text"


@pytest.mark.slow
def test_a_text_that_is_no_file_is_a_usage_error_in_one_line(program):
    done = program("copy", "--source", "ftp://me:secret@host/a", code=2)

    assert "--source: expected a File" in done.stderr
    assert "holds a password" in done.stderr
