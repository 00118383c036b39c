"""Forms that must not pass."""

from alonzo import catch, compose, cond, filter_, form, map_, reduce_, seq, task
from alonzo.plugin import Demand, Steps


@form
def first_of(ready: bool, then: int) -> Steps[int]:
    """A form of the user's own."""
    yield Demand(ready)
    return then


@task
def size(path: str) -> int:
    return len(path)


@task
def add(first: int, second: int) -> int:
    return first + second


@task
def recovered(error: ValueError) -> str:
    return str(error)


map_(size, [1, 2])  # wrong: list-item arg-type, reportArgumentType
map_(size, size("a"))  # wrong: arg-type, reportArgumentType
sizes: list[str] = map_(size, ["a"])  # wrong: arg-type assignment, reportArgumentType reportAssignmentType
numbers: list[str] = seq([size("a")])  # wrong: list-item, reportArgumentType reportAssignmentType
chosen: int = cond(True, size("a"), "none")  # wrong: arg-type assignment, reportArgumentType reportAssignmentType
nothing: int = cond(True, size("a"))  # wrong: assignment, reportAssignmentType
told: int = catch(size("a"), ValueError, recovered)  # wrong: assignment, reportArgumentType reportAssignmentType
catch(size("a"), "ValueError", 0)  # wrong: call-overload, reportArgumentType reportCallIssue
catch(size("a"), ValueError)  # wrong: call-overload, reportCallIssue
reduce_(size, ["a"])  # wrong: arg-type, reportArgumentType
filter_(add, [1, 2])  # wrong: arg-type, reportArgumentType
compose(size, add)(1, 2)  # wrong: arg-type, reportArgumentType
first_of(True, "a")  # wrong: arg-type, reportArgumentType
