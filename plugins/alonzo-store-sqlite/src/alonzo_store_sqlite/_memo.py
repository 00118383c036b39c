"""The memo: key -> what it was reduced to. A row is what an application returned, a normal form, or both at once.

Rules of the design's page on footprints are named by number.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import attrs

from alonzo.plugin import (
    ABSENT,
    External,
    Footprint,
    Found,
    Normal,
    Records,
    Remember,
    digest_of,
)

from ._connection import Connection
from ._footprints import Footprints
from ._rows import NULL, blob, inline_checksum, list_text, listed
from ._values import INLINE, Values

MOST = 8
"""Normal forms, and reductions, that are kept of a key (rule 23)."""

_RECALL = (
    "SELECT key, footprint, externals, returned, lazy, token, codec, data, names, checksum, used FROM memo "
    "WHERE key IN ({})"
)
_RECALL_ONE = _RECALL.replace("IN ({})", "= ?")

_ABSENT = 10_000  # as many keys are remembered as absent
_SINGLES = 8  # so few keys at a time are looked up nearly as one by one: what a worker's answers lead to
_FEW = 16  # look-ups one by one before it is thought of reading all keys
_WORTH = 10  # as many keys are read for each look-up that has been made

_Place = tuple[bytes, int, int]
_Variant = tuple[External, ...]


class Memo:
    """The table `memo`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._footprints = Footprints(connection)
        self._values = Values(connection)
        self._absent: set[bytes] = set()  # looked up, and nothing was there: true until somebody else writes
        self._keys: set[bytes] | None = None  # all that there are, once so many were looked up one by one that it pays
        self._asked = 0
        self._enough = _FEW
        self._version = -1

    def forget(self) -> None:
        """After a transaction that was undone."""
        self._footprints.forget()
        self._forget_keys()

    def hold(self) -> None:
        """Look-ups from one snapshot, until the next `write`."""
        self._connection.hold()
        self._check_absent()

    def recall(self, keys: Sequence[bytes]) -> list[Records | None]:
        """What is recorded for each key, newest first; what cannot be read whole is left out."""
        if len(keys) == 1:  # a chain asks one by one
            if self._connection.is_held and self._is_absent(keys[0]):
                return [None]
            rows = self._connection.execute(_RECALL_ONE, (blob(keys[0]),)).fetchall()
        else:
            asked = dict.fromkeys(keys)
            if not self._connection.is_held:
                self._check_absent()
            elif len(keys) <= _SINGLES and all(map(self._is_absent, asked)):
                return [None] * len(keys)
            rows = self._connection.look_up(_RECALL, [blob(key) for key in asked])
        if not rows:
            if (len(keys) > 1 or self._connection.is_held) and len(self._absent) < _ABSENT:
                self._absent.update(keys)
            return [None] * len(keys)
        large = {digest_of(row[5]) for row in rows if row[7] is None}
        sizes = self._values.describe(large) if large else {}
        self._footprints.load({number for row in rows for number in row[1:3] if number})
        of_key: dict[bytes, list[Any]] = {}
        for row in rows:
            of_key.setdefault(row[0], []).append(row)
        records: dict[bytes, Records | None] = {}
        for key, own in of_key.items():
            if len(own) > 1:
                own.sort(key=lambda row: row[-1], reverse=True)
            records[key] = self._records(own, sizes)
        return [records.get(key) for key in keys]

    def _check_absent(self) -> None:
        version = self._connection.version()
        if version != self._version:
            self._version = version
            self._forget_keys()

    def _forget_keys(self) -> None:
        self._absent.clear()
        self._keys = None
        self._asked = 0
        self._enough = _FEW

    def _is_absent(self, key: bytes) -> bool:
        """Is it known, without a look at the table, that nothing is recorded for this key? Only while the snapshot is held."""
        if self._keys is not None:
            return key not in self._keys
        self._asked += 1
        if self._asked >= self._enough:
            rows = self._connection.execute("SELECT max(rowid) FROM memo").fetchone()[0] or 0
            self._enough = rows // _WORTH
            if self._asked >= self._enough:
                # Reading all keys takes as long as a tenth as many look-ups.
                self._keys = {key for (key,) in self._connection.execute("SELECT DISTINCT key FROM memo")}
                return key not in self._keys
        return False

    def load(self, digests: Sequence[bytes]) -> list[Found | None]:
        """The bytes of the values with these digests; None: not here, or damaged."""
        values = self._values.load(list(dict.fromkeys(digests)))
        found: list[Found | None] = []
        for digest in digests:
            value = values.get(digest)
            if value is None:
                found.append(None)
                continue
            codec, data = value
            found.append(Found(ABSENT, b"#" + digest, codec, data, size=len(data)))
        return found

    def write(self, notes: Collection[tuple[Remember, int | None]]) -> set[tuple[str, bytes]]:
        """Record what is to be remembered, each note with its task's id; in the caller's transaction.

        Returns the tasks, by full name and fingerprint, whose results have disagreed (rule 18).
        """
        values = list(_values_of(notes))
        there = self._values.write(values)
        footprints = {note.footprint for note, _ in notes if note.footprint is not None}
        variants = {externals: _variant(externals) for externals in {value.externals for value in values}}
        ids = self._footprints.write([*footprints, *filter(None, variants.values())])
        variant_ids = {given: ids[variant] if variant else 0 for given, variant in variants.items()}
        keys = {note.key for note, _ in notes}
        shelves = self._shelves(keys, there, ids, variant_ids)
        alone = len(keys) == len(notes)
        now = time.time_ns() // 1_000_000
        new: list[tuple[Any, ...]] = []
        for note, task in notes:
            shelf = shelves.get(note.key)
            if shelf is None and alone and _is_plain(note):
                # By far the most: nothing is known of the key, and its value is small. No bookkeeping is needed.
                new.append(_columns(note, task, now, ids, variant_ids))
                continue
            if shelf is None:
                shelf = shelves[note.key] = Shelf(now, there, ids, variant_ids)
            shelf.remember(note, task)
        self._store(shelves.values(), new)
        return set().union(*[shelf.disagreed for shelf in shelves.values()])

    def _shelves(
        self,
        keys: Collection[bytes],
        there: set[bytes],
        ids: dict[Footprint, int],
        variant_ids: dict[_Variant, int],
    ) -> dict[bytes, Shelf]:
        """What is recorded of these keys; no shelf for a key of which nothing is."""
        now = time.time_ns() // 1_000_000
        shelves: dict[bytes, Shelf] = {}
        self._check_absent()
        asked = keys if not self._absent else [key for key in keys if key not in self._absent]
        if self._keys is not None:
            asked = [key for key in asked if key in self._keys]
            self._keys.update(keys)
        self._absent.difference_update(keys)
        rows = self._connection.look_up(
            "SELECT key, footprint, externals, returned, lazy, task, used, token, codec, data, "
            "names, checksum FROM memo WHERE key IN ({})",
            [blob(key) for key in asked],
        )
        for *columns, checksum in rows:
            row = Row(*columns)
            key = row.key
            if key not in shelves:
                shelves[key] = Shelf(now, there, ids, variant_ids)
            row.stored = place = key, row.footprint, row.externals
            if _is_whole(row.token, row.data, row.names, row.codec, checksum):
                shelves[key].rows.append(row)
            else:
                shelves[key].gone.append(place)
        return shelves

    def _store(self, shelves: Iterable[Shelf], new: list[tuple[Any, ...]]) -> None:
        gone: list[_Place] = []
        moved = []
        for shelf in shelves:
            gone += shelf.gone
            for row in shelf.rows:
                if row.stored is None:
                    new.append(row.columns())
                elif row.changed:
                    moved.append((row.footprint, row.returned, row.used, *row.stored))
        where = "WHERE key = ? AND footprint = ? AND externals = ?"
        self._connection.executemany(f"DELETE FROM memo {where}", gone)
        self._connection.executemany(f"UPDATE memo SET footprint = ?, returned = ?, used = ? {where}", moved)
        self._connection.executemany(
            "INSERT INTO memo (key, footprint, externals, returned, lazy, task, used, token, "
            "codec, data, names, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            new,
        )

    def _records(self, rows: Sequence[Any], sizes: dict[bytes, tuple[str, int, bytes | None]]) -> Records | None:
        normals: list[Normal] = []
        reductions: list[Found] = []
        for _, footprint, externals, returned, lazy, token, codec, data, names, checksum, _ in rows:
            if not _is_whole(token, data, names, codec, checksum):
                self._values.warn("a small value")
                continue
            known = self._footprints.externals(externals)
            if known is None:
                continue
            if data is None:
                size = sizes.get(digest_of(token))
                if size is None:
                    continue
                found = Found(ABSENT, token, size[0], size[2], known, bool(lazy), size[1], listed(names))
            else:
                found = Found(ABSENT, token, codec, data, known, bool(lazy), len(data), listed(names))
            rests_on = self._footprints.get(footprint) if footprint else None
            if rests_on is not None:
                normals.append(Normal(found, rests_on))
            if returned:
                reductions.append(found)
        return Records(tuple(normals), tuple(reductions)) if normals or reductions else None


@attrs.define(eq=False)
class Row:
    """A row of `memo`; `stored` is where it stands in the table, None: nowhere yet."""

    key: bytes
    footprint: int
    externals: int
    returned: bool
    lazy: int
    task: int | None
    used: int
    token: bytes
    codec: str | None
    data: bytes | None
    names: str | None
    stored: _Place | None = None
    changed: bool = False

    def columns(self) -> tuple[Any, ...]:
        return (
            self.key,
            self.footprint,
            self.externals,
            self.returned,
            self.lazy,
            self.task,
            self.used,
            self.token,
            self.codec,
            self.data,
            self.names,
            inline_checksum(self.token, self.data, self.names, self.codec),
        )


class Shelf:
    """The rows of one key, and what a transaction makes of them."""

    __slots__ = ("_ids", "_now", "_there", "_variants", "disagreed", "gone", "rows")

    def __init__(
        self,
        now: int,
        there: set[bytes],
        ids: dict[Footprint, int],
        variants: dict[_Variant, int],
    ) -> None:
        self.rows: list[Row] = []
        self.gone: list[_Place] = []
        self.disagreed: set[tuple[str, bytes]] = set()
        self._now = now
        self._there = there
        self._ids = ids
        self._variants = variants

    def remember(self, note: Remember, task: int | None) -> None:
        """Take in a note; `task` is the id of the task of its key. A value without a token has no name here."""
        footprint = 0 if note.footprint is None else self._ids[note.footprint]
        if note.reduction is not None and note.reduction.token:
            self._reduction(note, note.reduction, task, footprint)
        if note.normal is not None and note.normal.token and footprint:
            self._normal(note, note.normal, task, footprint)
        if len(self.rows) > MOST:
            self._trim()

    def _reduction(self, note: Remember, found: Found, task: int | None, footprint: int) -> None:
        variant = self._variants[found.externals]
        row = next((row for row in self.rows if row.returned and row.externals == variant), None)
        if row is not None:
            if row.token == found.token and row.footprint in {0, footprint}:
                self._touch(row)
                return
            if row.token != found.token and note.own is not None:
                self.disagreed.add((note.own[1], note.own[2]))
            if row.footprint:
                # The normal form keeps its place in time; this one comes as a row of its own.
                row.returned = False
                row.changed = True
            else:
                self._remove(row)
        self._add(note.key, found, task, footprint=0, returned=True)

    def _normal(self, note: Remember, found: Found, task: int | None, footprint: int) -> None:
        variant = self._variants[found.externals]
        row = next((row for row in self.rows if row.footprint == footprint), None)
        if row is not None:
            if row.token == found.token:
                self._touch(row)
                return
            self._unrest(row)
        for row in self.rows:
            # What was returned is its own normal form: one row for both.
            is_same = row.token == found.token and row.externals == variant
            if is_same and not row.footprint and not row.lazy:
                row.footprint = footprint
                self._touch(row)
                return
        self._add(note.key, found, task, footprint=footprint, returned=False)

    def _add(self, key: bytes, found: Found, task: int | None, *, footprint: int, returned: bool) -> None:
        """A new row, unless the value's bytes are neither here nor in the store (rule 19)."""
        token, data = found.token, found.data
        codec: str | None = found.codec
        if data is None or len(data) > INLINE:
            twin = next((row for row in self.rows if row.token == token), None)
            if digest_of(token) in self._there:
                codec, data = None, None
            elif data is None and twin is not None and twin.data is not None:
                codec, data = twin.codec, twin.data
            else:
                return
        variant = self._variants[found.externals]
        used = self._next()
        lazy = 1 if found.lazy else 0
        names = list_text(found.names)
        self.rows.append(Row(key, footprint, variant, returned, lazy, task, used, token, codec, data, names))

    def _touch(self, row: Row) -> None:
        row.used = self._next()
        row.changed = True

    def _next(self) -> int:
        """Now, and later than every row of the key: the newest is recalled first."""
        now = self._now
        for row in self.rows:
            if row.used >= now:
                now = row.used + 1
        return now

    def _unrest(self, row: Row) -> None:
        """It is no normal form any more."""
        if row.returned:
            row.footprint = 0
            row.changed = True
        else:
            self._remove(row)

    def _remove(self, row: Row) -> None:
        self.rows.remove(row)
        if row.stored is not None:
            self.gone.append(row.stored)

    def _trim(self) -> None:
        newest = sorted(self.rows, key=lambda row: row.used, reverse=True)
        for row in [row for row in newest if row.footprint][MOST:]:
            self._unrest(row)
        for row in [row for row in newest if row.returned][MOST:]:
            if row.footprint:
                row.returned = False
                row.changed = True
            else:
                self._remove(row)


def _values_of(notes: Collection[tuple[Remember, int | None]]) -> Iterator[Found]:
    for note, _ in notes:
        reduction, normal = note.reduction, note.normal
        if reduction is not None and reduction.token:
            yield reduction
        if normal is not None and normal is not reduction and normal.token:
            yield normal


def _is_plain(note: Remember) -> bool:
    """One small value, what was returned or a normal form or both."""
    reduction, normal = note.reduction, note.normal
    found = reduction if normal is None else normal
    if (
        found is None
        or (reduction is not None and reduction is not found)
        or (normal is not None and not note.footprint)
    ):
        return False
    return bool(found.token) and found.data is not None and len(found.data) <= INLINE


def _columns(
    note: Remember, task: int | None, now: int, ids: dict[Footprint, int], variants: dict[_Variant, int]
) -> tuple[Any, ...]:
    """The row of a plain note, in the order in which `_store` inserts."""
    found = note.reduction if note.normal is None else note.normal
    assert found is not None
    assert found.data is not None
    footprint = 0 if note.normal is None or note.footprint is None else ids[note.footprint]
    names, token, data = list_text(found.names), found.token, found.data
    checksum = inline_checksum(token, data, names, found.codec)
    lazy = 1 if found.lazy else 0
    returned = 1 if note.reduction is not None else 0
    variant = variants[found.externals]
    row = blob(note.key), footprint, variant, returned, lazy, task, now, blob(token), found.codec
    return (*row, blob(data), names or NULL, checksum)


def _variant(externals: _Variant) -> Footprint:
    return frozenset([("external", *external) for external in externals])


def _is_whole(token: Any, data: Any, names: Any, codec: Any, checksum: Any) -> bool:
    is_typed = (
        type(token) is bytes
        and isinstance(data, bytes | None)
        and isinstance(names, str | None)
        and isinstance(codec, str | None)
    )
    return is_typed and inline_checksum(token, data, names, codec) == checksum
