"""Group commit: when notes are written, what is asked for sees them, and what becomes of a store that fails."""

import pytest

from alonzo import StoreError
from alonzo._committer import NOTES, Committer
from alonzo._effects import HELD, Found, JobNote, Remember
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
        self.held_at = []

    def hold(self):
        self.held_at.append(len(self.commits))


def test_a_store_is_held_once_between_commits_while_notes_wait_and_not_after_it_failed(monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store = Holding()
    committer = Committer(store)
    committer.recall([b"8"])
    assert store.held_at == []

    committer.add(1, [note(1)])
    committer.recall([b"8"])
    committer.recall([b"9"])
    assert store.held_at == [0]

    committer.flush()
    committer.recall([b"8"])
    committer.add(1, [note(2)])
    committer.recall([b"8"])
    assert store.held_at == [0, 1]

    store.broken = True
    committer.flush()
    committer.recall([b"8"])
    assert str(committer.error) == "disk full"
    assert store.held_at == [0, 1]


class Claiming(Holding):
    """Every key is claimed by run 1; says what it was asked, in order."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def recall(self, keys):
        self.asked.append("recall")
        return super().recall(keys)

    def claim(self, run, keys):
        if self.broken:
            raise StoreError("disk full")
        self.asked.append(("claim", run, list(keys)))
        return [key for key in keys if run != 1]

    def release(self, run, keys):
        if self.broken:
            raise StoreError("disk full")
        self.asked.append(("release", run, list(keys)))

    def held(self, run, keys):
        self.asked.append("held")
        return {key for key in keys if run != 1}


def test_what_another_run_is_at_is_held_unless_it_is_recorded():
    store = Claiming()
    committer = Committer(store)
    committer.add(1, [note(1)])
    committer.flush()

    assert committer.recall([b"1", b"2"], 2) == [True, HELD]
    assert committer.recall([b"1", b"2"], 1) == [True, None]
    assert committer.recall([b"1", b"2"]) == [True, None]
    # Who is at them is asked first: a run that ends between the two look-ups has left its records.
    assert store.asked == ["held", "recall", "held", "recall", "recall"]


def test_claims_are_passed_on_and_answer_what_another_run_has():
    store = Claiming()
    committer = Committer(store)

    assert committer.claim(1, [b"1"]) == []
    assert committer.claim(2, [b"1"]) == [b"1"]
    committer.release(1, [b"1"])
    assert store.asked == [("claim", 1, [b"1"]), ("claim", 2, [b"1"]), ("release", 1, [b"1"])]


def test_look_ups_are_held_again_after_a_claim_which_is_a_write(monkeypatch):
    monkeypatch.setattr("alonzo._committer.SECONDS", 3600)
    store = Claiming()
    committer = Committer(store)
    committer.add(1, [note(1)])
    committer.recall([b"8"], 1)
    committer.claim(1, [b"8"])
    committer.recall([b"9"], 1)

    assert store.held_at == [0, 0]


@pytest.mark.parametrize("what", ["claim", "release"])
def test_a_claim_that_cannot_be_written_is_said_and_not_raised(what):
    store = Claiming()
    store.broken = True
    committer = Committer(store)

    assert list(getattr(committer, what)(1, [b"1"]) or ()) == []

    assert str(committer.error) == "disk full"
    store.broken = False
    assert list(getattr(committer, what)(2, [b"1"]) or ()) == []
    assert store.asked == []


def test_a_store_without_claims_holds_nothing_for_anybody(pair):
    _, committer = pair

    assert list(committer.claim(1, [b"1"])) == []
    committer.release(1, [b"1"])
    assert committer.recall([b"1"], 2) == [None]


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
