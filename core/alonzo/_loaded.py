"""The files of the project's modules as they were when these were loaded.

Python keeps no text of what it runs. A file that is edited after its module was loaded, and before its text is first asked for, would
be taken for the text of what runs; so files are read when alonzo is imported, when a task is made and when a run starts.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, NamedTuple

_LIBRARY_FOLDERS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_HOME = os.path.dirname(os.__file__) + os.sep
_OURS = os.path.dirname(__file__) + os.sep


class LoadedFile(NamedTuple):
    """A file as it was: the time and size that the file system told, and its bytes."""

    signature: tuple[int, int]
    data: bytes


class _Seen(NamedTuple):
    owner: object  # what tells one loading from the next: kept alive, so that its id stays its own
    file: LoadedFile | None


# One for each file and module name, as there is one `sys.modules` in a process.
_seen: dict[tuple[str, str], _Seen] = {}
_newest = ""


def notice(namespace: Mapping[str, Any] | None = None) -> None:
    """Read the files of modules that were loaded since the last time, and that of the module with these globals."""
    global _newest
    if namespace is not None:
        _notice(namespace)
    names = list(sys.modules)
    last, _newest = _newest, names[-1]
    for name in reversed(names):
        if name == last:
            break
        module = sys.modules.get(name)
        if isinstance(module, ModuleType):
            # As it is: asking a lazy module for anything would load it.
            with contextlib.suppress(AttributeError):  # what only says that it is a module, as cffi's libraries do
                _notice(object.__getattribute__(module, "__dict__"))


def loaded_file(filename: str, namespace: Mapping[str, Any]) -> LoadedFile | None:
    """The file of the module with these globals as it was when the module was loaded, where that is known."""
    seen = _seen.get((filename, str(namespace.get("__name__"))))
    return seen.file if seen is not None and seen.owner is _owner(namespace) else None


def _notice(namespace: Mapping[str, Any]) -> None:
    filename = namespace.get("__file__")
    if not isinstance(filename, str) or not filename.endswith(".py") or _is_of_a_library(filename):
        return
    place = (filename, str(namespace.get("__name__")))
    owner = _owner(namespace)
    seen = _seen.get(place)
    if seen is None or seen.owner is not owner:
        _seen[place] = _Seen(owner, _read(filename))


def _owner(namespace: Mapping[str, Any]) -> object:
    """The specification of a module, which `importlib.reload` makes anew; a program's main file has none."""
    spec = namespace.get("__spec__")
    return namespace if spec is None else spec


def _is_of_a_library(filename: str) -> bool:
    return filename.startswith((_HOME, _OURS)) or any(folder in filename for folder in _LIBRARY_FOLDERS)


def _read(filename: str) -> LoadedFile | None:
    try:
        # Not by pathlib, which nothing else needs when alonzo is imported.
        with open(filename, "rb") as file:  # noqa: PTH123
            status = os.fstat(file.fileno())
            return LoadedFile((status.st_mtime_ns, status.st_size), file.read())
    except (OSError, ValueError):
        return None
