"""Tags of jobs and values; a run's own are in its row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alonzo.plugin import Note, TagRow

from ._connection import Connection
from ._rows import readable


class Tags:
    """The table `tag`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, run: int, notes: Iterable[Note]) -> None:
        """The tags that these notes tell, in the caller's transaction."""
        rows: list[tuple[Any, ...]] = []
        for note in notes:
            job, tagged = note.remember.job, note.remember.tagged
            if job is not None and job.tags:
                rows += [(run, job.number, b"", *_texts(tag)) for tag in job.tags.items()]
            if tagged is not None:
                rows += [(run, 0, tagged[0], *_texts(tag)) for tag in tagged[1].items()]
        self._connection.executemany(
            "INSERT OR REPLACE INTO tag (run, job, value, name, text) VALUES (?, ?, ?, ?, ?)", rows
        )

    def of_jobs(self, run: int) -> dict[int, dict[str, str]]:
        """The tags of a run's jobs, by their numbers."""
        tags: dict[int, dict[str, str]] = {}
        for job, name, text in self._connection.execute(
            "SELECT job, name, text FROM tag WHERE run = ? AND job > 0", (run,)
        ):
            tags.setdefault(job, {})[name] = text
        return tags

    def named(self, name: str, text: str | None) -> list[TagRow]:
        """All tags of this name, of runs, jobs and values, with this text if one is given."""
        wanted = readable(name) or "", None if text is None else readable(text) or ""
        rows = self._connection.execute(
            "SELECT run, job, value, name, text FROM tag WHERE name = ?1 AND text = coalesce(?2, text)"
            " UNION ALL SELECT run.id, 0, x'', part.key, part.value FROM run, json_each(run.tags) AS part"
            " WHERE part.key = ?1 AND part.value = coalesce(?2, part.value)"
            " ORDER BY 1 DESC, 3, 2",
            wanted,
        )
        return [TagRow(*row) for row in rows]


def _texts(tag: tuple[str, str]) -> tuple[str, str]:
    name, text = tag
    return readable(name) or "", readable(text) or ""
