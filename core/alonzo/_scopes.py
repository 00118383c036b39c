"""Scopes: what holds below a call besides its arguments, the entries of its context and the options for everything below.

Outside all overrides the scope is None, and nothing here costs anything. Scopes of equal content are one object, however they came about:
going there and back again ends where it began.

Of a scope, only its *view* decides whether what is recorded holds: the context, and those of the options that decide how calls are
recalled. Calls in scopes of one view share their results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, final

from ._context import decides, look_up
from ._digests import Digester
from ._options import NONE, How
from ._rebuild import Definition, EntryLook, World
from ._scalars import blake, frame
from ._tasks import merged
from ._traces import Entry, Footprint, task_entry

_POLICY = ("cache", "check", "share", "inspect")


@final
class View:
    """A context, and what tasks' policies are in it."""

    __slots__ = ("_digester", "_entries_of", "_flags", "_tokens", "entries")

    def __init__(self, entries: Mapping[str, Any], flags: Mapping[str, Any], digester: Digester) -> None:
        self.entries = entries
        self._flags = flags
        self._digester = digester
        self._tokens: dict[str, bytes | None] = {}
        self._entries_of: dict[Definition, Entry] = {}

    def context(self, path: str) -> Any:
        """The entry of the context at this path, or ABSENT."""
        return look_up(self.entries, path)

    def context_token(self, path: str) -> bytes | None:
        """The token of a context entry, None: absent."""
        if path not in self._tokens:
            self._tokens[path] = EntryLook(path).token(self.context(path), self._digester)
        return self._tokens[path]

    def entry(self, definition: Definition) -> Entry:
        """How a call of this task stands in a footprint, as it is seen from here (rule 17)."""
        if not self._flags:
            return definition.entry
        known = self._entries_of.get(definition)
        if known is None:
            known = self._entries_of[definition] = self._entry(definition)
        return known

    def _entry(self, definition: Definition) -> Entry:
        before = definition.options
        now = before._replace(**{**self._flags, **_chosen(definition.forced, _POLICY)}).consistent()
        flags = [getattr(now, name) for name in _POLICY]
        if flags == [getattr(before, name) for name in _POLICY]:
            return definition.entry
        if now.inspect is None:
            flags.pop()  # as before there was this option, if the task's own is none either
        policy = blake(frame(b"below", [definition.policy, repr(flags).encode()]))
        return task_entry(definition.task.full_name, definition.fingerprint, policy, definition.epoch)


@final
class Scope:
    """Where a call's body stands; a form is given it to ask for entries of the context.

    view   None: that of the run itself
    below  the options that hold for all calls, of the innermost override
    """

    __slots__ = ("_here", "below", "view")

    def __init__(self, view: View | None, below: Mapping[str, Any], here: View | World) -> None:
        self.view = view
        self.below = below
        self._here = here

    def context(self, path: str) -> Any:
        """The entry of the context at this path, or ABSENT."""
        return self._here.context(path)

    def context_token(self, path: str) -> bytes | None:
        """The token of a context entry, None: absent."""
        return self._here.context_token(path)

    @property
    def entries(self) -> Mapping[str, Any]:
        return self._here.entries


class Scopes:
    """Makes scopes, and the definitions that hold in them; each once for each content."""

    def __init__(self, world: World, digester: Digester) -> None:
        self._world = world
        self._digester = digester
        self._steps: dict[tuple[Any, ...], Scope | None] = {}
        self._scopes: dict[tuple[Any, ...], Scope | None] = {}
        self._views: dict[tuple[Any, ...], View | None] = {}
        self._effective: dict[tuple[Any, ...], Definition] = {}

    def inside(self, outer: Scope | None, how: How) -> Scope | None:
        """The scope below a call that stands in `outer`.

        Raises:
            EncodeError: an entry of its context has no digest.
        """
        if not how.context and not how.below:
            return outer
        over = self._digester.token(dict(how.context), EntryLook("")) if how.context else b""
        step = (outer, over, frozen(how.below))
        if step not in self._steps:
            self._steps[step] = self._scope(outer, how)
        return self._steps[step]

    def effective(
        self, definition: Definition, outer: Scope | None, inside: Scope | None, how: How, resolved: Mapping[str, Any]
    ) -> Definition:
        """What a call has as its definition: where it stands in `outer`, its body in `inside`, and with its own options in `how`.

        resolved  the values of the options that are lazy where the task is defined
        """
        view = inside.view if inside is not None else None
        below = outer.below if outer is not None else NONE
        if view is None and not (below or how.options or resolved):
            return definition
        key = (definition, outer, view, frozen(how.options), frozen(resolved))
        known = self._effective.get(key)
        if known is None:
            forced = {name: resolved.get(name, value) for name, value in definition.forced.items()}
            options = definition.options._replace(**{**resolved, **below, **how.options, **forced})
            known = self._effective[key] = Definition(
                definition.task,
                definition.fingerprint,
                definition.policy,
                definition.epoch,
                options,
                forced,
                entry=(view or self._world).entry(definition),
            )
        return known

    def outside(
        self, footprint: Footprint, outer: Scope | None, inside: Scope | None, over: Mapping[str, Any]
    ) -> Footprint:
        """What was met inside, as it is seen from outside of a call that has put `over` over its context (rule 11)."""
        there = (inside.view if inside is not None else None) or self._world
        here = (outer.view if outer is not None else None) or self._world
        if there is here:
            return footprint
        return frozenset(self._seen(footprint, here, there, over))

    def _seen(
        self, footprint: Footprint, here: View | World, there: View | World, over: Mapping[str, Any]
    ) -> Iterable[Entry]:
        for entry in footprint:
            if entry[0] == "context":
                if not decides(over, entry[1]):
                    yield ("context", entry[1], here.context_token(entry[1]))
                continue
            today = self._world.names.get(entry[1]) if entry[0] == "task" else None
            yield here.entry(today) if today is not None and there.entry(today) == entry else entry

    def _scope(self, outer: Scope | None, how: How) -> Scope | None:
        before = outer.entries if outer is not None else self._world.entries
        entries = merged(before, how.context) if how.context else before
        below = {**(outer.below if outer is not None else NONE), **how.below}
        content = self._difference(entries)
        key = (content, frozen(below))
        if key not in self._scopes:
            view = self._view(content, entries, _chosen(below, _POLICY))
            self._scopes[key] = None if view is None and not below else Scope(view, below, view or self._world)
        return self._scopes[key]

    def _view(self, content: bytes, entries: Mapping[str, Any], flags: Mapping[str, Any]) -> View | None:
        if not content and not flags:
            return None
        key = (content, frozen(flags))
        if key not in self._views:
            self._views[key] = View(entries, flags, self._digester)
        return self._views[key]

    def _difference(self, entries: Mapping[str, Any]) -> bytes:
        """A digest of where these differ from the run's own context; nothing when they do not."""
        found: list[tuple[tuple[str, ...], bytes]] = []
        todo: list[tuple[tuple[str, ...], Any, Any]] = [((), entries, self._world.entries)]
        while todo:
            path, now, before = todo.pop()
            if now is before:
                continue
            if isinstance(now, Mapping) and isinstance(before, Mapping):
                todo += [((*path, key), now.get(key, _NOTHING), before.get(key, _NOTHING)) for key in {*now, *before}]
                continue
            token = self._token(path, now)
            if token != self._token(path, before):
                found.append((path, token))
        parts = [part for path, token in sorted(found) for part in (frame(b"", map(str.encode, path)), token)]
        return blake(frame(b"scope", parts)) if parts else b""

    def _token(self, path: tuple[str, ...], value: Any) -> bytes:
        return b"" if value is _NOTHING else self._digester.token(value, EntryLook(".".join(path)))


_NOTHING = object()


def frozen(value: Any) -> Any:
    """The value as a key of a table: equal for equal options; what cannot be compared by content is itself alone."""
    if isinstance(value, Mapping):
        return tuple(sorted([(name, frozen(held)) for name, held in value.items()], key=lambda pair: pair[0]))
    if isinstance(value, list | tuple):
        return (type(value), *map(frozen, value))
    try:
        hash(value)
    except TypeError:
        return _Same(value)
    return value


@final
class _Same:
    """A value that cannot be hashed, compared by identity; it is kept alive, so that nothing else gets its id."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is _Same and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def _chosen(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if name in options}
