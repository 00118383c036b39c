"""The store of `memory:` URLs: memo and record in dictionaries, for as long as the process lives.

`memory:` is private to who opens it; `memory:NAME` is one store for all that open it in this process. Rules of the design's page
on footprints are named by number.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from ._effects import ABSENT, Found, Normal, Records, Remember
from ._errors import StoreError
from ._ports import JobRow, Note, RunRow, RunStart, RunStatus, StoreSite, TagRow
from ._scalars import digest_of
from ._traces import EMPTY, External, Footprint, Ledger

MOST = 8
"""Normal forms, and reductions, that are kept of a key (rule 23)."""

AT_ONCE = 1024
"""Bytes of a value that `recall` brings along."""


def open_memory_store(site: StoreSite) -> MemoryStore:
    """The store that a `memory:` URL names."""
    name = site.url.partition(":")[2]
    if not name:
        return MemoryStore(_Shelves())
    with _naming:
        return MemoryStore(_named.setdefault(name, _Shelves()))


@attrs.define(eq=False)
class _Kept:
    """What is kept of a key, oldest first: by the external values in it, and by what it rests on."""

    reductions: dict[frozenset[External], Found] = attrs.field(factory=dict)
    normals: dict[Footprint, Found] = attrs.field(factory=dict)


class _Shelves:
    """All that one name holds; `lock` is for stores of one name in several threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.memo: dict[bytes, _Kept] = {}
        self.values: dict[bytes, Found] = {}
        self.epochs: dict[tuple[str, bytes], int] = {}
        self.runs: list[RunRow] = []
        self.jobs: dict[int, dict[int, JobRow]] = {}
        self.claims: dict[bytes, int] = {}
        self.tags: dict[tuple[int, int, bytes, str], str] = {}  # run, job, value, name -> text
        self.ledger = Ledger()


_named: dict[str, _Shelves] = {}
_naming = threading.Lock()


class MemoryStore:
    """The ports `Store`, `Claims` and `Tagged`, in memory. Nothing is lost on `close`: the name's other stores go on."""

    def __init__(self, shelves: _Shelves) -> None:
        self._shelves = shelves

    def recall(self, keys: Sequence[bytes]) -> Sequence[Records | None]:
        with self._shelves.lock:
            return [self._records(self._shelves.memo.get(key)) for key in keys]

    def load(self, digests: Sequence[bytes]) -> Sequence[Found | None]:
        with self._shelves.lock:
            values = [self._shelves.values.get(digest) for digest in digests]
            return [None if value is None else _copy(value) for value in values]

    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        with self._shelves.lock:
            return [self._shelves.epochs.get(task, 0) for task in tasks]

    def begin(self, start: RunStart) -> int:
        with self._shelves.lock:
            number = len(self._shelves.runs) + 1
            row = RunRow(number, start.task, start.arguments, "running", start.started, None, {})
            self._shelves.runs.append(attrs.evolve(row, tags=dict(start.tags)))
            self._shelves.jobs[number] = {}
            self._tag(number, 0, b"", start.tags)
            return number

    def commit(self, run: int, notes: Sequence[Note]) -> None:
        with self._shelves.lock:
            jobs = self._shelves.jobs.get(run)
            if jobs is None:
                raise StoreError(f"this memory store has no run {run}")
            disagreed: set[tuple[str, bytes]] = set()
            for note in notes:
                disagreed |= self._remember(note.remember)
                self._record(jobs, note)
                self._tell_tags(run, note.remember)
            self._release(run, [note.remember.key for note in notes])
            for task in disagreed:
                self._shelves.epochs[task] = self._shelves.epochs.get(task, 0) + 1

    def beat(self, run: int) -> None:
        """Nothing to do: who could ask shares the process, and its life."""

    def finish(self, run: int, status: RunStatus, counts: Mapping[str, int], error: str = "") -> None:
        with self._shelves.lock:
            self._release(run, list(self._shelves.claims))
            row = self._shelves.runs[run - 1]
            self._shelves.runs[run - 1] = attrs.evolve(
                row, status=status, finished=time.time(), counts=dict(counts), error=error
            )

    def runs(self, limit: int = 20) -> Sequence[RunRow]:
        with self._shelves.lock:
            return self._shelves.runs[::-1][:limit]

    def jobs(self, run: int) -> Sequence[JobRow]:
        with self._shelves.lock:
            return [row for _, row in sorted(self._shelves.jobs.get(run, {}).items())]

    def claim(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        with self._shelves.lock:
            for key in keys:
                self._shelves.claims.setdefault(key, run)
            return self.held(run, keys)

    def release(self, run: int, keys: Sequence[bytes]) -> None:
        with self._shelves.lock:
            self._release(run, keys)

    def held(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        # A run that is not finished is alive: it shares the process, and its life.
        with self._shelves.lock:
            claims = self._shelves.claims
            return {key for key in keys if claims.get(key, run) != run} if claims else ()

    def tagged(self, name: str, text: str | None = None) -> Sequence[TagRow]:
        with self._shelves.lock:
            rows = [
                TagRow(run, job, value, name, given)
                for (run, job, value, called), given in self._shelves.tags.items()
                if called == name and text in {None, given}
            ]
            return sorted(rows, key=lambda row: (-row.run, row.value, row.job))

    def close(self) -> None:
        """Idempotent."""

    def _records(self, kept: _Kept | None) -> Records | None:
        if kept is None:
            return None
        normals = [Normal(_light(found), rests) for rests, found in kept.normals.items()]
        reductions = [_light(found) for found in kept.reductions.values()]
        return Records(tuple(normals[::-1]), tuple(reductions[::-1]))

    def _remember(self, note: Remember) -> set[tuple[str, bytes]]:
        """Record a note; the tasks whose results have disagreed (rule 18)."""
        disagreed: set[tuple[str, bytes]] = set()
        reduction = self._whole(note.reduction)
        normal = None if note.footprint is None else self._whole(note.normal)
        if reduction is None and normal is None:
            return disagreed
        kept = self._shelves.memo.setdefault(note.key, _Kept())
        if reduction is not None:
            variant = frozenset(reduction.externals)
            before = kept.reductions.pop(variant, None)
            if before is not None and before.token != reduction.token and note.own is not None:
                disagreed.add((note.own[1], note.own[2]))
            kept.reductions[variant] = reduction
            _trim(kept.reductions)
        if normal is not None:
            footprint = self._shelves.ledger.intern(note.footprint or EMPTY)
            kept.normals.pop(footprint, None)
            kept.normals[footprint] = normal
            _trim(kept.normals)
        return disagreed

    def _whole(self, found: Found | None) -> Found | None:
        """A copy with its bytes; None when they are neither here nor there (rule 19)."""
        if found is None or not found.token:
            return None
        digest = digest_of(found.token)
        if found.data is not None:
            self._shelves.values.setdefault(digest, _copy(found))
        known = self._shelves.values.get(digest)
        if known is None:
            return None
        copy = _copy(known)
        copy.externals, copy.lazy = found.externals, found.lazy
        return copy

    def _release(self, run: int, keys: Sequence[bytes]) -> None:
        claims = self._shelves.claims
        if claims:
            for key in keys:
                if claims.get(key) == run:
                    del claims[key]

    def _tag(self, run: int, job: int, value: bytes, tags: Mapping[str, str]) -> None:
        for name, text in tags.items():
            self._shelves.tags[run, job, value, name] = text

    def _tell_tags(self, run: int, told: Remember) -> None:
        if told.job is not None and told.job.tags:
            self._tag(run, told.job.number, b"", told.job.tags)
        if told.tagged is not None:
            self._tag(run, 0, *told.tagged)

    def _record(self, jobs: dict[int, JobRow], note: Note) -> None:
        job = note.remember.job
        if job is None:
            return
        last = note.attempts[-1] if note.attempts else None
        before = jobs.get(job.number)
        jobs[job.number] = JobRow(
            number=job.number,
            parent=job.parent,
            task=job.task,
            status=job.status,
            arguments=job.arguments or (before.arguments if before else ""),
            upstreams=job.upstreams or (before.upstreams if before else ()),
            started=last.started if last else (before.started if before else None),
            finished=last.finished if last else (before.finished if before else None),
            executor=last.executor if last else (before.executor if before else ""),
            error=_error_text(job.error),
            output=note.output or (before.output if before else ""),
            attempts=len(note.attempts) or (before.attempts if before else 0),
            tags={**(before.tags if before else {}), **job.tags},
        )


def _trim(kept: dict[Any, Found]) -> None:
    for oldest in list(kept)[:-MOST]:
        del kept[oldest]


def _copy(found: Found) -> Found:
    """The bytes and what is known of them, without the object: that belongs to its run."""
    size = 0 if found.data is None else len(found.data)
    return Found(ABSENT, found.token, found.codec, found.data, found.externals, found.lazy, size, found.names)


def _light(found: Found) -> Found:
    copy = _copy(found)
    if copy.size > AT_ONCE:
        copy.data = None
    return copy


def _error_text(error: BaseException | None) -> str:
    if error is None:
        return ""
    import traceback  # only where a job has failed

    return "".join(traceback.format_exception_only(error)).strip()
