"""Tags, as `alonzo log` shows them and looks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ._errors import Wrong

if TYPE_CHECKING:
    from alonzo.plugin import Store, TagRow


def tags_text(tags: Mapping[str, str]) -> str:
    """The tags in one line; those without a text by their name alone."""
    return ", ".join(f"{name}={text}" if text else name for name, text in tags.items())


def find_tagged(store: Store, wanted: str, run: int | None, limit: int | None) -> Sequence[TagRow]:
    """What has the tag `NAME`, or `NAME=TEXT`, newest run first: in this run, if one is named; at most `limit`.

    Raises:
        Wrong: the store does not look for tags.
    """
    from alonzo.plugin import Tagged

    if not isinstance(store, Tagged):
        raise Wrong("this store does not look for tags")
    name, equals, text = wanted.partition("=")
    return [row for row in store.tagged(name, text if equals else None) if run in {None, row.run}][:limit]


def tagged_text(store: Store, rows: Sequence[TagRow]) -> str:
    """A line for each: the run, the call that was tagged or the digest of the value, the tag."""
    if not rows:
        return "nothing has this tag"
    calls = {
        run: {job.number: f"{job.task}({job.arguments})" for job in store.jobs(run)} for run in _runs_of_jobs(rows)
    }
    lines = []
    for row in rows:
        what = f"  value {row.value.hex()}" if row.value else ""
        what = f"  job {row.job}: {calls[row.run].get(row.job, '')}" if row.job else what
        lines.append(f"run {row.run}{what}  [{tags_text({row.name: row.text})}]")
    return "\n".join(lines)


def _runs_of_jobs(rows: Sequence[TagRow]) -> set[int]:
    return {row.run for row in rows if row.job}
