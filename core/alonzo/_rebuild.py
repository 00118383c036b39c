"""Whether what is remembered still holds: the world as this run has seen it, and verdicts on footprints.

The rules are those of the design's page on footprints: 4 missing is a digest, 10 pairs, 15 verdicts fall when a result puts another
digest at a place, 16 and 17 tasks by name, fingerprint, policy and epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from ._context import look_up
from ._digests import Digester
from ._effects import ABSENT, Found, Target
from ._errors import EncodeError
from ._expressions import Expression
from ._options import TaskOptions
from ._tasks import Task
from ._traces import Entry, External, Footprint, task_entry

REFUSED: Entry = ("refused",)
REFUSAL: Footprint = frozenset([REFUSED])
_UNKNOWN = object()


@attrs.frozen(eq=False)
class Definition:
    """What a task is today.

    fingerprint  identity of its code
    policy       digest of what decides how a call of it is bound and recalled
    epoch        how often its results have disagreed (rule 18)
    options      as they hold in this run, settings included
    """

    task: Task[..., Any]
    fingerprint: bytes
    policy: bytes
    epoch: int
    options: TaskOptions
    entry: Entry = attrs.field(init=False)
    own: Footprint = attrs.field(init=False)

    @entry.default
    def _entry(self) -> Entry:
        return task_entry(self.task.full_name, self.fingerprint, self.policy, self.epoch)

    @own.default
    def _own(self) -> Footprint:
        entries = {self.entry} if self.options.cache and self.options.check != "each" else {self.entry, REFUSED}
        return frozenset(entries)


class World:
    """What this run knows of the world: filled by answers to `Inspect` and by results."""

    def __init__(self, context: Mapping[str, Any], digester: Digester) -> None:
        self.places: dict[tuple[str, str], bytes | None] = {}
        self.tasks: dict[Task[..., Any], Definition] = {}
        self.names: dict[str, Definition | None] = {}
        self.things: dict[Any, bytes | None] = {}
        self.named: dict[str, bytes | None] = {}
        self._context = context
        self._digester = digester
        self._context_tokens: dict[str, bytes | None] = {}

    def learn(self, answer: Mapping[Target, Any]) -> None:
        """Take in the answer to an `Inspect`."""
        for target, seen in answer.items():
            match target[0]:
                case "external":
                    self.places[target[1:]] = seen
                case "task":
                    self.tasks[target[1]] = seen
                    self.names.setdefault(target[1].full_name, seen)
                case "name":
                    self.names[target[1]] = seen
                case "thing":
                    self.things[target[1]] = seen
                case _:
                    self.named[target[1]] = seen

    def context(self, path: str) -> Any:
        return look_up(self._context, path)

    def context_token(self, path: str) -> bytes | None:
        """The token of a context entry, None: absent."""
        if path not in self._context_tokens:
            value = self.context(path)
            self._context_tokens[path] = None if value is ABSENT else self._digester.token(value, _EntryLook(path))
        return self._context_tokens[path]


class _EntryLook:
    """How an entry of the context is digested: external values by their place, what they are counts where they are used."""

    def __init__(self, path: str) -> None:
        self._path = path

    def expression(self, node: Expression) -> bytes:
        raise EncodeError(f"the context entry {self._path!r} holds an expression: only values can be looked up")

    def external(self, kind: str, place: str) -> bytes | None:
        return b""

    def definition(self, kind: str, thing: Any) -> bytes | None:
        return None

    def found(self, found: Found) -> None:
        """The context holds no results."""


class Verdicts:
    """Judges footprints, each once; `forced` says of which tasks nothing may be recalled."""

    def __init__(self, world: World, forced: Callable[[str], bool]) -> None:
        self._world = world
        self._forced = forced
        self._known: dict[Footprint, bool] = {}
        self._resting: dict[tuple[str, str], list[Footprint]] = {}

    def judge(self, footprint: Footprint) -> bool | list[Target]:
        """Does it hold? When that needs a look at the world: the targets to inspect first."""
        known = self._known.get(footprint)
        if known is not None:
            return known
        wanted: list[Target] = []
        for entry in footprint:
            holds = self._holds(entry)
            if holds is False:
                self._known[footprint] = False
                return False
            if holds is not True:
                wanted.append(holds)
        if wanted:
            # A set has no order of its own, and the machine's effects must: by name.
            return sorted(wanted, key=lambda target: target[:3])
        self._known[footprint] = True
        for entry in footprint:
            if entry[0] == "external":
                self._resting.setdefault(entry[1:3], []).append(footprint)
        return True

    def moved(self, place: tuple[str, str]) -> None:
        """A result put something else at this place: what was found to hold may not hold any more (rule 15)."""
        for footprint in self._resting.pop(place, ()):
            self._known.pop(footprint, None)

    def _holds(self, entry: Entry) -> bool | Target:
        world, kind = self._world, entry[0]
        if kind == "task":
            if self._forced(entry[1]):
                return False
            today = world.names.get(entry[1], _UNKNOWN)
            if today is _UNKNOWN:
                return ("name", entry[1])
            return isinstance(today, Definition) and today.entry == entry
        if kind == "external":
            seen = world.places.get(entry[1:3], _UNKNOWN)
            return ("external", entry[1], entry[2]) if seen is _UNKNOWN else bool(seen == entry[3])
        if kind == "context":
            return bool(world.context_token(entry[1]) == entry[2])
        if kind == "class":
            seen = world.named.get(entry[1], _UNKNOWN)
            return ("named", entry[1]) if seen is _UNKNOWN else bool(seen == entry[2])
        return False


def changed(before: Iterable[External], after: Iterable[External], declared: Iterable[External]) -> list[External]:
    """Which arguments' external values changed while a body ran, but for places that its result declares anew (rule 13 ii)."""
    was = {(kind, place): digest for kind, place, digest in before}
    anew = {(kind, place) for kind, place, _ in declared}
    return [
        (kind, place, now)
        for kind, place, now in after
        if (kind, place) not in anew and was.get((kind, place), now) != now
    ]
