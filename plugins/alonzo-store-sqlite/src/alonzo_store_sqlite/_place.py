"""Where a database is: from URL to path, whether it may be opened, and errors that say what to do."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from pathlib import Path

from alonzo.plugin import StoreError

PRIVATE_DIRECTORY = ".alonzo"
DEFAULT_NAME = "alonzo.db"


def path_of(url: str, root: Path) -> Path:
    """The file that a `sqlite:` URL names; a relative one is below `root`, the project's directory.

    Raises:
        StoreError: the URL has a host, which a file cannot have.
    """
    rest = url.partition(":")[2]
    if not rest:
        return root / PRIVATE_DIRECTORY / DEFAULT_NAME
    if rest.startswith("//"):
        if not rest.startswith("///"):
            raise StoreError(f"{url}: a file has no host: write sqlite:PATH or sqlite:///ABSOLUTE/PATH")
        rest = rest[2:]
    if re.match(r"/[A-Za-z]:[/\\]", rest):  # sqlite:///C:/data/runs.db
        rest = rest[1:]
    return root / rest


def ready(path: Path, *, trust: bool) -> None:
    """Make the file, for its owner alone, and its directory where they are not there.

    Raises:
        StoreError: it cannot be a database that this user writes: a directory, not writable, or
            another user's without `trust`.
    """
    try:
        if path.is_dir():
            raise StoreError(f"{path} is a directory: name a file for the database")
        _make_directory(path.parent)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        _refuse_strangers(path, trust=trust)
    except OSError as error:
        raise StoreError(
            f"{path}: the database cannot be made or read ({error.strerror or error}): name another place with --store"
        ) from error
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            what = "database" if place is path else "database's directory"
            raise StoreError(
                f"{place}: the {what} is read-only for this user: make it writable, or name another place with --store"
            )


def explained(path: Path, doing: str, error: sqlite3.Error) -> StoreError:
    """The error to raise for one of SQLite's: what, where, and what to do, in one line."""
    name = getattr(error, "sqlite_errorname", None) or ""
    for prefix, problem in _PROBLEMS.items():
        if name.startswith(prefix):
            return StoreError(f"{path}: cannot {doing}: {problem}")
    text = " ".join(str(error).split())
    return StoreError(f"{path}: cannot {doing}: {text or type(error).__name__}")


_PROBLEMS = {
    "SQLITE_FULL": "the disk is full: free some space and run again",
    "SQLITE_BUSY": "another process held the database for longer than busy_timeout: "
    "end it, or raise busy_timeout in [plugins.store-sqlite]",
    "SQLITE_LOCKED": "another connection held the database: run again",
    "SQLITE_READONLY": "the database is read-only: make it and its directory writable",
    "SQLITE_NOTADB": "the file is not an SQLite database: move it away, or name another place with --store",
    "SQLITE_CORRUPT": "the database is damaged: move it away (results will be computed again), or restore a copy",
    "SQLITE_CANTOPEN": "the file cannot be opened: check its directory and permissions",
    "SQLITE_IOERR": "reading or writing the file failed: check the disk and its free space",
}


def _make_directory(directory: Path) -> None:
    if directory.name != PRIVATE_DIRECTORY:
        directory.mkdir(parents=True, exist_ok=True)
        return
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    ignore = directory / ".gitignore"
    if not ignore.exists():
        with contextlib.suppress(FileExistsError), ignore.open("x", encoding="utf-8") as file:
            file.write("*\n")


def _refuse_strangers(path: Path, *, trust: bool) -> None:
    """Values may be pickles, and decoding another user's runs that user's code."""
    if trust or not hasattr(os, "geteuid"):
        return
    for place in (path, Path(f"{path}-wal"), Path(f"{path}-journal")):
        try:
            owner = place.stat().st_uid
        except FileNotFoundError:
            continue
        if owner != os.geteuid():
            raise StoreError(
                f"{place} belongs to another user (id {owner}), and decoding its values could run "
                "that user's code: set trust = true if you trust them, or name another place "
                "with --store"
            )
