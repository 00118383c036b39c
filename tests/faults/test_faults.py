"""Faults planted in a copy of core are found by the tests of recall: all of them, at some two seconds each."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import alonzo

TESTS = Path(__file__).parents[1]
CORE = Path(alonzo.__file__).parent

_spec = importlib.util.spec_from_file_location("recall_faults", Path(__file__).with_name("faults.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
FAULTS = _module.FAULTS

pytestmark = pytest.mark.slow


def copy_of_core(to):
    return Path(shutil.copytree(CORE, to / "alonzo", ignore=shutil.ignore_patterns("__pycache__")))


def plant(core, edits):
    texts = {file: file.read_text() for file in core.glob("*.py")}
    for old, new in edits:
        # However the code is laid out: between its words and signs any space may stand.
        pattern = re.compile(r"\s*".join(map(re.escape, re.findall(r"\w+|[^\w\s]", old))))
        places = [file for file, text in texts.items() for _ in pattern.findall(text)]
        assert len(places) == 1, f"core has {len(places)} times what the fault replaces: {old!r}"
        texts[places[0]] = pattern.sub(lambda _, new=new: new, texts[places[0]])
        places[0].write_text(texts[places[0]])


def outcome(core, tests):
    """The exit code and output of pytest with this copy of core before all others."""
    path = os.pathsep.join([str(core.parent), os.environ.get("PYTHONPATH", "")])
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=--import-mode=importlib",
    ]
    command += [
        f"--rootdir={TESTS.parent}",
        "-c",
        str(TESTS.parent / "pyproject.toml"),
        *[str(TESTS / test) for test in tests],
    ]
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=core.parent, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name, edits, test", FAULTS, ids=[fault[0].replace(" ", "-") for fault in FAULTS])
def test_a_planted_fault_is_found(tmp_path, name, edits, test):
    core = copy_of_core(tmp_path)
    plant(core, edits)

    code, output = outcome(core, [test])

    assert code == pytest.ExitCode.TESTS_FAILED, output
    # The fault must show as a wrong answer, not as a copy of core that cannot be imported.
    assert "ImportError" not in output, output
    assert "SyntaxError" not in output, output


def test_without_a_fault_the_same_tests_pass(tmp_path):
    core = copy_of_core(tmp_path)

    code, output = outcome(core, sorted({fault[2] for fault in FAULTS}))

    assert code == pytest.ExitCode.OK, output


def test_every_fault_fits_the_code_as_it_stands(tmp_path):
    for _, edits, _ in FAULTS:
        plant(copy_of_core(tmp_path), edits)
        shutil.rmtree(tmp_path / "alonzo")


def test_there_are_at_least_twenty_faults():
    assert len({name for name, *_ in FAULTS}) == len(FAULTS) >= 20
