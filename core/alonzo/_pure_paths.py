"""Which files are a task's own affair, and which are nobody's data."""

# Paths are texts here: what audit events tell, and what is told to the user.
# ruff: noqa: PTH109, PTH206

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from ._definitions_project import is_library_folder


class Paths:
    """The paths that are a task's own: those of external values, what is below directories among them, and its temporary files."""

    def __init__(self, root: str, places: Iterable[str], scratch: Iterable[str]) -> None:
        self._own = {os.path.normpath(os.path.join(root, place)) for place in places}
        self._own |= {os.path.realpath(path) for path in self._own}
        self._scratch = {os.path.normpath(path) for path in scratch} | {os.path.realpath(path) for path in scratch}
        self._patterns = [path for path in self._own if set(path) & set("*?[")]

    def has(self, path: str, how: str) -> bool:
        return self._has(path, how) or self._has(os.path.realpath(path), how)

    def _has(self, path: str, how: str) -> bool:
        inside = self._own | self._scratch
        if path in inside or any(is_below(path, folder) for folder in inside):
            return True
        if any(fnmatchcase(path, pattern) for pattern in self._patterns):
            return True
        if how == "made":  # the directory in which its output is
            return any(is_below(own, path) for own in self._own)
        # To find what matches a pattern, the directories up to its first sign are listed.
        return how == "listed" and any(is_below(pattern, path) for pattern in self._patterns)


def is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def is_no_data(path: str, by: frozenset[str], root: str) -> bool:
    """Is it a file of the interpreter, of an installed distribution, of the engine or of the system? `by`: whose code opened it."""
    parts = path.split(os.sep)
    if (
        "__pycache__" in parts
        or is_below(path, os.path.join(root, ".alonzo"))
        or is_library_folder(os.path.dirname(path))
    ):
        return True
    if path.startswith(("/dev/", "\\\\.\\")):
        return True
    if path.startswith(("/proc/", "/sys/", "/etc/", "/usr/share/")):
        return bool(by & {"installed", "timers"})
    homes = {os.path.join(prefix, part) for prefix in (sys.prefix, sys.base_prefix) for part in _INSTALLED}
    return not is_below(path, root) and any(is_below(path, home) for home in homes)


_INSTALLED = ("bin", "etc", "include", "lib", "lib64", "share", "Lib", "DLLs", "Library", "Scripts")


def shown_path(path: str) -> str:
    """A path as a user would write it: relative, where it is below the working directory."""
    here = os.getcwd()
    return os.path.relpath(path, here) if path == here or is_below(path, here) else path


def paths_in(values: Iterable[Any]) -> set[str]:
    """Paths that are written in these values, as texts or as objects."""
    todo, paths = list(values), set()
    for value in todo:
        if isinstance(value, str | os.PathLike):
            text = os.fspath(value)
            if isinstance(text, str):
                paths.add(os.path.abspath(text))
        elif type(value) in (list, tuple, set, frozenset) and len(todo) < 1000:
            todo += value
        elif type(value) is dict and len(todo) < 1000:
            todo += value.values()
    return paths
