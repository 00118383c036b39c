"""How the applications of a task are to be made: where, with what, holding what; worked out once for each definition of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ._admission import Admission
from ._effects import Apply
from ._errors import OptionError
from ._limits import Limits
from ._options import NONE, TaskOptions, size
from ._ports import AppliesHere, Executor, Honours
from ._rebuild import Definition
from ._retries import name_of
from ._tasks import JobInfo
from ._typed import nearest

NEEDS = ("timeout", "cpus", "memory", "gpus", "disk")


@attrs.frozen(eq=False)
class Plan:
    """For the applications of one definition.

    admission       where, and when
    needs           options that are set and that the executor honours; a value may be a function of the attempt's number
    this_job        the places of parameters that get a JobInfo
    is_subrun       its second argument is a Site
    is_plain        there is nothing to be done for each attempt
    """

    admission: Admission
    options: TaskOptions
    needs: tuple[tuple[str, Any], ...] = ()
    this_job: tuple[int, ...] = ()
    limits: Mapping[str, int] = NONE
    priority: int = 0
    is_subrun: bool = False
    is_plain: bool = attrs.field(init=False)

    @is_plain.default
    def _is_plain(self) -> bool:
        return not (self.needs or self.this_job or self.is_subrun)

    def prepare(self, job: Apply, run: int, attempt: int) -> None:
        """Make the application ready for its next attempt.

        Raises:
            OptionError: a function of the attempt's number raised, or gave what makes no sense.
        """
        needs = {name: _evaluated(job.task.full_name, name, value, attempt) for name, value in self.needs}
        job.timeout = needs.pop("timeout", None)
        job.resources = {name: value for name, value in needs.items() if value is not None}
        if self.this_job:
            info = JobInfo(run, job.job, attempt)
            job.args = tuple([info if place in self.this_job else value for place, value in enumerate(job.args)])


class Planner:
    """The plans of one run.

    executor   opens one by name
    defaults   the names of the executors for tasks that name none: plain ones, and those that are async
    """

    def __init__(
        self,
        executor: Callable[[str], Executor],
        defaults: tuple[str, str],
        limits: Limits,
        warn: Callable[[str], None],
    ) -> None:
        self.admissions: dict[str, Admission] = {}
        self.executors: dict[str, Executor] = {}
        self._open = executor
        self._defaults = defaults
        self._limits = limits
        self._warn = warn
        self._reported: set[tuple[str, str]] = set()

    def plan(self, definition: Definition | None, *, is_task: bool = True) -> Plan:
        """For the applications of a task, or for primitive operations, which have nothing but a place.

        Raises:
            OptionError: there is no such executor. AlonzoError: it cannot be opened.
            LimitError: it asks for more of a limit than there ever is.
        """
        options = definition.options if definition is not None else TaskOptions()
        task = definition.task if definition is not None and is_task else None
        if task is None:
            options = TaskOptions(executor=options.executor)
        name = options.executor or self._defaults[task is not None and task.is_async]
        if task is not None and options.limits:
            self._limits.check(options.limits, task.full_name)
        executor = self.executors.get(name)
        if executor is None:
            executor = self._open(name)
            here = isinstance(executor, AppliesHere) and executor.applies_here
            self.admissions[name] = Admission(executor.width, ahead=not here)
            self.executors[name] = executor
        return Plan(
            self.admissions[name],
            options,
            self._honoured(name, executor, options, task),
            task.signature.this_job if task is not None else (),
            {name: number for name, number in options.limits.items() if number},
            options.priority,
            task is not None and task.is_open and not task.is_async,
        )

    def _honoured(self, name: str, executor: Executor, options: TaskOptions, task: Any) -> tuple[tuple[str, Any], ...]:
        wanted = [(option, getattr(options, option)) for option in NEEDS if getattr(options, option) is not None]
        honours = executor.honours if isinstance(executor, Honours) else frozenset()
        for option, _ in wanted:
            if option not in honours and (option, name) not in self._reported:
                self._reported.add((option, name))
                self._warn(f"{task.full_name}: the executor {name!r} does not honour {option}: it runs without")
        return tuple((option, value) for option, value in wanted if option in honours)


def unknown_executor(name: str, known: Sequence[str]) -> OptionError:
    return OptionError(f"there is no executor {name!r}{nearest(name, known)}; there are: {', '.join(sorted(known))}")


def _evaluated(task: str, option: str, value: Any, attempt: int) -> Any:
    where = option
    if callable(value):
        where = f"{option} is {name_of(value)}({attempt}), which"
        try:
            value = value(attempt)
        except Exception as error:
            raise OptionError(f"{task}: {where} raised {type(error).__name__}: {error}") from error
        where = f"{where} gave {value!r}: it"
        if isinstance(value, str) and option in ("memory", "disk"):
            value = size(value)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return value
    raise OptionError(f"{task}: {where} must be a number, 0 or more, not {value!r}")
