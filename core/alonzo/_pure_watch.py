"""Watches what code does while a task is applied: an audit hook for files, sockets and processes, a profile function for the rest.

An audit hook cannot be removed: it is added when the first task is watched, and looks at one number while none is. Profile functions
belong to threads: one is set when a watched function is entered, and what was there before is there again afterwards. Whose doing
something is, a context variable tells; so it does on the threads that a task starts, and in the event loop that tasks share.
"""

# Paths are texts here.
# ruff: noqa: PTH109

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any

from ._pure_signs import CALENDAR, DOES, EVENTS, Calls, Sign, Touch, has_drawn, numpy_state, seen
from ._pure_stack import Place, Stack, is_boundary

log = logging.getLogger("alonzo")


class Watch:
    """One application, while it is watched, and what it did.

    top       the package that the task belongs to
    defined   file and line of the task's function, None: it has none
    told      what was seen, but for files: (category, file, line) -> what it does and what with, the first of each line
    touched   each path, as it was given, with the working directory: how it was touched first, and where
    is_blind  another profile function is at work: only the audit hook saw something
    has_drawn somebody has drawn from numpy's shared generator meanwhile
    is_alone  no other task was watched meanwhile
    is_over   nothing that is still done in its name counts any more
    """

    def __init__(self, stack: Stack, top: str, defined: tuple[str, int] | None) -> None:
        self.top = top
        self.defined = defined
        self.told: dict[tuple[str, str, int], tuple[str, str]] = {}
        self.touched: dict[tuple[str, str], tuple[str, Place]] = {}
        self.scratch: list[str] = []
        self.is_blind = False
        self.has_drawn = False
        self.is_alone = True
        self._stack = stack
        self.is_over = False
        self._before: Any = None

    def call(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """What the function returns or raises; what it does meanwhile is seen."""
        with self._watching():
            return function(*args, **kwargs)

    async def call_async(self, function: Callable[..., Awaitable[Any]], args: Any, kwargs: Any) -> Any:
        """The same, of an `async def` function."""
        with self._watching():
            return await function(*args, **kwargs)

    @contextlib.contextmanager
    def _watching(self) -> Iterator[None]:
        token, thread = _WATCH.set(self), threading.get_ident()
        others = _WATCHING.enter(self)
        self.is_alone = not others
        for other in others:
            other.is_alone = False
        self._before = numpy_state()
        self.is_blind = not _enter_thread()
        try:
            yield
        finally:
            # A coroutine that nobody awaits any more ends where it is collected: on any thread, in any context.
            if not self.is_blind and threading.get_ident() == thread:
                _leave_thread()
            self.has_drawn = has_drawn(self._before, numpy_state())
            self.is_over = True
            _WATCHING.leave(self)
            with contextlib.suppress(ValueError):
                _WATCH.reset(token)

    # -- called by the hook and the profile function: whatever goes wrong here must not reach the user's code -----------

    def note(self, sign: Sign, frame: FrameType | None) -> None:
        if self.is_over:
            return
        place = self._stack.place(frame, top=self.top, defined=self.defined)
        if place is not None and _counts(sign, place.by):
            what = place.through if place.through and sign.category in ("clock", "randomness") else sign.what
            self.told.setdefault((sign.category, place.file, place.line), (sign.does or DOES[sign.category], what))

    def touch(self, touches: list[Touch], frame: FrameType | None) -> None:
        if self.is_over or not touches:
            return
        scratch = [os.path.abspath(os.fsdecode(touch.path)) for touch in touches if touch.how == "scratch"]
        if scratch:
            self.scratch += scratch
            return
        place = self._stack.place(frame, top=self.top, defined=self.defined)
        if place is None:
            return
        for touch in touches:
            if touch.how == "connected" and "engine" in place.by:
                continue  # the database of a handle
            path = os.fsdecode(touch.path)
            here = "" if os.path.isabs(path) else os.getcwd()
            self.touched.setdefault((path, here), (touch.how, place))

    def adopt(self, thread: Any) -> None:
        """What this thread, which is about to start, does is this application's doing."""
        thread.run = functools.partial(_run_watched, self, thread.run)


def _run_watched(watch: Watch, run: Callable[[], None]) -> None:
    _WATCH.set(watch)
    _ENTERED.is_adopted = True
    sees = _enter_thread()
    try:
        run()
    finally:
        if sees:
            _leave_thread()


is_boundary(Watch.call.__code__, of_task=True)
is_boundary(Watch.call_async.__code__, of_task=True)
is_boundary(_run_watched.__code__, of_task=False)


def _counts(sign: Sign, by: frozenset[str]) -> bool:
    """Does what was seen count, when so much lies between the project's code and it?"""
    if "engine" in by:
        return False
    if sign.category in ("sockets", "processes"):
        return True
    if "timers" in by:
        return False
    if "installed" not in by:
        return True
    # A library draws random numbers, and asks for the date, for whoever calls it; stop-watches and variables are its own affair.
    return sign.category == "randomness" or sign.what in CALENDAR


_WATCH: ContextVar[Watch | None] = ContextVar("alonzo_watch", default=None)


class _Watching:
    """Which applications are watched now, in all threads."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()
        self._watches: list[Watch] = []
        self._is_hooked = False

    def enter(self, watch: Watch) -> list[Watch]:
        """Answers those that are watched already."""
        with self._lock:
            if not self._is_hooked:
                self._is_hooked = True
                sys.addaudithook(_audit)
            others = list(self._watches)
            self._watches.append(watch)
            self.count += 1
            return others

    def leave(self, watch: Watch) -> None:
        with self._lock:
            self._watches.remove(watch)
            self.count -= 1


_WATCHING = _Watching()


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _WATCHING.count or event not in EVENTS:
        return
    watch = _WATCH.get()
    if watch is None:
        return
    try:
        sign = seen(event, args)
        frame = sys._getframe(1)
        if isinstance(sign, list):
            watch.touch(sign, frame)
        else:
            watch.note(sign, frame)
    except Exception as error:  # an exception of a hook would stop what the user's code is about to do
        log.debug("check_pure: %s: %r", event, error)


_CALLS = Calls()
_of_c, _of_python = _CALLS.of_c, _CALLS.of_python
_START = threading.Thread.start.__code__
_of_python[id(_START)] = lambda _frame: None  # in the same table, as one look must do


def _profile(frame: FrameType, event: str, arg: Any) -> None:
    # For every call in the task: all but a look into a table is for what was found there.
    if event == "c_call":
        if arg not in _of_c:
            return
    elif event != "call" or id(frame.f_code) not in _of_python:
        return
    watch = _WATCH.get()
    if watch is None:
        return
    if watch.is_over:
        if _ENTERED.is_adopted:
            sys.setprofile(None)  # the thread goes on without the task that started it, and is watched no more
        return
    try:
        if frame.f_code is _START and event == "call":
            watch.adopt(frame.f_locals["self"])
            return
        sign = _CALLS.sign(frame, arg) if event == "c_call" else _of_python[id(frame.f_code)](frame)
        if sign is not None:
            watch.note(sign, frame)
    except Exception as error:  # it would be raised in the user's code
        log.debug("check_pure: %s: %r", event, error)


class _Entered(threading.local):
    depth = 0
    is_adopted = False  # it was started by a task


_ENTERED = _Entered()


def _enter_thread() -> bool:
    """Set the profile function of this thread. False: there is another one."""
    if not _ENTERED.depth:
        if sys.getprofile() is not None:
            return False
        sys.setprofile(_profile)
    _ENTERED.depth += 1
    return True


def _leave_thread() -> None:
    _ENTERED.depth -= 1
    if not _ENTERED.depth and sys.getprofile() is _profile:
        sys.setprofile(None)
