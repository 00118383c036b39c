"""One attempt of a script: its private directory, its program, its process, and what it made."""

# Paths are text here, as they are in a File.
# ruff: noqa: PTH101, PTH102, PTH114, PTH123

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import IO, Any

from alonzo import AlonzoError, OptionError, Secret, TaskTimeoutError
from alonzo.plugin import CAPTURE

from ._script_error import ScriptError, ended
from ._script_outputs import Output, Stream, items, mapped
from ._script_places import Places
from ._script_process import Ended, Watcher, run, watched
from ._script_text import located, program, tidy

# Seconds that an executor which times out jobs itself has for that: what it says counts.
_GRACE = 0.25


def perform(text: str, inputs: Any, outputs: Any, env: Mapping[str, Any], *, keep: bool) -> Any:
    """Run a script: the outputs, with what was made in the place of each.

    keep  what fails leaves its directory behind

    Raises:
        ScriptError: it failed, or has not made an output.
        TaskTimeoutError: its time was over.
        OptionError, OSError, AlonzoError: it cannot be started, or what it made cannot be put in place.
    """
    if os.name != "posix":
        raise AlonzoError("scripts need a POSIX system: shells, and groups of processes that can be ended")
    if not isinstance(text, str):
        raise OptionError(f"script: its text is a str, not {type(text).__name__}")
    directory = tempfile.mkdtemp(prefix="alonzo-script-")
    # Its process removes the directory when this one is killed.
    with watched(directory) as watcher:
        try:
            return _Attempt(directory, watcher).perform(tidy(text), inputs, outputs, env)
        except Exception as error:
            if keep:
                _tell(error, directory)
            raise
        finally:
            if not (keep and isinstance(sys.exception(), Exception)):
                _remove(directory)


def _tell(error: Exception, directory: str) -> None:
    if isinstance(error, ScriptError):
        error.directory = directory
    else:
        error.add_note(f"the script's directory is kept: {directory}")


class _Attempt:
    def __init__(self, directory: str, watcher: Watcher) -> None:
        self._directory = directory
        self._watcher = watcher

    def perform(self, text: str, inputs: Any, outputs: Any, env: Mapping[str, Any]) -> Any:
        places = Places(self._directory, inputs, outputs)
        made = program(text, places.variables)
        for name, content in made.files.items():
            with open(os.path.join(self._directory, name), "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(content)
        environment = self._environment({**made.environment, **env})
        command = located(made, environment)
        wanted = {item for item in items(outputs) if isinstance(item, Stream)}
        with self._spool(Stream.STDOUT, wanted) as stdout, self._spool(Stream.STDERR, wanted) as stderr:
            capture = CAPTURE.get()
            deadline = None if capture is None or capture.deadline is None else capture.deadline + _GRACE
            end = run(
                command,
                places.work,
                environment,
                self._watcher,
                stdout=stdout,
                stderr=stderr,
                deadline=deadline,
            )
        self._check(made.title, end)
        try:
            places.check()
        except OSError as error:
            raise ScriptError(made.title, str(error), exit_code=0, stderr=end.stderr) from None
        places.publish()
        return mapped(outputs, self._value)

    def _environment(self, more: Mapping[str, Any]) -> dict[str, str]:
        temporary = os.path.join(self._directory, "tmp")
        os.mkdir(temporary)
        environment = {**os.environ, "TMPDIR": temporary}
        for name, value in more.items():
            plain = value.reveal() if isinstance(value, Secret) else value
            if plain is None:
                environment.pop(name, None)
            else:
                environment[name] = str(plain)
        return environment

    @contextlib.contextmanager
    def _spool(self, stream: Stream, wanted: set[Stream]) -> Iterator[IO[bytes] | None]:
        if stream not in wanted:
            yield None
            return
        with open(os.path.join(self._directory, stream.value), "wb") as file:
            yield file

    def _check(self, command: str, end: Ended) -> None:
        if end.is_late:
            capture = CAPTURE.get()
            assert capture is not None
            raise TaskTimeoutError.after(capture.task, capture.timeout or 0.0)
        if end.code:
            raise ended(command, end.code, end.stderr or end.stdout)

    def _value(self, item: Any) -> Any:
        if isinstance(item, Output):
            return item.value
        if isinstance(item, Stream):
            with open(os.path.join(self._directory, item.value), "rb") as file:
                # What is no UTF-8 can be had back, as names of files that are none.
                return file.read().decode("utf-8", "surrogateescape")
        return item


def _remove(directory: str) -> None:
    try:
        shutil.rmtree(directory)
    except PermissionError:
        # A script may have taken away its own right to change a directory.
        for folder, names, _ in os.walk(directory):
            for name in names:
                if not os.path.islink(os.path.join(folder, name)):
                    os.chmod(os.path.join(folder, name), 0o700)
        shutil.rmtree(directory, ignore_errors=True)
