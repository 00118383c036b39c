"""`State`: which calls a live thing has been through, as a value whose validity is looked up."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import final

from alonzo.plugin import digest_of, frame, token_of

from ._errors import HandleError

LAST, ALONE = "!", "~"


@final
@dataclasses.dataclass(frozen=True)
class State:
    """A state of the live thing that `identity` names.

    name   32 hexadecimal digits, made of the state before and of the call that led from there; "" at first. After a fork the names of
           the forks follow, each after a "/"
    claim  what is claimed besides: "!" and a state, that of all that has come from that one, nothing but this and what led here is there
           (see `settled`); "~" and a state, the same, but for what came after this (see `merge_handles`); "" nothing

    As an argument or in a result, it is an external value: what was recorded with it holds as long as the thing is in this state, or
    has come from it to a later one, and what is claimed is so.
    """

    identity: str
    name: str = ""
    claim: str = ""

    @property
    def place(self) -> str:
        return f"{self.identity}#{self.name}{self.claim}"

    @property
    def is_last(self) -> bool:
        return self.claim.startswith(LAST)

    @property
    def plain(self) -> State:
        return State(self.identity, self.name)

    def after(self, key: bytes) -> State:
        """The state that the call with this key leads to; where it has no key, one of its own."""
        encoding = frame(b"handle state", [self.name.encode(), key or os.urandom(16)])
        return State(self.identity, digest_of(token_of(encoding)).hex())

    def fork(self, name: str) -> State:
        if not name or set(name) & set("/#!~\0"):
            raise HandleError(f"{name!r} cannot be the name of a fork: a text without / # ! and ~ is needed")
        return State(self.identity, f"{self.name}/{name}")

    def __str__(self) -> str:
        return self.name or "(at first)"


def state_at(place: str) -> State:
    """The state that has this place."""
    identity, _, rest = place.rpartition("#")
    for mark in (LAST, ALONE):
        name, found, origin = rest.partition(mark)
        if found:
            return State(identity, name, mark + origin)
    return State(identity, rest)


def base_of(name: str) -> str:
    """The state that this one was forked from: the one that is recorded. "" at first."""
    return name.partition("/")[0]


def parents_of(name: str) -> list[str]:
    """This state and those that it was forked from: what comes after it comes after these, too."""
    base, *forks = name.split("/")
    return ["/".join([base, *forks[:count]]) for count in range(len(forks) + 1)]


def merged(states: Sequence[State]) -> State:
    """The state that several lead to together; of one, that one."""
    first = states[0]
    names = sorted({state.name for state in states})
    if len(names) == 1:
        return State(first.identity, names[0])
    encoding = frame(b"handle merge", [name.encode() for name in names])
    return State(first.identity, digest_of(token_of(encoding)).hex())
