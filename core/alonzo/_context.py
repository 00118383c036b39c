"""The context: a nested mapping of settings that a workflow looks up by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._effects import ABSENT


def look_up(context: Mapping[str, Any], path: str) -> Any:
    """The entry at a dotted path (`"db.host"`), or ABSENT; a path to an inner table gives the table."""
    here: Any = context
    for part in path.split("."):
        if not isinstance(here, Mapping) or part not in here:
            return ABSENT
        here = here[part]
    return here


def decides(over: Mapping[str, Any], path: str) -> bool:
    """Does putting `over` over a context settle what is at this path, whatever was there? Not if tables are merged there."""
    here: Any = over
    for part in path.split("."):
        if part not in here:
            return False
        here = here[part]
        if not isinstance(here, Mapping):
            return True
    return False
