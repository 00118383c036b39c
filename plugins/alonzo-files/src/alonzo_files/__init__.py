"""Files as values of workflows: `File`, digested by content."""

from __future__ import annotations

from alonzo.plugin import Inspector, hookimpl

from ._file import File

__all__ = ["File"]


@hookimpl
def alonzo_inspectors() -> list[Inspector]:
    from pathlib import Path

    from alonzo._settings import find_project

    from ._inspector import FileInspector

    return [FileInspector(str(find_project(Path.cwd()).root))]
