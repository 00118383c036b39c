"""What is raised when a script fails."""

from __future__ import annotations

import signal
from typing import Any

from alonzo import AlonzoError


class ScriptError(AlonzoError):
    """A script did not end as it should: exit code, signal, an interpreter that is not there, an output that it did not make.

    command    the interpreter with its arguments, and the first line of the text
    problem    what is wrong, in a few words
    exit_code  its exit code; None when it was ended by a signal, or never started
    signal     the number of the signal that ended it, else None
    stderr     what it wrote last to standard error, at most 8 KiB; to standard output, when there was nothing else
    directory  where its private directory was kept, "" when it was not
    """

    def __init__(
        self,
        command: str,
        problem: str,
        *,
        exit_code: int | None = None,
        signal: int | None = None,
        stderr: str = "",
        directory: str = "",
    ) -> None:
        super().__init__(command, problem)
        self.command = command
        self.problem = problem
        self.exit_code = exit_code
        self.signal = signal
        self.stderr = stderr
        self.directory = directory

    def __reduce__(self) -> tuple[Any, ...]:
        rest = {name: getattr(self, name) for name in ("exit_code", "signal", "stderr", "directory")}
        return (_rebuilt, (self.command, self.problem, rest))

    def __str__(self) -> str:
        text = f"{self.command}: {self.problem}"
        if self.directory:
            text += f"; its directory is kept: {self.directory}"
        lines = self.stderr.splitlines()[-_LINES:]
        return "\n  ".join([f"{text}; it printed last:", *lines]) if lines else text


ScriptError.__module__ = "alonzo_files"  # as users meet it, also in tracebacks
_LINES = 20


def ended(command: str, code: int, stderr: str) -> ScriptError:
    """The error of a script that ended with this code, as subprocess has it: a negative one is a signal's number."""
    if code < 0:
        return ScriptError(command, f"ended by {_name(-code)}", signal=-code, stderr=stderr)
    # A shell tells so of a program that a signal ended.
    hint = f", as after {_name(code - 128)}" if code > 128 and _name(code - 128).startswith("SIG") else ""
    return ScriptError(command, f"exit code {code}{hint}", exit_code=code, stderr=stderr)


def _rebuilt(command: str, problem: str, rest: dict[str, Any]) -> ScriptError:
    return ScriptError(command, problem, **rest)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
