"""A small table on disk that may be lost at any time: what it answers is right, and what it cannot answer it does not know.

For what is cheaper to look up than to find out again. Each plugin may have its own, `.alonzo/cache/NAME.sqlite`.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

from ._errors import SettingsError
from ._settings import private_directory

_APPLICATION = 0x416C7A54  # "AlzT": whose file it is
_VERSION = 1
_PATIENCE = 1.0  # seconds; whoever holds the file longer is not waited for
_LARGEST = 1 << 30  # bytes; a table that has grown so far begins anew
_AT_ONCE = 500  # keys in one statement: each costs a parameter, of which old libraries take 999
_READ_FASTER = 3  # entries that are read one after the other while one is looked up
_CHECK = 8  # bytes of each entry's own digest
_bound = bytearray  # sqlite3 binds it at once; for bytes it looks for an adapter first, which takes five times as long
_TABLE = "CREATE TABLE IF NOT EXISTS entries (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
# SQLite's codes for what is no fault of the file: perm, busy, locked, read-only, interrupt, I/O error, full, cannot open.
_NO_FAULT = frozenset({3, 5, 6, 8, 9, 10, 13, 14})

Key = bytes | str
K = TypeVar("K", bytes, str)
R = TypeVar("R")


def open_table(root: Path, name: str) -> Table:
    """The table `name` (letters, digits, `-` and `_`) of the project in `root`. Nothing is opened or made before it is used.

    Raises:
        ValueError: no file can be named so.
    """
    if not re.fullmatch("[A-Za-z0-9_-]{1,64}", name):
        raise ValueError(f"{name!r} cannot name a table: letters, digits, - and _, at most 64")
    return Table(root, name)


class Table:
    """Bytes by key. Several processes and threads may use one at once; instances travel by pickle and survive a fork.

    A key is bytes, or text that stands for its UTF-8. No method ever fails because of the file: one that is damaged or of another version
    is dropped; one that is locked, read-only, or another user's is left alone, as if it were empty. Each entry carries a digest of itself,
    so that what is answered is what was put under that key. The file may be deleted at any time, also while it is in use.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.name = name
        self.path = root / ".alonzo" / "cache" / f"{name}.sqlite"
        self._open: _Open | None = None
        self._lock = threading.RLock()
        self._process = os.getpid()

    def __reduce__(self) -> tuple[type[Table], tuple[Path, str]]:
        return (Table, (self.root, self.name))

    def get_many(self, keys: Sequence[K]) -> dict[K, bytes]:
        """What is known of these keys; those of which nothing is are left out."""
        with self._own():
            return self._tried(lambda: self._get(keys), create=False) or {}

    def put_many(self, entries: Mapping[K, bytes]) -> None:
        """Keep these, over what was there; or do not, when that cannot be done now."""
        if entries:
            with self._own():
                self._tried(lambda: self._put(entries), create=True)

    def close(self) -> None:
        """Let go of the file; the table may be used again all the same."""
        with self._own():
            if self._open is not None:
                self._open.close()
                self._open = None

    @contextlib.contextmanager
    def _own(self) -> Iterator[None]:
        """One thread at a time; a child after a fork has neither its parent's lock nor its connection."""
        if self._process != os.getpid():
            if self._open is not None:
                _abandoned.append(self._open)
            self._open, self._lock, self._process = None, threading.RLock(), os.getpid()
        with self._lock:
            yield

    def _tried(self, act: Callable[[], R], *, create: bool) -> R | None:
        """What `act` answers with the file open; None when that cannot be. A file that is no good is dropped, and then it is tried anew."""
        import sqlite3  # slow, and this module is imported by everybody

        for _ in range(2):
            try:
                return act() if self._is_open(create=create) else None
            except sqlite3.Error as error:
                code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
                self.close()
                if code in _NO_FAULT or not self._dropped():
                    return None
            except (OSError, SettingsError):
                self.close()
                return None
        return None

    def _is_open(self, *, create: bool) -> bool:
        """Whether the connection is to the file that has the name now; opened, and with `create` made, if need be."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - as cheap as it can be
        except (FileNotFoundError, NotADirectoryError):
            found = None
        known = self._open
        if known is not None and (found is None or (found.st_ino, found.st_dev) != known.file):
            self.close()  # it was deleted meanwhile, or another one took its place
        if found is not None and not _is_ours(found):
            return False
        if found is not None and found.st_size > _LARGEST:
            self.close()
            if not self._dropped():
                return False
            found = None
        if self._open is None and (found is not None or create):
            if found is None:
                (private_directory(self.root) / "cache").mkdir(mode=0o700, exist_ok=True)
            self._open = _Open(self.path)
        return self._open is not None

    def _get(self, keys: Sequence[K]) -> dict[K, bytes]:
        wanted = {_bytes(key): key for key in keys}
        answer: dict[K, bytes] = {}
        for key, value in self._rows(list(wanted)):
            if key in wanted and type(value) is bytes and value.startswith(_check(key, value[_CHECK:])):
                answer[wanted[key]] = value[_CHECK:]
        return answer

    def _rows(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """The entries of these keys; when that is faster, others too."""
        assert self._open is not None
        ask = self._open.connection.execute
        if len(keys) > _AT_ONCE and ask("SELECT count(*) FROM entries").fetchone()[0] <= _READ_FASTER * len(keys):
            yield from ask("SELECT key, value FROM entries").fetchall()
            return
        for start in range(0, len(keys), _AT_ONCE):
            part = list(map(_bound, keys[start : start + _AT_ONCE]))
            marks = ",".join("?" * len(part))
            yield from ask(f"SELECT key, value FROM entries WHERE key IN ({marks})", part).fetchall()  # noqa: S608

    def _put(self, entries: Mapping[K, bytes]) -> None:
        assert self._open is not None
        # In the order of the keys: neighbours go to one page.
        rows = sorted((key, _check(key, value) + value) for key, value in ((_bytes(k), v) for k, v in entries.items()))
        with self._open.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR REPLACE INTO entries VALUES (?, ?)", [(_bound(key), _bound(value)) for key, value in rows]
            )

    def _dropped(self) -> bool:
        """Delete the file, and what SQLite keeps beside it; False when that cannot be done."""
        try:
            self.path.unlink(missing_ok=True)
            Path(f"{self.path}-journal").unlink(missing_ok=True)
        except OSError:
            return False
        return True


class _Open:
    """A connection, and the file that it is to. Made with the file where there is none; raises sqlite3.Error and OSError."""

    def __init__(self, path: Path) -> None:
        import sqlite3

        self._process = os.getpid()
        self.connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        try:
            self._prepare()
            found = path.stat()
        except BaseException:
            self.connection.close()
            raise
        self.file = (found.st_ino, found.st_dev)

    def close(self) -> None:
        import sqlite3

        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    def __del__(self) -> None:
        # Of a table that nobody has closed; what a parent process has opened is not ours to close.
        if hasattr(self, "connection") and self._process == os.getpid():
            with contextlib.suppress(Exception):  # when the interpreter ends, modules may be gone
                self.connection.close()

    def _prepare(self) -> None:
        import sqlite3

        connection = self.connection
        # The file survives the death of its writer. After a power failure it may be damaged: then it is dropped.
        connection.execute("PRAGMA synchronous = OFF")
        if self._mark() == (_APPLICATION, _VERSION):
            return
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            mark = self._mark()
            if mark == (0, 0) and not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                connection.execute(_TABLE)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif mark != (_APPLICATION, _VERSION):
                raise sqlite3.DatabaseError("not a table of this version")

    def _mark(self) -> tuple[int, int]:
        ask = self.connection.execute
        return ask("PRAGMA application_id").fetchone()[0], ask("PRAGMA user_version").fetchone()[0]


# Connections of a parent process: to close them here would end the parent's locks' bookkeeping, so they are kept and never used.
_abandoned: list[_Open] = []


def _bytes(key: Key) -> bytes:
    # A path may hold what is no text: see os.fsdecode.
    return key if isinstance(key, bytes) else key.encode("utf-8", "surrogateescape")


def _check(key: bytes, value: bytes) -> bytes:
    return blake2b(len(key).to_bytes(4, "big") + key + value, digest_size=_CHECK).digest()


def _is_ours(found: os.stat_result) -> bool:
    """Whether this user wrote it: what another one says of the world is not to be believed."""
    return not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
