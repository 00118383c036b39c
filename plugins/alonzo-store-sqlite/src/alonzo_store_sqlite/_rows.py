"""How things are written in columns: entries of footprints, checksums, texts, lists."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from zlib import crc32

from alonzo.plugin import Entry, StoreError, frame

# json.dumps makes an encoder anew at each call that asks for anything.
_compact = json.JSONEncoder(separators=(",", ":")).encode

# Python's module looks for an adapter of each parameter that is not exactly an int, a float, a str or a bytearray, which takes five times
# as long as binding it. So rows that come by the thousand hold these: SQLite writes a bytearray like bytes, and makes NULL of a NaN.
blob = bytearray
NULL = float("nan")

EntryRow = tuple[bytes, str, str | bytes, bytes | None, str | bytes | None, int | None]


def entry_row(entry: Entry) -> EntryRow:
    """An entry's row in `entry`: digest, kind, name, state, detail, epoch.

    Raises:
        StoreError: the entry is of a kind that this version does not know.
    """
    match entry:
        case ("task", str(name), bytes(state), bytes(detail), int(epoch)):
            return _digest(entry), "task", _name(name), state, detail, epoch
        case ("external", str(kind), str(place), bytes() | None as state):
            return _digest(entry), "external", _name(place), state, _name(kind), None
        case ("context" | "class" as kind, str(name), bytes() | None as state):
            return _digest(entry), kind, _name(name), state, None, None
    raise StoreError(f"a footprint has an entry that this store cannot keep: {entry!r}")


def entry_of(row: Sequence[Any]) -> Entry | None:
    """The entry of kind, name, state, detail, epoch; None: not one that this version knows."""
    match row:
        case ("task", name, bytes(state), bytes(detail), int(epoch)):
            return "task", _text(name), state, detail, epoch
        case ("external", place, bytes() | None as state, str() | bytes() as kind, None):
            return "external", _text(kind), _text(place), state
        case ("context" | "class" as kind, name, bytes() | None as state, None, None):
            return kind, _text(name), state
    return None


def footprint_digest(entries: Iterable[bytes]) -> bytes:
    """The digest of a footprint, from its entries' digests in any order."""
    return blake2b(b"".join(sorted(entries)), digest_size=16, person=b"footprint").digest()


def inline_checksum(token: bytes, data: bytes | None, names: str | None, codec: str | None) -> int:
    """Tells damage of a small value, or of the name of a large one."""
    checksum = crc32(data or b"", crc32(token, crc32((codec or "").encode())))
    return checksum if names is None else crc32(names.encode(), checksum)


def value_checksum(codec: str, data: bytes) -> bytes:
    """Tells damage of a value's bytes, or of the name of their encoding."""
    return blake2b(data, digest_size=16, key=codec.encode()[:64], person=b"stored bytes").digest()


def readable(text: str) -> str | None:
    """A text for people, with what is not Unicode replaced; None for an empty one."""
    if not text:
        return None
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def error_text(error: BaseException | None) -> str | None:
    if error is None:
        return None
    import traceback  # only where a job has failed

    return readable("".join(traceback.format_exception_only(error)).strip())


def listed(text: str | None) -> tuple[Any, ...]:
    """What `list_text` made a text of."""
    return tuple(json.loads(text)) if text else ()


def list_text(values: Sequence[int | str]) -> str | None:
    """A JSON list of numbers or strings; None for an empty one."""
    if len(values) == 1 and type(values[0]) is int:  # by far the most: a job with one upstream
        return f"[{values[0]}]"
    return _compact(values) if values else None


def json_text(value: Any) -> str:
    """JSON of plain data; bytes become hex, keys text, sets sorted lists."""
    return _compact(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(_plain(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return sorted((_plain(inner) for inner in value), key=str)
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _digest(entry: Entry) -> bytes:
    return blake2b(frame(b"entry", [_token(part) for part in entry]), digest_size=16, person=b"entry").digest()


def _token(part: str | bytes | int | None) -> bytes:
    if isinstance(part, str):
        return b"s" + part.encode("utf-8", "surrogatepass")
    if isinstance(part, bytes):
        return b"b" + part
    return b"-" if part is None else b"i%d" % part


def _name(text: str) -> str | bytes:
    """As it is; names of files that are not Unicode as bytes, because SQLite's text must be."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _text(column: str | bytes) -> str:
    return column.decode("utf-8", "surrogatepass") if isinstance(column, bytes) else column
