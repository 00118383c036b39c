"""Tasks that change their arguments in place.

An argument may be the very object that an upstream returned, and that other calls of the run take too: a change would reach them.
So the first application of each task that has mutable arguments works on copies of them, and is looked at afterwards. One that did
not change them is not looked at again; one that did gets copies from then on.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import pathlib
import re
import sys
import types
import uuid
from io import BytesIO
from operator import is_
from typing import Any

import attrs

from ._codec import Codec, _Pickler
from ._containers import _PLAIN
from ._digests import Digester
from ._effects import ABSENT, Apply, Found
from ._errors import EncodeError
from ._expressions import Call, Expression, Form, Operation
from ._secret import Secret
from ._tasks import JobInfo, Partial, Task

# Of the operations, those that run code of which nobody knows what it does; getitem, as a defaultdict fills itself.
OPERATIONS = frozenset({"method", "call", "getitem"})
MOST = 1 << 20  # bytes of encoded arguments that are copied before it is known whether that is needed
_FROZEN = (_PLAIN - {bytearray}) | {
    Call,
    Operation,
    Form,
    JobInfo,
    Task,
    Partial,
    Secret,
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.ModuleType,
    datetime.date,
    datetime.datetime,
    datetime.time,
    datetime.timedelta,
    datetime.timezone,
    decimal.Decimal,
    fractions.Fraction,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
    re.Pattern,
    uuid.UUID,
}


@attrs.define(eq=False)
class Guard:
    """The first look at a task, or at a method: `args` is what it is to be applied to."""

    name: str
    args: tuple[Any, ...]
    tokens: dict[int, bytes]  # of each argument that is looked at, by its place
    shared: list[int]  # those of which there is no copy
    rows: dict[int, list[Any]]  # lists of what cannot change, of which it got copies


class Mutations:
    """What one applier knows of the tasks that it has applied. Thread-safe. It lives as long as the applier, over several runs.

    frozen  the types of arguments that nobody can change: a task without others need not be asked about
    """

    def __init__(self, digester: Digester, codec: Codec) -> None:
        self._digester = digester
        self._codec = codec
        self.frozen = _FROZEN | digester.externals.keys()
        # By full name, for the fingerprint that the task had: those that left their arguments alone, and those that did not.
        self._harmless: dict[str, bytes] = {}
        self._changing: dict[str, bytes] = {}

    def guard(self, job: Apply, args: tuple[Any, ...]) -> Guard | None:
        """What to apply the task to instead of `args`; None: apply it to them."""
        name = job.task.full_name if not job.operation else _operation(job.operation, args)
        if self._harmless.get(name) == job.fingerprint:
            return None
        for value in args:
            if not self._is_frozen(value):
                return self._first(name, job, args)
        return None

    def changed(self, guard: Guard, job: Apply, *, failed: bool) -> tuple[tuple[str, ...], str]:
        """The names of the parameters whose arguments were changed, and what to tell the user; empty where there are none.

        A task that failed is looked at again: it may not have come to where it would change something.
        """
        name = guard.name
        places = [place for place, token in guard.tokens.items() if self._differs(guard.args[place], token)]
        places += [place for place, row in guard.rows.items() if not self._is_same(guard.args[place], row)]
        if not places:
            if not failed and self._changing.get(name) != job.fingerprint:
                self._harmless[name] = job.fingerprint
            return (), ""
        self._changing[name] = job.fingerprint
        self._harmless.pop(name, None)
        if job.operation:
            names, what, advice = ("operand",), "what it was applied to", "Call it in a task, on a copy"
        else:
            names = tuple(job.task.signature.names[place] for place in sorted(places))
            what = f"its argument{'s' if len(names) > 1 else ''} {', '.join(names)}"
            advice = "Let it copy what it changes, or return a new value"
        text = f"{name} changed {what} in place: what it returned is not remembered, and it gets copies from now on. {advice}"
        if any(place in guard.shared for place in places):
            text += " (no copy could be made beforehand: other calls that have the same value may have seen the change)"
        return names, text

    def _first(self, name: str, job: Apply, args: tuple[Any, ...]) -> Guard:
        known = self._changing.get(name) == job.fingerprint
        given = list(args)
        guard = Guard(name, args, {}, [], {})
        for place, value in enumerate(args):
            if self._is_frozen(value):
                continue
            if type(value) is list and self.frozen.issuperset(map(type, value)):
                # The same items make a whole copy, and whether it was changed is seen without a digest.
                given[place] = list(value)
                if not known:
                    guard.rows[place] = value
                continue
            token = b"" if known else self._token(value)
            if token is None:
                continue
            if not known:
                guard.tokens[place] = token
            if _is_own(job, place):
                continue
            copy = self._copied(value, sys.maxsize if known else MOST, token)
            if copy is None:
                guard.shared.append(place)
            else:
                given[place] = copy[0]
        guard.args = tuple(given)
        return guard

    def _is_frozen(self, value: Any) -> bool:
        kind = type(value)
        return kind in self.frozen or (kind in (tuple, frozenset) and self.frozen.issuperset(map(type, value)))

    def _is_same(self, row: list[Any], before: list[Any]) -> bool:
        if len(row) == len(before) and all(map(is_, row, before)):
            return True
        token = self._token(before)
        return token is not None and self._token(row) == token

    def _differs(self, value: Any, token: bytes) -> bool:
        now = self._token(value)
        # A type whose digest is another each time tells nothing.
        return now != token and now == self._token(value)

    def _token(self, value: Any) -> bytes | None:
        try:
            return self._digester.token(value, _Look())
        except Exception:  # user code may be asked for its state: who cannot be digested cannot be looked at
            return None

    def _copied(self, value: Any, most: int, token: bytes) -> tuple[Any] | None:
        """A copy, if one can be had of at most so many bytes that is equal as far as its digest tells."""
        try:
            if sys.getsizeof(value) > most:
                return None
            kind = type(value)
            if self._codec.serializer_of(value) is not None:
                codec, data = self._codec.encode(value)
                copy = self._codec.decode(codec, bytearray(data))  # which can be written to
            else:
                buffer = _Buffer(most)
                pickler = _Pickler(buffer, {}, self._codec)
                pickler.dump(value)
                copy = self._codec.decode("pickle", buffer.getvalue())
        except Exception:  # it cannot be copied: it is given as it is, as any value is by default
            return None
        return (copy,) if type(copy) is kind and (not token or self._token(copy) == token) else None


class _Buffer(BytesIO):
    """Holds so many bytes and no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, data: Any) -> int:
        self._left -= memoryview(data).nbytes
        if self._left < 0:
            raise EncodeError("too large to be copied")
        return super().write(data)


class _Look:
    """Data alone: what external values and definitions are now is not the task's doing."""

    def expression(self, node: Expression) -> bytes:
        return b"expression"

    def external(self, kind: str, place: str) -> None:
        return None

    def definition(self, kind: str, thing: Any) -> None:
        return None

    def found(self, found: Found) -> None:
        """Nothing: its token is its content."""


def _operation(operation: str, operands: tuple[Any, ...]) -> str:
    """What a method or function is known by that is applied to a lazy value."""
    first = operands[0]
    if operation == "call":
        return f"calling {getattr(first, '__qualname__', type(first).__qualname__)}"
    return (
        f"{type(first).__qualname__}.{operands[1]}"
        if operation == "method"
        else f"{operation} of {type(first).__qualname__}"
    )


def _is_own(job: Apply, place: int) -> bool:
    """It was carried as bytes, and decoded for this application alone."""
    given = job.args[place]
    return job.carried and type(given) is Found and given.value is ABSENT
