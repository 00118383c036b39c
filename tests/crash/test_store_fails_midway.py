"""A store that cannot be written any more while a run goes on."""

import threading

import pytest

from alonzo import Runtime, StoreError, task
from alonzo.plugin import StoreKind, hookimpl

FULL = "cannot keep results: the disk is full"


class Failing:
    """A store that hands everything on to another, but for commits while it is broken; once mended, it stays whole."""

    def __init__(self, store):
        self._store = store
        self.broken = False
        self.is_mended = False
        self.refused = threading.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    def commit(self, run, notes):
        if self.broken and not self.is_mended:
            self.refused.set()
            raise StoreError(FULL)
        self._store.commit(run, notes)


class FailingStores:
    """The plugin that supplies it, under the scheme `failing`."""

    def __init__(self, runtime_of_the_store):
        self._runtime = runtime_of_the_store
        self.store = None

    @hookimpl
    def alonzo_stores(self):
        return [StoreKind(("failing",), self._open)]

    def _open(self, site):
        self.store = Failing(self._runtime.store)
        self.store.close = lambda: None
        return self.store


@pytest.fixture
def sound(tmp_path):
    """A runtime on the store itself."""
    with Runtime(store=f"sqlite:{tmp_path}/runs.db") as runtime:
        yield runtime


@pytest.fixture
def stores(sound):
    return FailingStores(sound)


@pytest.fixture
def failing(stores):
    with Runtime(store="failing:", plugins=[stores], executor="threads", workers=2) as runtime:
        yield runtime


began = []
store = None


@task
def keeps(n):
    began.append(n)
    return n


@task
def breaks(n):
    """Break the store, and go on until it has refused something."""
    store.broken = True
    began.append(n)
    return n


@task
def waits(n):
    began.append(n)
    assert store.refused.wait(20)
    return n


@task
def after(n, _):
    began.append(n)
    return n


@task
def main():
    first = keeps(1)
    broken = breaks(first + 1)
    return [first, after(3, broken), after(4, waits(broken + 8))]


@pytest.fixture(autouse=True)
def fresh(stores, failing):
    began.clear()
    globals()["store"] = stores.store


def test_it_is_one_clear_error_that_says_how_many_results_were_not_kept(failing, stores):
    with pytest.raises(
        StoreError, match=r"^\d+ results of this run were not kept: cannot keep results: the disk is full$"
    ):
        failing.run(main())


def test_no_new_work_starts_and_what_was_recorded_before_stays(failing, sound):
    failing.run(keeps(1))
    began.clear()
    with pytest.raises(StoreError):
        failing.run(main())

    assert 4 not in began  # after(4, ...) waited for what ended after the refusal
    store.is_mended = True
    assert failing.run(main()) == [1, 3, 4]
    assert 1 not in began


def test_what_could_not_be_written_is_tried_once_more_at_the_end(failing, sound):
    """The disk was cleared meanwhile: nothing is lost, though the run has not come to its end."""

    @task
    def clears(n):
        assert store.refused.wait(20)
        store.is_mended = True
        began.append(n)
        return n

    @task
    def all_of_it():
        return [breaks(1), clears(2)]

    @task
    def root():
        return after(5, all_of_it())

    with pytest.raises(StoreError):
        failing.run(root())

    began.clear()
    assert failing.run(root()) == 5
    assert began == [5]


def test_the_next_run_of_the_same_runtime_is_right(failing):
    with pytest.raises(StoreError):
        failing.run(main())
    store.is_mended = True

    assert failing.run(main()) == [1, 3, 4]
