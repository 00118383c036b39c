"""The store of `memory:` URLs."""

from pathlib import Path

import pytest

from alonzo._errors import StoreError
from alonzo._memory_store import open_memory_store
from alonzo._ports import StoreSite
from alonzo._store_contract import StoreContract
from alonzo._store_samples import commit, key, leaf, small


def opened(url):
    return open_memory_store(StoreSite(url, Path(), trust=False))


class TestMemoryStore(StoreContract):
    @pytest.fixture(autouse=True)
    def _url(self, request):
        self.url = f"memory:{request.node.nodeid}"

    def open(self):
        return opened(self.url)

    def reopen(self):
        return opened(self.url)


def test_a_store_without_a_name_is_private():
    first, second = opened("memory:"), opened("memory:")
    commit(first, leaf(1, small(b"one")))

    assert second.recall([key(1)]) == [None]
    assert second.runs() == []


def test_a_store_with_a_name_is_one_store():
    commit(opened("memory:shared"), leaf(1, small(b"one")))

    (records,) = opened("memory:shared").recall([key(1)])

    assert records.normals[0].value.data == b"sone"


def test_a_recalled_value_that_is_changed_does_not_change_the_store():
    store = opened("memory:")
    commit(store, leaf(1, small(b"one")))
    store.recall([key(1)])[0].reductions[0].data = b"changed"

    (records,) = store.recall([key(1)])

    assert records.reductions[0].data == b"sone"


def test_a_run_that_was_never_begun_is_refused_with_its_number():
    with pytest.raises(StoreError, match="no run 7"):
        opened("memory:").commit(7, [leaf(1, small(b"one"))])
