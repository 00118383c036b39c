"""The words of `alonzo run`: which are the engine's, which the task's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_NUMBER = re.compile(r"-(\d|\.\d|inf\b)", re.IGNORECASE)
HELP_OPTIONS = ("--help", "-h")


@dataclass
class Words:
    """A command line taken apart. `own` are the task's words, `after` those that follow `--`."""

    engine: list[str] = field(default_factory=list)
    target: str = ""
    task: str = ""
    own: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    wants_help: bool = False
    given: tuple[str, ...] = ()


def take_apart(words: Sequence[str], options: Mapping[str, bool]) -> Words:
    """Which word is whose. `options` are the engine's: whether each takes a value. They are its own wherever they stand before `--`.

    An option before the task's name that the engine does not have is left to the engine to refuse.
    """
    found = Words(given=tuple(words))
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if word == "--":
            found.after = list(reversed(rest))
            break
        name, equals, _ = word.partition("=")
        if word in HELP_OPTIONS and found.target:
            found.wants_help = True
        elif name in options:
            found.engine.append(word)
            if options[name] and not equals and rest:
                found.engine.append(rest.pop())
        elif word[:2] in options:
            found.engine.append(word)  # a short one with its value: -pno:NAME
        elif found.task or (found.target and not is_option(word)):
            if found.task:
                found.own.append(word)
            found.task = found.task or word
        elif is_option(word):
            found.engine.append(word)
        else:
            found.target, _, found.task = word.partition("::")
    return found


def is_option(word: str) -> bool:
    """Whether the word is an option's name, and not a value: `-` and negative numbers are values."""
    return word.startswith("-") and len(word) > 1 and not _NUMBER.match(word)
