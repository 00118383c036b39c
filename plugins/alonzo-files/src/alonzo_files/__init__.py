"""Files as values of workflows: `File`, digested by content."""

from __future__ import annotations

from pathlib import Path

from alonzo.plugin import Inspector, hookimpl

from ._file import File

__all__ = ["File"]


@hookimpl
def alonzo_inspectors(root: Path) -> list[Inspector]:
    from ._inspector import FileInspector

    return [FileInspector(str(root))]
