"""The text of a script, made a program: who runs it, with which arguments, and how it gets to know its variables."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from textwrap import dedent
from typing import Any, NamedTuple

from alonzo import OptionError

from ._script_error import ScriptError

DEFAULT = "bash"
_SET = "set -euo pipefail"
_WITH_LISTS = frozenset({"bash", "zsh", "ksh"})
_SHELLS = _WITH_LISTS | {"sh", "dash", "ash"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Not after a $, where it is the shell's own.
_PLACE = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
# What shells set themselves, or go by.
_RESERVED = frozenset(
    "CDPATH EGID ENV EUID FUNCNAME GID GLOBIGNORE GROUPS HISTFILE HOME HOSTNAME IFS LANG LD_LIBRARY_PATH LD_PRELOAD LINENO OLDPWD OPTARG "
    "OPTERR OPTIND PATH PIPESTATUS POSIXLY_CORRECT PPID PS1 PS2 PS4 PWD PYTHONPATH RANDOM REPLY SECONDS SHELL SHELLOPTS SHLVL TMPDIR UID "
    "USER".split()
)
_RESERVED_IN_ZSH = frozenset("argv cdpath fpath manpath path pipestatus prompt signals status".split())
_LONGEST = 80  # characters of a line of the text in messages
_MOST = 131_000  # bytes of one variable of the environment, as Linux has it


class Program(NamedTuple):
    """What to start, in the directory beside which its files stand: `title` for messages, `files` by name, more `environment`."""

    title: str
    command: list[str]
    files: dict[str, str]
    environment: dict[str, str]


def is_name(key: object) -> bool:
    return isinstance(key, str) and _NAME.fullmatch(key) is not None


def check_name(name: str) -> None:
    """
    Raises:
        OptionError: a variable of this name means something to shells.
    """
    if name in _RESERVED or name.startswith(("BASH", "ZSH", "LC_")):
        raise OptionError(f"script: {name} means something to the shell: give the input or output another name")


def tidy(text: str) -> str:
    """The text without what its place in the program brought: blank lines around it, and common indentation."""
    lines = dedent(text).rstrip().split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    return "\n".join([*lines[first:], ""])


def program(text: str, variables: Mapping[str, Any]) -> Program:
    """The program of a tidy text. Values of variables are what JSON can say.

    A shell gets them as its variables: words, and lists of words where it has lists. Others get them in the environment, all but words
    as JSON.

    Raises:
        OptionError: the text wants a variable where its interpreter cannot have it.
    """
    command = _interpreter(text)
    shell = os.path.basename(command[0]) if command is not None else DEFAULT
    if command is not None and shell not in _SHELLS:
        return Program(_title(command, text), [*command, "../script"], {"script": text}, _environment(variables))
    lines = [] if command is not None else [_SET]
    words = {name: _words(value) for name, value in variables.items()}
    if shell == "zsh" and (taken := _RESERVED_IN_ZSH.intersection(words)):
        raise OptionError(f"script: {min(taken)} means something to zsh: give the input or output another name")
    for name, value in words.items():
        if isinstance(value, str):
            lines.append(f"{name}={shlex.quote(value)}")
        elif value is not None and shell in _WITH_LISTS:
            lines.append(f"{name}=({' '.join(map(shlex.quote, value))})")
    # Sourced, so that numbers of lines in messages are those of the text; by a relative path, so that messages are always the same.
    start = "\n".join([*lines, ". ../script", ""])
    command = command or [DEFAULT]
    files = {"script": _with_places(text, words, shell), "start": start}
    return Program(_title(command, text), [*command, "../start"], files, {})


def located(program: Program, environment: Mapping[str, str]) -> list[str]:
    """The command, with the path of its interpreter.

    Raises:
        ScriptError: there is no such program.
    """
    command = program.command
    found = shutil.which(command[0], path=environment.get("PATH"))
    if found is None:
        raise ScriptError(
            program.title, f"there is no program {command[0]}: install it, or name another in the first line, #!…"
        )
    return [found, *command[1:]]


def _title(command: list[str], text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")] or [""]
    first = lines[0] if len(lines[0]) <= _LONGEST else f"{lines[0][:_LONGEST]}…"
    return f"{shlex.join(command)} script `{first}{' …' if len(lines) > 1 else ''}`"


def _interpreter(text: str) -> list[str] | None:
    """The command of the first line, None where it names none."""
    if not text.startswith("#!"):
        return None
    first = text.partition("\n")[0][2:]
    try:
        words = shlex.split(first)
    except ValueError:
        words = first.split()
    if words and os.path.basename(words[0]) == "env":
        # What env does with a name, `located` does. With -S or without, the words after it are arguments.
        words = words[2:] if words[1:2] == ["-S"] else words[1:]
    if not words or words[0].startswith("-") or "=" in words[0]:
        raise OptionError(f"script: the first line names no interpreter: #!{first}")
    return words


def _with_places(text: str, variables: Mapping[str, str | list[str] | None], shell: str) -> str:
    def variable(match: re.Match[str]) -> str:
        name = match[1]
        if name not in variables:
            return match[0]
        value = variables[name]
        if isinstance(value, str):
            return f'"${{{name}}}"'
        if value is None:
            raise OptionError(f"script: {{{name}}} is neither a word nor a list of words")
        if shell not in _WITH_LISTS:
            raise OptionError(f"script: {{{name}}} is a list, which {shell} cannot have: use bash")
        # With nothing in it, older versions call it unbound.
        return f'${{{name}[@]+"${{{name}[@]}}"}}'

    return _PLACE.sub(variable, text)


def _words(value: Any) -> str | list[str] | None:
    """What a shell makes of a value: a word, a list of words, or nothing."""
    if isinstance(value, list):
        found: list[str] = []
        for item in value:
            words = _words(item)
            if words is None:
                return None
            found += [words] if isinstance(words, str) else words
        return found
    return None if isinstance(value, dict) else _word(value)


def _word(value: Any) -> str:
    if value is None:
        return ""
    word = str(value).lower() if isinstance(value, bool) else str(value)
    if "\0" in word:
        raise OptionError(f"script: no variable can hold {word!r}")
    return word


def _environment(variables: Mapping[str, Any]) -> dict[str, str]:
    out = {}
    for name, value in variables.items():
        out[name] = json.dumps(value) if isinstance(value, list | dict) else _word(value)
        if len(os.fsencode(out[name])) > _MOST:
            raise OptionError(f"script: {name} is too long for a variable of the environment: write it into a File")
    return out
