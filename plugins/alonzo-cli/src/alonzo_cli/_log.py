"""`alonzo log`: the recorded runs, or the jobs of one as a tree."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from ._errors import Wrong
from ._messages import told
from ._options import plugin_option
from ._tags import find_tagged, tagged_text, tags_text
from ._tally import duration
from ._tree import tree_lines

if TYPE_CHECKING:
    from alonzo.plugin import JobRow, RunRow, Store

_STYLES = {"done": "green", "running": "bold", "failed": "red", "interrupted": "yellow", "lost": "yellow"}


@click.command("log", short_help="What was run: all runs, or one run's jobs.")
@click.argument("run", required=False)
@click.option("--store", metavar="URL", help="The store to look into; else that of the project.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
@click.option(
    "--limit", "-n", type=click.IntRange(1), default=20, show_default=True, help="How many runs, or tags, to list."
)
@click.option(
    "--tag", metavar="NAME[=TEXT]", help="List the runs, jobs and values with this tag; of RUN alone, if it is given."
)
@click.option("--all", "whole", is_flag=True, help="Every job of the run, or every tag, however many there are.")
@click.option("--output", is_flag=True, help="With each job what it printed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@plugin_option
def log(
    *,
    run: str | None,
    store: str | None,
    sets: tuple[str, ...],
    limit: int,
    tag: str | None,
    whole: bool,
    output: bool,
    as_json: bool,
) -> None:
    """List the newest runs, or show the jobs of the run with the id RUN; `last` is the newest run."""
    with told(_warn, quiet=True), _opened(store, sets) as opened:
        row = None if run is None else find_run(opened, run)
        if tag is not None:
            tags = find_tagged(opened, tag, None if row is None else row.id, None if whole else limit)
            text = _dumped([as_dict(found) for found in tags]) if as_json else tagged_text(opened, tags)
        elif row is None:
            rows = opened.runs(limit)
            text = _dumped([as_dict(row) for row in rows]) if as_json else _runs_text(rows)
        else:
            jobs = opened.jobs(row.id)
            text = (
                _dumped({**as_dict(row), "jobs": [as_dict(job) for job in jobs]})
                if as_json
                else run_text(row, jobs, whole=whole, output=output)
            )
    _page(text)


@contextlib.contextmanager
def _opened(url: str | None, sets: Sequence[str]) -> Iterator[Store]:
    """The store that the settings name; whoever looks into one that is not there has named the wrong one: it is not made."""
    from alonzo import Runtime
    from alonzo.plugin import load_settings, open_store

    settings = load_settings(overrides=[*sets, {"store": url}])
    with Runtime(store="memory:", settings=settings) as runtime:
        store, _ = open_store(settings, runtime.providers, create=False)
        try:
            yield store
        finally:
            store.close()


def find_run(store: Store, wanted: str) -> RunRow:
    """The run with this id, or the newest.

    Raises:
        Wrong: there is none.
    """
    if wanted == "last":
        rows = store.runs(1)
        if not rows:
            raise Wrong("nothing was run yet")
        return rows[0]
    if not wanted.isdecimal():
        raise Wrong(f"{wanted!r} is no run: give a run's id, or last")
    limit = 100
    while True:
        rows = store.runs(limit)
        for row in rows:
            if row.id == int(wanted):
                return row
        if len(rows) < limit:
            raise Wrong(f"there is no run {wanted} (see alonzo log)")
        limit *= 10


def run_text(row: RunRow, jobs: Sequence[JobRow], *, whole: bool = False, output: bool = False) -> str:
    """One run: what it was, and its jobs as a tree; equal siblings and deep chains are drawn together unless `whole`."""
    took = "" if row.finished is None else f" in {duration(row.finished - row.started)}"
    lines = [f"run {row.id}: {_call(row.task, row.arguments)} {_styled(row.status)}{took}, {_time(row.started)}"]
    lines += [f"  {_counts(row)}"] if row.counts else []
    lines += [f"  tags: {tags_text(row.tags)}"] if row.tags else []
    lines += [f"  {row.error}"] if row.error else []
    return "\n".join([*lines, *tree_lines(jobs, whole=whole, output=output)])


def as_dict(row: Any) -> dict[str, Any]:
    """A row as JSON has it: every field; times in seconds since the epoch, digests hexadecimal."""
    import attrs

    return attrs.asdict(row, value_serializer=lambda _, __, value: _plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    return dict(value) if hasattr(value, "keys") else value


def _runs_text(rows: Sequence[RunRow]) -> str:
    if not rows:
        return "nothing was run yet"
    cells = [("run", "status", "began", "took", "task", "jobs")]
    for row in rows:
        took = "" if row.finished is None else duration(row.finished - row.started)
        cells.append(
            (str(row.id), row.status, _time(row.started), took, _call(row.task, row.arguments, 60), _counts(row))
        )
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = []
    for number, texts in enumerate(cells):
        padded = [text.ljust(width) for text, width in zip(texts, widths, strict=True)]
        if number:
            padded[1] = _styled(texts[1]) + " " * (widths[1] - len(texts[1]))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _counts(row: RunRow) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in row.counts.items() if count)


def _call(task: str, arguments: str, limit: int = 200) -> str:
    text = f"{task}({arguments})"
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _styled(status: str) -> str:
    return click.style(status, **({"bold": True} if _STYLES.get(status) == "bold" else {"fg": _STYLES.get(status)}))


def _dumped(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False, default=repr)


def _warn(line: str) -> None:
    click.echo(line, err=True)


def _page(text: str) -> None:
    """Write it; in colour only where that is seen and wanted."""
    import os

    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)
