"""What a worker remembers of the value store."""

import pickle
from hashlib import sha256

import pytest

from alonzo import StoreError
from alonzo._recent import RecentValues
from alonzo._value_directory import ValueDirectory
from alonzo.testing import ValueStoreContract

MB = 1 << 20


class Counting:
    """A value store in memory that counts what is read of it."""

    def __init__(self, *, broken=False):
        self.broken = broken
        self.data = {}
        self.read = []

    def put(self, data):
        if self.broken:
            raise StoreError("no space")
        content = sha256(data).digest()
        self.data[content] = data
        return content

    def get(self, content):
        self.read.append(content)
        if content not in self.data:
            raise LookupError("gone")
        return self.data[content]


class TestRecentValues(ValueStoreContract):
    """Another opening, in another process, has nothing in memory: each `open` is one."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.directory = tmp_path / "values"

    def open(self):
        return RecentValues(ValueDirectory(self.directory))

    def damage(self, content):
        [path] = self.directory.rglob(content.hex() + "*")
        path.write_bytes(path.read_bytes()[1:])

    def remove(self, content):
        [path] = self.directory.rglob(content.hex() + "*")
        path.unlink()

    def test_what_was_taken_away_is_a_lookup_error_until_it_is_put_again(self):
        content = self.open().put(b"gone" * 20_000)
        self.remove(content)

        with pytest.raises(LookupError):
            self.open().get(content)
        assert self.open().put(b"gone" * 20_000) == content
        assert bytes(self.open().get(content)) == b"gone" * 20_000

    def test_what_was_damaged_is_a_lookup_error_and_can_be_put_again(self):
        content = self.open().put(bytes(range(256)) * 300)
        self.damage(content)

        with pytest.raises(LookupError):
            self.open().get(content)
        assert self.open().put(bytes(range(256)) * 300) == content


def test_what_was_put_or_read_is_not_read_again():
    store = Counting()
    recent = RecentValues(store)
    mine, other = recent.put(b"mine"), store.put(b"other's")

    assert [recent.get(mine), recent.get(other), recent.get(other)] == [b"mine", b"other's", b"other's"]
    assert store.read == [other]


def test_what_is_remembered_is_put_into_the_store_all_the_same():
    store = Counting()
    recent = RecentValues(store)
    content = recent.put(b"mine")
    store.data.clear()

    assert recent.put(b"mine") == content
    assert store.data == {content: b"mine"}


def test_what_could_not_be_put_is_not_remembered():
    recent = RecentValues(Counting(broken=True))

    with pytest.raises(StoreError):
        recent.put(b"mine")
    with pytest.raises(LookupError):
        recent.get(sha256(b"mine").digest())


def test_the_oldest_is_forgotten_when_there_are_more_than_8_mib():
    store = Counting()
    recent = RecentValues(store)
    contents = [recent.put(bytes([n]) * (2 * MB)) for n in range(5)]

    for content in reversed(contents):
        recent.get(content)

    assert store.read == [contents[0]]


def test_the_newest_is_remembered_up_to_16_mib():
    store = Counting()
    recent = RecentValues(store)
    small, large = recent.put(b"small"), recent.put(bytes(16 * MB))

    recent.get(large), recent.get(small)

    assert store.read == [small]


def test_what_is_large_or_can_be_changed_is_not_remembered():
    store = Counting()
    recent = RecentValues(store)
    large, changing = recent.put(bytes(16 * MB + 1)), recent.put(bytearray(b"mine"))

    recent.get(large), recent.get(changing)

    assert store.read == [large, changing]


def test_in_another_process_it_has_nothing_in_memory(tmp_path):
    recent = RecentValues(ValueDirectory(tmp_path))
    content = recent.put(b"mine")
    there = pickle.loads(pickle.dumps(recent))
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    path.unlink()

    with pytest.raises(LookupError):
        there.get(content)
    assert recent.get(content) == b"mine"
    assert repr(there) == repr(ValueDirectory(tmp_path))
