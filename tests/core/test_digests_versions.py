"""The same digests in every process: under other hash seeds, and other versions of Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import attrs
import pluggy
import pytest

import alonzo

SUPPORT = Path(__file__).parents[1] / "support"
# Where pyenv keeps versions, and what PATH has: whatever is there is tried.
VERSIONS = ("3.11", "3.12", "3.13", "3.14")


def _python(version):
    roots = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    for root in roots:
        for found in sorted(root.glob(f"{version}.*/bin/python")):
            return str(found)
    return shutil.which(f"python{version}")


def _digests(python, seed, tmp_path):
    """What the values' digests are there; core and its two dependencies, pure Python, are lent to it."""
    if not (tmp_path / "lent").exists():
        (tmp_path / "lent").mkdir()
        for module in (alonzo, attrs, sys.modules["attr"], pluggy):
            where = Path(module.__file__).parent
            (tmp_path / "lent" / where.name).symlink_to(where, target_is_directory=True)
    path = os.pathsep.join([str(tmp_path / "lent"), str(SUPPORT)])
    environ = {"PYTHONPATH": path, "PYTHONHASHSEED": seed, "PYTHONDONTWRITEBYTECODE": "1"}
    script = str(SUPPORT / "digest_values.py")
    done = subprocess.run([python, script], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())


def test_digests_do_not_follow_the_hash_seed(tmp_path):
    first = _digests(sys.executable, "1", tmp_path)

    assert len(first) > 40
    assert _digests(sys.executable, "777", tmp_path) == first


@pytest.mark.parametrize("version", VERSIONS)
def test_digests_do_not_follow_the_version_of_python(version, tmp_path):
    python = _python(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")

    assert _digests(python, "1", tmp_path) == _digests(sys.executable, "1", tmp_path)
