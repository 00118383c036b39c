"""Values too large for the memo's own rows: stored once per digest, verified when they are read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import Any

from alonzo.plugin import Found, digest_of

from ._connection import Connection
from ._rows import value_checksum

INLINE = 256
"""Bytes of a value that stands in its memo row."""

AT_ONCE = 1024
"""Bytes of a value that `recall` brings along."""

# SQLite's own bound of a row is 1e9 bytes.
_LARGEST = 900_000_000
_log = logging.getLogger(__name__)


class Values:
    """The table `value`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._damaged: set[bytes] = set()
        self._warned = False

    def write(self, found: Iterable[Found]) -> set[bytes]:
        """Store those that are large and not there yet; the digests, of all of these, that are there now.

        A value without bytes is there if it was stored before.
        """
        wanted: dict[bytes, Found] = {}
        for value in found:
            if value.data is None or len(value.data) > INLINE:
                digest = digest_of(value.token)
                if value.data is not None or digest not in wanted:
                    wanted[digest] = value
        if not wanted:
            return set()
        there = {
            digest
            for (digest,) in self._connection.look_up("SELECT digest FROM value WHERE digest IN ({})", list(wanted))
        }
        there -= self._damaged
        rows = [
            (digest, value.codec, value.data, value_checksum(value.codec, value.data))
            for digest, value in wanted.items()
            if digest not in there and value.data is not None and self._fits(value.data)
        ]
        self._connection.executemany(
            "INSERT OR REPLACE INTO value (digest, codec, data, checksum) VALUES (?, ?, ?, ?)",
            rows,
        )
        written = {row[0] for row in rows}
        self._damaged -= written
        return there | written

    def describe(self, digests: Collection[bytes]) -> dict[bytes, tuple[str, int, bytes | None]]:
        """Codec, size, and the bytes of those that `recall` brings along; what is damaged is left out."""
        rows = self._connection.look_up(
            "SELECT digest, codec, length(data), checksum, "
            f"CASE WHEN length(data) <= {AT_ONCE} THEN data END FROM value WHERE digest IN ({{}})",
            list(digests),
        )
        return {
            digest: (codec, size, data)
            for digest, codec, size, checksum, data in rows
            if digest not in self._damaged and (data is None or self._is_whole(digest, codec, data, checksum))
        }

    def load(self, digests: Collection[bytes]) -> dict[bytes, tuple[str, bytes]]:
        """Codec and bytes of those that are here and undamaged."""
        rows = self._connection.look_up(
            "SELECT digest, codec, data, checksum FROM value WHERE digest IN ({})", list(digests)
        )
        return {
            digest: (codec, data)
            for digest, codec, data, checksum in rows
            if self._is_whole(digest, codec, data, checksum)
        }

    def warn(self, what: str) -> None:
        """Say, once in this store's life, that something stored is damaged."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s: %s is damaged: what rests on it is computed again; check the disk",
                self._connection.path,
                what,
            )

    def _is_whole(self, digest: bytes, codec: Any, data: Any, checksum: Any) -> bool:
        if isinstance(data, bytes) and isinstance(codec, str) and value_checksum(codec, data) == checksum:
            return True
        self._damaged.add(digest)
        self.warn(f"the value {digest.hex()}")
        return False

    def _fits(self, data: bytes) -> bool:
        if len(data) <= _LARGEST:
            return True
        _log.warning(
            "%s: a value of %d bytes is too large for the database and is not remembered",
            self._connection.path,
            len(data),
        )
        return False
