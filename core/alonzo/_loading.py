"""Values that a run has as references: their bytes are had from the store when somebody must look into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from ._apply import LocalApplier
from ._codec import NotMadeError, decoded
from ._committer import Committer
from ._containers import fill
from ._effects import ABSENT, Apply, Found, Lost, Raised
from ._errors import AlonzoError
from ._scalars import digest_of
from ._stored import STORED


class BytesGone(Exception):  # noqa: N818 - it is no error of anybody's, but a reason to begin again
    """What is recorded as stored is not there: the run begins again without it (what it did meanwhile is recorded).

    things   digests of values whose bytes are gone, and (kind, place) of external values that were allowed to go
    unmade   of these, the values that only name a task which is made inside a function, and has not been made in this process
    damaged  how many values there are besides
    """

    def __init__(self, things: frozenset[Any], unmade: frozenset[Any] = frozenset()) -> None:
        self.things = things
        self.unmade = unmade
        self.damaged = sum(type(thing) is bytes for thing in things - unmade)
        text = f"{self.damaged} stored values are missing or damaged"
        if not self.damaged:
            places = sorted(thing[1] for thing in things - unmade)
            names = f"{len(unmade)} stored values name tasks that are not made any more"
            text = f"{', '.join(places)} cannot be made again" if places else names
        super().__init__(text)


def unmade(missing: Iterable[bytes], error: BaseException) -> frozenset[Any]:
    """Of values that could not be decoded for this reason, those that are whole."""
    return frozenset(missing if isinstance(error.__cause__, NotMadeError) else ())


class Loader:
    """Gives references their bytes, and bytes their objects."""

    def __init__(self, committer: Committer, applier: LocalApplier) -> None:
        self._committer = committer
        self._applier = applier

    def operate(self, job: Apply) -> Found | Raised | Lost:
        if job.carried:
            self.load([job])
        return self._applier.operate(job)

    def load(self, jobs: Sequence[Apply]) -> None:
        """Give the values that these carry their bytes.

        Raises:
            BytesGone: some are not in the store any more, or damaged.
        """
        wanted: dict[bytes, list[Found]] = {}

        def note(found: Found) -> Found:
            if found.value is ABSENT and found.data is None:
                wanted.setdefault(digest_of(found.token), []).append(found)
            elif found.carries:
                fill(found.value, note, (Found,))
            return found

        for job in jobs:
            fill(job.args, note, (Found,))
        if not wanted:
            return
        loaded = self._committer.load(list(wanted))
        gone = frozenset(
            digest for digest, found in zip(wanted, loaded, strict=True) if found is None or found.data is None
        )
        if gone:
            raise BytesGone(gone)
        replaced = {
            id(old): _known(new, old) for olds, new in zip(wanted.values(), loaded, strict=True) for old in olds
        }
        for job in jobs:
            job.args = fill(job.args, lambda found: replaced.get(id(found), found), (Found,))

    def fetch(self, found: Found) -> Found | Lost:
        try:
            [at_hand] = self._loaded([found])
            value = decoded(at_hand, self._applier.codec)
        except (AlonzoError, BytesGone) as error:
            if found.lazy:
                return Lost(error)
            raise _gone(found, error) from error
        return attrs.evolve(found, value=value, data=found.data if found.codec.startswith(STORED) else None)

    def outcome(self, outcome: Any) -> Any:
        """What an application awaited: a value comes with its bytes, with everything in it decoded where it carries others."""
        if type(outcome) is not Found:
            return outcome
        [value] = self._loaded([outcome])
        return Found(fill(value.value, self._object, (Found,))) if outcome.carries else value

    def value(self, found: Found) -> Any:
        """The object of the run's outcome, everything in it decoded."""
        if found.value is ABSENT:
            return self._object(found)
        return fill(found.value, self._object, (Found,)) if found.carries else found.value

    def _loaded(self, founds: Sequence[Found]) -> list[Found]:
        job = Apply(0, None, tuple(founds))
        self.load([job])
        return list(job.args)

    def _object(self, found: Found) -> Any:
        [at_hand] = self._loaded([found])
        try:
            return decoded(at_hand, self._applier.codec)
        except AlonzoError as error:
            raise _gone(found, error) from error


def _gone(found: Found, error: BaseException) -> BytesGone:
    things = frozenset([digest_of(found.token)])
    return BytesGone(things, unmade(things, error))


def _known(loaded: Any, wanted: Found) -> Any:
    """What was loaded, with what is known of the value besides."""
    if not wanted.externals and not wanted.names:
        return loaded
    return attrs.evolve(loaded, externals=wanted.externals, names=wanted.names)
