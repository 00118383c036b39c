"""What passes between a run and a sub-run within it (see _subrun)."""

from __future__ import annotations

import importlib
import pickle
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import attrs

from ._errors import AlonzoError
from ._options import NONE
from ._ports import Note
from ._traces import Footprint


class Known(NamedTuple):
    """What the run around a sub-run knows of definitions: whoever was sent them by value cannot look all of it up.

    tasks   by full name, their fingerprints: of the main program's tasks, and of those that the expression reaches by name
    things  by qualified name, the digests of the main program's classes and functions
    """

    tasks: Mapping[str, Any] = NONE
    things: Mapping[str, bytes] = NONE


NOTHING_KNOWN = Known()


class Given(NamedTuple):
    """An object with hook implementations that a runtime was given, on its way to a sub-run."""

    plugin: Any

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.plugin, ModuleType):
            return _given_module, (self.plugin.__name__,)
        try:
            pickle.dumps(self.plugin)
        except Exception as error:  # whatever its author's own way of being pickled raises
            name = getattr(self.plugin, "__qualname__", type(self.plugin).__qualname__)
            raise AlonzoError(
                f"the plugin {name}, which this runtime was given in plugins=, cannot go with a sub-run to another process "
                f"({type(error).__name__}: {error}): install it as a plugin, or reduce the sub-run in threads"
            ) from error
        return Given, (self.plugin,)


def _given_module(name: str) -> Given:
    return Given(importlib.import_module(name))


@attrs.frozen
class Site:
    """What a sub-run needs of the run that it is part of.

    settings  of the runtime around it; they say where its store is
    context   the context at the place of the call
    below     the options for all that is below the call
    cache     False: nothing is recalled
    around    the sub-runs that this one is within, itself included, outermost first: key and context of each
    known     what definitions are today
    plugins   objects with hook implementations that the runtime was given
    """

    settings: Any
    context: Mapping[str, Any] = NONE
    below: Mapping[str, Any] = NONE
    cache: bool = True
    around: tuple[tuple[bytes, Mapping[str, Any]], ...] = ()
    known: Known = NOTHING_KNOWN
    plugins: tuple[Given, ...] = ()


@attrs.frozen
class Reduced:
    """What a sub-run came to: its value, or a Raised; what that rests on; the notes of its jobs, numbered from 1; what it warned of; what
    it has undone (see Capture)."""

    outcome: Any
    below: Footprint
    notes: tuple[Note, ...]
    warnings: tuple[str, ...] = ()
    undone: tuple[tuple[str, str], ...] = ()

    @property
    def told(self) -> Reduced:
        """This without the value, which goes its own way."""
        return attrs.evolve(self, outcome=None)

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
