"""Try or test Alonzo from a fresh clone: needs Python 3.11 or newer, and nothing else installed.

    python3 scripts/dev.py example              run the example workflow
    python3 scripts/dev.py test                 run all checks and tests, with tox
    python3 scripts/dev.py install              only make .venv

Each makes .venv in the clone (or uses the one that is there) and installs core and plugins into
it from the clone, editable. What follows `--` is handed on, to `alonzo run` or to tox:

    python3 scripts/dev.py example -- --workers 2
    python3 scripts/dev.py test -- -e plugins -- -k footprint
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
ALONZO = BIN / ("alonzo.exe" if os.name == "nt" else "alonzo")
EXAMPLE = ["examples/stdlib_report/flow.py", "main"]
OLDEST = (3, 11)
BUILDER = "hatchling>=1.26"  # installed once: an isolated build for each takes 3 s more


def main():
    own, handed_on = _split(sys.argv[1:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["example", "test", "install"])
    what = parser.parse_args(own).what

    if sys.version_info < OLDEST:
        sys.exit(f"Alonzo needs Python 3.11 or newer, and this is {sys.version.split()[0]}.")
    os.chdir(ROOT)
    _make_environment()
    _install("hatchling", [BUILDER])
    _install("alonzo", ["--no-build-isolation", *(f"--editable={path}" for path in _projects())])
    if what == "example":
        _become([ALONZO, "run", *EXAMPLE, *handed_on])
    if what == "test":
        _install("tox", ["tox>=4.22"])
        _become([PYTHON, "-m", "tox", *(handed_on or ["run"])])


def _split(arguments):
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def _make_environment():
    if _works():
        return
    if VENV.exists():
        if not (VENV / "pyvenv.cfg").exists() and any(VENV.iterdir()):
            sys.exit(f"{VENV} is there and is no virtual environment: move it away.")
        if Path(sys.prefix).resolve() == VENV.resolve():
            sys.exit(f"{VENV} is damaged, and this runs inside it: start it with another Python.")
        _say("replacing .venv, which no longer works")
        shutil.rmtree(VENV)
    _say(f"making .venv with Python {sys.version.split()[0]}")
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)], env=_environment()) != 0:
        sys.exit("No virtual environment could be made. On Debian: apt install python3-venv")


def _works():
    """Tell whether .venv has a Python that is new enough, and pip."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"
    try:
        command = [str(PYTHON), "-c", probe]
        return subprocess.call(command, env=_environment(), stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def _install(name, arguments):
    """Install, unless the same was installed here from the same pyproject.toml files before."""
    stamp = VENV / f"installed-{name}"
    content = _digest(arguments)
    if stamp.exists() and stamp.read_text() == content:
        return
    _say(f"installing {name} into .venv")
    command = [str(PYTHON), "-m", "pip", "install", "-qq", *arguments]
    status = subprocess.call(command, env=_environment())
    if status != 0:
        sys.exit(status)
    stamp.write_text(content)


def _digest(arguments):
    found = hashlib.sha256("\0".join([str(VENV), *arguments]).encode())
    for path in _projects():
        found.update((path / "pyproject.toml").read_bytes())
    return found.hexdigest()


def _projects():
    return [ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]


def _environment():
    """Give the environment without what would lead Python or pip out of .venv."""
    astray = {"PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in astray}
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def _become(command):
    """Go on as the command, which so gets the terminal's signals itself."""
    command = [str(part) for part in command]
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=_environment()))
    os.execve(command[0], command, _environment())


def _say(line):
    print(f"dev: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
