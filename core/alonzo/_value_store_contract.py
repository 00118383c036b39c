"""What every value store must do, as a class of tests that a plugin's author subclasses; shipped by `alonzo.testing`."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

from ._ports import ValueStore


class ValueStoreContract:
    """Subclass it, give it `open`, `damage` and `remove`, and pytest runs the suite against your value store."""

    def open(self) -> ValueStore:
        """A value store, always in the same place within one test, empty at first."""
        raise NotImplementedError

    def damage(self, content: bytes) -> None:
        """Change what is kept under this digest: one byte, say, or cut it short."""
        raise NotImplementedError

    def remove(self, content: bytes) -> None:
        """Take away what is kept under this digest."""
        raise NotImplementedError

    def test_what_was_put_is_had_under_its_sha_256(self) -> None:
        store = self.open()

        for data in (b"x" * 70_000, bytes(3_000_000), b"", b"\x00\xff" * 100_000):
            assert store.put(data) == sha256(data).digest()
            assert bytes(store.get(sha256(data).digest())) == data

    def test_any_bytes_like_object_is_taken(self) -> None:
        store = self.open()

        content = store.put(memoryview(bytearray(b"spam" * 1000))[4:])

        assert bytes(store.get(content)) == b"spam" * 999

    def test_what_is_put_twice_is_kept_once_and_another_opening_has_it(self) -> None:
        content = self.open().put(b"once" * 20_000)

        assert self.open().put(b"once" * 20_000) == content
        assert bytes(self.open().get(content)) == b"once" * 20_000

    def test_it_travels_to_a_worker_by_pickle(self) -> None:
        store = self.open()
        content = store.put(b"here" * 20_000)

        there = pickle.loads(pickle.dumps(store))

        assert bytes(there.get(content)) == b"here" * 20_000

    def test_what_was_never_put_is_a_lookup_error(self) -> None:
        assert _is_missing(self.open(), sha256(b"never").digest())

    def test_what_was_taken_away_is_a_lookup_error_until_it_is_put_again(self) -> None:
        store = self.open()
        content = store.put(b"gone" * 20_000)
        self.remove(content)

        assert _is_missing(store, content)
        assert store.put(b"gone" * 20_000) == content
        assert bytes(store.get(content)) == b"gone" * 20_000

    def test_what_was_damaged_is_a_lookup_error_and_can_be_put_again(self) -> None:
        store = self.open()
        content = store.put(bytes(range(256)) * 300)
        self.damage(content)

        assert _is_missing(store, content)
        assert store.put(bytes(range(256)) * 300) == content
        assert bytes(store.get(content)) == bytes(range(256)) * 300

    def test_many_threads_may_put_and_get_the_same_at_once(self) -> None:
        store = self.open()
        values = [bytes([number % 5]) * 100_000 for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            contents = list(pool.map(store.put, values))
            back = list(pool.map(store.get, contents))

        assert [bytes(data) for data in back] == values
        assert len(set(contents)) == 5


def _is_missing(store: ValueStore, content: bytes) -> bool:
    try:
        store.get(content)
    except LookupError:
        return True
    return False
