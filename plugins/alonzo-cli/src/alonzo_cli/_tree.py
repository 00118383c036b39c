"""The jobs of a run as a tree, without recursion: a chain may be 100,000 deep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import attrs
import click

from ._tags import tags_text
from ._tally import duration

if TYPE_CHECKING:
    from alonzo.plugin import JobRow

_SIBLINGS = 10  # of one task and status that are drawn one by one
_DEPTH = 30
_STYLES = {"failed": "red", "ran": "green", "recalled": "cyan", "shared": "cyan"}


@attrs.frozen
class _More:
    """Stands for jobs that are not drawn."""

    text: str


def tree_lines(jobs: Sequence[JobRow], *, whole: bool = False, output: bool = False) -> list[str]:
    """A line for each job, below the job whose body it is part of.

    Of more than a few siblings of one task and status the first are drawn, and what is deeper than a terminal is wide
    is counted, unless `whole`. Jobs whose parent was not recorded, because the run was killed first, come last.
    """
    known = {job.number for job in jobs}
    parts: dict[int, list[JobRow]] = {}
    orphans = []
    for job in jobs:
        if job.parent == 0:
            parts.setdefault(0, []).append(job)
        elif job.parent in known and job.parent != job.number:
            parts.setdefault(job.parent, []).append(job)
        else:
            orphans.append(job)
    lines = list(_drawn(parts.get(0, []), parts, whole=whole, output=output))
    if orphans:
        lines.append("parts of calls that had not ended:")
        lines += _drawn(orphans, parts, whole=whole, output=output)
    return lines


def _drawn(roots: Sequence[JobRow], parts: dict[int, list[JobRow]], *, whole: bool, output: bool) -> Iterator[str]:
    todo: list[tuple[str, bool, JobRow | _More]] = []

    def push(indent: str, jobs: Sequence[JobRow]) -> None:
        shown = list(jobs) if whole else _chosen(jobs)
        todo.extend((indent, number == 0, item) for number, item in enumerate(reversed(shown)))

    push("", roots)
    while todo:
        indent, is_last, item = todo.pop()
        head = f"{indent}{'└─ ' if is_last else '├─ '}"
        if isinstance(item, _More):
            yield f"{head}{item.text}"
            continue
        yield f"{head}{_line(item)}"
        # A very deep chain goes on at one place: its guides alone would fill the memory.
        below = f"{indent}{'   ' if is_last else '│  '}" if len(indent) < 6 * _DEPTH else indent
        own = parts.get(item.number, [])
        yield from _notes(item, f"{below}{'│  ' if own else '   '}", output=output)
        if own and not whole and len(below) // 3 >= _DEPTH:
            yield f"{below}└─ … {_count_below(item, parts):,} more below"
            continue
        push(below, own)


def _chosen(jobs: Sequence[JobRow]) -> list[JobRow | _More]:
    """The first few of each task and status, and how many more there are, where the last one drawn stands."""
    groups: dict[tuple[str, str], list[JobRow]] = {}
    for job in jobs:
        groups.setdefault((job.task, job.status), []).append(job)
    hidden: dict[int, _More] = {}
    drawn: set[int] = set()
    for (task, status), alike in groups.items():
        first = alike if len(alike) <= _SIBLINGS + 1 else alike[:_SIBLINGS]
        drawn.update(job.number for job in first)
        if len(first) < len(alike):
            hidden[first[-1].number] = _More(f"… and {len(alike) - len(first):,} more {status}: {task}")
    chosen: list[JobRow | _More] = []
    for job in jobs:
        if job.number in drawn:
            chosen.append(job)
            chosen += [hidden[job.number]] if job.number in hidden else []
    return chosen


def _line(job: JobRow) -> str:
    call = f"{job.task}({' '.join(job.arguments.split())})"
    took = "" if job.started is None or job.finished is None else f" {duration(job.finished - job.started)}"
    where = f" on {job.executor}" if job.executor else ""
    tries = f", {job.attempts} attempts" if job.attempts > 1 else ""
    tags = f"  [{tags_text(job.tags)}]" if job.tags else ""
    cut = call if len(call) <= 120 else f"{call[:119]}…"
    return f"{cut}  {click.style(job.status, fg=_STYLES.get(job.status))}{took}{where}{tries}{tags}"


def _notes(job: JobRow, indent: str, *, output: bool) -> Iterator[str]:
    if job.error:
        yield f"{indent}{job.error.strip().splitlines()[0]}"
    for line in job.output.splitlines() if output else ():
        yield f"{indent}| {line}"


def _count_below(job: JobRow, parts: dict[int, list[JobRow]]) -> int:
    count, todo = 0, [job.number]
    while todo:
        below = parts.get(todo.pop(), [])
        count += len(below)
        todo += [part.number for part in below]
    return count
