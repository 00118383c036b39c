"""What every executor must do, as a class of tests that a plugin's author subclasses; shipped by `alonzo.testing`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import SkipTest

import attrs

from ._apply import LocalApplier
from ._codec import Codec
from ._digests import Digester
from ._effects import ABSENT, Apply, Asks, Found, Lost, Raised
from ._errors import EncodeError, TaskTimeoutError
from ._options import TaskOptions
from ._ports import ENDED, Applied, Executor, ExecutorKind, ExecutorSite, Honours, Report
from ._tasks import Task

PATIENCE = 30.0  # seconds after which an executor that has not answered has failed


class ExecutorContract:
    """Subclass it, give it `kind` and perhaps `options`, and pytest runs the suite against your executor."""

    def kind(self) -> ExecutorKind:
        """The kind of executor under test."""
        raise NotImplementedError

    def options(self) -> Any:
        """An instance of the kind's options class."""
        return self.kind().options()

    @contextmanager
    def opened(self, workers: int | None = 2) -> Iterator[Executor]:
        """An executor, closed at the end."""
        executor = self.kind().open(site(self.options(), workers))
        try:
            yield executor
        finally:
            executor.close()

    # -- answers ---------------------------------------------------------------------------------

    def test_it_is_an_executor_of_a_positive_width(self) -> None:
        with self.opened() as executor:
            assert isinstance(executor, Executor)
            assert executor.width >= 1

    def test_every_job_is_answered_once_under_its_own_ticket(self) -> None:
        with self.opened() as executor:
            posts = applied(executor, [(f"t{n}", SQUARE, (n,)) for n in range(500)])

            assert {ticket: value(answer) for ticket, answer, _ in posts} == {f"t{n}": n * n for n in range(500)}
            assert len(posts) == 500

    def test_jobs_of_several_submissions_are_answered_through_their_own_posts(self) -> None:
        with self.opened() as executor:
            first, second = Posts(1), Posts(1)
            executor.submit([(1, job(SQUARE, 2))], first)
            executor.submit([], second)
            executor.submit([(1, job(SQUARE, 3))], second)

            assert (value(first.wait()[0][1]), value(second.wait()[0][1])) == (4, 9)

    def test_a_result_comes_with_the_token_that_the_value_has_here(self) -> None:
        expected = [1, "two", {"three": 3.0}, None]
        with self.opened() as executor:
            answer = applied_one(executor, SAME, expected)

            assert answer.token == applier().found(expected).token
            assert value(answer) == expected

    def test_a_result_says_of_which_classes_instances_are_in_it(self) -> None:
        with self.opened() as executor:
            answer = applied_one(executor, SAME, [Page(3)])

            assert answer.names == applier().found([Page(3)]).names != ()

    def test_arguments_that_are_carried_as_bytes_are_decoded_where_they_are_used(self) -> None:
        with self.opened() as executor:
            carried = bytes_only(applier().found([1, 2, 3]))
            ((_, answer, _),) = applied_jobs(executor, [(1, job(TOTAL, {"a": carried}, carried=True))])

            assert value(answer) == 6

    def test_large_arguments_and_results_pass_in_both_directions_at_once(self) -> None:
        size = 5_000_000
        with self.opened() as executor:
            posts = applied(executor, [(n, SAME, (bytes([n]) * size,)) for n in range(4)])

            assert {n: (value(a)[:1], len(value(a))) for n, a, _ in posts} == {n: (bytes([n]), size) for n in range(4)}

    def test_an_async_task_is_applied(self) -> None:
        with self.opened() as executor:
            assert value(applied_one(executor, LATER, 7)) == 8

    def test_a_primitive_operation_is_performed(self) -> None:
        with self.opened() as executor:
            ((_, answer, _),) = applied_jobs(executor, [(1, job(None, 20, 22, operation="add"))])

            assert value(answer) == 42

    def test_external_values_are_inspected_again_when_the_attempt_has_ended(self) -> None:
        with self.opened() as executor:
            looked = job(SAME, 1, externals=(("shelf", "book"),))
            ((_, _, report),) = applied_jobs(executor, [(1, looked)])

            assert report.seen == (("shelf", "book", b"what is at book"),)

    def test_a_report_says_when_the_task_ran(self) -> None:
        before = time.time()
        with self.opened() as executor:
            ((_, _, report),) = applied(executor, [(1, SAME, (1,))])

            assert before - 1 <= report.started <= report.finished <= time.time() + 1

    # -- failures --------------------------------------------------------------------------------

    def test_what_a_task_raises_is_raised_with_its_traceback_and_harms_no_other_job(self) -> None:
        with self.opened() as executor:
            posts = applied(executor, [(0, FAIL, ("no luck",)), (1, SQUARE, (3,))])
            by_ticket = {ticket: answer for ticket, answer, _ in posts}

            failed = by_ticket[0]
            assert isinstance(failed, Raised)
            assert repr(failed.error) == "ValueError('no luck')"
            assert "ValueError: no luck" in failed.traceback
            assert value(by_ticket[1]) == 9

    def test_a_task_that_exits_fails_and_the_next_one_runs(self) -> None:
        with self.opened() as executor:
            answer = applied_one(executor, LEAVE)

            assert isinstance(answer, Raised)
            assert isinstance(answer.error, Exception)
            assert "SystemExit" in str(answer.error)
            assert value(applied_one(executor, SQUARE, 4)) == 16

    def test_a_result_that_cannot_be_encoded_is_a_failure_of_its_job(self) -> None:
        with self.opened() as executor:
            answer = applied_one(executor, LOCKED)

            assert isinstance(answer, Raised)
            assert isinstance(answer.error, EncodeError)
            assert "lock" in str(answer.error)

    def test_an_argument_whose_bytes_are_damaged_loses_or_fails_its_job(self) -> None:
        damaged = Found(ABSENT, b"", "pickle", b"no pickle")
        with self.opened() as executor:
            ((_, answer, _),) = applied_jobs(executor, [(1, job(SAME, damaged, carried=True))])

            assert isinstance(answer, Lost | Raised)
            assert value(applied_one(executor, SQUARE, 4)) == 16

    # -- timeouts, of an executor that honours them ----------------------------------------------

    def test_a_job_whose_time_is_over_is_lost_and_the_next_one_has_its_place(self, tmp_path: Path) -> None:
        with self.opened(workers=1) as executor:
            needs(executor, "timeout")
            posts = Posts(1)
            executor.submit([("t", job(LINGER, str(tmp_path), timeout=0.15))], posts)
            ((ticket, answer, report),) = posts.wait()

            assert ticket == "t"
            assert isinstance(answer, Lost)
            assert isinstance(answer.error, TaskTimeoutError)
            assert "LINGER timed out after 0.15 s" in str(answer.error)
            assert report.finished - report.started >= 0.14
            assert value(applied_one(executor, SQUARE, 4)) == 16
            (tmp_path / "go").touch()

    def test_an_async_task_whose_time_is_over_is_lost_and_the_next_one_has_its_place(self, tmp_path: Path) -> None:
        with self.opened(workers=1) as executor:
            needs(executor, "timeout")
            posts = Posts(1)
            executor.submit([("t", job(STUBBORN, str(tmp_path), timeout=0.15))], posts)
            ((_, answer, _),) = posts.wait()

            assert isinstance(answer, Lost)
            assert isinstance(answer.error, TaskTimeoutError)
            assert value(applied_one(executor, LATER, 4)) == 5
            (tmp_path / "go").touch()

    def test_what_goes_on_after_its_time_is_said_to_have_ended_and_its_result_is_dropped(self, tmp_path: Path) -> None:
        with self.opened() as executor:
            needs(executor, "timeout")
            for task in (LINGER, STUBBORN):
                folder = tmp_path / task.name
                folder.mkdir()
                posts = Posts(1)
                executor.submit([("t", job(task, str(folder), timeout=0.15))], posts)
                ((_, _, report),) = posts.wait()
                again = Posts(1)  # the next attempt has the same ticket
                executor.submit([("t", job(SQUARE, 4))], again)
                (folder / "go").touch()
                if report.goes_on:
                    posts.wait_for_ends(1)

                assert value(again.wait()[0][1]) == 16
                assert len(posts.posted) == len(again.posted) == 1
                assert (len(posts.ended), len(again.ended)) == (int(report.goes_on), 0)

    def test_the_time_of_a_job_begins_with_the_job_and_not_with_its_submission(self, tmp_path: Path) -> None:
        (tmp_path / "go").touch()
        with self.opened(workers=1) as executor:
            needs(executor, "timeout")
            waiting = [(n, job(WAIT, 0.05, timeout=0.35)) for n in range(8)]

            assert [type(answer) for _, answer, _ in applied_jobs(executor, waiting)] == [Found] * 8

    def test_a_job_that_ends_in_time_is_answered_as_without_a_timeout(self) -> None:
        with self.opened() as executor:
            needs(executor, "timeout")
            timed = [(n, job(SQUARE, n, timeout=60)) for n in range(100)]
            posts = applied_jobs(executor, [*timed, (100, job(FAIL, "no luck", timeout=60))])
            answers = {ticket: answer for ticket, answer, _ in posts}

            assert repr(answers.pop(100).error) == "ValueError('no luck')"
            assert {n: value(answer) for n, answer in answers.items()} == {n: n * n for n in range(100)}
            assert not any(report.goes_on for _, _, report in posts)

    # -- together, and the end -------------------------------------------------------------------

    def test_two_jobs_run_at_the_same_time_where_the_width_allows(self, tmp_path: Path) -> None:
        with self.opened(workers=2) as executor:
            if executor.width == 1:
                return
            pair = [(1, MEET, (str(tmp_path), "a", "b")), (2, MEET, (str(tmp_path), "b", "a"))]

            assert [value(answer) for _, answer, _ in applied(executor, pair)] == [True, True]

    def test_jobs_may_be_submitted_by_who_gets_an_answer(self) -> None:
        with self.opened() as executor:
            done = Posts(1)

            def post(ticket: Any, answer: Applied, report: Report) -> None:
                if ticket == 20:
                    done(ticket, answer, report)
                else:
                    executor.submit([(ticket + 1, job(SQUARE, ticket + 1))], post)

            executor.submit([(1, job(SQUARE, 1))], post)

            assert value(done.wait()[0][1]) == 400

    def test_after_close_nothing_is_posted_and_closing_again_does_nothing(self) -> None:
        with self.opened() as executor:
            applied(executor, [(1, SQUARE, (1,))])
            executor.close()
            late = Posts(1)
            executor.submit([(1, job(SQUARE, 2))], late)
            executor.close()

            assert late.posted == []

    def test_it_leaves_no_thread_behind(self) -> None:
        before = set(threading.enumerate())
        with self.opened() as executor:
            applied_jobs(executor, [(n, job(SQUARE, n, timeout=60 if n % 2 else None)) for n in range(20)])

        assert set(threading.enumerate()) - before == set()


class Posts:
    """Takes what an executor posts; `wait` returns it when that many answers have come.

    `Asks` go to `asked`, the tickets of `ENDED` to `ended`.
    """

    def __init__(self, count: int) -> None:
        self.posted: list[tuple[Any, Any, Report]] = []
        self.asked: list[tuple[Any, Asks]] = []
        self.ended: list[Any] = []
        self._count = count
        self._changed = threading.Condition()

    def __call__(self, ticket: Any, answer: Applied, report: Report) -> None:
        with self._changed:
            if isinstance(answer, Asks):
                self.asked.append((ticket, answer))
            elif answer is ENDED:
                self.ended.append(ticket)
            else:
                self.posted.append((ticket, answer, report))
            self._changed.notify_all()

    def wait(self) -> list[tuple[Any, Any, Report]]:
        self._until(lambda: len(self.posted) >= self._count)
        return self.posted

    def wait_for_asks(self, count: int) -> list[tuple[Any, Asks]]:
        self._until(lambda: len(self.asked) >= count)
        return self.asked

    def wait_for_ends(self, count: int) -> list[Any]:
        self._until(lambda: len(self.ended) >= count)
        return self.ended

    def _until(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            came = self._changed.wait_for(is_so, PATIENCE)
        assert came, (
            f"{len(self.posted)} of {self._count} answers came, {len(self.asked)} questions, {len(self.ended)} ends"
        )


def applier() -> LocalApplier:
    """An applier without plugins, but for one inspector."""
    codec = Codec()
    return LocalApplier(Digester(), codec, {Shelf.kind: Shelf()})


def site(options: Any, workers: int | None) -> ExecutorSite:
    """Where an executor under test is opened."""
    wiring = {"inspectors": {Shelf.kind: Shelf()}, "root": "."}
    return ExecutorSite("under-test", options, workers, applier(), wiring, Path.cwd())


def needs(executor: Executor, option: str) -> None:
    """Skip the test if the executor does not honour this option.

    Raises:
        SkipTest: so that pytest says why.
    """
    if not isinstance(executor, Honours) or option not in executor.honours:
        raise SkipTest(f"{type(executor).__name__} does not honour {option}")


def job(task: Task[..., Any] | None, *args: Any, **more: Any) -> Apply:
    """An application of a task to values."""
    return Apply(1, task, args, **more)


def applied(
    executor: Executor, jobs: Sequence[tuple[Any, Task[..., Any], tuple[Any, ...]]]
) -> list[tuple[Any, Any, Report]]:
    """What is posted for these: ticket, task, arguments."""
    return applied_jobs(executor, [(ticket, job(task, *args)) for ticket, task, args in jobs])


def applied_jobs(executor: Executor, jobs: Sequence[tuple[Any, Apply]]) -> list[tuple[Any, Any, Report]]:
    posts = Posts(len(jobs))
    executor.submit(jobs, posts)
    return posts.wait()


def applied_one(executor: Executor, task: Task[..., Any], *args: Any) -> Any:
    """The answer to one application."""
    return applied(executor, [(1, task, args)])[0][1]


def value(answer: Any) -> Any:
    """The object of a result."""
    assert isinstance(answer, Found), getattr(answer, "error", answer)
    return applier().decode(answer)


def bytes_only(found: Found) -> Found:
    """The value as one that was made elsewhere: without the object."""
    return Found(ABSENT, found.token, found.codec, found.data, size=found.size)


class Shelf:
    """An inspector of books that never change."""

    kind = "shelf"
    kinds: tuple[type, ...] = ()

    def place(self, thing: Any) -> str:
        return str(thing)

    def inspect(self, places: Sequence[str]) -> Sequence[bytes | None]:
        return [f"what is at {place}".encode() for place in places]


@attrs.define
class Page:
    """A value whose class counts with the code."""

    number: int


def _task(function: Callable[..., Any]) -> Task[..., Any]:
    return Task(function, __name__, function.__name__, TaskOptions())


@_task
def SQUARE(n: int) -> int:  # noqa: N802
    return n * n


@_task
def SAME(value: Any) -> Any:  # noqa: N802
    return value


@_task
def TOTAL(lists: dict[str, list[int]]) -> int:  # noqa: N802
    return sum(sum(numbers) for numbers in lists.values())


@_task
async def LATER(n: int) -> int:  # noqa: N802
    import asyncio

    await asyncio.sleep(0)
    return n + 1


@_task
def FAIL(text: str) -> None:  # noqa: N802
    raise ValueError(text)


@_task
def LEAVE() -> None:  # noqa: N802
    raise SystemExit(3)


@_task
def LOCKED() -> Any:  # noqa: N802
    return threading.Lock()


@_task
def MEET(folder: str, own: str, other: str) -> bool:  # noqa: N802
    """Whether the other came while this one was waiting."""
    (Path(folder) / own).touch()
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if (Path(folder) / other).exists():
            return True
        time.sleep(0.001)
    return False


@_task
def WAIT(seconds: float) -> None:  # noqa: N802
    time.sleep(seconds)


@_task
def LINGER(folder: str) -> str:  # noqa: N802
    """Goes on until somebody says `go`."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not (Path(folder) / "go").exists():
        time.sleep(0.001)
    return "late"


@_task
async def STUBBORN(folder: str) -> str:  # noqa: N802
    """Goes on until somebody says `go`, also when it is cancelled."""
    import asyncio
    from contextlib import suppress

    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not (Path(folder) / "go").exists():
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.001)
    return "late"
