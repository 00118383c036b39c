"""Scalars as encodings and tokens, and what of them everything else is put together: see _digests."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from hashlib import blake2b, sha256
from typing import Any

SCHEME = b"alonzo.digest.2"
SIZE = 16
# A copy of a hasher is had in half the time of a new one.
_fresh = blake2b(digest_size=SIZE, person=SCHEME).copy
_LONGEST_SCALAR = 32
LARGE = 1 << 16  # bytes of text or bytes; more are not copied to be digested
_AT_ONCE = 4096  # tokens
_LENGTHS = [b"%d:" % size for size in range(_LONGEST_SCALAR + 1)]
_float = struct.Struct(">d").pack
_NAN = b"f" + _float(float("nan"))


def blake(data: bytes) -> bytes:
    """The digest of an encoding: 16 bytes."""
    hasher = _fresh()
    hasher.update(data)
    return hasher.digest()


def large_token(tag: bytes, content: bytes) -> bytes:
    """The token of text or bytes of more than LARGE bytes: of their tag and SHA-256."""
    return token_of(b"*" + tag + content)


def _buffer_token(tag: bytes, data: bytes | bytearray | memoryview) -> bytes:
    return large_token(tag, sha256(data).digest())


def digest_of(token: bytes) -> bytes:
    """The digest of the value that has this token."""
    return token[1:] if token[:1] == b"#" else blake(token)


def frame(tag: bytes, tokens: Iterable[bytes]) -> bytes:
    """Tokens one after another, each with its length, so that no two lists of tokens look alike."""
    if type(tokens) is list and len(tokens) > _AT_ONCE:
        # Piece by piece: a list that grows to the parts of 100,000 tokens leaves holes of ten times its size in the heap.
        pieces = [frame(b"", tokens[start : start + _AT_ONCE]) for start in range(0, len(tokens), _AT_ONCE)]
        return tag + b"".join(pieces)
    parts = [tag]
    for token in tokens:
        size = len(token)
        # The table, for formatting takes as long as all the rest.
        parts += (_LENGTHS[size] if size <= _LONGEST_SCALAR else b"%d:" % size), token
    return b"".join(parts)


def token_of(encoding: bytes) -> bytes:
    return b"#" + blake(encoding)


def _int(value: int) -> bytes:
    return b"i%x" % value


def _str(value: str) -> bytes:
    return b"s" + value.encode("utf-8", "surrogatepass")


def _real(value: float) -> bytes:
    return b"f" + _float(value) if value == value else _NAN  # noqa: PLR0124


_SCALARS: dict[type, Callable[[Any], bytes]] = {
    int: _int,
    str: _str,
    float: _real,
    bool: lambda value: b"T" if value else b"F",
    type(None): lambda _: b"N",
    bytes: lambda value: b"b" + value,
    bytearray: lambda value: b"B" + bytes(value),
    complex: lambda value: b"c" + _real(value.real) + _real(value.imag),
    type(Ellipsis): lambda _: b"E",
    range: lambda value: b"R%x,%x,%x" % (value.start, value.stop, value.step),
}
_unpacked = struct.Struct(">d").unpack
_ROWS: dict[type, bytes] = {list: b"l", tuple: b"t"}


def _bytes_token(value: bytes) -> bytes:
    return b"b" + value if len(value) <= LARGE else _buffer_token(b"b", value)


def _bytearray_token(value: bytearray) -> bytes:
    return b"B" + bytes(value) if len(value) <= LARGE else _buffer_token(b"B", value)


def _str_token(value: str) -> bytes:
    encoded = value.encode("utf-8", "surrogatepass")
    return b"s" + encoded if len(encoded) <= LARGE else _buffer_token(b"s", encoded)


# The encoding of a scalar; of a large one its token, without a copy of it being made.
_TOKENS: dict[type, Callable[[Any], bytes]] = {
    **_SCALARS,
    str: _str_token,
    bytes: _bytes_token,
    bytearray: _bytearray_token,
}


def scalar_token(value: Any) -> bytes:
    """The token of a value of one of the types in `_SCALARS`."""
    encoding = _TOKENS[type(value)](value)
    return encoding if len(encoding) <= _LONGEST_SCALAR else token_of(encoding)


def scalar_of(data: bytes) -> Any:
    """The scalar that has this encoding."""
    tag, rest = data[:1], data[1:]
    match tag:
        case b"i":
            return int(rest, 16)
        case b"s":
            return rest.decode("utf-8", "surrogatepass")
        case b"f":
            return _unpacked(rest)[0]
        case b"T" | b"F":
            return tag == b"T"
        case b"N":
            return None
        case b"b":
            return rest
        case b"B":
            return bytearray(rest)
        case b"c":
            return complex(_unpacked(rest[1:9])[0], _unpacked(rest[10:])[0])
        case b"E":
            return ...
        case b"R":
            return range(*[int(part, 16) for part in rest.split(b",")])
        case _:
            raise ValueError(f"not a scalar: {data[:20]!r}")
