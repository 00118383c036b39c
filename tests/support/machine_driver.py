"""A tiny synchronous driver of a machine, for tests: a dict is the memo, a dict the world, and the answers come in any order.

    world = World()                                  # places, versions of tasks' code, what has been remembered
    drive = Drive(expression, world)                 # answers oldest first, all of a round before the next take()
    drive = Drive(expression, world, order=Random(7))  # answers, and how many before the next take(), by chance
    value = drive.value()                            # reduces; raises what the root failed with

    drive.outcome       Found | Raised, once reduced (`reduce()` reduces and never raises)
    drive.transcript    the effects, in order, each as bytes that name neither objects nor hashes
    drive.applied       the applications of tasks, as a Counter of keys; `drive.ran` the same by full name
    drive.asked         how often each kind of effect was asked for (`drive.asked["Recall"]`)
    drive.notes         the Remember effects
    drive.record()      what the notes say, comparable between orders: keys, values, parents, upstreams, footprints
    drive.machine       the machine

What another run remembers is in `world.memo`; give a second `Drive` the same world to recall it. `miss` says of a key that the
memo has lost it. A world's `versions[full name] = "2"` is an edit of that task; `world.places["p"] = b"..."` is the content of the
external value `Place("p")`, which is missing while it is not there. `async def` tasks are stepped by hand, without an event loop.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import attrs

from alonzo._apply import LocalApplier, raised
from alonzo._builtins import ENCODERS, ByReduction
from alonzo._codec import Codec
from alonzo._containers import fill
from alonzo._digests import Digester
from alonzo._effects import (
    ABSENT,
    Apply,
    Asks,
    Fetch,
    Found,
    Inspect,
    Lost,
    Normal,
    Raised,
    Recall,
    Records,
    Remember,
    Resume,
)
from alonzo._errors import AlonzoError
from alonzo._expressions import APPLYING
from alonzo._machine import Machine
from alonzo._rebuild import Definition
from alonzo._scalars import blake, digest_of, frame

AT_ONCE = 1024  # bytes of a value that a recall brings along


class Place:
    """An external value: its content lives in the `places` of a world."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Place({self.name!r})"


class World:
    """What lasts from one run to the next: external values, the code of tasks, the memo, the values, epochs."""

    def __init__(self) -> None:
        self.places: dict[str, bytes] = {}
        self.versions: dict[str, str] = {}
        self.tasks: dict[str, Any] = {}
        self.memo: dict[bytes, tuple[list[Normal], list[Found]]] = {}
        self.values: dict[bytes, Found] = {}
        self.epochs: Counter[tuple[str, bytes]] = Counter()
        self.warned: list[str] = []
        self.kind = "place"
        self.kinds = (Place,)
        encoders = {kind: encoder.simplify for encoder in ENCODERS for kind in encoder.kinds}
        places = {Place: ("place", self.place)}
        self.digester = Digester(encoders, places, ByReduction(self.warned.append))
        self.codec = Codec((), self.resolve)
        self.applier = LocalApplier(self.digester, self.codec, {"place": self})

    # -- an inspector ------------------------------------------------------------------------------

    def place(self, value: Place) -> str:
        return value.name

    def inspect(self, places: Sequence[str]) -> list[bytes | None]:
        return [blake(self.places[place]) if place in self.places else None for place in places]

    # -- definitions -------------------------------------------------------------------------------

    def resolve(self, full_name: str) -> Any:
        if full_name not in self.tasks:
            module, _, name = full_name.rpartition(".")
            self.tasks[full_name] = getattr(sys.modules[module], name)
        return self.tasks[full_name]

    def definition(self, task: Any) -> Definition:
        self.tasks[task.full_name] = task
        fingerprint = blake(f"{task.full_name} {self.versions.get(task.full_name, '')}".encode())
        policy = blake(repr((task.declared.cache, task.declared.check)).encode())
        return Definition(task, fingerprint, policy, self.epochs[task.full_name, fingerprint], task.declared)

    def look(self, target: tuple[Any, ...]) -> Any:
        match target[0]:
            case "external":
                return self.inspect([target[2]])[0]
            case "task":
                return self.definition(target[1])
            case "name":
                return self.definition(self.tasks[target[1]]) if target[1] in self.tasks else None
            case _:
                return None

    # -- the memo ----------------------------------------------------------------------------------

    def recall(self, key: bytes) -> Any:
        normals, reductions = self.memo.get(key, ([], []))
        if not normals and not reductions:
            return ABSENT
        return Records(
            tuple(Normal(self._light(normal.value), normal.footprint) for normal in reversed(normals)),
            tuple(self._light(found) for found in reversed(reductions)),
        )

    def remember(self, note: Remember) -> None:
        for found in (note.reduction, note.normal):
            if found is not None and found.data is not None:
                digest = digest_of(found.token)
                self.values[digest] = Found(ABSENT, found.token, found.codec, found.data, (), False, len(found.data))
        normals, reductions = self.memo.setdefault(note.key, ([], []))
        if note.reduction is not None:
            same = [old for old in reductions if set(old.externals) == set(note.reduction.externals)]
            for old in same:
                reductions.remove(old)
                if old.token != note.reduction.token and note.own is not None:
                    self.epochs[note.own[1], note.own[2]] += 1
                    normals[:] = [normal for normal in normals if normal.value.token != old.token]
            reductions.append(note.reduction)
        if note.normal is not None:
            normals[:] = [normal for normal in normals if normal.footprint != note.footprint]
            normals.append(Normal(note.normal, note.footprint))

    def _light(self, found: Found) -> Found:
        data = self.values[digest_of(found.token)].data
        kept = data if len(data) <= AT_ONCE else None
        return Found(ABSENT, found.token, found.codec, kept, found.externals, found.lazy, len(data), found.names)

    def decode(self, found: Found) -> Any:
        if found.value is not ABSENT:
            return fill(found.value, self.decode, (Found,)) if found.carries else found.value
        data = found.data if found.data is not None else self.values[digest_of(found.token)].data
        return self.codec.decode(found.codec, data)


class _Waiting:
    """What an application awaits, inside its coroutine."""

    def __init__(self, expression: Any) -> None:
        self.expression = expression

    def __await__(self) -> Any:
        return (yield self)


class _Open:
    """An `async def` application under way; it is an `Application` as the expressions know them."""

    def __init__(self, world: World, job: Apply, args: tuple[Any, ...]) -> None:
        positional, named = job.task.signature.spread(args)
        self.made: list[Any] = []
        self.ask: Callable[[Any], Any] | None = _Waiting
        self._world = world
        self._coroutine = job.task.func(*positional, **named)
        self._number = 0

    def took(self, task: Any) -> None:
        """The function of a task was taken: nobody is told."""

    def step(self, outcome: Any = None) -> Any:
        """On to the next await, or to the end."""
        applying = APPLYING.set(self)
        try:
            if type(outcome) is Raised:
                waiting = self._coroutine.throw(outcome.error)
            else:
                waiting = self._coroutine.send(None if outcome is None else self._world.decode(outcome))
        except StopIteration as end:
            return _result(self._world, end.value)
        except BaseException as error:
            return raised(error)
        finally:
            APPLYING.reset(applying)
        self._number += 1
        return Asks(self._number, waiting.expression)


def _result(world: World, value: Any) -> Found | Raised:
    try:
        return world.applier.found(value)
    except Exception as error:
        return raised(error)


@attrs.define
class Drive:
    """One reduction of one expression in a world; see the module's docstring."""

    root: Any
    world: World = attrs.field(factory=World)
    order: Random | None = attrs.field(default=None, kw_only=True)
    miss: Callable[[bytes], bool] = attrs.field(default=lambda key: False, kw_only=True)
    context: dict[str, Any] = attrs.field(factory=dict, kw_only=True)
    recall: bool = attrs.field(default=True, kw_only=True)
    traced: bool = attrs.field(default=True, kw_only=True)  # False for very large programs: no transcript
    stop_when_doomed: bool = attrs.field(default=False, kw_only=True)
    lose: Callable[[Apply], BaseException | None] = attrs.field(default=lambda job: None, kw_only=True)
    transcript: list[bytes] = attrs.field(factory=list, init=False)
    applied: Counter[bytes] = attrs.field(factory=Counter, init=False)
    ran: Counter[str] = attrs.field(factory=Counter, init=False)
    asked: Counter[str] = attrs.field(factory=Counter, init=False)
    notes: list[Remember] = attrs.field(factory=list, init=False)
    tagged: list[Any] = attrs.field(factory=list, init=False)
    machine: Machine = attrs.field(init=False)
    _open: dict[Any, _Open] = attrs.field(factory=dict, init=False)
    _numbers: dict[Any, int] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.machine = Machine(self.root, self.world.digester, context=self.context, recall=self.recall)

    @property
    def outcome(self) -> Found | Raised | None:
        return self.machine.outcome

    def value(self) -> Any:
        """Reduce, and the value; raises what the root failed with."""
        outcome = self.reduce()
        if type(outcome) is Raised:
            raise outcome.error
        return self.world.decode(outcome)

    def reduce(self) -> Found | Raised | None:
        machine, waiting = self.machine, []
        while True:
            before = sum(self.asked.values())
            waiting += self._taken()
            if self.stop_when_doomed and machine.doomed:
                return machine.outcome
            if not waiting:
                if machine.outcome is not None:
                    self._taken()
                    return machine.outcome
                assert sum(self.asked.values()) > before, "the machine waits in silence"
                continue
            if self.order is not None:
                self.order.shuffle(waiting)
                count = self.order.randint(1, len(waiting))
            else:
                count = len(waiting)
            now, waiting = waiting[:count], waiting[count:]
            for ticket, effect in now:
                machine.answer(ticket, self._answer(ticket, effect))

    def record(self) -> Counter[Any]:
        """What the final notes say, job numbers replaced by keys."""
        final = [note for note in self.notes if note.job.status != "open"]
        keys = {note.job.number: note.key for note in final}
        keys[0] = b""
        said: Counter[Any] = Counter()
        for note in final:
            job = note.job
            upstreams = tuple(sorted({keys[number] for number in job.upstreams}))
            error = repr(job.error) if job.error is not None else ""
            said[job.task, note.key, job.value, keys[job.parent], upstreams, error] += 1
            said["status", note.key, job.status] += 1
            if note.normal is not None:
                said["normal", note.key, note.normal.token, note.footprint] += 1
        for note in self.notes:
            if note.reduction is not None:
                said["reduction", note.key, note.reduction.token, frozenset(note.reduction.externals)] += 1
        return said

    # -- effects -----------------------------------------------------------------------------------

    def _taken(self) -> list[tuple[Any, Any]]:
        taken = self.machine.take()
        requests = []
        for ticket, effect in taken:
            self.asked[type(effect).__name__] += 1
            if self.traced:
                self.transcript.append(self._written(ticket, effect))
            if type(effect) is Remember and effect.job is None:
                self.tagged.append(effect.tagged)
            elif type(effect) is Remember:
                self.notes.append(effect)
                self.world.remember(effect)
            else:
                requests.append((ticket, effect))
        return requests

    def _answer(self, ticket: Any, effect: Any) -> Any:
        kind = type(effect)
        if kind is Recall:
            return ABSENT if self.miss(effect.key) else self.world.recall(effect.key)
        if kind is Inspect:
            return {target: self.world.look(target) for target in effect.targets}
        if kind is Fetch:
            return self._fetch(effect.found)
        if kind is Resume:
            return self._step(ticket, effect.outcome)
        return self._apply(ticket, effect)

    def _apply(self, ticket: Any, job: Apply) -> Any:
        args = fill(job.args, self.world.decode, (Found,)) if job.carried else job.args
        if job.operation:
            return self.world.applier.operate(attrs.evolve(job, args=args, carried=False))
        self.applied[job.key] += 1
        self.ran[job.task.full_name] += 1
        lost = self.lose(job)
        if lost is not None:
            return Lost(lost)
        if job.task.is_async:
            self._open[ticket] = _Open(self.world, job, args)
            return self._step(ticket)
        answer, report = self.world.applier.apply(attrs.evolve(job, args=args, carried=False))
        if report.seen:
            self.machine.seen(ticket, report.seen, answer)
        return answer

    def _fetch(self, found: Found) -> Found | Lost:
        try:
            return attrs.evolve(found, value=self.world.decode(found), data=None)
        except AlonzoError as error:
            return Lost(error)

    def _step(self, ticket: Any, outcome: Any = None) -> Any:
        answer = self._open[ticket].step(outcome)
        if type(answer) is not Asks:
            del self._open[ticket]
        return answer

    # -- effects as bytes --------------------------------------------------------------------------

    def _written(self, ticket: Any, effect: Any) -> bytes:
        number = self._numbers.setdefault(ticket, len(self._numbers))
        fields = attrs.fields(type(effect))
        parts = [str(number).encode(), *(f.name.encode() + b"=" + self._text(getattr(effect, f.name)) for f in fields)]
        return frame(type(effect).__name__.encode(), parts)

    def _text(self, value: Any) -> bytes:
        if type(value) is Found:
            return b"found:" + (value.token or self._text(value.value))
        if type(value) is Raised:
            return b"raised:" + repr(value.error).encode()
        if isinstance(value, BaseException) or type(value).__name__ in ("Task", "Partial"):
            return repr(value).encode()
        if isinstance(value, frozenset):
            return b"{" + b",".join(sorted(self._text(item) for item in value)) + b"}"
        if isinstance(value, tuple | list):
            return b"(" + b",".join(self._text(item) for item in value) + b")"
        if attrs.has(type(value)) and type(value).__module__ == "alonzo._effects":
            return b";".join(self._text(getattr(value, field.name)) for field in attrs.fields(type(value)))
        try:
            return self.world.applier.found(value).token
        except Exception as error:
            return type(error).__name__.encode()
