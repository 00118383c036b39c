"""Footprints in the database: stored once per content, decoded once per process."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

from alonzo.plugin import Entry, External, Footprint

from ._connection import Connection
from ._rows import EntryRow, entry_of, entry_row, footprint_digest

# Entries in the footprints that are kept decoded: some 100 bytes each.
_BOUND = 500_000


class Footprints:
    """Ids of footprints and footprints of ids. All that it remembers of the database is lost on `forget`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.forget()

    def forget(self) -> None:
        """After a transaction that was undone: ids that it gave are given again."""
        self._of_id: dict[int, Footprint] = {}
        self._digests: dict[Footprint, bytes] = {}
        self._externals: dict[int, tuple[External, ...]] = {0: ()}
        self._entry_of_id: dict[int, Entry] = {}
        self._entry_ids: dict[Entry, int] = {}
        self._entry_rows: dict[Entry, EntryRow] = {}
        self._broken: set[int] = set()
        self._size = 0

    def load(self, ids: Collection[int]) -> None:
        """Read those of these footprints that are not at hand yet."""
        self._bound()
        missing = [number for number in ids if number not in self._of_id]
        if not missing:
            return
        rows = self._connection.look_up("SELECT id, digest, entries FROM footprint WHERE id IN ({})", missing)
        lists = [(number, digest, _ids(text)) for number, digest, text in rows]
        self._load_entries({number for _, _, entries in lists for number in entries})
        for number, digest, entries in lists:
            known = [self._entry_of_id[inner] for inner in entries if inner in self._entry_of_id]
            footprint = frozenset(known)
            if footprint_digest([self._row(entry)[0] for entry in footprint]) == digest:
                self._keep(number, footprint)
            else:
                self._broken.add(number)

    def get(self, number: int) -> Footprint | None:
        """A loaded footprint; None: it is missing or damaged."""
        return self._of_id.get(number)

    def externals(self, number: int) -> tuple[External, ...] | None:
        """The external values of a loaded footprint that holds nothing else; 0 is the empty one."""
        known = self._externals.get(number)
        if known is not None:
            return known
        footprint = self._of_id.get(number)
        if footprint is None:
            return None
        entries = sorted(footprint, key=lambda entry: (entry[1], entry[2], entry[3] or b""))
        self._externals[number] = externals = tuple((e[1], e[2], e[3]) for e in entries)
        return externals

    def write(self, footprints: Iterable[Footprint]) -> dict[Footprint, int]:
        """The id of each, stored where it is not yet; in the caller's transaction."""
        self._bound()
        digests = {self._digest(footprint): footprint for footprint in footprints}
        rows = self._connection.look_up("SELECT digest, id FROM footprint WHERE digest IN ({})", list(digests))
        ids = dict(rows)
        again = self._broken.intersection(ids.values())
        absent = [digest for digest in digests if ids.get(digest) in again or digest not in ids]
        self._write_entries({entry for digest in absent for entry in digests[digest]}, again)
        for digest in absent:
            ids[digest] = self._insert(digest, digests[digest], ids.get(digest))
        for digest, number in ids.items():
            if number not in self._of_id:
                self._keep(number, digests[digest])
        return {footprint: ids[digest] for digest, footprint in digests.items()}

    def _insert(self, digest: bytes, footprint: Footprint, broken: int | None) -> int:
        entries = sorted(self._entry_ids[entry] for entry in footprint)
        text = f"[{','.join(map(str, entries))}]"
        if broken is not None:
            self._connection.execute("UPDATE footprint SET entries = ? WHERE id = ?", (text, broken))
            self._broken.discard(broken)
            return broken
        cursor = self._connection.execute("INSERT INTO footprint (digest, entries) VALUES (?, ?)", (digest, text))
        number = cursor.lastrowid
        assert number is not None
        return number

    def _write_entries(self, entries: Iterable[Entry], broken: Collection[int]) -> None:
        """Those that are not there yet; where footprints are broken, also what may be damaged."""
        if broken:
            self._entry_ids.clear()
            self._entry_of_id.clear()
        wanted = {self._row(entry)[0]: entry for entry in entries if entry not in self._entry_ids}
        if not broken:
            self._find_entries(wanted)
        absent = [self._row(entry) for entry in wanted.values() if entry not in self._entry_ids]
        self._connection.executemany(
            "INSERT INTO entry (digest, kind, name, state, detail, epoch) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET kind = excluded.kind, "
            "name = excluded.name, state = excluded.state, detail = excluded.detail, "
            "epoch = excluded.epoch",
            absent,
        )
        self._find_entries({row[0]: wanted[row[0]] for row in absent})

    def _find_entries(self, wanted: dict[bytes, Entry]) -> None:
        rows = self._connection.look_up("SELECT digest, id FROM entry WHERE digest IN ({})", list(wanted))
        for digest, number in rows:
            self._entry_ids[wanted[digest]] = number

    def _load_entries(self, ids: Iterable[int]) -> None:
        rows = self._connection.look_up(
            "SELECT id, kind, name, state, detail, epoch FROM entry WHERE id IN ({})",
            [number for number in ids if number not in self._entry_of_id],
        )
        for number, *columns in rows:
            entry = entry_of(columns)
            if entry is not None:
                self._entry_of_id[number] = entry

    def _keep(self, number: int, footprint: Footprint) -> None:
        self._of_id[number] = footprint
        self._size += len(footprint)

    def _digest(self, footprint: Footprint) -> bytes:
        digest = self._digests.get(footprint)
        if digest is None:
            digest = footprint_digest([self._row(entry)[0] for entry in footprint])
            self._digests[footprint] = digest
        return digest

    def _row(self, entry: Entry) -> EntryRow:
        row = self._entry_rows.get(entry)
        if row is None:
            row = self._entry_rows[entry] = entry_row(entry)
        return row

    def _bound(self) -> None:
        kept = self._size + len(self._digests) + len(self._entry_rows) + len(self._entry_of_id)
        if kept > _BOUND:
            broken = self._broken
            self.forget()
            self._broken = broken


def _ids(text: str) -> list[int]:
    """The ids in a list of entries; empty where the text is damaged: its digest then tells."""
    try:
        ids = json.loads(text)
    except ValueError:
        return []
    return ids if isinstance(ids, list) and all(type(number) is int for number in ids) else []
