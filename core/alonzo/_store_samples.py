"""Keys, values, notes and runs that the store's contract is tested with."""

from __future__ import annotations

import os
import platform
from typing import Any

from ._effects import Found, JobNote, Records, Remember
from ._ports import Note, RunStart, Store
from ._scalars import blake
from ._traces import Footprint

OWN = ("task", "flow.f", b"fingerprint-of-f", b"policy-of-f", 0)
FOOTPRINT: Footprint = frozenset([OWN])
NOON = 1_700_000_000.0
TASK = ("flow.f", b"fingerprint-of-f")


def key(number: int) -> bytes:
    return blake(b"key %d" % number)


def small(text: bytes, externals: tuple[Any, ...] = ()) -> Found:
    """A value whose token is its encoding."""
    return Found("the object", b"s" + text, "scalar", b"s" + text, externals, size=len(text) + 1)


def opaque(data: bytes) -> Found:
    """A value that only its digest names."""
    return Found("the object", b"#" + blake(data), "opaque", data, size=len(data))


def epochal(epoch: int) -> Footprint:
    return frozenset([(*OWN[:4], epoch)])


def note(number: int, **told: Any) -> Note:
    return Note(Remember(key(number), own=OWN, **told))


def leaf(number: int, found: Found, footprint: Footprint = FOOTPRINT) -> Note:
    """What the machine says of a call whose function returned a plain value."""
    return Note(Remember(key(number), job(number, "ran"), OWN, found, found, footprint))


def job(number: int, status: Any, **told: Any) -> JobNote:
    told = {"parent": 0, "arguments": f"({number})", **told}
    return JobNote(
        number=number,
        task="flow.f",
        status=status,
        key=key(number),
        fingerprint=b"fingerprint-of-f",
        **told,
    )


def start(task: str = "flow.main", **told: Any) -> RunStart:
    return RunStart(task, "(1, 2)", NOON, platform.node(), os.getpid(), **told)


def commit(store: Store, *notes: Note) -> None:
    """Commit these notes in a run of their own."""
    run = store.begin(start())
    store.commit(run, notes)
    store.finish(run, "done", {})


def present(records: Records | None) -> Records:
    assert records is not None
    return records
