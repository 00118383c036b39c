"""Where branches of a handle come together, and where its changes end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from alonzo import task

from ._errors import HandleError
from ._stateful import StatefulHandle

H = TypeVar("H", bound=StatefulHandle)


@task(namespace="alonzo_handles", version="1")
def merge_handles(handles: Sequence[H], *, partial: bool = False) -> H:
    """The handle in the state that several branches lead to together: what changes it next waits for all of them, and is rolled back
    when one of them is.

    These are all branches that there are: what was done in others, of an earlier version of the program, is rolled back. With
    `partial=True` there may be others, which are merged later or never.

    Raises:
        HandleError: they are no handles on one thing; one of their states was rolled back meanwhile.
    """
    first = handles[0] if handles else None
    if not isinstance(first, StatefulHandle):
        raise HandleError("merge_handles takes a list of stateful handles, at least one")
    if any(type(other) is not type(first) or other.plain != first.plain for other in handles):
        raise HandleError(f"merge_handles takes handles on one thing: {', '.join(map(repr, handles))}")
    states = [other.state_now for other in handles]
    if any(state.is_last for state in states):
        raise HandleError(f"{states[0].identity} was settled: nothing comes after that")
    return first.join([state.plain for state in states], alone=not partial)


@task(namespace="alonzo_handles", version="1")
def settled(handle: H) -> H:
    """The handle, when the thing has been changed by nothing but the calls that led to its state: whatever else changed it is rolled back.

    For the last handle of a program: when its last step is taken out, nothing else would undo what that did. Where several programs
    change one thing, each should begin with a fork of its own, `Warehouse(…).fork("sales")`: then it is what came from that fork.
    """
    return handle.settle()
