"""Claims in the database: at what cost they are asked for, and what becomes of those of runs that have died."""

import os
import sqlite3
import subprocess
import sys
import time

import attrs
import pytest

from alonzo._committer import Committer
from alonzo._effects import HELD
from alonzo._errors import StoreError
from alonzo._store_samples import key, leaf, present, small, start

LOOK_UPS = 10_000


@pytest.fixture
def change(tmp_path):
    """Changes the database behind the store's back."""

    def change(sql, *parameters):
        connection = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        connection.execute(sql, parameters)
        connection.close()

    return change


@pytest.fixture
def committer(open_store):
    committer = Committer(open_store())
    yield committer
    committer.close()


def dead_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


# -- cost --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [0, 100])
def test_a_chain_of_look_ups_takes_one_statement_each_also_when_others_have_claims(
    open_store, committer, claimed, monkeypatch
):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    other = open_store()
    other.claim(other.begin(start()), [key(-number) for number in range(claimed)])
    store = committer.store
    run = store.begin(start())  # without the thread that commits by the clock
    # Notes wait, as they do in a run: look-ups are answered from one snapshot until they are committed.
    committer.add(run, [leaf(LOOK_UPS + 1, small(b"waits"))])
    before = store.statements

    for number in range(LOOK_UPS):
        assert committer.recall([key(number)], run) == ([HELD] if number == 0 and claimed else [None])

    # Beginning the snapshot, whether others wrote, their claims.
    assert store.statements - before <= LOOK_UPS + 3


def test_a_batch_of_look_ups_takes_one_statement_more(open_store, committer):
    store = committer.store
    run = committer.begin(start())
    committer.recall([key(1)], run)
    keys = [key(number) for number in range(1000)]
    before = store.statements
    store.recall(keys)
    alone = store.statements - before
    before = store.statements
    committer.recall(keys, run)

    assert store.statements - before == alone + 1


def test_a_commit_of_what_was_not_claimed_has_no_statement_for_claims(open_store):
    store = open_store()
    run, other = store.begin(start()), store.begin(start())
    store.claim(other, [key(7)])
    store.commit(run, [leaf(0, small(b"first"))])
    before = store.statements
    store.commit(run, [leaf(1, small(b"one"))])
    alone = store.statements - before
    store.claim(run, [key(2)])
    before = store.statements
    store.commit(run, [leaf(2, small(b"two"))])

    assert store.statements - before == alone + 1


# -- the committer -----------------------------------------------------------------------------------


def test_what_another_run_of_the_same_process_is_at_is_held_until_it_is_recorded(committer):
    one, two = committer.begin(start()), committer.begin(start())
    assert set(committer.claim(one, [key(1)])) == set()

    assert committer.recall([key(1), key(2)], two) == [HELD, None]
    assert committer.recall([key(1), key(2)], one) == [None, None]
    assert committer.recall([key(1), key(2)]) == [None, None]
    assert set(committer.claim(two, [key(1), key(2)])) == {key(1)}

    committer.add(one, [leaf(1, small(b"one"))])
    (records,) = committer.recall([key(1)], two)
    assert present(records).reductions[0].data == b"sone"


def test_what_is_released_is_held_no_more(committer):
    one, two = committer.begin(start()), committer.begin(start())
    committer.claim(one, [key(1)])
    committer.release(one, [key(1)])

    assert committer.recall([key(1)], two) == [None]


def test_a_claim_that_cannot_be_written_is_said_and_not_raised(open_store, tmp_path):
    committer = Committer(open_store(busy_timeout=0.01))
    run, other = committer.begin(start()), committer.begin(start())
    lock = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")

    assert set(committer.claim(run, [key(1)])) == set()

    assert "cannot claim what is to be computed: another process held the database" in str(committer.error)
    lock.close()
    assert committer.recall([key(1)], other) == [None]
    committer.flush()
    committer.close()


def test_a_run_whose_end_cannot_be_written_holds_nothing_in_its_own_process(open_store, tmp_path):
    store = open_store(busy_timeout=0.01)
    run, other = store.begin(start()), store.begin(start())
    store.claim(run, [key(1)])
    lock = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError):
        store.finish(run, "done", {})

    lock.close()
    assert set(store.held(other, [key(1)])) == set()


def test_claims_that_were_to_end_in_a_commit_that_failed_are_still_there(open_store):
    store = open_store()
    run, other = store.begin(start()), store.begin(start())
    store.claim(run, [key(1)])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    notes = [leaf(number, small(b"%d" % number)) for number in range(1, 2000)]
    with pytest.raises(StoreError, match="full"):
        store.commit(run, notes)

    assert set(store.held(other, [key(1)])) == {key(1)}
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.commit(run, notes)
    assert set(store.held(other, [key(1)])) == set()


# -- runs that have died -----------------------------------------------------------------------------


def test_claims_of_a_run_whose_process_is_gone_count_at_once_for_nothing(open_store):
    store, mine = open_store(), open_store()
    dead = store.begin(attrs.evolve(start(), process=dead_process()))
    store.claim(dead, [key(1)])
    other = mine.begin(start())

    assert set(mine.held(other, [key(1)])) == set()
    assert set(mine.claim(other, [key(1)])) == set()
    assert set(open_store().held(other + 1, [key(1)])) == {key(1)}


@pytest.mark.parametrize(
    ("host", "silence", "held"), [("another", 50, 1), ("another", 70, 0), (None, 50, 1), (None, 70, 0)]
)
def test_claims_of_a_run_that_does_not_beat_end_after_a_minute(open_store, change, host, silence, held):
    store, mine = open_store(), open_store()
    run = store.begin(attrs.evolve(start(), host=host) if host else start())
    store.claim(run, [key(1)])
    other = mine.begin(start())
    change("UPDATE run SET beat = ? WHERE id = ?", time.time() - silence, run)

    assert len(mine.held(other, [key(1)])) == held


def test_claims_of_lost_runs_are_swept_when_a_run_begins(open_store, tmp_path):
    store = open_store()
    store.claim(store.begin(attrs.evolve(start(), process=dead_process())), [key(1)])
    living = store.begin(start())
    store.claim(living, [key(2)])
    store.begin(start())

    connection = sqlite3.connect(tmp_path / "test.db")
    assert connection.execute("SELECT key, run FROM claim").fetchall() == [(key(2), living)]
    connection.close()


# -- two processes -----------------------------------------------------------------------------------

AT_WORK = """
import sys
from pathlib import Path
from alonzo._committer import Committer
from alonzo._store_samples import key, leaf, small, start
from alonzo.plugin import StoreSite
from alonzo_store_sqlite._settings import SqliteSettings
from alonzo_store_sqlite._store import SqliteStore

committer = Committer(SqliteStore.open(StoreSite("sqlite:test.db", Path.cwd(), trust=False), SqliteSettings()))
run = committer.begin(start())
committer.claim(run, [key(1)])
print("claimed", flush=True)
sys.stdin.readline()
committer.add(run, [leaf(1, small(b"of the other"))])
committer.finish(run, "done", {})
committer.close()
"""


@pytest.fixture
def worker(tmp_path):
    """Another process that has claimed key 1, and records its result when it is sent a line."""
    process = subprocess.Popen(
        [sys.executable, "-c", AT_WORK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "claimed\n"
    yield process
    process.kill()
    process.communicate()


@pytest.mark.slow
def test_what_another_process_is_at_is_held_and_then_recalled(worker, committer):
    run = committer.begin(start())

    assert committer.recall([key(1), key(2)], run) == [HELD, None]
    assert set(committer.claim(run, [key(1), key(2)])) == {key(1)}

    worker.communicate("go on\n")
    (records,) = committer.recall([key(1)], run)
    assert present(records).reductions[0].data == b"sof the other"


@pytest.mark.slow
def test_what_a_killed_process_was_at_is_free_at_once_also_for_who_knew_of_its_claim(worker, committer):
    run = committer.begin(start())
    assert committer.recall([key(1)], run) == [HELD]

    worker.kill()
    worker.wait()

    assert committer.recall([key(1)], run) == [None]
    assert set(committer.claim(run, [key(1)])) == set()
