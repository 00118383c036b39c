"""Footprints: what a normal form rests on beyond its key.

A footprint is a frozenset of entries, each a tuple that begins with its kind:

    ("task", full name, fingerprint, policy, epoch)       every task reduced below
    ("external", kind, place, digest or None: missing)    every external value met below; a set of pairs (rule 10)
    ("context", path, digest or None: absent)             every context entry looked up below
    ("class", full name, fingerprint)                     every project class whose instance was an argument below

While a graph is reduced, what a node rests on is a *basis*: a footprint, or a `Join` of bases that is not added up yet. A graph
of n nodes is so joined in O(n) steps; the sum is made where a call settles, once, and equal sums are one object.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, final

Entry = tuple[Any, ...]
External = tuple[str, str, bytes | None]
Footprint = frozenset[Entry]

EMPTY: Footprint = frozenset()


@final
class Join:
    """Bases that will be added up; `refuse` when one of them must not be remembered (rule 12)."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[Footprint | Join, ...]) -> None:
        self.parts = parts


Basis = Footprint | Join


def join(bases: Sequence[Basis]) -> Basis:
    """What rests on all of these; no sum is made, and of equal objects only one is kept."""
    if len(bases) == 1:
        return bases[0]
    if len(bases) == 2:
        first, second = bases
        if first is second or second is EMPTY:
            return first
        if first is EMPTY:
            return second
    distinct = {id(basis): basis for basis in bases if basis is not EMPTY}
    if not distinct:
        return EMPTY
    if len(distinct) == 1:
        return next(iter(distinct.values()))
    return Join(tuple(distinct.values()))


class Ledger:
    """Adds bases up; equal footprints come out as one object."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Footprint, Footprint] = {EMPTY: EMPTY}

    def intern(self, footprint: Footprint) -> Footprint:
        return self._known.setdefault(footprint, footprint)

    def total(self, basis: Basis) -> Footprint:
        if type(basis) is not Join:
            return self.intern(basis)
        seen: set[int] = {id(basis)}
        sums: list[Footprint] = []
        todo: list[Join] = [basis]
        while todo:
            for part in todo.pop().parts:
                if id(part) in seen:
                    continue
                seen.add(id(part))
                if type(part) is Join:
                    todo.append(part)
                else:
                    sums.append(part)
        return self.intern(frozenset().union(*sums))


def task_entry(full_name: str, fingerprint: bytes, policy: bytes, epoch: int) -> Entry:
    return ("task", full_name, fingerprint, policy, epoch)


def external_entries(externals: Iterable[External]) -> Footprint:
    return frozenset([("external", *external) for external in externals])
