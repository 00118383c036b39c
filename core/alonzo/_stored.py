"""References: what stands for a value whose bytes are in the value store.

A reference is encoded data like any other, under the codec `stored:CODEC`, so that memo, shipping and answers need not know of it:
the SHA-256 of the bytes, and how many there are.
"""

from __future__ import annotations

STORED = "stored:"
"""Before the codec of the bytes."""

LARGE = 1 << 16
"""An encoding of more bytes than these goes to the value store, where there is one."""

_CONTENT = 32  # bytes of a SHA-256


def reference(content: bytes, size: int) -> bytes:
    return content + b"%d" % size


def content_of(data: bytes) -> bytes:
    """Under which digest the value store has the bytes; ValueError for what is no reference."""
    if len(data) <= _CONTENT or not data[_CONTENT:].isdigit():
        raise ValueError("no reference to stored bytes")
    return data[:_CONTENT]
