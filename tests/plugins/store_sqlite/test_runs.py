"""Runs and their jobs in the database: lost runs, what is kept for people, and the views that show it."""

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from alonzo._errors import StoreError
from alonzo._store_samples import NOON, commit, job, key, leaf, small, start
from alonzo.plugin import Attempt, Note, Remember


@pytest.fixture
def rows(tmp_path):
    """The rows of a query on the test's database, as dictionaries."""

    def rows(query):
        connection = sqlite3.connect(tmp_path / "test.db")
        connection.row_factory = sqlite3.Row
        found = [dict(row) for row in connection.execute(query)]
        connection.close()
        return found

    return rows


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_run_whose_process_is_gone_is_lost_and_marked_by_the_next(open_store, rows):
    store = open_store()
    dead = store.begin(attrs.evolve(start(), process=dead_process()))

    assert [(run.status, run.finished is None) for run in store.runs()] == [("lost", False)]
    assert rows("SELECT status FROM run") == [{"status": "running"}]

    alive = store.begin(start())
    assert rows("SELECT id, status FROM run") == [
        {"id": dead, "status": "lost"},
        {"id": alive, "status": "running"},
    ]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_process_that_has_a_dead_ones_id_is_another(open_store, rows):
    store = open_store()
    run = store.begin(start())
    store._connection.execute("UPDATE run SET process_started = process_started - 1")

    assert [row.status for row in store.runs()] == ["lost"]
    assert store.runs()[0].id == run


@pytest.mark.parametrize(("silence", "status"), [(50, "running"), (70, "lost")])
def test_a_run_on_another_machine_is_lost_after_a_minute_of_silence(open_store, silence, status):
    store = open_store()
    store.begin(attrs.evolve(start(), host="another", process=1))
    store._connection.execute("UPDATE run SET beat = ?", (time.time() - silence,))

    assert [run.status for run in store.runs()] == [status]


def test_a_beat_keeps_a_run_on_another_machine_alive(open_store):
    store = open_store()
    run = store.begin(attrs.evolve(start(), host="another", process=1))
    store._connection.execute("UPDATE run SET beat = 0")
    store.beat(run)

    assert [row.status for row in store.runs()] == ["running"]


def test_a_commit_to_a_run_that_was_never_begun_is_refused(open_store):
    with pytest.raises(StoreError, match="there is no run 7"):
        open_store().commit(7, [leaf(1, small(b"one"))])


def test_a_message_that_cannot_be_shown_does_not_lose_the_job(open_store):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError

    store = open_store()
    run = store.begin(start())
    store.commit(run, [Note(Remember(key(1), job(1, "failed", error=Odd())))])

    assert "Odd" in store.jobs(run)[0].error


def test_all_attempts_of_a_job_are_kept(open_store, rows):
    store = open_store()
    run = store.begin(start())
    attempts = (
        Attempt("threads", "w1", NOON + 1, NOON + 1.5, "raised", "ValueError: no"),
        Attempt("threads", "w2", NOON + 2, NOON + 2.5, "timeout", "took over 0.5 s"),
        Attempt("threads", "w3", NOON + 3, NOON + 3.5),
    )
    store.commit(run, [Note(Remember(key(1), job(1, "ran")), attempts), leaf(2, small(b"two"))])
    store.commit(run, [Note(Remember(key(3), job(3, "failed")), attempts[:1])])
    store.commit(run, [Note(Remember(key(4), job(4, "ran")), attempts[2:])])

    shown = "job, number, outcome, error, seconds, worker"
    assert [tuple(row.values()) for row in rows(f"SELECT {shown} FROM attempts ORDER BY job, number")] == [
        (1, 1, "raised", "ValueError: no", 0.5, "w1"),
        (1, 2, "timeout", "took over 0.5 s", 0.5, "w2"),
        (1, 3, "done", None, 0.5, "w3"),
        (3, 1, "raised", "ValueError: no", 0.5, "w1"),
        (4, 1, "done", None, 0.5, "w3"),
    ]
    assert [row.attempts for row in store.jobs(run)] == [3, 0, 1, 1]
    assert [(row.started, row.finished) for row in store.jobs(run)[:1]] == [(NOON + 3, NOON + 3.5)]


def test_definitions_are_kept_once_for_each_fingerprint(open_store, rows):
    store = open_store()
    run = store.begin(start())
    for fingerprint, tree in ((b"1", {"flow.f": b"\x0a"}), (b"2", {}), (b"1", {"other": 1})):
        definitions = {"flow.f": (fingerprint, tree, ("flow.STATE",))}
        store.commit(run, [Note(Remember(key(1), job(1, "ran")), definitions=definitions)])

    kept = rows("SELECT * FROM tasks WHERE tree IS NOT NULL ORDER BY fingerprint")
    assert [(row["name"], row["fingerprint"]) for row in kept] == [
        ("flow.f", "31"),
        ("flow.f", "32"),
    ]
    assert json.loads(kept[0]["tree"]) == {"flow.f": "0a"}
    assert json.loads(kept[0]["untracked"]) == ["flow.STATE"]


def test_the_views_show_people_runs_jobs_results_and_footprints(open_store, rows):
    store = open_store()
    run = store.begin(start(tags={"why": "test"}))
    attempt = Attempt("threads", "w1", NOON + 0.25, NOON + 0.75)
    told = attrs.evolve(leaf(1, small(b"one")), attempts=(attempt,), output="printed")
    told.remember.job.tags = {"stage": "first"}
    store.commit(run, [told, Note(Remember(b"", tagged=(b"\x0a", {"unit": "m"})))])
    store.finish(run, "done", {"ran": 1})

    (run_row,) = rows("SELECT * FROM runs")
    assert (run_row["task"], run_row["status"]) == ("flow.main", "done")
    assert run_row["started"] == "2023-11-14T22:13:20.000Z"
    (job_row,) = rows("SELECT * FROM jobs")
    assert (job_row["task"], job_row["executor"], job_row["worker"]) == ("flow.f", "threads", "w1")
    assert (job_row["started"], job_row["seconds"]) == ("2023-11-14T22:13:20.250Z", 0.5)
    assert (job_row["key"], job_row["output"]) == (key(1).hex(), "printed")
    assert job_row["tags"] == '{"stage":"first"}'
    (attempt_row,) = rows("SELECT * FROM attempts")
    assert (attempt_row["task"], attempt_row["outcome"], attempt_row["worker"]) == ("flow.f", "done", "w1")
    assert [tuple(row.values()) for row in rows("SELECT * FROM tags ORDER BY what")] == [
        ("stage", "first", "job", 1, 1, "flow.f", None),
        ("why", "test", "run", 1, None, "flow.main", None),
        ("unit", "m", "value", 1, None, None, "0a"),
    ]
    (result,) = rows("SELECT * FROM results")
    assert (result["task"], result["key"]) == ("flow.f", key(1).hex())
    assert (result["what"], result["bytes"]) == ("returned, normal form", 4)
    (entry,) = rows("SELECT * FROM footprints")
    assert (entry["kind"], entry["name"], entry["state"]) == (
        "task",
        "flow.f",
        b"fingerprint-of-f".hex(),
    )
    assert (entry["detail"], entry["epoch"]) == (b"policy-of-f".hex(), 0)


@pytest.mark.slow
def test_a_trivial_call_takes_at_most_300_bytes(open_store, tmp_path):
    store = open_store()
    run = store.begin(start())
    attempt = Attempt("threads", "alonzo_1", NOON + 1, NOON + 1.001)
    notes = [attrs.evolve(leaf(number, small(b"%d" % number)), attempts=(attempt,)) for number in range(10_000)]
    for first in range(0, 10_000, 1000):
        store.commit(run, notes[first : first + 1000])
    store.close()

    assert (tmp_path / "test.db").stat().st_size <= 300 * 10_000


def test_runs_in_one_commit_of_their_own_are_cheap(open_store):
    store = open_store()
    before = store.statements
    commit(store, leaf(1, small(b"one")))

    # A handful of statements each for begin, commit and finish; a loop over tables would show.
    assert store.statements - before < 40
