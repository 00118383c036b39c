"""`check_pure`: tasks that touch more than their arguments are named, with file and line. Imported only when asked for.

What a task returns is the same. Mutable arguments are watched in every application, not only in a task's first, so that a change made in
a later one is found and its result not remembered. A warning is told when an application has ended, for only then is known what is in
its result.
"""

# Paths are texts here.
# ruff: noqa: PTH111

from __future__ import annotations

import copy
import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from ._apply import LocalApplier
from ._definitions_project import Project
from ._effects import Apply, Found, Lost, Raised
from ._errors import SettingsError
from ._ports import Ask, OfFiles, Report
from ._pure_paths import Paths, is_no_data, paths_in, shown_path
from ._pure_signs import CATEGORIES
from ._pure_stack import Stack
from ._pure_text import line_of_change, line_of_draw
from ._pure_watch import Watch
from ._settings import Settings
from ._typed import nearest, shown

_BLIND = "check_pure: another profile function is installed, so that reading the clock, the environment and random numbers is not seen"
_HOW = {
    "read": "opens {}",
    "written": "opens {} to write",
    "listed": "lists {}",
    "made": "makes {}",
    "removed": "removes {}",
    "connected": "opens the database {}",
}
_MOST = 10  # paths that are named for one line of one application


def watching(settings: Settings) -> Callable[..., LocalApplier]:
    """What makes, as the class does, a LocalApplier that watches what it applies.

    Raises:
        SettingsError: `[impure]` has a word that is neither one of CATEGORIES nor a pattern of paths, which has a slash.
    """
    for pattern, words in settings.impure.items():
        for word in words:
            if "/" not in word and word not in CATEGORIES:
                raise SettingsError(
                    f"{settings.set_by('impure', pattern)}: [impure]: {shown(pattern)}: unknown word {shown(word)}"
                    f"{nearest(word, CATEGORIES)}; a pattern of paths has a slash"
                )
    stack = Stack(Project(settings.project), ("alonzo", *_plugins()))
    return functools.partial(_WatchingApplier, rules=_Rules(settings.impure, str(settings.root)), stack=stack)


class _WatchingApplier(LocalApplier):
    """Applies tasks as a LocalApplier does, and adds to each report what the task did that it should not."""

    def __init__(self, *args: Any, rules: _Rules, stack: Stack, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._rules = rules
        self._stack = stack

    def apply(self, job: Apply) -> tuple[Found | Raised | Lost, Report]:
        if job.task is None or job.operation or job.task.is_async or not self._is_users(job.task):
            return super().apply(job)  # an `async def` task comes to apply_async from there
        application = _Application(self, job)
        answer, report = super().apply(application.job(is_async=False))
        return answer, application.told(answer, report)

    async def apply_async(self, job: Apply, ask: Ask | None) -> tuple[Found | Raised | Lost, Report]:
        if not self._is_users(job.task):
            return await super().apply_async(job, ask)
        application = _Application(self, job)
        answer, report = await super().apply_async(
            application.job(is_async=True), None if ask is None else application.asking(ask)
        )
        return answer, application.told(answer, report)

    def paths(self, places: Iterable[tuple[str, str]]) -> list[str]:
        """The paths of those external values that are files of this machine."""
        paths = []
        for kind, place in places:
            inspector: object = self.inspectors[kind]
            path = inspector.local_path(place) if isinstance(inspector, OfFiles) else place
            if path is not None:
                paths.append(path)
        return paths

    def _is_users(self, task: Any) -> bool:
        """Tasks of the engine and its plugins do what they are for."""
        return not self._stack.is_engine(str(task.__module__))


class _Application:
    """One application of a user's task: watched, and judged when its result is known."""

    def __init__(self, applier: _WatchingApplier, job: Apply) -> None:
        self._applier = applier
        self._job = job
        self._name: str = job.task.full_name
        self._code = getattr(inspect.unwrap(job.task.func), "__code__", None)
        defined = None if self._code is None else (self._code.co_filename, self._code.co_firstlineno)
        self._watch = Watch(applier._stack, str(job.task.__module__ or "__main__").partition(".")[0], defined)
        self._places: set[tuple[str, str]] = set(job.externals)
        self._args: tuple[Any, ...] = ()
        applier._mutations._harmless.clear()  # every application is looked at, not only a task's first

    def job(self, *, is_async: bool) -> Apply:
        """The same job, of a task whose function is watched."""
        job = copy.copy(self._job)
        job.task = _WatchedTask(self._job.task, self._called_async if is_async else self._called)
        return job

    def asking(self, ask: Ask) -> Ask:
        """The same, noting the external values in what comes of it: they are the task's to look into, as its arguments are."""

        def asked(expression: Any) -> Any:
            awaited = ask(expression)
            if hasattr(awaited, "add_done_callback"):
                awaited.add_done_callback(self._answered)
            return awaited

        return asked

    def _called(self, *args: Any, **kwargs: Any) -> Any:
        self._args = (*args, *kwargs.values())
        return self._watch.call(self._job.task._func, args, kwargs)

    async def _called_async(self, *args: Any, **kwargs: Any) -> Any:
        self._args = (*args, *kwargs.values())
        return await self._watch.call_async(self._job.task._func, args, kwargs)

    def _answered(self, future: Any) -> None:
        if not future.cancelled() and future.exception() is None:
            look = _Places()
            try:
                self._applier.digester.token(future.result(), look)
            except Exception:  # what cannot be digested holds no external value that counts
                return
            self._places |= look.places

    # -- the judgement -------------------------------------------------------------------------------------------------

    def told(self, answer: Any, report: Report) -> Report:
        """The report, with a warning for each thing that the task did. Never raises."""
        try:
            report.warnings = tuple(dict.fromkeys(self._warnings(answer, report)))
        except (
            Exception
        ) as error:  # the check failed, and nothing else: a working directory is gone, say, or an inspector is broken
            report.warnings += (f"check_pure: what {self._name} did cannot be told: {error!r}",)
        return report

    def _warnings(self, answer: Any, report: Report) -> list[str]:
        watch, name = self._watch, self._name
        let = self._applier._rules.let(name)
        changed = f"{name} changed its argument"
        told = [
            f"{self._change(report.mutated)}: {text}" if text.startswith(changed) else text for text in report.warnings
        ]
        told += [_BLIND] if watch.is_blind else []
        if "files" not in let:
            told += self._files(answer, [word for word in let if "/" in word])
        told += [
            f"{shown_path(file)}:{line}: {name} {does}{what and f' ({what})'}"
            for (category, file, line), (does, what) in list(watch.told.items())
            if category not in let
        ]
        if watch.has_drawn and "randomness" not in let:
            line = line_of_draw(self._code, getattr(inspect.unwrap(self._job.task.func), "__globals__", {}))
            # While others are at work, it is not known who it was, unless it is written there.
            if line or watch.is_alone:
                told.append(f"{self._at(line)}: {name} draws random numbers (numpy's shared generator)")
        return told

    def _files(self, answer: Any, let: Sequence[str]) -> list[str]:
        """What is told of the paths that were touched; those that match one of `let` are not."""
        if not self._watch.touched:
            return []
        places, is_done = set(self._places), type(answer) is Found
        if is_done:
            places.update([(kind, place) for kind, place, _ in answer.externals])
        rules = self._applier._rules
        own = Paths(rules.root, self._applier.paths(places), self._watch.scratch)
        told: list[str] = []
        named: dict[tuple[str, int], int] = {}
        for (given, here), (how, place) in list(self._watch.touched.items()):
            path = os.path.normpath(os.path.join(here, given))
            if own.has(path, how) or rules.lets(path, let) or is_no_data(path, place.by, rules.root):
                continue
            if how in ("written", "made", "connected") and (not is_done or not os.path.lexists(path)):
                # Made and gone again, it was a file of its own; and who failed has not come to what would be in the result.
                continue
            number = named[place.file, place.line] = named.get((place.file, place.line), 0) + 1
            if number <= _MOST:
                told.append(f"{shown_path(place.file)}:{place.line}: {self._name} {self._words(path, how)}")
        return told

    def _words(self, path: str, how: str) -> str:
        words = _HOW[how].format(shown_path(path))
        if how == "read" and path in paths_in(self._args):
            return f"{words}, of which only the path is an argument: what is in it does not count"
        return f"{words}, which is neither an argument nor in the result"

    def _change(self, names: Sequence[str]) -> str:
        """Where in its text the function changes the first of these parameters."""
        return self._at(line_of_change(self._code, set(names)))

    def _at(self, line: int) -> str:
        if self._code is None:
            return f"{self._job.task.__module__}:0"
        return f"{shown_path(self._code.co_filename)}:{line or self._code.co_firstlineno}"


class _WatchedTask:
    """Stands for a task, with another function."""

    __slots__ = ("_func", "_task")

    def __init__(self, task: Any, func: Any) -> None:
        self._task = task
        self._func = func

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)


class _Places:
    """How a value is gone through for the places of the external values in it."""

    def __init__(self) -> None:
        self.places: set[tuple[str, str]] = set()

    def expression(self, node: Any) -> bytes:
        return b""

    def external(self, kind: str, place: str) -> None:
        self.places.add((kind, place))

    def definition(self, kind: str, thing: Any) -> None:
        return None

    def found(self, found: Found) -> None:
        self.places.update([(kind, place) for kind, place, _ in found.externals])


class _Rules:
    """What the settings let tasks do."""

    def __init__(self, impure: Mapping[str, Sequence[str]], root: str) -> None:
        self.root = root
        self._impure = impure

    def let(self, full_name: str) -> list[str]:
        """The words for this task, of all patterns that fit it."""
        return [word for pattern, words in self._impure.items() if fnmatchcase(full_name, pattern) for word in words]

    def lets(self, path: str, patterns: Sequence[str]) -> bool:
        """Does this path match one of these patterns? They are relative to the project's root, unless they begin with a star."""
        whole = [os.path.normpath(os.path.join(self.root, os.path.expanduser(pattern))) for pattern in patterns]
        return any(fnmatchcase(path, pattern) for pattern in [*whole, *patterns])


def _plugins() -> set[str]:
    from importlib.metadata import entry_points

    return {point.module.partition(".")[0] for point in entry_points(group="alonzo")}
