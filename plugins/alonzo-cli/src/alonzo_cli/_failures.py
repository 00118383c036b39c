"""Failures as a user wants to see them: the own traceback first, then the calls that led there."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ._errors import say_error

if TYPE_CHECKING:
    from alonzo.plugin import Failure

_SHOWN = 5
_CHAIN_ENDS = (10, 5)


def show_failures(failures: Sequence[Failure]) -> None:
    """Each on stderr, equal ones once, a few at most; then one line for each."""
    distinct: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        distinct.setdefault((failure.task, failure.traceback), []).append(failure)
    for alike in list(distinct.values())[:_SHOWN]:
        _show(alike[0], len(alike) - 1)
    if len(distinct) > _SHOWN:
        click.echo(f"… and {len(distinct) - _SHOWN:,} more failures; `alonzo log last` shows all", err=True)


def show_unexpected(error: BaseException) -> None:
    """An error that no task raised."""
    click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    say_error(_named(error))


def _show(failure: Failure, more: int) -> None:
    text = failure.traceback or "".join(traceback.format_exception_only(failure.error))
    click.echo(text.rstrip("\n"), err=True)
    for line in _chain(failure.chain or ((failure.task, failure.arguments),)):
        click.echo(line, err=True)
    if more:
        click.echo(f"  … and {more:,} more of {failure.task} failed in the same way", err=True)
    say_error(f"{failure.task} failed: {_named(failure.error)}")


def _chain(calls: Sequence[tuple[str, str]]) -> list[str]:
    """A line for each call, the failed one first; of a long chain the ends."""
    first, last = _CHAIN_ENDS
    lines = [f"  {'in' if number == 0 else 'called by'} {_call(*call)}" for number, call in enumerate(calls[:first])]
    if len(calls) > first + last:
        lines.append(f"  … {len(calls) - first - last:,} more calls …")
    tail = calls[max(first, len(calls) - last) :]
    return [*lines, *(f"  called by {_call(*call)}" for call in tail)]


def _call(task: str, arguments: str) -> str:
    return f"{task}({arguments})"


def _named(error: BaseException) -> str:
    """Its class, and the first line of what it says."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # its own __str__ fails
        lines = []
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
