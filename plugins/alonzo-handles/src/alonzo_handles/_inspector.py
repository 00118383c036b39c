"""What knows of handles in one process: the states they are in, and the live objects that are open."""

from __future__ import annotations

import contextlib
import os
import platform
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alonzo import AlonzoError
from alonzo.plugin import Capture

from ._errors import HandleError
from ._sql import Below, SqlStates
from ._state import State, state_at

if TYPE_CHECKING:
    from ._file import HandlesFile
    from ._handle import Handle
    from ._stateful import StatefulHandle

KIND = "handle"


class Held:
    """What an application has of handles.

    live     the live objects lent to it
    trusted  the states of which it has been seen that the thing is in them
    at_end   what to do before the live objects are given back
    """

    __slots__ = ("at_end", "live", "trusted")

    def __init__(self) -> None:
        self.live: dict[Handle, Any] = {}
        self.trusted: set[State] = set()
        self.at_end: list[Callable[[], object]] = []


_Idle = dict[tuple[Any, int, int], list[Any]]


class HandleInspector:
    """The inspector of states: of a place it says whether the live thing is in that state, or has come from it.

    It lives as long as the runtime, or the worker process, and so do the live objects that it keeps for the next task.
    """

    kind = KIND
    kinds: tuple[type, ...] = (State,)

    def __init__(self, root: str, main: str | None) -> None:
        self.root = root
        self._main = main
        # Of a handle, a process and a thread: live objects that no application has.
        self._idle: _Idle = {}
        self._held: dict[Capture, Held] = {}
        self._known: dict[str, StatefulHandle] = {}
        self._lock = threading.Lock()
        # Held while a call begins to change something, until that stands in `changing`.
        self.beginning = threading.Lock()
        # Of the calls that change something in this process: the thread, by identity and number.
        self.changing: dict[tuple[str, int], int] = {}
        self.owner = "|".join([platform.node(), str(os.getpid()), str(_started(os.getpid())), os.urandom(4).hex()])
        weakref.finalize(self, _close_all, self._idle)

    def __reduce__(self) -> tuple[type[HandleInspector], tuple[str, str | None]]:
        return (HandleInspector, (self.root, self._main))

    # -- the inspector ---------------------------------------------------------------------------

    def place(self, value: State) -> str:
        return value.place

    def inspect(self, places: Sequence[str]) -> list[bytes | None]:
        wanted: dict[str, list[State]] = {}
        for place in places:
            state = state_at(place)
            wanted.setdefault(state.identity, []).append(state)
        found: dict[str, str | None] = {}
        for identity, states in wanted.items():
            found.update(zip([state.place for state in states], self._tokens(identity, states), strict=True))
        return [_digest(found[place]) for place in places]

    def _tokens(self, identity: str, states: list[State]) -> list[str | None]:
        handle = self._handle(identity)
        if handle is None:
            with self.file.states(make=False) as kept:
                return kept.tokens(states)
        try:
            with self._borrowed(handle) as live:
                return handle.states(live).tokens(states)
        except AlonzoError:
            raise
        except Exception as error:
            raise HandleError(f"the states of {identity} cannot be read: {type(error).__name__}: {error}") from error

    # -- states ----------------------------------------------------------------------------------

    @property
    def file(self) -> HandlesFile:
        from ._file import HandlesFile

        return HandlesFile(Path(self.root), self._main)

    @contextlib.contextmanager
    def states(self, handle: StatefulHandle, application: Capture, *, make: bool = True) -> Iterator[SqlStates]:
        """Where the handle's states are kept."""
        if not handle.keeps_states:
            with self.file.states(make=make) as kept:
                yield kept
            return
        self._remember(handle)
        yield handle.states(self.lent(handle, application))

    def is_alive(self, row: Below) -> bool:
        """Does the call that changes something still go on?

        Raises:
            HandleError: nobody here can tell, or it would wait for itself.
        """
        if row.owner == self.owner:
            return True
        host, process, started, _ = row.owner.rsplit("|", 3)
        if host != platform.node() or os.name == "nt":
            raise HandleError(
                f"{row.task} is changing the same thing, or was when its process died: process {process} on {host}. If that is gone, "
                f"say so in the table alonzo_state: let the status be 'broken' where the owner is {row.owner!r}"
            )
        return str(_started(int(process))) == started

    def _remember(self, handle: StatefulHandle) -> None:
        identity = handle.state_now.identity
        if identity not in self._known:
            try:
                self.file.keep(identity, handle)
            except Exception as error:
                raise HandleError(
                    f"{type(handle).__qualname__} keeps its states itself, so it must be possible to make it again, and it is not: "
                    f"{type(error).__name__}: {error}. Define the class in a module that can be imported"
                ) from error
            self._known[identity] = handle

    def _handle(self, identity: str) -> StatefulHandle | None:
        """The handle of this identity if it keeps its states itself."""
        known = self._known.get(identity)
        if known is None:
            known = self.file.made_again(identity)
            if known is not None:
                self._known[identity] = known
        return known

    # -- live objects ----------------------------------------------------------------------------

    def held(self, application: Capture) -> Held:
        """What the application has, until it ends."""
        with self._lock:
            mine = self._held.get(application)
            if mine is None:
                mine = self._held[application] = Held()
                application.at_end.append(lambda: self._take_back(application))
            return mine

    def lent(self, handle: Handle, application: Capture) -> Any:
        """The live object that the application has for this handle, from now on until it ends."""
        live, plain = self.held(application).live, handle.plain
        if plain not in live:
            live[plain] = self._taken(plain)
        return live[plain]

    def drop(self, handle: Handle, application: Capture) -> None:
        """Close what the application has for this handle: whatever was not committed is gone."""
        plain = handle.plain
        live = self.held(application).live.pop(plain, None)
        if live is not None:
            _closed(plain, live)

    def close(self) -> None:
        """Close what is open and not in use. Idempotent."""
        with self._lock:
            _close_all(self._idle)

    def _taken(self, plain: Handle) -> Any:
        with self._lock:
            idle = self._idle.get(_slot(plain))
            if idle:
                return idle.pop()
        return plain.open()

    def _given_back(self, plain: Handle, live: Any) -> None:
        try:
            plain.release(live)
        except Exception:  # it is of no use any more: the next task opens another
            _closed(plain, live)
            return
        with self._lock:
            self._idle.setdefault(_slot(plain), []).append(live)

    def _take_back(self, application: Capture) -> None:
        held = self.held(application)
        while held.at_end:
            held.at_end.pop()()
        del self._held[application]
        for plain, live in held.live.items():
            self._given_back(plain, live)

    @contextlib.contextmanager
    def _borrowed(self, handle: Handle) -> Iterator[Any]:
        plain = handle.plain
        live = self._taken(plain)
        try:
            yield live
        except BaseException:
            _closed(plain, live)
            raise
        self._given_back(plain, live)


def _slot(plain: Handle) -> tuple[Handle, int, int]:
    return (plain, os.getpid(), threading.get_ident())


def _close_all(idle: _Idle) -> None:
    while idle:
        (plain, process, _), live = idle.popitem()
        for one in live if process == os.getpid() else ():
            _closed(plain, one)


def _closed(plain: Handle, live: Any) -> None:
    # That which cannot be closed, in this thread or at all, is let go of.
    with contextlib.suppress(Exception):
        plain.close(live)


def _digest(token: str | None) -> bytes | None:
    return None if token is None else blake2b(token.encode(), digest_size=16).digest()


def _started(process: int) -> int | None:
    """When the process began, by its machine's clock; 0 where that cannot be asked, None: there is no such process."""
    if os.name == "nt":
        return 0
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass  # another user's: it lives
    try:
        fields = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return None if fields[0] in "ZX" else int(fields[19])
