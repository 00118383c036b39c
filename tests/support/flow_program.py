"""A program in a process of its own that prints a line of JSON for each thing that it is asked for."""

import json
import os
import subprocess
import sys


def told(folder, *command):
    """What Python prints with these arguments, which must end well: its lines as objects, and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr
