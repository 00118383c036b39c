"""Cells: the machine's records of expressions under reduction. Only the machine changes them."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Sequence
from operator import lt
from typing import Any, final

from ._effects import Found, JobNote, Normal, Raised
from ._expressions import Call, Expression
from ._keys import Keyed
from ._rebuild import Definition
from ._scalars import digest_of
from ._scopes import Scope
from ._special import Course
from ._traces import EMPTY, Basis, Footprint


class Stage(enum.Enum):
    BEGUN = "begun"
    OPTIONS = "waits for its options"
    ARGUMENTS = "waits for its arguments"
    KEYED = "has a key"
    RECALLED = "asked what is recorded"
    APPLIED = "is being applied"
    DEMANDED = "waits for what the form demanded"
    BODY = "waits for its body"
    GATHERED = "its value is being put together"
    FETCHED = "its value is being decoded"
    FOLLOWING = "waits for an equal call"
    INHERITING = "waits for the application of an equal call in another scope"
    AWAITED = "is awaited by an application"
    NORMAL = "is in normal form"


# Reaching an enum's member through its class costs; the loop compares against these.
(
    BEGUN, OPTIONS, ARGUMENTS, KEYED, RECALLED, APPLIED, DEMANDED, BODY, GATHERED, FETCHED, FOLLOWING, INHERITING, AWAITED, NORMAL,
) = Stage  # fmt: skip


@final
class Cell:
    """The machine's record of one expression object; also the ticket of what it asks."""

    __slots__ = (
        "args", "basis", "below", "candidates", "catches", "definition", "how", "inside", "job", "keyed", "kids", "known", "looks",
        "node", "outcome", "parent", "pending", "readers", "reduction", "rests", "scope", "stage", "template", "upstreams", "waiters",
    )  # fmt: skip

    def __init__(self, node: Expression, parent: Cell | None, scope: Scope | None = None) -> None:
        self.node = node
        self.parent = parent  # the call whose body it is part of
        self.scope = scope  # in which it stands
        self.inside = scope  # in which its body is reduced: another one where the call says so
        self.stage = BEGUN
        self.template: Any = None
        self.kids: Sequence[Cell] = ()  # of the template, in its order
        self.pending = 0
        self.waiters: Sequence[Cell] = ()  # added to by `wait`
        self.readers = 0  # who will still read the outcome
        self.outcome: Found | Raised | None = None
        self.rests: Basis = EMPTY  # what it rests on so far, without its arguments if it is a call
        self.basis: Basis = EMPTY  # what whoever demands it rests on, all included
        self.below: Footprint = EMPTY  # of a call, when settled: what it rests on beyond its key
        self.job = 0
        self.upstreams: Upstreams = ()  # of a call: the jobs that its arguments come from; else these, not added up yet
        self.definition: Definition | None = None
        self.keyed: Keyed | None = None
        self.args: Any = None  # of a call, once they have values
        self.candidates: deque[Normal | Found] | None = None  # of a call: what is recorded and not yet judged
        self.reduction: Found | None = None  # of a call: the body that was returned, now or when it was recorded
        self.how = ""  # of a call: ran, recalled, shared
        self.known: Course | None = None  # of a form: how far it has come
        self.looks = False  # of a form: the object of what it demanded is looked at
        self.catches = False  # of a form: the failure of what it demanded need not be its own

    def __repr__(self) -> str:
        return f"<cell {self.node!r} {self.stage.value}>"


class Inspection:
    """The ticket of an `Inspect`: the cells that wait for it."""

    __slots__ = ("cells",)

    def __init__(self, cells: list[Cell]) -> None:
        self.cells = cells


Ticket = Cell | Inspection
Upstreams = tuple[Any, ...]  # of job numbers, and of such tuples again


def jobs_of(kids: Sequence[Cell]) -> tuple[int, ...]:
    """The numbers of the nearest jobs that these come from, through operations and forms, each once, in order."""
    jobs = tuple([kid.job for kid in kids])
    if all(jobs) and all(map(lt, jobs, jobs[1:])):  # calls, each after the one before it: a link of a chain, a fan-out
        return jobs
    found: set[int] = set()
    seen: set[int] = set()
    todo: list[int | Upstreams] = [kid.job or kid.upstreams for kid in kids]
    while todo:
        item = todo.pop()
        if type(item) is int:
            found.add(item)
        elif id(item) not in seen:
            seen.add(id(item))
            todo.extend(item)  # type: ignore[arg-type]
    return tuple(sorted(found))


def loop(root: Cell, awaited: dict[Cell, int]) -> list[Cell]:
    """The cells that wait for each other in a circle, when nothing is under way; empty when there is none.

    awaited  the cells of what open applications await
    """
    awaited_by = {cell.parent: cell for cell in awaited}
    trail: dict[Cell, None] = {}
    here: Cell | None = root
    while here is not None and here not in trail:
        trail[here] = None
        here = next((kid for kid in here.kids if kid.outcome is None), None) or awaited_by.get(here)
    if here is None:
        return []
    order = list(trail)
    return order[order.index(here) :]


def wait(cell: Cell, waiter: tuple[Cell]) -> None:
    """Wake this one, in a tuple of its own, when the cell has its outcome."""
    # Nearly every cell has one waiter, and a body's cells the same: they hold one tuple.
    if not cell.waiters:
        cell.waiters = waiter
    elif type(cell.waiters) is list:
        cell.waiters.append(waiter[0])
    else:
        cell.waiters = [*cell.waiters, *waiter]


def is_bound_for(root: Cell, cell: Cell, harmless: set[Cell]) -> bool:
    """Will the failure of this cell reach the root, whatever else happens? Not if somebody in between may catch it.

    harmless  cells of which that has been answered with no; added to, so that a chain of failures is walked once
    """
    seen = {cell}
    todo = [cell]
    while todo:
        here = todo.pop()
        if here is root:
            return True
        for waiter in here.waiters:
            if waiter not in seen and not waiter.catches and waiter not in harmless:
                seen.add(waiter)
                todo.append(waiter)
    harmless |= seen
    return False


def chain(cell: Cell) -> tuple[tuple[str, Any], ...]:
    """The calls from this one outwards to the root: full name and arguments."""
    links: list[tuple[str, Any]] = []
    here: Cell | None = cell
    while here is not None:
        node = here.node
        if type(node) is Call:
            links.append((node._task.full_name, here.args if here.args is not None else node._args))
        here = here.parent
    return tuple(links)


def job_note(cell: Cell, outcome: Found | Raised | None) -> JobNote:
    """What is told of a call: when it settles, or (no outcome yet) when its function has returned a body."""
    node, definition = cell.node, cell.definition
    assert type(node) is Call
    status: Any = "open" if outcome is None else "failed" if type(outcome) is Raised else cell.how
    note = JobNote(
        cell.job,
        cell.parent.job if cell.parent is not None else 0,
        node._task.full_name,
        status,
        cell.keyed.key if cell.keyed is not None else b"",
        definition.fingerprint if definition is not None else b"",
        cell.upstreams,
        () if cell.how == "shared" else cell.args if cell.args is not None else node._args,
    )
    if definition is not None and definition.tags:
        note.tags = definition.tags
    if type(outcome) is Raised:
        note.error, note.traceback = outcome.error, outcome.traceback
    elif type(outcome) is Found and outcome.token:
        note.value = digest_of(outcome.token)
    return note
