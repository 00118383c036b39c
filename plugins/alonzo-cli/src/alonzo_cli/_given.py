"""What the options of a run that have a name and a value say: context, tags, options of tasks, limits."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click


def context_of(files: Sequence[str], texts: Sequence[str]) -> dict[str, Any]:
    """The entries of these files, each over the ones before it, and over them those of `--context K=V`.

    Raises:
        click.UsageError: a file cannot be read or is no table; a text is not `K=V`.
    """
    context: dict[str, Any] = {}
    for file in files:
        _merge(context, _read(file))
    _merge(context, parse_context(texts))
    return context


def parse_context(texts: Sequence[str]) -> dict[str, Any]:
    """What `--context K=V` gives: V as JSON where it is that, else as text; a dot in K goes a level down.

    Raises:
        click.UsageError: one is not `K=V`, or a key is both a value and a level.
    """
    tree: dict[str, Any] = {}
    for text in texts:
        path, equals, value = text.partition("=")
        if not equals or not all(path.split(".")):
            raise click.UsageError(f"--context {text}: expected K=V")
        *above, last = path.split(".")
        level = tree
        for key in above:
            level = level.setdefault(key, {})
            if not isinstance(level, dict):
                raise click.UsageError(f"--context {text}: {key} has a value already")
        try:
            level[last] = json.loads(value)
        except ValueError:
            level[last] = value
    return tree


def parse_tags(texts: Sequence[str]) -> dict[str, str]:
    """What `--tag K=V` gives; `--tag K` alone is a tag without a value.

    Raises:
        click.UsageError: one has no name.
    """
    tags = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name:
            raise click.UsageError(f"--tag {text}: expected K=V")
        tags[name] = value
    return tags


def overrides_of(options: Sequence[str], limits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What `--option PATTERN.KEY=VALUE` and `--limit NAME=N` mean as settings: name for messages, and assignment.

    Raises:
        click.UsageError: one is not of this form.
    """
    for text in options:
        pattern, key, value = _option(text)
        yield "--option", f"options.{_quoted(pattern)}.{_quoted(key)}={value}"
    for text in limits:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"--limit {text}: expected NAME=N, such as db=3")
        yield "--limit", f"limits.{_quoted(name)}={value}"


def unmatched(options: Sequence[str], names: Collection[str]) -> list[str]:
    """The patterns of `--option` that fit none of these full names, each once."""
    return unfit([_option(text)[0] for text in options], names)


def unfit(patterns: Sequence[str], names: Collection[str]) -> list[str]:
    """The patterns that fit none of these full names, each once."""
    return [
        pattern for pattern in dict.fromkeys(patterns) if not any(fnmatch.fnmatchcase(name, pattern) for name in names)
    ]


def _option(text: str) -> tuple[str, str, str]:
    path, equals, value = text.partition("=")
    pattern, dot, key = path.rpartition(".")
    if not equals or not dot or not pattern or not key:
        raise click.UsageError(f"--option {text}: expected PATTERN.KEY=VALUE, such as 'flow.*.retries=3'")
    return pattern, key, value


def _quoted(key: str) -> str:
    """A key as TOML has it in quotes."""
    return json.dumps(key)


def _read(file: str) -> Mapping[str, Any]:
    try:
        content = Path(file).read_bytes().decode("utf-8-sig")
        found = json.loads(content) if file.lower().endswith(".json") else _toml(content)
    except OSError as error:
        raise click.UsageError(f"--context-file {file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"--context-file {file}: is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise click.UsageError(f"--context-file {file}: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError(f"--context-file {file}: expected a table, not a {type(found).__name__}")
    return found


def _toml(content: str) -> dict[str, Any]:
    import tomllib  # only by who has such a file

    return tomllib.loads(content)


def _merge(into: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Put `over` into `into`, table by table."""
    for key, value in over.items():
        below = into.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            _merge(below, value)
        else:
            into[key] = value
