"""What every store must do with runs, jobs, attempts, tags and claims: the half of its contract that is not the memo."""

from __future__ import annotations

import unittest
from contextlib import closing
from typing import Any

from ._effects import Remember
from ._ports import Attempt, Claims, Note, Store, Tagged
from ._store_samples import NOON, job, key, leaf, small, start


class RecordContract:
    """The part of `StoreContract` that is about what was done, and who does what."""

    def open(self) -> Store:
        """An empty store."""
        raise NotImplementedError

    def reopen(self) -> Store:
        """Another store on what the one that `open` gave has committed, which may be open still."""
        raise NotImplementedError

    def test_runs_are_listed_newest_first_with_how_they_ended(self) -> None:
        with closing(self.open()) as store:
            first = store.begin(start(task="flow.first", tags={"why": "näher"}))
            second = store.begin(start(task="flow.second"))
            store.beat(first)
            store.finish(first, "failed", {"ran": 3, "failed": 1}, "ValueError: no")

            newest, oldest = store.runs()

            assert second > first > 0
            assert (newest.id, newest.task, newest.status) == (second, "flow.second", "running")
            assert newest.finished is None
            assert (oldest.id, oldest.status, oldest.error) == (first, "failed", "ValueError: no")
            assert (oldest.counts, oldest.tags) == ({"ran": 3, "failed": 1}, {"why": "näher"})
            assert oldest.arguments == "(1, 2)"
            assert oldest.started == NOON
            assert oldest.finished is not None
            assert [run.id for run in store.runs(1)] == [second]

    def test_jobs_are_listed_by_number_with_times_and_texts(self) -> None:
        attempts = (
            Attempt("threads", "w1", NOON + 1, NOON + 2),
            Attempt("processes", "w2", NOON + 3, NOON + 3.5),
        )
        failed = job(1, "failed", error=ValueError("no ü"), traceback="in f")
        with closing(self.open()) as store:
            run = store.begin(start())
            store.commit(
                run,
                [
                    Note(Remember(key(2), job(2, "recalled", parent=1, upstreams=(1, 7)))),
                    Note(Remember(key(1), failed), attempts, "printed\nby f \udcff"),
                ],
            )
            with closing(self.reopen()) as other:
                one, two = other.jobs(run)

            assert (one.number, one.parent, one.task, one.status) == (1, 0, "flow.f", "failed")
            assert (one.started, one.finished, one.executor) == (NOON + 3, NOON + 3.5, "processes")
            assert "ValueError: no ü" in one.error
            assert one.output.startswith("printed\nby f ")
            assert one.arguments == "(1)"
            assert (two.number, two.parent, two.upstreams) == (2, 1, (1, 7))
            assert (two.started, two.finished, two.executor) == (None, None, "")
            assert (two.error, two.output) == ("", "")

    def test_a_job_that_is_told_again_keeps_what_was_known_of_it(self) -> None:
        attempt = Attempt("threads", "w1", NOON + 1, NOON + 2)
        opened = job(1, "open", upstreams=(3,))
        with closing(self.open()) as store:
            run = store.begin(start())
            store.commit(run, [Note(Remember(key(1), opened), (attempt,), "printed")])
            store.commit(run, [Note(Remember(key(1), job(1, "ran", arguments="")))])

            (row,) = store.jobs(run)

            assert (row.status, row.arguments, row.upstreams) == ("ran", "(1)", (3,))
            assert (row.started, row.finished, row.executor) == (NOON + 1, NOON + 2, "threads")
            assert row.output == "printed"

    def test_jobs_belong_to_their_run(self) -> None:
        with closing(self.open()) as store:
            first, second = store.begin(start()), store.begin(start())
            store.commit(first, [Note(Remember(key(1), job(1, "ran")))])
            store.commit(second, [Note(Remember(key(1), job(1, "recalled")))])

            assert [row.status for row in store.jobs(first)] == ["ran"]
            assert [row.status for row in store.jobs(second)] == ["recalled"]
            assert list(store.jobs(second + 1)) == []

    def test_a_commit_of_nothing_and_a_second_close_are_nothing(self) -> None:
        store = self.open()
        store.commit(store.begin(start()), [])
        store.close()
        store.close()

    def test_definitions_are_taken(self) -> None:
        tree: dict[Any, Any] = {"flow.f": b"\x01", "flow.g": {"constant": 3}}
        with closing(self.open()) as store:
            told = Note(
                Remember(key(1), job(1, "ran")),
                definitions={"flow.f": (b"fingerprint-of-f", tree, ("flow.STATE",))},
            )
            run = store.begin(start())
            store.commit(run, [told])
            store.commit(run, [told])

            assert [row.number for row in store.jobs(run)] == [1]

    # -- attempts --------------------------------------------------------------------------------

    def test_attempts_are_counted_also_those_that_failed(self) -> None:
        attempts = (
            Attempt("threads", "w1", NOON + 1, NOON + 2, "raised", "ValueError: no ü"),
            Attempt("threads", "w1", NOON + 3, NOON + 4),
        )
        timed_out = (Attempt("threads", "w1", NOON + 1, NOON + 2, "timeout", "took over 1 s"),)
        with closing(self.open()) as store:
            run = store.begin(start())
            store.commit(run, [Note(Remember(key(1), job(1, "open")), attempts)])
            store.commit(
                run,
                [
                    Note(Remember(key(1), job(1, "ran"))),
                    Note(Remember(key(2), job(2, "ran")), attempts[1:]),
                    Note(Remember(key(3), job(3, "failed")), timed_out),
                    Note(Remember(key(4), job(4, "recalled"))),
                ],
            )
            with closing(self.reopen()) as other:
                assert [row.attempts for row in other.jobs(run)] == [2, 1, 1, 0]
                assert [row.started for row in other.jobs(run)] == [NOON + 3, NOON + 3, NOON + 1, None]

    # -- tags ------------------------------------------------------------------------------------

    def test_jobs_have_the_tags_that_they_were_told_with(self) -> None:
        with closing(self.open()) as store:
            run = store.begin(start(tags={"why": "test"}))
            store.commit(run, [Note(Remember(key(1), job(1, "open", tags={"stage": "first", "who": "näher"})))])
            store.commit(run, [Note(Remember(key(1), job(1, "ran"))), Note(Remember(key(2), job(2, "ran")))])
            with closing(self.reopen()) as other:
                one, two = other.jobs(run)

            assert dict(one.tags) == {"stage": "first", "who": "näher"}
            assert dict(two.tags) == {}

    def test_what_was_tagged_is_found_by_name_and_text(self) -> None:
        with closing(self.open()) as opened:
            store = _able(opened, Tagged)
            run = opened.begin(start(tags={"why": "test", "other": "x"}))
            later = opened.begin(start(tags={"why": "näher"}))
            told = [
                Note(Remember(b"", tagged=(b"digest", {"why": "test", "unit": "m"}))),
                Note(Remember(key(2), job(2, "ran", tags={"why": "test"}))),
                Note(Remember(key(1), job(1, "ran", tags={"why": "more"}))),
            ]
            opened.commit(run, told)
            opened.commit(run, told)

            found = [(row.run, row.job, row.value, row.text) for row in store.tagged("why")]
            assert found == [
                (later, 0, b"", "näher"),
                (run, 0, b"", "test"),
                (run, 1, b"", "more"),
                (run, 2, b"", "test"),
                (run, 0, b"digest", "test"),
            ]
            assert [(row.job, row.value) for row in store.tagged("why", "test")] == [(0, b""), (2, b""), (0, b"digest")]
            assert [row.name for row in store.tagged("unit", "m")] == ["unit"]
            assert list(store.tagged("unknown")) == []

    # -- claims ----------------------------------------------------------------------------------

    def test_what_a_run_has_claimed_is_held_for_others_and_not_for_itself(self) -> None:
        with closing(self.open()) as opened:
            store = _able(opened, Claims)
            one, two = opened.begin(start()), opened.begin(start())

            assert set(store.claim(one, [key(1), key(2)])) == set()

            assert set(store.held(two, [key(1), key(2), key(3)])) == {key(1), key(2)}
            assert set(store.held(one, [key(1), key(2), key(3)])) == set()
            assert set(store.held(two, [])) == set()

    def test_a_claim_is_given_to_the_first_and_the_second_is_told(self) -> None:
        with closing(self.open()) as opened:
            store = _able(opened, Claims)
            one, two = opened.begin(start()), opened.begin(start())
            store.claim(one, [key(1)])

            assert set(store.claim(one, [key(1)])) == set()
            assert set(store.claim(two, [key(1), key(2)])) == {key(1)}

            assert set(store.held(one, [key(1), key(2)])) == {key(2)}
            assert set(store.held(two, [key(1), key(2)])) == {key(1)}

    def test_claims_are_seen_wherever_the_store_is_opened(self) -> None:
        with closing(self.open()) as opened, closing(self.reopen()) as reopened:
            store, other = _able(opened, Claims), _able(reopened, Claims)
            one, two = opened.begin(start()), reopened.begin(start())
            assert set(other.held(two, [key(1)])) == set()
            store.claim(one, [key(1), key(2), key(3)])

            assert set(other.held(two, [key(1), key(4)])) == {key(1)}
            assert set(other.claim(two, [key(1), key(4)])) == {key(1)}
            assert set(store.held(one, [key(1), key(4)])) == {key(4)}
            opened.commit(one, [leaf(1, small(b"one"))])
            store.release(one, [key(2)])
            assert set(other.held(two, [key(1), key(2), key(3)])) == {key(3)}
            opened.finish(one, "done", {})
            assert set(other.held(two, [key(1), key(2), key(3)])) == set()

    def test_a_claim_ends_when_its_job_is_told_by_the_same_run_whatever_became_of_it(self) -> None:
        told = [
            leaf(1, small(b"one")),
            Note(Remember(key(2), job(2, "failed", error=ValueError("no")))),
            Note(Remember(key(3), job(3, "ran"))),  # and nothing of it may be remembered
            Note(Remember(key(4), job(4, "open"))),
        ]
        keys = [key(number) for number in (1, 2, 3, 4, 5)]
        with closing(self.open()) as opened:
            store = _able(opened, Claims)
            one, two, three = (opened.begin(start()) for _ in range(3))
            store.claim(one, keys)

            opened.commit(two, told)
            assert set(store.held(three, keys)) == set(keys)
            opened.commit(one, told)
            assert set(store.held(three, keys)) == {key(5)}

    def test_a_claim_ends_when_it_is_released_and_with_its_run(self) -> None:
        with closing(self.open()) as opened:
            store = _able(opened, Claims)
            one, two = opened.begin(start()), opened.begin(start())
            store.claim(one, [key(1), key(2)])

            store.release(two, [key(2)])
            store.release(one, [key(1), key(3)])
            assert set(store.held(two, [key(1), key(2)])) == {key(2)}
            store.release(one, [key(2)])
            store.claim(one, [key(2)])
            opened.finish(one, "failed", {})
            assert set(store.held(two, [key(1), key(2)])) == set()
            assert set(store.claim(two, [key(1), key(2)])) == set()


def _able(store: Store, ability: Any) -> Any:
    """The store, if it has this ability; else the test is skipped."""
    if not isinstance(store, ability):
        raise unittest.SkipTest(f"the store is no {ability.__name__}")
    return store
