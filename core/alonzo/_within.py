"""What passes between a run and a sub-run within it (see _subrun)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ._options import NONE
from ._ports import Note
from ._traces import Footprint


@attrs.frozen
class Site:
    """What a sub-run needs of the run that it is part of.

    settings  of the runtime around it; they say where its store is
    context   the context at the place of the call
    below     the options for all that is below the call
    cache     False: nothing is recalled
    around    the sub-runs that this one is within, itself included, outermost first: key and context of each
    """

    settings: Any
    context: Mapping[str, Any] = NONE
    below: Mapping[str, Any] = NONE
    cache: bool = True
    around: tuple[tuple[bytes, Mapping[str, Any]], ...] = ()


@attrs.frozen
class Reduced:
    """What a sub-run came to: its value, or a Raised; what that rests on; the notes of its jobs, numbered from 1."""

    outcome: Any
    below: Footprint
    notes: tuple[Note, ...]

    @property
    def jobs(self) -> int:
        """The highest number of a job."""
        return max([note.remember.job.number for note in self.notes if note.remember.job is not None], default=0)

    def renumbered(self, first: int, parent: int) -> Sequence[Note]:
        """The notes as parts of the job `parent`, numbered from `first` on."""
        return [_renumbered(note, first - 1, parent) for note in self.notes]


def _renumbered(note: Note, by: int, parent: int) -> Note:
    job = note.remember.job
    if job is None:
        return note
    job = attrs.evolve(
        job,
        number=job.number + by,
        parent=job.parent + by if job.parent else parent,
        upstreams=tuple([number + by for number in job.upstreams]),
    )
    return attrs.evolve(note, remember=attrs.evolve(note.remember, job=job))
