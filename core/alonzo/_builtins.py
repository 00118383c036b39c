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
from ._digests import Digester, full_type_name
from ._effects import Apply, Found, Lost, Raised
from ._errors import EncodeError
from ._hookspecs import hookimpl
from ._ports import ExecutorKind, ExecutorSite, Post, StoreKind, StoreSite, Ticket
from ._sealing import SecretEncoder, SecretKey


@attrs.frozen
class _Simple:
    """An encoder made of a function."""

    kinds: tuple[type, ...]
    simplify: Callable[[Any], Any]


def _zone(value: datetime.datetime | datetime.time) -> Any:
    # By name and offset: two moments in zones of equal offset are different values, and names are not unique.
    zone = value.tzinfo
    return None if zone is None else (value.utcoffset(), getattr(zone, "key", None) or str(zone))


ENCODERS = (
    _Simple((pathlib.PurePath,), str),
    _Simple((datetime.datetime,), lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, _zone(v))),
    _Simple((datetime.date,), lambda v: v.isoformat()),
    _Simple((datetime.time,), lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, _zone(v))),
    _Simple((datetime.timedelta,), lambda v: (v.days, v.seconds, v.microseconds)),
    _Simple((datetime.timezone,), lambda v: (v.utcoffset(None), str(v))),
    _Simple((decimal.Decimal,), lambda v: tuple(v.as_tuple())),
    _Simple((fractions.Fraction,), lambda v: (v.numerator, v.denominator)),
    _Simple((uuid.UUID,), lambda v: v.int),
    _Simple((BaseException,), lambda v: (v.args, {k: x for k, x in vars(v).items() if k != "__notes__"})),
    _Simple((memoryview,), bytes),
)


class ByReduction:
    """The last resort: a value is digested by what pickle would make it of. Checked once per type by a round trip."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._checked: set[type] = set()

    def simplify(self, value: Any) -> Any:
        try:
            reduced = value.__reduce_ex__(4)
        except Exception as error:
            raise EncodeError(
                f"a value of type {_name(value)} cannot be digested: {type(error).__name__}: {error}"
            ) from error
        if isinstance(reduced, str):
            return reduced
        function, args, state, items, pairs = (*reduced, None, None, None)[:5]
        maker = f"{function.__module__}.{getattr(function, '__qualname__', '')}"
        return (maker, args, state, list(items or ()), list(pairs or ()))

    def check(self, value: Any, token: bytes, again: Callable[[Any], bytes]) -> None:
        kind = type(value)
        if kind in self._checked:
            return
        self._checked.add(kind)
        try:
            stable = again(pickle.loads(pickle.dumps(value, 5))) == token
        except Exception:
            return  # it cannot travel: whoever has to send or store it will say so, with the path to it
        if not stable:
            self._warn(
                f"values of type {_name(value)} have no stable digest: what depends on them may run again without need. "
                "Make it a dataclass, or install or write an encoder for it"
            )


def _name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def digester(
    encoders: Iterable[Any],
    inspectors: Mapping[str, Any],
    main: str | None,
    warn: Callable[[str], None],
    key: SecretKey | None = None,
) -> Digester:
    """A digester with these encoders and external values; classes of the main program go by the name `main` would be imported by.
    Without a `key`, secrets cannot be digested.

    The coordinator and its workers must digest alike: both make theirs here.
    """
    secret = SecretEncoder(key) if key is not None else None
    known = [*encoders, secret] if secret is not None else encoders
    made = Digester(
        {kind: encoder.simplify for encoder in known for kind in encoder.kinds},
        {kind: (inspector.kind, inspector.place) for inspector in inspectors.values() for kind in inspector.kinds},
        ByReduction(warn),
        _type_namer(main),
    )
    if secret is not None:
        secret.digester = made
    return made


def _type_namer(main: str | None) -> Callable[[type], str]:
    def name(kind: type) -> str:
        return (
            f"{main}.{kind.__qualname__}"
            if main is not None and kind.__module__ == "__main__"
            else full_type_name(kind)
        )

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
