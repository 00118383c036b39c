"""The project's own file for handles, `.alonzo/handles.sqlite`: their states, and handles that keep these themselves, to be made again."""

from __future__ import annotations

import contextlib
import io
import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alonzo import Secret
from alonzo.plugin import SecretKey, private_directory

from ._sql import SqliteStates

_RECIPES = "CREATE TABLE IF NOT EXISTS alonzo_handle (identity TEXT PRIMARY KEY, recipe BLOB NOT NULL)"
_WAIT = 60  # seconds for another process to have written


class FileStates(SqliteStates):
    """The states in the project's file."""

    shares = False


class HandlesFile:
    """The file of a project. It is opened for each thing that is done; the methods may be called from any thread and process.

    They raise sqlite3.Error when it cannot be read or written.
    """

    def __init__(self, root: Path, main: str | None) -> None:
        self._root = root
        self._main = main  # what the main program would be imported by
        self._key = SecretKey(root)

    @contextlib.contextmanager
    def states(self, *, make: bool) -> Iterator[FileStates]:
        """The states in it; where there is no file and none is to be made, those of an empty one."""
        with self._opened(make=make) as connection:
            yield FileStates(connection)

    def keep(self, identity: str, handle: Any) -> None:
        """Keep what it needs to make this handle again. Raises what pickle raises for one that cannot be pickled."""
        buffer = io.BytesIO()
        _Pickler(buffer, self._key, self._main).dump(handle)
        with self._opened(make=True) as connection:
            connection.execute(_RECIPES)
            connection.execute("INSERT OR REPLACE INTO alonzo_handle VALUES (?, ?)", (identity, buffer.getvalue()))

    def made_again(self, identity: str) -> Any:
        """The handle that was kept for this identity; None where there is none, or none that can be made here."""
        with self._opened(make=False) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alonzo_handle'").fetchone():
                return None
            row = connection.execute("SELECT recipe FROM alonzo_handle WHERE identity = ?", (identity,)).fetchone()
        if row is None:
            return None
        try:
            return _Unpickler(io.BytesIO(row[0]), self._key, self._main).load()
        except Exception:  # its class is gone, or the project's key: what rests on its states is computed again
            return None

    @contextlib.contextmanager
    def _opened(self, *, make: bool) -> Iterator[sqlite3.Connection]:
        directory = private_directory(self._root) if make else self._root / ".alonzo"
        path = directory / "handles.sqlite"
        where = path if make or path.exists() else ":memory:"
        connection = sqlite3.connect(where, timeout=_WAIT, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()


class _Pickler(pickle.Pickler):
    def __init__(self, buffer: io.BytesIO, key: SecretKey, main: str | None) -> None:
        super().__init__(buffer, protocol=5)
        self._key = key
        self._main = main

    def reducer_override(self, thing: Any) -> Any:
        if type(thing) is Secret:
            return (_unsealed, (self._key.seal(pickle.dumps(thing.reveal(), 5)),))
        if isinstance(thing, type) and thing.__module__ == "__main__" and self._main is not None:
            return (_in_main, (self._main, thing.__qualname__))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    def __init__(self, buffer: io.BytesIO, key: SecretKey, main: str | None) -> None:
        super().__init__(buffer)
        self._key = key
        self._main = main

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (__name__, "_unsealed"):
            return lambda sealed: Secret(pickle.loads(self._key.unseal(sealed)))  # noqa: S301 - the project's own
        if (module, name) == (__name__, "_in_main"):
            return self.find_class
        # However the program was started: its classes are found where it is.
        return super().find_class("__main__" if module == self._main else module, name)


def _unsealed(sealed: bytes) -> Any:
    raise pickle.UnpicklingError("handles are made again by a HandlesFile only")


def _in_main(module: str, name: str) -> Any:
    raise pickle.UnpicklingError("handles are made again by a HandlesFile only")
