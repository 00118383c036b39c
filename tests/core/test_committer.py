"""Group commit: when notes are written, what is asked for sees them, and what becomes of a store that fails."""

import pytest

from alonzo import StoreError
from alonzo._committer import NOTES, Committer
from alonzo._effects import Found, JobNote, Remember
from alonzo.plugin import Note, RunStart


class Store:
    """Counts commits; what it was told is what it knows."""

    def __init__(self):
        self.commits = []
        self.known = set()
        self.broken = False
        self.closed = 0
        self.finished = []

    def recall(self, keys):
        return [key in self.known or None for key in keys]

    def load(self, digests):
        return [None] * len(digests)

    def epochs(self, tasks):
        return [0] * len(tasks)

    def begin(self, start):
        return 1

    def commit(self, run, notes):
        if self.broken:
            raise StoreError("disk full")
        self.commits.append(len(notes))
        self.known.update(note.remember.key for note in notes)

    def beat(self, run):
        pass

    def finish(self, run, status, counts, error=""):
        self.finished.append(status)

    def close(self):
        self.closed += 1


START = RunStart("t", "", 0.0, "host", 1)


def note(number, size=1):
    key = b"%d" % number
    job = JobNote(number, 0, "t", "ran", key, b"")
    return Note(Remember(key, job, normal=Found(1, b"i1", "scalar", b"i1", (), False, size), footprint=frozenset()))


@pytest.fixture
def pair():
    # Without a run that has begun there is no thread that commits by the clock.
    store = Store()
    return store, Committer(store)


def test_notes_are_committed_by_the_thousand(pair, monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store, committer = pair
    for number in range(2 * NOTES + 1):
        committer.add(1, [note(number)])

    assert store.commits == [NOTES, NOTES]
    committer.finish(1, "done", {})
    assert store.commits == [NOTES, NOTES, 1]


def test_large_values_are_committed_sooner(pair, monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store, committer = pair
    for number in range(3):
        committer.add(1, [note(number, size=4_000_000)])

    assert store.commits == [2]


def test_what_waits_is_committed_before_it_is_asked_for(pair, monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store, committer = pair
    committer.add(1, [note(1), note(2)])

    assert committer.recall([b"9"]) == [None]
    assert store.commits == []
    assert committer.recall([b"2"]) == [True]
    assert store.commits == [2]


class Holding(Store):
    def __init__(self):
        super().__init__()
        self.held = []

    def hold(self):
        self.held.append(len(self.commits))


def test_a_store_is_held_once_between_commits_while_notes_wait_and_not_after_it_failed(monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store = Holding()
    committer = Committer(store)
    committer.recall([b"8"])
    assert store.held == []

    committer.add(1, [note(1)])
    committer.recall([b"8"])
    committer.recall([b"9"])
    assert store.held == [0]

    committer.flush()
    committer.recall([b"8"])
    committer.add(1, [note(2)])
    committer.recall([b"8"])
    assert store.held == [0, 1]

    store.broken = True
    committer.flush()
    committer.recall([b"8"])
    assert str(committer.error) == "disk full"
    assert store.held == [0, 1]


def test_a_store_that_fails_is_said_and_what_waits_is_written_at_the_end_if_it_can(pair, monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store, committer = pair
    store.broken = True
    for number in range(NOTES):
        committer.add(1, [note(number)])

    assert str(committer.error) == "disk full"
    assert store.commits == []
    store.broken = False
    assert committer.finish(1, "failed", {}) == 0
    assert store.commits == [NOTES]


def test_what_could_not_be_written_at_the_end_is_counted(pair):
    store, committer = pair
    store.broken = True
    committer.add(1, [note(number) for number in range(7)])

    assert committer.finish(1, "done", {}) == 7
    assert str(committer.error) == "disk full"


def test_closing_writes_what_waits():
    store = Store()
    committer = Committer(store)
    committer.begin(START)
    committer.add(1, [note(1)])
    committer.close()

    assert sum(store.commits) == 1
    assert store.closed == 1
