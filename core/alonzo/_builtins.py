"""What the core provides through the same hooks as any plugin: encoders of the standard library's types, the in-process executor,
the memory store."""

from __future__ import annotations

import copyreg
import datetime
import decimal
import fractions
import importlib
import pathlib
import pickle
import sys
import types
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import attrs

from ._async_loop import AsyncJobs
from ._captured import Perhaps
from ._digests import Digester, full_type_name
from ._effects import Apply, Found, Lost, Raised
from ._errors import AlonzoError, EncodeError
from ._expressions import Expression, hidden
from ._hookspecs import hookimpl
from ._looks import InSeveralWays
from ._own import EXTERNAL, loaded, of_place, place_of, simpler
from ._ports import ExecutorKind, ExecutorSite, Post, StoreKind, StoreSite, Ticket, ValueStore, ValueStoreKind
from ._scalars import blake, digest_of
from ._sealing import SecretEncoder, SecretKey

_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


class _Simple(NamedTuple):
    """An encoder made of a function."""

    kinds: tuple[type, ...]
    simplify: Callable[[Any], Any]


def _zone(value: datetime.datetime | datetime.time) -> Any:
    # By name and offset: two moments in zones of equal offset are different values, and names are not unique.
    zone = value.tzinfo
    if zone is None:
        return None
    name = getattr(zone, "key", None) or str(zone)
    kind = type(zone)
    return (value.utcoffset(), name, *(() if kind is datetime.timezone else (full_type_name(kind),)))


def _moment(value: datetime.datetime) -> Any:
    # The unit of a Timestamp of pandas is no attribute that its instances hold.
    unit = getattr(value, "unit", None)
    told = (value.replace(tzinfo=None).isoformat(), value.fold, _zone(value))
    return told if unit is None else (*told, unit)


def _duration(value: datetime.timedelta) -> Any:
    told = (value.days, value.seconds, value.microseconds)
    unit = getattr(value, "unit", None)
    return told if unit is None else (*told, getattr(value, "nanoseconds", 0), unit)


_TOLD_ELSEWHERE = frozenset({"args", "exceptions", "message"})


def _exception(value: BaseException) -> Any:
    """Arguments and attributes. Those of builtin exceptions (an OSError's filename) are in no `__dict__`."""
    held = {
        name: getattr(value, name, None)
        for kind in type(value).__mro__
        if kind.__module__ == "builtins"
        for name, slot in vars(kind).items()
        if isinstance(slot, _SLOTS) and not name.startswith("_") and name not in _TOLD_ELSEWHERE
    }
    if "obj" in held:
        held["obj"] = Perhaps(held["obj"])
    held = {name: inside for name, inside in sorted(held.items()) if inside is not None}
    return (value.args, held | {name: inside for name, inside in vars(value).items() if name != "__notes__"})


ENCODERS = (
    _Simple((pathlib.PurePath,), str),
    _Simple((datetime.datetime,), _moment),
    _Simple((datetime.date,), lambda v: v.isoformat()),
    _Simple((datetime.time,), lambda v: (v.replace(tzinfo=None).isoformat(), v.fold, _zone(v))),
    _Simple((datetime.timedelta,), _duration),
    _Simple((datetime.timezone,), lambda v: (v.utcoffset(None), str(v))),
    _Simple((decimal.Decimal,), lambda v: tuple(v.as_tuple())),
    _Simple((fractions.Fraction,), lambda v: (v.numerator, v.denominator)),
    _Simple((uuid.UUID,), lambda v: v.int),
    _Simple((BaseException,), _exception),
)


_PLAIN_MAKERS = (types.FunctionType, types.BuiltinFunctionType, type)


class ByReduction:
    """The last resort: a value is digested by what pickle would make it of. Checked once per type by a round trip."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._checked: set[type] = set()

    def simplify(self, value: Any) -> Any:
        kind = type(value)
        reducer = copyreg.dispatch_table.get(kind)
        try:
            reduced = value.__reduce_ex__(4) if reducer is None else reducer(value)
            if isinstance(reduced, str):
                return _global(value, reduced)
        except Exception as error:
            raise EncodeError(
                f"a value of type {_name(value)} cannot be digested: {type(error).__name__}: {error}"
            ) from error
        function, args, state, items, pairs = (*reduced, None, None, None)[:5]
        return (_maker(function), args, state, list(items or ()), list(pairs or ()))

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


def _maker(function: Any) -> Any:
    """What makes a value anew: its name, where that is all there is to it; a method is bound to something, a partial holds arguments."""
    name = getattr(function, "__qualname__", "<")
    owner = getattr(function, "__self__", None)
    is_plain = isinstance(function, _PLAIN_MAKERS) and (owner is None or isinstance(owner, types.ModuleType))
    return f"{function.__module__}.{name}" if is_plain and "<" not in name else function


def _global(value: Any, name: str) -> Any:
    """What pickle finds by its name: the name, and that of the package that has it; or the function that it is made of.

    Raises:
        Exception: it is not found by it.
    """
    wrapped = getattr(value, "__wrapped__", None)
    if isinstance(wrapped, types.FunctionType):
        return (name, wrapped)
    pickle.dumps(value)
    home = getattr(value, "__module__", None) or type(value).__module__.partition(".")[0]
    if getattr(sys.modules.get(home), name, None) is not value:
        home = pickle.whichmodule(value, name)  # type: ignore[attr-defined]
    return (home, name)


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
        {
            kind: inspector
            for inspector in inspectors.values()
            if isinstance(inspector, InSeveralWays)
            for kind in inspector.kinds
        },
    )
    if secret is not None:
        secret.digester = made
    return made


class OwnInspector:
    """Of values that say themselves what they are now (`__alonzo_inspect__`). A class is found by its full name, wherever that is asked."""

    kind = EXTERNAL
    kinds: tuple[type, ...] = ()

    def place(self, value: Any) -> str:
        return place_of(value, full_type_name(type(value)))

    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]:
        """What was recorded of a class that is gone, or that cannot read any more what it stored, is another now.

        Raises:
            AlonzoError: a class's method failed, or returned what has no digest; names the class.
        """
        digests = Digester({kind: encoder.simplify for encoder in ENCODERS for kind in encoder.kinds})
        found: list[bytes | None] = []
        for place in places:
            name, data = of_place(place)
            try:
                value = loaded(_class_of(name), data)
            except Exception:
                found.append(_GONE)
                continue
            try:
                now = simpler(value, "__alonzo_inspect__")
                found.append(None if now is None else digest_of(digests.token(now, _Plainly())))
            except EncodeError as error:
                text = str(error)
                raise AlonzoError(text if "__alonzo_" in text else f"{name}.__alonzo_inspect__: {text}") from error
        return found


_GONE = blake(b"the class is gone")


class _Plainly:
    """A look at what a value says of itself: data alone."""

    def expression(self, node: Expression) -> bytes:
        raise hidden(node)

    def external(self, kind: str, place: str) -> None:
        raise EncodeError("it returned an external value: return what is there")

    def definition(self, kind: str, thing: Any) -> None:
        return None

    def found(self, found: Found) -> None:
        """Nothing: its token is its content."""


def _class_of(full_name: str) -> Any:
    """
    Raises:
        LookupError: there is no such class.
    """
    parts = full_name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        # The main program is never imported a second time, under its own name.
        found: Any = sys.modules["__main__"] if _is_main(name) else _imported(name)
        for part in parts[end:]:
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
    raise LookupError(f"there is no class {full_name}")


def _is_main(name: str) -> bool:
    main = sys.modules["__main__"]
    spec: Any = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    if name == "__main__" or spec is not None:
        return name == "__main__" or bool(spec.name.removesuffix(".__main__") == name)
    return file is not None and pathlib.PurePath(file).stem == name.rpartition(".")[2] and name not in sys.modules


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


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


def _value_directory(site: StoreSite) -> ValueStore:
    from ._value_directory import open_value_directory

    return open_value_directory(site)


def _memory(site: StoreSite) -> Any:
    from ._memory_store import open_memory_store

    return open_memory_store(site)


@hookimpl
def alonzo_encoders() -> Sequence[Any]:
    return ENCODERS


@hookimpl
def alonzo_inspectors() -> Sequence[Any]:
    return [OwnInspector()]


@hookimpl
def alonzo_executors() -> Sequence[ExecutorKind]:
    return [ExecutorKind("inprocess", InProcessOptions, InProcess, "one after another, where the workflow runs")]


@hookimpl
def alonzo_value_stores() -> Sequence[ValueStoreKind]:
    return [ValueStoreKind(("dir",), _value_directory, "a directory of this machine")]


@hookimpl
def alonzo_stores() -> Sequence[StoreKind]:
    return [StoreKind(("memory",), _memory, "for the life of the runtime; nothing is written")]
