"""Connections and other live objects as values of workflows, with the state that tasks bring them into."""

from __future__ import annotations

from pathlib import Path

from alonzo.plugin import Inspector, hookimpl, main_name

from ._errors import HandleError
from ._handle import Handle
from ._joining import merge_handles, settled
from ._sql import PostgresStates, SqliteStates, SqlStates
from ._state import State
from ._stateful import StatefulHandle

__all__ = [
    "Handle",
    "StatefulHandle",
    "merge_handles",
    "settled",
    "HandleError",
    "State",
    "SqlStates",
    "SqliteStates",
    "PostgresStates",
]


@hookimpl
def alonzo_inspectors(root: Path) -> list[Inspector]:
    from ._inspector import HandleInspector

    return [HandleInspector(str(root), main_name())]
