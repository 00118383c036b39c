"""The options of a task: what they are, and what a wrong one is answered with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from ._errors import OptionError

CHECKS = ("footprint", "each")


# A named tuple, not an attrs class: a program that only defines tasks need not import attrs, which takes longer than all of this.
class TaskOptions(NamedTuple):
    """How a task is recalled and applied. No option but `version` and `depends_on` ever causes a rerun."""

    cache: bool = True
    check: Literal["footprint", "each"] = "footprint"
    executor: str | None = None
    nout: int | None = None
    version: str | None = None
    depends_on: tuple[Any, ...] = ()

    def with_changes(self, changes: Mapping[str, Any], where: str) -> TaskOptions:
        """These options with some changed.

        Raises:
            OptionError: one is unknown or has a value of the wrong type; `where` says where it was written.
        """
        return self._replace(**checked(changes, where))


def checked(options: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options, each known and of the right type.

    Raises:
        OptionError: otherwise, with the nearest known name.
    """
    known = TaskOptions._fields
    for name, value in options.items():
        if name not in known:
            raise OptionError(f"{where}: unknown option {name!r}{nearest(name, known)}")
        expected = _wrong(name, value)
        if expected:
            raise OptionError(f"{where}: option {name!r} must be {expected}, not {value!r}")
    out = dict(options)
    if "depends_on" in out:
        out["depends_on"] = tuple(out["depends_on"])
    return out


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'cache'?)`, or nothing when no known word is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _wrong(name: str, value: Any) -> str:
    match name:
        case "cache":
            return "" if isinstance(value, bool) else "true or false"
        case "check":
            return "" if value in CHECKS else "'footprint' or 'each'"
        case "executor" | "version":
            return "" if value is None or isinstance(value, str) else "a string"
        case "nout":
            good = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)
            return "" if good else "a whole number, 0 or more"
        case _:
            return "" if isinstance(value, list | tuple) else "a list of functions, classes or values"
