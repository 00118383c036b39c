"""What the core provides through the same hooks as any plugin: encoders of the standard library's types, the in-process executor,
the memory store."""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import pickle
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from ._async_loop import AsyncJobs
from ._digests import Digester
from ._effects import Apply, Found, Lost, Raised
from ._errors import EncodeError
from ._hookspecs import hookimpl
from ._ports import ExecutorKind, ExecutorSite, Post, StoreKind, StoreSite, Ticket


@attrs.frozen
class _Simple:
    """An encoder made of a function."""

    kinds: tuple[type, ...]
    simplify: Callable[[Any], Any]


def _zone(value: datetime.datetime | datetime.time) -> Any:
    # A zone by its name where it has one: two moments in zones of equal offset are different values.
    zone = value.tzinfo
    return None if zone is None else getattr(zone, "key", None) or str(zone)


ENCODERS = (
    _Simple((pathlib.PurePath,), str),
    _Simple((datetime.datetime,), lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, _zone(v))),
    _Simple((datetime.date,), lambda v: v.isoformat()),
    _Simple((datetime.time,), lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, _zone(v))),
    _Simple((datetime.timedelta,), lambda v: (v.days, v.seconds, v.microseconds)),
    _Simple((datetime.timezone,), str),
    _Simple((decimal.Decimal,), lambda v: tuple(v.as_tuple())),
    _Simple((fractions.Fraction,), lambda v: (v.numerator, v.denominator)),
    _Simple((uuid.UUID,), lambda v: v.int),
    _Simple((BaseException,), lambda v: (v.args, {k: x for k, x in vars(v).items() if k != "__notes__"})),
    _Simple((memoryview,), bytes),
)


class PickleDigest:
    """The last resort: a value is digested by its pickle, when that is stable: checked once per type by a round trip."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._checked: set[type] = set()

    def __call__(self, value: Any) -> bytes:
        kind = type(value)
        try:
            data = pickle.dumps(value, 5)
            if kind not in self._checked:
                self._checked.add(kind)
                if pickle.dumps(pickle.loads(data), 5) != data:
                    self._warn(
                        f"values of type {kind.__module__}.{kind.__qualname__} have no stable digest: what depends on them may run "
                        "again without need. Make it a dataclass, or install or write an encoder for it"
                    )
        except Exception as error:
            raise EncodeError(
                f"a value of type {kind.__module__}.{kind.__qualname__} cannot be digested: {type(error).__name__}: {error}"
            ) from error
        return data


def digester(
    encoders: Iterable[Any], inspectors: Mapping[str, Any], main: str | None, warn: Callable[[str], None]
) -> Digester:
    """A digester with these encoders and external values; classes of the main program go by the name `main` would be imported by.

    The coordinator and its workers must digest alike: both make theirs here.
    """
    return Digester(
        {kind: encoder.simplify for encoder in encoders for kind in encoder.kinds},
        {kind: (inspector.kind, inspector.place) for inspector in inspectors.values() for kind in inspector.kinds},
        PickleDigest(warn),
        _type_namer(main),
    )


def _type_namer(main: str | None) -> Callable[[type], str]:
    def name(kind: type) -> str:
        module = main if main is not None and kind.__module__ == "__main__" else kind.__module__
        return f"{module}.{kind.__qualname__}"

    return name


@attrs.frozen
class InProcessOptions:
    """The in-process executor has no options."""


class InProcess:
    """Applies each task where it is submitted, one at a time; `async def` tasks on an event loop beside it."""

    width = 1
    applies_here = True

    def __init__(self, site: ExecutorSite) -> None:
        self._applier = site.applier
        self._async = AsyncJobs(site.applier, 1000)

    def submit(self, jobs: Sequence[tuple[Ticket, Apply]], post: Post) -> None:
        for ticket, job in jobs:
            if job.task is not None and job.task.is_async:
                self._async.submit([(ticket, job)], post)
            else:
                answer, report = self._applier.apply(job)
                post(ticket, answer, report)

    def resume(self, ticket: Ticket, number: int, outcome: Found | Raised | Lost) -> None:
        self._async.resume(ticket, number, outcome)

    def close(self) -> None:
        self._async.close()


def _memory(site: StoreSite) -> Any:
    from ._memory_store import open_memory_store

    return open_memory_store(site)


@hookimpl
def alonzo_encoders() -> Sequence[Any]:
    return ENCODERS


@hookimpl
def alonzo_executors() -> Sequence[ExecutorKind]:
    return [ExecutorKind("inprocess", InProcessOptions, InProcess, "one after another, where the workflow runs")]


@hookimpl
def alonzo_stores() -> Sequence[StoreKind]:
    return [StoreKind(("memory",), _memory, "for the life of the runtime; nothing is written")]
