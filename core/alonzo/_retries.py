"""How an attempt ended, whether another is made, and when: pure decisions on options and counts.

Each class of failure has a budget of its own. That a worker died or the platform took a machine away is not the task's doing, and
does not use up what the task has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ._effects import Lost, Raised
from ._errors import OutOfMemoryError, PreemptedError, RemoteError, TaskTimeoutError
from ._forms import matches
from ._options import Backoff, TaskOptions
from ._ports import Attempt, Outcome

PREEMPTIONS = 10  # as often is begun again what the platform has interrupted, unless the option says otherwise
OWN: frozenset[Outcome] = frozenset({"raised", "timeout", "memory"})  # what `retry_on` decides


@attrs.define(eq=False)
class Tries:
    """The attempts of one job that have failed and were, or will be, made again; `last` is what the newest of them came to."""

    attempts: list[Attempt] = attrs.field(factory=list)
    used: Counter[str] = attrs.field(factory=Counter)
    output: str = ""
    last: Raised | Lost | None = None


def outcome_of(answer: Raised | Lost) -> Outcome:
    """Which class a failed attempt is of."""
    error = answer.error
    if type(answer) is Raised:
        return "memory" if matches(error, MemoryError) else "raised"
    if isinstance(error, TaskTimeoutError):
        return "timeout"
    if isinstance(error, OutOfMemoryError):
        return "memory"
    return "preempted" if isinstance(error, PreemptedError) else "lost"


def budget(retries: int | Mapping[str, int], outcome: Outcome) -> int:
    """How often a job may be tried again after failures of this class."""
    if isinstance(retries, Mapping):
        return retries.get(outcome, PREEMPTIONS if outcome == "preempted" else 0)
    return PREEMPTIONS if outcome == "preempted" else retries


def is_wanted(options: TaskOptions, outcome: Outcome, error: BaseException, warn: Callable[[str], None]) -> bool:
    """Does `retry_on` let it be tried again? A predicate that fails itself does not, and that is said."""
    wanted = options.retry_on
    if isinstance(error, RemoteError) and "builtins.KeyboardInterrupt" in error.type_names:
        return False
    if wanted is None or outcome not in OWN:
        return True
    if isinstance(wanted, type | tuple | list):
        return matches(error, tuple(wanted) if isinstance(wanted, list) else wanted)
    try:
        return bool(wanted(error))
    except Exception as problem:
        warn(f"retry_on: {name_of(wanted)} raised {problem!r} about {error!r}, which is not tried again for that")
        return False


def pause(delay: float | Backoff, failures: int, chance: Callable[[], float]) -> float:
    """Seconds until the next attempt, after so many failures. `chance` gives numbers from 0 up to 1."""
    if not isinstance(delay, Backoff):
        return float(delay)
    try:
        seconds = min(delay.most, delay.first * delay.factor ** (failures - 1))
    except OverflowError:
        seconds = delay.most
    return max(0.0, seconds * (1 + delay.jitter * (2 * chance() - 1)))


def name_of(function: Any) -> str:
    return str(getattr(function, "__qualname__", None) or repr(function))
