"""Whether what is remembered still holds: the world as this run has seen it, and verdicts on footprints.

The rules are those of the design's page on footprints: 4 missing is a digest, 10 pairs, 15 verdicts fall when a result puts another
digest at a place, 16 and 17 tasks by name, fingerprint, policy and epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import attrs

from ._containers import expressions
from ._context import look_up
from ._digests import Digester
from ._effects import ABSENT, Found, Target
from ._errors import AlonzoError, EncodeError
from ._expressions import Expression
from ._options import NONE, TaskOptions
from ._scalars import blake, frame
from ._tasks import Task
from ._traces import Entry, External, Footprint, task_entry

REFUSED: Entry = ("refused",)
REFUSAL: Footprint = frozenset([REFUSED])
_UNKNOWN = object()


def _consistent(options: TaskOptions) -> TaskOptions:
    return options.consistent()


@attrs.frozen(eq=False)
class Definition:
    """What a task is today.

    fingerprint  identity of its code
    policy       digest of what decides how a call of it is bound and recalled
    epoch        how often its results have disagreed (rule 18)
    options      as they hold where the call stands: those of a call are resolved, here they are the decorator's with the settings over them
    forced       of these, what the command line says: it holds over everything else
    """

    task: Task[..., Any]
    fingerprint: bytes
    policy: bytes
    epoch: int
    options: TaskOptions = attrs.field(converter=_consistent)
    forced: Mapping[str, Any] = NONE
    entry: Entry = attrs.field(kw_only=True)
    own: Footprint = attrs.field(init=False)
    # The options that are lazy; the places of the arguments that count, None: all do; the tags, when they are known; and whether its
    # calls are recalled and shared as calls are when nothing else is said.
    lazy: Mapping[str, Any] = attrs.field(init=False)
    counted: tuple[int, ...] | None = attrs.field(init=False)
    tags: Mapping[str, str] = attrs.field(init=False)
    is_plain: bool = attrs.field(init=False)

    @entry.default
    def _entry(self) -> Entry:
        return task_entry(self.task.full_name, self.fingerprint, self.policy, self.epoch)

    @own.default
    def _own(self) -> Footprint:
        refuses = self.options.cache is False or self.options.check == "each"
        entries = {self.entry, REFUSED} if refuses else {self.entry}
        return frozenset(entries)

    @lazy.default
    def _lazy(self) -> Mapping[str, Any]:
        held = {
            name: value for name, value in zip(TaskOptions._fields, self.options, strict=True) if expressions(value)
        }
        held.pop("depends_on", None)
        return held

    @tags.default
    def _tags(self) -> Mapping[str, str]:
        return NONE if self.lazy else self.options.tags

    @is_plain.default
    def _is_plain(self) -> bool:
        return self.options.cache is True and self.options.share is True and self.options.check == "footprint"

    @counted.default
    def _counted(self) -> tuple[int, ...] | None:
        signature = self.task.signature
        ignored = {place for place, name in enumerate(signature.names) if name in self.options.ignore}
        ignored.update(signature.this_job)
        return tuple(place for place in range(len(signature.names)) if place not in ignored) if ignored else None


def policy_of(binding: bytes, options: TaskOptions) -> bytes:
    """The policy of a task: `binding` is the digest of its signature and defaults (rule 17)."""
    flags = f"{options.cache!r} {options.share!r} {options.check!r}"  # as text also when lazy
    if options.inspect is not None:
        flags += f" {options.inspect}"
    return blake(frame(b"policy", [binding, flags.encode(), *[name.encode() for name in options.ignore]]))


class Terms(NamedTuple):
    """By what a reduction goes; see `Machine`."""

    context: Mapping[str, Any]
    recall: bool = True
    forced: Callable[[str], bool] = lambda _: False
    gone: frozenset[Any] = frozenset()
    lenient: frozenset[str] = frozenset()

    def may_be_absent(self, kind: str, place: str) -> bool:
        """Does what is recorded of an external value hold, too, when nothing is there any more?"""
        return kind in self.lenient and (kind, place) not in self.gone


class World:
    """What this run knows of the world: filled by answers to `Inspect` and by results."""

    def __init__(self, terms: Terms, digester: Digester) -> None:
        self.places: dict[tuple[str, str], bytes | None] = {}
        self.made: set[tuple[str, str]] = set()  # places of which a result of this run says what is there
        self.tasks: dict[Task[..., Any], Definition] = {}
        self.undefined: dict[Task[..., Any], Exception] = {}  # tasks that are nothing that could be called, and why
        self.names: dict[str, Definition | None] = {}
        self._called: dict[str, Definition] = {}
        self.things: dict[Any, bytes | None] = {}
        self.named: dict[str, bytes | None] = {}
        self.entries = terms.context
        self.may_be_absent = terms.may_be_absent
        self._digester = digester
        self._context_tokens: dict[str, bytes | None] = {}

    def learn(self, answer: Mapping[Target, Any]) -> None:
        """Take in the answer to an `Inspect`."""
        for target, seen in answer.items():
            match target[0]:
                case "external":
                    self.places[target[1:]] = seen
                case "task":
                    self._learn_task(target[1], seen)
                case "name":
                    self.names[target[1]] = seen
                case "thing":
                    self.things[target[1]] = seen
                case _:
                    self.named[target[1]] = seen

    def _learn_task(self, task: Task[..., Any], definition: Definition) -> None:
        first = self._called.setdefault(task.full_name, definition)
        if (first.fingerprint, first.policy) != (definition.fingerprint, definition.policy):
            # What is recorded under the name could be either's.
            self.undefined[task] = AlonzoError(
                f"two tasks are called {task.full_name} in this run, and differ: {_where(first.task)} and {_where(task)}; "
                "give each a name of its own, @task(name=...), or make what differs an argument"
            )
            return
        self.tasks[task] = definition
        if (
            self.names.get(task.full_name) is None
        ):  # looked for in vain before: it is made inside a function, which has run since
            self.names[task.full_name] = definition

    def context(self, path: str) -> Any:
        """The entry of the run's context at this path, or ABSENT."""
        return look_up(self.entries, path)

    def context_token(self, path: str) -> bytes | None:
        """The token of a context entry, None: absent."""
        if path not in self._context_tokens:
            self._context_tokens[path] = EntryLook(path).token(self.context(path), self._digester)
        return self._context_tokens[path]

    def entry(self, definition: Definition) -> Entry:
        """How a call of this task stands in a footprint, outside all overrides."""
        return definition.entry


def _where(task: Task[..., Any]) -> str:
    """The file and line of its function, and what it has captured, which is often all that differs."""
    code = getattr(task.func, "__code__", None)
    if code is None:
        return repr(task.func)
    captured = zip(code.co_freevars, getattr(task.func, "__closure__", None) or (), strict=False)
    held = ", ".join(f"{name}={cell.cell_contents!r:.40}" for name, cell in captured if _is_plain(cell))
    return f"{code.co_filename}:{code.co_firstlineno}{f' (where {held})' if held else ''}"


def _is_plain(cell: Any) -> bool:
    try:
        return type(cell.cell_contents) in (int, str, float, bool, type(None))
    except ValueError:
        return False  # it is empty


class EntryLook:
    """How an entry of the context is digested: external values by their place, what they are counts where they are used."""

    def __init__(self, path: str) -> None:
        self._path = path

    def token(self, value: Any, digester: Digester) -> bytes | None:
        """The token of the entry, None: absent."""
        return None if value is ABSENT else digester.token(value, self)

    def expression(self, node: Expression) -> bytes:
        raise EncodeError(f"the context entry {self._path!r} holds an expression: only values can be looked up")

    def external(self, kind: str, place: str) -> bytes | None:
        return b""

    def definition(self, kind: str, thing: Any) -> bytes | None:
        return None

    def found(self, found: Found) -> None:
        """The context holds no results."""


class Place(Protocol):
    """From where a footprint is looked at: the run itself, or a view of a scope (see _scopes)."""

    def context_token(self, path: str) -> bytes | None: ...
    def entry(self, definition: Definition) -> Entry: ...


class Verdicts:
    """Judges footprints, each once from each place; `forced` says of which tasks nothing may be recalled."""

    def __init__(self, world: World, forced: Callable[[str], bool]) -> None:
        self._world = world
        self._forced = forced
        self._known: dict[Place, dict[Footprint, bool]] = {}
        self._resting: dict[tuple[str, str], list[tuple[Place, Footprint]]] = {}

    def judge(self, footprint: Footprint, place: Place) -> bool | list[Target]:
        """Does it hold there? When that needs a look at the world: the targets to inspect first."""
        verdicts = self._known.setdefault(place, {})
        known = verdicts.get(footprint)
        if known is not None:
            return known
        wanted: list[Target] = []
        for entry in footprint:
            holds = self._holds(entry, place)
            if holds is False:
                verdicts[footprint] = False
                return False
            if holds is not True:
                wanted.append(holds)
        if wanted:
            # A set has no order of its own, and the machine's effects must: by name.
            return sorted(wanted, key=lambda target: target[:3])
        verdicts[footprint] = True
        for entry in footprint:
            if entry[0] == "external":
                self._resting.setdefault(entry[1:3], []).append((place, footprint))
        return True

    def moved(self, place: tuple[str, str]) -> bool:
        """Something else is at this place: what was found to hold may not hold any more (rule 15). Answers whether anything was."""
        has_held = place in self._resting
        for looked_from, footprint in self._resting.pop(place, ()):
            self._known[looked_from].pop(footprint, None)
        return has_held

    def _holds(self, entry: Entry, place: Place) -> bool | Target:
        world, kind = self._world, entry[0]
        if kind == "task":
            if self._forced(entry[1]):
                return False
            today = world.names.get(entry[1], _UNKNOWN)
            if today is _UNKNOWN:
                return ("name", entry[1])
            return isinstance(today, Definition) and place.entry(today) == entry
        if kind == "external":
            seen = world.places.get(entry[1:3], _UNKNOWN)
            if seen is _UNKNOWN:
                return ("external", entry[1], entry[2])
            return bool(seen == entry[3]) or (seen is None and world.may_be_absent(entry[1], entry[2]))
        if kind == "context":
            return bool(place.context_token(entry[1]) == entry[2])
        if kind == "class":
            seen = world.named.get(entry[1], _UNKNOWN)
            return ("named", entry[1]) if seen is _UNKNOWN else bool(seen == entry[2])
        return False


def changed(
    before: Iterable[External],
    after: Iterable[External],
    declared: Iterable[External],
    may_be_absent: Callable[[str, str], bool],
) -> list[External]:
    """Which arguments' external values changed while a body ran, but for places that its result declares anew (rule 13 ii)."""
    was = {(kind, place): digest for kind, place, digest in before}
    anew = {(kind, place) for kind, place, _ in declared}
    return [
        (kind, place, now)
        for kind, place, now in after
        if (kind, place) not in anew
        and was.get((kind, place), now) != now
        and not (now is None and may_be_absent(kind, place))
    ]
