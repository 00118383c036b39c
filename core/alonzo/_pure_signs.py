"""By which signs it is known that a task touches more than its arguments: audit events, C functions, functions of Python's library.

The tables are made when a task is first watched; nothing here looks at anything by itself.
"""

from __future__ import annotations

import datetime
import os
import random
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dis import opname
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, NamedTuple

CATEGORIES = ("files", "sockets", "processes", "environment", "clock", "randomness")
"""What a task can be named for, besides changing its arguments; the words by which `[impure]` lets it."""


DOES = {
    "sockets": "opens a socket",
    "processes": "starts a process",
    "environment": "reads the environment",
    "clock": "reads the clock",
    "randomness": "draws random numbers",
}


class Sign(NamedTuple):
    """That a task did something, of that category; `what` is told in brackets behind what it `does`, as a rule what DOES says."""

    category: str
    what: str
    does: str = ""


class Touch(NamedTuple):
    """A path, and how it was touched: read, written, listed, made, removed, connected (a database), scratch (its own temporary one)."""

    path: Any
    how: str


# -- audit events -----------------------------------------------------------------------------------------------------

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_UNNAMED = getattr(os, "O_TMPFILE", 0)


def _opened(path: Any, _mode: Any, flags: Any) -> list[Touch]:
    flags = flags if isinstance(flags, int) else 0
    if _UNNAMED and flags & _UNNAMED == _UNNAMED:
        return []
    return [Touch(path, "written" if flags & _WRITES else "read")]


def _connected(database: Any) -> list[Touch]:
    """A database of SQLite, which opens its file without Python."""
    name = os.fspath(database) if isinstance(database, str | bytes | os.PathLike) else ""
    text = os.fsdecode(name)
    if not text or text.startswith((":memory:", "file:")):
        return []
    return [Touch(text, "connected")]


def _in_folder(path: Any, folder: Any, how: str) -> list[Touch]:
    """Not of what is named relative to an open directory: nobody says which one that is."""
    return [Touch(path, how)] if folder in (-1, None) else []


_FILES: dict[str, Callable[..., list[Touch]]] = {
    "open": _opened,
    "sqlite3.connect": _connected,
    "os.listdir": lambda path: [Touch("." if path is None else path, "listed")],
    "os.scandir": lambda path: [Touch("." if path is None else path, "listed")],
    "os.mkdir": lambda path, _mode, folder: _in_folder(path, folder, "made"),
    "os.remove": lambda path, folder: _in_folder(path, folder, "removed"),
    "os.rmdir": lambda path, folder: _in_folder(path, folder, "removed"),
    "os.truncate": lambda path, _length: [Touch(path, "written")],
    "os.rename": lambda old, new, source, target: [
        *_in_folder(old, source, "removed"),
        *_in_folder(new, target, "written"),
    ],
    "os.link": lambda old, new, source, target: [*_in_folder(old, source, "read"), *_in_folder(new, target, "written")],
    "os.symlink": lambda _old, new, folder: _in_folder(new, folder, "written"),
    "shutil.rmtree": lambda path, *folder: _in_folder(path, folder[0] if folder else None, "removed"),
    "tempfile.mkstemp": lambda path: [Touch(path, "scratch")],
    "tempfile.mkdtemp": lambda path: [Touch(path, "scratch")],
}


def _program(executable: Any, args: Any, *_rest: Any) -> str:
    words = args if isinstance(args, list | tuple) else [args]
    name = executable if executable is not None else words[0] if words else ""
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else ""
    return os.path.basename(text.split()[0]) if text.split() else "subprocess"


def _address(_socket: Any, address: Any, *_rest: Any) -> str:
    return f"{address[0]}:{address[1]}" if isinstance(address, tuple) and len(address) > 1 else _text(address)


def _text(value: Any) -> str:
    return os.fsdecode(value) if isinstance(value, str | bytes) else str(value)


_SIGNS: dict[str, Callable[..., Sign]] = {
    "subprocess.Popen": lambda *args: Sign("processes", _program(*args)),
    "os.system": lambda *_args: Sign("processes", "os.system"),
    "os.exec": lambda *args: Sign("processes", _program(*args)),
    "os.fork": lambda: Sign("processes", "os.fork"),
    "os.forkpty": lambda: Sign("processes", "os.forkpty"),
    "os.posix_spawn": lambda *args: Sign("processes", _program(*args)),
    "os.spawn": lambda _mode, path, args, _env: Sign("processes", _program(path, args)),
    "os.startfile": lambda path, *_args: Sign("processes", _program(path, ())),
    "socket.__new__": lambda *_args: Sign("sockets", ""),
    "socket.connect": lambda *args: Sign("sockets", _address(*args)),
    "socket.bind": lambda *args: Sign("sockets", _address(*args)),
    "socket.sendto": lambda *args: Sign("sockets", _address(*args)),
    "socket.getaddrinfo": lambda host, port, *_args: Sign("sockets", f"{_text(host)}:{_text(port)}"),
    "socket.gethostbyname": lambda host: Sign("sockets", _text(host)),
    "socket.gethostbyaddr": lambda host: Sign("sockets", _text(host)),
    "os.putenv": lambda name, _value: Sign("environment", _text(name), "changes the environment"),
    "os.unsetenv": lambda name: Sign("environment", _text(name), "changes the environment"),
    "builtins.input": lambda *_args: Sign("environment", "input", "reads the keyboard"),
}

EVENTS = frozenset([*_FILES, *_SIGNS])


def seen(event: str, args: tuple[Any, ...]) -> Sign | list[Touch]:
    """What an audit event among EVENTS tells."""
    if event in _FILES:
        # An open descriptor instead of a path: it was seen when it was opened.
        return [touch for touch in _FILES[event](*args) if isinstance(touch.path, str | bytes | os.PathLike)]
    return _SIGNS[event](*args)


# -- calls ------------------------------------------------------------------------------------------------------------

_CLOCKS = "time monotonic perf_counter process_time thread_time"
_CLOCKS += " ".join([f" {name}_ns" for name in [*_CLOCKS.split(), "clock_gettime"]]) + " clock_gettime"
# They read the clock when they are given no moment; the number is how many arguments that leaves.
_UNLESS_GIVEN = {"gmtime": 0, "localtime": 0, "ctime": 0, "asctime": 0, "strftime": 1}
_MACHINE = "getpid getppid getlogin getuid uname gethostname"


class Calls:
    """C functions, and functions of Python's library, that read what is no argument."""

    def __init__(self) -> None:
        self.of_c: dict[Any, Sign] = {}
        self.of_python: dict[int, Callable[[FrameType], Sign | None]] = {
            id(os._Environ.__getitem__.__code__): _variable,
            id(os._Environ.__iter__.__code__): lambda frame: _variable(frame, "all of it"),
            id(random.Random.seed.__code__): _seeded,
            # A C function takes the time for it, where the system has one.
            id(uuid.uuid1.__code__): lambda _frame: Sign("clock", "uuid.uuid1"),
            id(uuid.getnode.__code__): lambda _frame: Sign("environment", "uuid.getnode"),
            # Not every way of its to start a process raises an audit event.
            id(BaseProcess.start.__code__): lambda _frame: Sign("processes", "multiprocessing"),
        }
        self._add("clock", time, _CLOCKS.split())
        self._add("clock", time, _UNLESS_GIVEN)
        self._add("clock", datetime.datetime, ["now", "utcnow", "today"], "datetime.datetime")
        self._add("clock", datetime.date, ["today"], "datetime.date")
        self._add("environment", os, _MACHINE.split())
        self._add("randomness", os, ["urandom", "getrandom"])
        # Methods of the one generator that all share; a generator of one's own with a seed is as good as an argument.
        self._add("randomness", random, ["random", "getrandbits"])
        self._unless = {getattr(time, name): most for name, most in _UNLESS_GIVEN.items()}

    def sign(self, frame: FrameType, function: Any) -> Sign | None:
        """What it tells that this C function is called from this frame."""
        sign = self.of_c[function]
        most = self._unless.get(function)
        return sign if most is None or _count(frame) in range(most + 1) else None

    def _add(self, category: str, owner: Any, names: Any, called: str = "") -> None:
        for name in names:
            function = getattr(owner, name, None)
            if function is not None:
                self.of_c[function] = Sign(category, f"{called or owner.__name__}.{name}")


def _count(frame: FrameType) -> int:
    """How many arguments the call is given at which the frame is; a hundred where that cannot be seen."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at + 1] if opname[code[at]] in ("CALL", "PRECALL") else 100


def _variable(frame: FrameType, which: str = "") -> Sign | None:
    """A variable is read, or all are; None: by compiled code, for itself, which is on no stack."""
    caller = frame.f_back
    while caller is not None and caller.f_globals.get("__name__") in ("os", "collections.abc", "_collections_abc"):
        caller = caller.f_back
    if caller is None or not _knows_environment(caller):
        return None
    return Sign("environment", which or str(frame.f_locals.get("key", "")))


def _knows_environment(frame: FrameType) -> bool:
    names = frame.f_code.co_names
    if not _ENVIRONMENT.keys().isdisjoint(names):
        return True
    things = [frame.f_globals.get(name) for name in names]
    return any(thing is known for thing in [*things, *frame.f_locals.values()] for known in _ENVIRONMENT.values())


_ENVIRONMENT = {name: getattr(os, name, os.environ) for name in ("environ", "environb", "getenv", "getenvb")}


def _seeded(frame: FrameType) -> Sign | None:
    """A generator that is given no seed takes one from the system."""
    return Sign("randomness", "") if frame.f_locals.get("a") is None else None


# -- numpy ------------------------------------------------------------------------------------------------------------


def numpy_state() -> Any:
    """The state of the generator that all users of `numpy.random` share; None: it is not there yet.

    Its functions are compiled in a way that no profile function is told of.
    """
    shared = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    if shared is None:
        return None
    state: Mapping[str, Any] = shared.get_state(legacy=False)
    if not isinstance(state.get("state"), dict):
        return None  # a generator of the user's own
    inner = {key: value.tobytes() if hasattr(value, "tobytes") else value for key, value in state["state"].items()}
    return inner, state.get("has_gauss"), state.get("gauss")


def has_drawn(before: Any, after: Any) -> bool:
    """Has somebody drawn from it between these two looks? A new one is at the end of its first block, and has drawn nothing."""
    if before is None:
        return after is not None and after[0].get("pos") not in _NEW
    return bool(before != after)


_NEW = (623, 624, None)  # by version of numpy


# -- who called -------------------------------------------------------------------------------------------------------

QUIET = frozenset(
    "importlib._bootstrap importlib._bootstrap_external _frozen_importlib _frozen_importlib_external zipimport "
    "logging logging.handlers logging.config warnings traceback linecache inspect "
    "tempfile mimetypes zoneinfo zoneinfo._tzpath zoneinfo._common gettext encodings locale".split()
)
"""Modules whose own doings never come into a value: imports, logs, messages, names of temporary files, time zones."""

TIMERS = frozenset(
    "asyncio concurrent ctypes http multiprocessing queue sched selectors signal socket socketserver ssl "
    "subprocess sysconfig threading urllib".split()
)
"""Packages that read clock, environment and randomness to wait, to connect or to find programs."""

CALENDAR = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "uuid.uuid1",
    }
)
"""What a library reads for its caller; its other clocks are its own stop-watches."""

OWN_AFFAIR = frozenset(
    {("socket", "socketpair"), ("shutil", "_rmtree_safe_fd"), ("shutil", "_rmtree_unsafe"), ("os", "_fwalk")}
)
"""Functions below which nothing is told: sockets connected with each other; names relative to a directory that nobody names."""
