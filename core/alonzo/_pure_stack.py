"""Who did it: the line of project code on the stack, and what lies between it and what was seen."""

from __future__ import annotations

import sys
from collections.abc import Collection
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ._definitions_project import Project
from ._pure_signs import OWN_AFFAIR, QUIET, TIMERS


class Place(NamedTuple):
    """Where project code did something.

    file, line  the innermost line of project code
    through     the function that it called there, when that is Python code of a library: `uuid.uuid4`
    by          whose code lies between: of "library" (Python's own), "installed", "timers" (Python's own, that waits or connects);
                "engine" lies there or further out
    """

    file: str
    line: int
    through: str
    by: frozenset[str]


class Stack:
    """Reads stacks. `project` says what counts as project code, `engine` are the packages of the engine and its plugins."""

    def __init__(self, project: Project, engine: Collection[str]) -> None:
        self._project = project
        self._engine = frozenset(engine)
        self._owners: dict[tuple[str, str], str] = {}

    def place(self, frame: FrameType | None, *, top: str, defined: tuple[str, int] | None) -> Place | None:
        """Where the task whose package is `top`, and which is `defined` there, did what is going on in `frame`.

        None: nothing that counts. It is an import, a log, or something else whose doings never come into a value; or it is on another
        thread, where none of the project's code is at work.
        """
        found: tuple[str, int] | None = None
        is_text = False
        through, by = "", set()
        while frame is not None and id(frame.f_code) not in _BOUNDARIES:
            code, module = frame.f_code, str(frame.f_globals.get("__name__") or "")
            if module in QUIET or (module, code.co_name) in OWN_AFFAIR:
                return None
            owner = self._owner(module, code.co_filename, top)
            if owner == "project":
                # What was made by `exec`, as the methods of dataclasses are, has no line that anybody could look up.
                if found is None or (is_text and not code.co_filename.startswith("<")):
                    found, is_text = (code.co_filename, frame.f_lineno), code.co_filename.startswith("<")
            elif owner == "engine":
                by.add(owner)  # also where it calls the project's code in turn, to open a connection, say
            elif found is None:
                by.add(owner)
                if module.partition(".")[0] in TIMERS:
                    by.add("timers")
                name = code.co_qualname.removesuffix(".__init__")
                through = f"{module}.{name.removeprefix('Random.') if module == 'random' else name}"
            frame = frame.f_back
        if found is None and frame is not None and _BOUNDARIES[id(frame.f_code)]:
            found = defined
        return None if found is None else Place(*found, through, frozenset(by))

    def is_engine(self, module: str) -> bool:
        """Is this a module of the engine, or of a plugin?"""
        return module.partition(".")[0] in self._engine

    def _owner(self, module: str, filename: str, top: str) -> str:
        first = module.partition(".")[0]
        if first == top:
            return "project"
        known = self._owners.get((module, filename))
        if known is None:
            known = self._owners[module, filename] = self._looked_up(module, first, filename)
        return known

    def _looked_up(self, module: str, first: str, filename: str) -> str:
        if first in self._engine:
            return "engine"
        if first in sys.stdlib_module_names:
            return "library"
        return "project" if self._project.owns(module, filename) else "installed"


def is_boundary(code: CodeType, *, of_task: bool) -> None:
    """This code calls what is watched: what is further out on the stack is the engine's. `of_task`: it calls the task's own function."""
    _BOUNDARIES[id(code)] = of_task
    _KEPT.append(code)


_BOUNDARIES: dict[int, bool] = {}
_KEPT: list[Any] = []
