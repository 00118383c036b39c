"""The arguments of a task from the words of a command line: which options it has, and what was given for each."""

from __future__ import annotations

import datetime
import enum
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import click

from ._annotations import described, hints_of, is_flag, shown
from ._values import FALSE_WORDS, NONE_WORDS, TRUE_WORDS, MisfitError, from_texts
from ._words import is_option

# Defaults whose type says what a parameter without annotation wants.
_TELLING = (
    enum.Enum,
    bool,
    int,
    float,
    str,
    bytes,
    Path,
    datetime.datetime,
    datetime.date,
    datetime.time,
    list,
    tuple,
    set,
    frozenset,
    dict,
)
_MISSING = inspect.Parameter.empty
_SEVERAL = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@attrs.frozen
class Argument:
    """A parameter of a task as the command line has it: `--name`, also for `name` and with `_` for each `-`."""

    name: str
    annotation: Any
    default: Any
    kind: Any
    is_reserved: bool = False

    @property
    def option(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def written(self) -> str:
        """The option as it is to be typed; one of the engine's name stands after `--`."""
        return f"-- {self.option}" if self.is_reserved else self.option

    @property
    def is_required(self) -> bool:
        return self.default is _MISSING and self.kind not in _SEVERAL

    @property
    def is_flag(self) -> bool:
        return is_flag(self.annotation) and self.kind not in _SEVERAL


@attrs.define
class Given:
    """What was given on the command line: texts by option, texts by position, and the engine's own options."""

    options: dict[str, list[str]] = attrs.field(factory=dict)
    positions: list[str] = attrs.field(factory=list)


def arguments_of(func: Callable[..., Any], reserved: Collection[str] = ()) -> list[Argument]:
    """The parameters of a function, with annotations resolved as far as they can be. `reserved` are options of the engine."""
    hints = hints_of(func)
    found = []
    for parameter in inspect.signature(func).parameters.values():
        # What could not be resolved counts as not annotated.
        annotation = hints.get(parameter.name, _MISSING)
        if annotation is _MISSING or annotation is Any:
            annotation = _told_by(parameter.default)
        argument = Argument(parameter.name, annotation, parameter.default, parameter.kind)
        found.append(attrs.evolve(argument, is_reserved=argument.option in reserved))
    return found


def _told_by(default: Any) -> Any:
    """The type that a default says that its parameter wants."""
    if isinstance(default, enum.Enum) or hasattr(type(default), "__alonzo_parse__"):
        return type(default)
    return next((kind for kind in _TELLING if isinstance(default, kind)), str)


def parse_words(words: Sequence[str], arguments: Sequence[Argument], task: str, *, start: Given | None = None) -> Given:
    """The texts for each parameter, from words such as `--name value`, `--name=value`, `--flag`, `--no-flag`, `value`.

    Raises:
        click.UsageError: an option is not known, or lacks its value; it names the nearest.
    """
    given = start or Given()
    known = {_folded(argument.option): argument for argument in arguments if argument.kind not in _SEVERAL}
    takes_any = any(argument.kind is inspect.Parameter.VAR_KEYWORD for argument in arguments)
    rest = list(reversed(words))
    while rest:
        word = rest.pop()
        if not is_option(word):
            given.positions.append(word)
            continue
        option, equals, text = word.partition("=")
        argument = known.get(_folded(option))
        negated = known.get(_folded(option).replace("--no-", "--", 1))
        if argument is None and negated is not None and negated.is_flag and not equals:
            given.options.setdefault(negated.name, []).append("false")
            continue
        if argument is None and not (takes_any and option.startswith("--")):
            raise click.UsageError(f"{task} has no option {option}{_near(option, arguments)}")
        name = argument.name if argument else option[2:].replace("-", "_")
        if not equals:
            text = _value(option, argument, rest, known)
        given.options.setdefault(name, []).append(text)
    return given


def convert(given: Given, arguments: Sequence[Argument], task: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The positional and keyword arguments to call the task with; defaults are left to it.

    Raises:
        click.UsageError: something is missing (all of it is named), too much, given twice, or of the wrong type.
    """
    texts = {name: list(values) for name, values in given.options.items()}
    rest = _placed(given.positions, arguments, texts, task)
    missing = [argument.written for argument in arguments if argument.is_required and argument.name not in texts]
    if missing:
        needed = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
        raise click.UsageError(f"{task} needs {needed}")
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    # By position as far as nothing is left out: that is how the record shows a call.
    is_contiguous = True
    for argument in arguments:
        match argument.kind:
            case inspect.Parameter.VAR_POSITIONAL:
                args.extend(_converted(argument, [text], argument.name) for text in rest)
            case inspect.Parameter.VAR_KEYWORD:
                own = {other.name for other in arguments}
                kwargs |= {name: _converted(argument, texts[name], name) for name in texts if name not in own}
            case _ if argument.name not in texts:
                is_contiguous = False
            case inspect.Parameter.POSITIONAL_ONLY | inspect.Parameter.POSITIONAL_OR_KEYWORD if is_contiguous:
                args.append(_converted(argument, texts[argument.name], argument.name))
            case _:
                kwargs[argument.name] = _converted(argument, texts[argument.name], argument.name)
    return tuple(args), kwargs


def help_rows(arguments: Sequence[Argument], texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """For each parameter its option with the type, and what is known of it: its text, default, whether it is required."""
    rows = []
    for argument in arguments:
        option, wanted = argument.written, shown(argument.annotation)
        if argument.kind is inspect.Parameter.VAR_POSITIONAL:
            left = f"{argument.name.upper()}..."
        elif argument.kind is inspect.Parameter.VAR_KEYWORD:
            left = "--NAME VALUE ..."
        else:
            left = f"{option} / --no{argument.option[1:]}" if argument.is_flag else f"{option} {wanted}"
        notes = [texts.get(argument.name, "")]
        if argument.is_required:
            notes.append("[required]")
        elif argument.default is not _MISSING and argument.default is not None:
            notes.append(f"[default: {_default(argument)}]")
        rows.append((left, "  ".join(note for note in notes if note)))
    return rows


def documentation(func: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The first paragraph of the docstring, and what its `Args:` section says of each parameter."""
    text = inspect.getdoc(func) or ""
    paragraph = " ".join(text.split("\n\n", 1)[0].split())
    if re.match(r"(args|arguments|parameters|raises|returns):", paragraph, re.IGNORECASE):
        paragraph = ""
    section = re.search(r"^(?:Args|Arguments|Parameters):[ \t]*\n((?:[ \t]+.*\n?|\n)+)", text, re.MULTILINE)
    return paragraph, dict(_entries(section.group(1).splitlines())) if section else {}


def _entries(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """`name: text` (also `name (type): text`), with the lines below that are indented deeper."""
    name, parts, depth = "", [""], None
    for line in lines:
        indent = len(line) - len(line.lstrip())
        head = re.match(r"\s*\**(\w+)(?:\s*\([^)]*\))?\s*:\s*(.*)", line)
        if head and (depth is None or indent <= depth):
            if name:
                yield name, " ".join(parts).strip()
            name, parts, depth = head.group(1), [head.group(2)], indent
        else:
            parts.append(line.strip())
    if name:
        yield name, " ".join(parts).strip()


def _placed(
    positions: Sequence[str], arguments: Sequence[Argument], texts: dict[str, list[str]], task: str
) -> list[str]:
    """Put the values given by position into `texts`; those that are left are for `*args`."""
    simple = [
        a for a in arguments if a.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    for argument, text in zip(simple, positions, strict=False):
        if argument.name in texts:
            raise click.UsageError(f"{argument.option} is given twice: as {text!r} by position, and by name")
        texts[argument.name] = [text]
    rest = list(positions[len(simple) :])
    if rest and not any(argument.kind is inspect.Parameter.VAR_POSITIONAL for argument in arguments):
        takes = "no arguments by position" if not simple else f"at most {len(simple)} by position"
        raise click.UsageError(f"{task} takes {takes}: {' '.join(map(repr, rest))} is too much")
    return rest


def _value(option: str, argument: Argument | None, rest: list[str], known: Mapping[str, Argument]) -> str:
    """The text after an option; a flag takes one only where it says true or false."""
    after = rest[-1] if rest else None
    if argument is not None and argument.is_flag:
        is_word = (
            after is not None and after.lower() in (*TRUE_WORDS, *FALSE_WORDS, *NONE_WORDS) and not after.isdigit()
        )
        return rest.pop() if is_word else "true"
    if after is None or _folded(after.partition("=")[0]) in known:
        wanted = f": {described(argument.annotation)}" if argument else ""
        raise click.UsageError(f"{option} needs a value{wanted}")
    return rest.pop()


def _converted(argument: Argument, texts: list[str], name: str) -> Any:
    try:
        return from_texts(texts, argument.annotation)
    except MisfitError as misfit:
        raise click.UsageError(f"--{name.replace('_', '-')}: {misfit}") from misfit


def _default(argument: Argument) -> str:
    value = argument.default
    text = (
        value.name
        if isinstance(value, enum.Enum)
        else str(value)
        if isinstance(value, str | Path) and str(value)
        else repr(value)
    )
    return text if len(text) <= 60 else f"{text[:57]}..."


def _folded(option: str) -> str:
    return option.replace("_", "-")


def _near(option: str, arguments: Sequence[Argument]) -> str:
    options = [argument.option for argument in arguments if argument.kind not in _SEVERAL]
    import difflib  # only for error messages

    near = difflib.get_close_matches(_folded(option), options, 1)
    if near:
        return f" (did you mean {near[0]}?)"
    return f"; it has {', '.join(options)}" if options else "; it has none"
