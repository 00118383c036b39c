"""The options of a task: what they are, and what a wrong one is answered with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from ._errors import OptionError
from ._expressions import Expression

NONE: Mapping[str, Any] = MappingProxyType({})
CHECKS = ("footprint", "each")
# What a task is: settled where it is defined, never lazy, never set from outside.
IDENTITY = ("version", "depends_on", "tracking", "script")
FAULTS = ("raised", "timeout", "memory", "lost", "preempted")
NEVER_LAZY = (*IDENTITY, "ignore", "nout", "inspect")


class Backoff(NamedTuple):
    """How long to wait before an attempt is made again: `first` seconds, each time `factor` times as long, at most `most`.

    jitter  each wait is made longer or shorter by up to this part of it, so that many do not come back at once
    """

    first: float = 1.0
    factor: float = 2.0
    most: float = 300.0
    jitter: float = 0.1


class How(NamedTuple):
    """What a configured task was given, besides its arguments: options of the call itself, of everything below it, and context."""

    options: Mapping[str, Any] = NONE
    below: Mapping[str, Any] = NONE
    context: Mapping[str, Any] = NONE


# A named tuple, not an attrs class: a program that only defines tasks need not import attrs, which takes longer than all of this.
class TaskOptions(NamedTuple):
    """How a task is recalled and applied. No option but `version`, `depends_on`, `tracking`, `script` and `inspect` ever causes a rerun.

    After `checked`: `limits` maps names to counts, `memory` and `disk` are in bytes (or functions of the attempt's number),
    `ignore` is a tuple.
    """

    cache: bool = True
    check: Literal["footprint", "each"] = "footprint"
    executor: str | None = None
    nout: int | None = None
    version: str | None = None
    depends_on: tuple[Any, ...] = ()
    share: bool = True
    retries: int | Mapping[str, int] = 0
    retry_delay: float | Backoff = 0.0
    retry_on: Any = None
    timeout: Any = None
    limits: Mapping[str, int] = NONE
    priority: int = 0
    cpus: Any = None
    memory: Any = None
    gpus: Any = None
    disk: Any = None
    ignore: tuple[str, ...] = ()
    tags: Mapping[str, str] = NONE
    tracking: Literal["deep", "own"] = "deep"
    script: bool = False
    inspect: str | None = None

    def with_changes(self, changes: Mapping[str, Any], where: str) -> TaskOptions:
        """These options with some changed.

        Raises:
            OptionError: one is unknown or has a value of the wrong type; `where` says where it was written.
        """
        return self._replace(**checked(changes, where))

    def consistent(self) -> TaskOptions:
        """These options; what is not shared is not recalled either: `share=False` implies `cache=False`."""
        return self._replace(cache=False) if self.cache is True and self.share is False else self


def checked(options: Mapping[str, Any], where: str, *, at_call: bool = False) -> dict[str, Any]:
    """The options, each known, of the right type and in the form that TaskOptions says; lazy ones as they are.

    at_call  they were given to a call, or to what is below one: what a task is cannot be changed there

    Raises:
        OptionError: otherwise, with the nearest known name.
    """
    known = TaskOptions._fields
    out: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            raise OptionError(f"{where}: unknown option {name!r}{nearest(name, known)}")
        if at_call and (name in IDENTITY or name == "ignore"):
            raise OptionError(f"{where}: {name!r} is part of what the task is: write it on @task")
        if isinstance(value, Expression) and name not in NEVER_LAZY:
            out[name] = value
            continue
        expected = _wrong(name, value)
        if expected:
            raise OptionError(f"{where}: option {name!r} must be {expected}, not {value!r}")
        out[name] = _in_form(name, value)
    return out


def nearest(word: str, known: Iterable[str]) -> str:
    """` (did you mean 'cache'?)`, or nothing when no known word is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def size(text: str) -> int | None:
    """Bytes from text such as `"2 GB"` (1000s) or `"512 MiB"` (1024s); None: it says no size."""
    number, _, unit = re.sub(r"(?<=[\d.])\s*(?=[A-Za-z])", " ", text.strip()).partition(" ")
    factor = _UNITS.get(unit.lower().removesuffix("b"))
    try:
        return None if factor is None else round(float(number) * factor)
    except (ValueError, OverflowError):
        return None


_UNITS = {"": 1} | {
    letter + infix: base**power for power, letter in enumerate("kmgtp", 1) for infix, base in (("", 1000), ("i", 1024))
}


def _in_form(name: str, value: Any) -> Any:
    if name in ("depends_on", "ignore"):
        return tuple(value)
    if name == "limits" and not isinstance(value, Mapping):
        return dict.fromkeys([value] if isinstance(value, str) else value, 1)
    if name in ("memory", "disk") and isinstance(value, str):
        return size(value)
    if name == "retry_on" and isinstance(value, list):
        return tuple(value)
    if name == "retry_delay" and isinstance(value, Mapping):
        return Backoff(**value)
    return value


def _wrong(name: str, value: Any) -> str:
    """What the option must be, or nothing when it is."""
    good, expected = _RULES[name]
    return "" if good(value) else expected


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_need(value: Any) -> bool:
    return value is None or callable(value) or (_is_amount(value) and value > 0)


def _is_size(value: Any) -> bool:
    return bool(size(value)) if isinstance(value, str) else _is_need(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple | set | frozenset) and all(isinstance(name, str) for name in value)


def _is_limits(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(limit, str) and (_is_count(count) or _is_lazy(count)) for limit, count in value.items())
    return isinstance(value, str) or _is_names(value)


def _is_retries(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(fault in FAULTS and (_is_count(count) or _is_lazy(count)) for fault, count in value.items())
    return _is_count(value)


def _is_delay(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = Backoff(**value) if set(value) <= set(Backoff._fields) else "wrong"
    return all(map(_is_amount, value)) if isinstance(value, Backoff) else _is_amount(value)


def _is_reason(value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, BaseException)
    if isinstance(value, list | tuple):
        return all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in value)
    return value is None or callable(value)


def _is_tags(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and (isinstance(text, str) or _is_lazy(text)) for name, text in value.items()
    )


def _is_lazy(value: Any) -> bool:
    return isinstance(value, Expression)


_NEED = "a number above 0, or a function of the attempt's number that gives one"
_SIZE = f"bytes, text such as '2 GB' or '512 MiB', or {_NEED.partition(', or ')[2]}"
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "cache": (_is_flag, "true or false"),
    "share": (_is_flag, "true or false"),
    "check": (lambda value: isinstance(value, str) and value in CHECKS, "'footprint' or 'each'"),
    "executor": (_is_text, "a string"),
    "version": (_is_text, "a string"),
    "nout": (lambda value: value is None or _is_count(value), "a whole number, 0 or more"),
    "depends_on": (lambda value: isinstance(value, list | tuple), "a list of functions, classes or values"),
    "retries": (_is_retries, f"a whole number, 0 or more, or such numbers by kind of failure: {', '.join(FAULTS)}"),
    "retry_delay": (_is_delay, "seconds, or a Backoff (or a mapping with some of first, factor, most, jitter)"),
    "retry_on": (_is_reason, "a class of exceptions, several, or a function of the exception"),
    "timeout": (_is_need, _NEED),
    "limits": (_is_limits, "a name, several, or a mapping from names to whole numbers"),
    "priority": (_is_whole, "a whole number"),
    "cpus": (_is_need, _NEED),
    "gpus": (lambda value: _is_need(value) or value == 0, _NEED),
    "memory": (_is_size, _SIZE),
    "disk": (_is_size, _SIZE),
    "ignore": (_is_names, "a list of names of parameters"),
    "tags": (_is_tags, "a mapping from strings to strings"),
    "tracking": (lambda value: isinstance(value, str) and value in ("deep", "own"), "'deep' or 'own'"),
    "script": (_is_flag, "true or false"),
    "inspect": (lambda value: _is_text(value) and value != "", "the name of a way to inspect"),
}
