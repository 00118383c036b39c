"""Canonical bytes of plain values: numbers, strings and their like, in lists, tuples, dicts and sets, nested. No pickle.

Equal values of equal types have equal bytes, whatever of their parts are one object, in whatever process. The bytes are those of
`marshal`, version 2, of which a part is used that has not changed since Python 2.5; golden bytes in the tests hold it still. Each value
is a tag and, little-endian, what follows (sizes have 32 bits):

    N . T F         None, ..., True, False
    i               a whole number of 32 bits
    l               a larger one: how many digits, negative for a negative number; digits of 15 bits each, the lowest first
    g y             one or two 64-bit floats: float, complex
    s u             bytes; str as UTF-8 (single surrogates pass): size, bytes
    ( [ < >         tuple, list, set, frozenset: how many items, and these; a set's ordered by their own bytes
    { … 0           dict: keys and values in their order

Decided, with measurements, in docs/decisions/0015-plain-values-by-marshal.md.
"""

from __future__ import annotations

import marshal
from itertools import chain
from typing import Any

_SCALARS = frozenset({type(None), type(Ellipsis), bool, int, float, complex, str, bytes})
_CONTAINERS = (list, tuple, dict, set, frozenset)
_KINDS = _SCALARS.union(_CONTAINERS)
_VERSION = 2  # the last without references, which follow object identity
_DEEPEST = 500  # levels; marshal itself ends at 2,000, or at 1,000
_MANY = 10_000_000


def dump_plain(value: Any) -> bytes | None:
    """The bytes of a plain value; None: it is none, or nested too deeply, or it holds itself."""
    if type(value) not in _KINDS or not _is_plain(value):
        return None
    try:
        return marshal.dumps(value, _VERSION)
    except ValueError:  # more than 2 GB in one piece
        return None


def load_plain(data: Any) -> Any:
    """The value; any exception where the bytes are not those of one."""
    if bytes(data[:1]) not in _TAGS:  # code objects have no business here
        raise ValueError(f"no plain value: {bytes(data[:20])!r}")
    return marshal.loads(data)


_TAGS = frozenset(bytes([tag]) for tag in b"N.TFilgysu([<>{")


def _is_plain(value: Any) -> bool:
    """Looked through level by level, so that the work is done in C: a list of 100,000 rows costs no 100,000 steps here."""
    level: Any = [value]
    for _ in range(_DEEPEST):
        kinds = set(map(type, level))
        if kinds <= _SCALARS:
            return True
        if not kinds <= _KINDS:
            return False
        inside = [item for item in level if type(item) in _CONTAINERS] if kinds & _SCALARS else level
        if len(inside) > _MANY and len(inside) > 2 * len(set(map(id, inside))):
            return (
                False  # what holds the same twice, which holds the same twice, and so on: it would be written as often
            )
        rows = inside if dict not in kinds else [item for item in inside if type(item) is not dict]
        maps = () if dict not in kinds else [item for item in inside if type(item) is dict]
        level = [*chain.from_iterable(rows), *chain.from_iterable(maps), *chain.from_iterable(map(dict.values, maps))]
    return False
