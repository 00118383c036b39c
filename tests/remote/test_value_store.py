"""Large values on every server: the contract of value stores, and runs whose workers share one."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from alonzo import Runtime, task
from alonzo.testing import ValueStoreContract
from alonzo_files import Dir, File
from alonzo_files._value_store import FileValues


class TestBelowAUrl(ValueStoreContract):
    @pytest.fixture(autouse=True)
    def place(self, remote):
        self.remote = remote

    def path(self, content):
        plain = File(self.remote.url("values", content.hex()[:2], content.hex()))
        return plain if plain.exists() else File(f"{plain}.zst")

    def open(self):
        return FileValues(self.remote.url("values"), {self.remote.protocol: self.remote.options})

    def damage(self, content):
        file = self.path(content)
        file.write_bytes(b"x" + file.read_bytes()[1:])

    def remove(self, content):
        self.path(content).remove()


def test_of_many_who_put_the_same_at_once_nobody_fails_and_it_is_kept_once(remote):
    store = FileValues(remote.url("values"), {remote.protocol: remote.options})
    data = hashlib.sha256(b"seed").digest() * 5_000

    with ThreadPoolExecutor(6) as pool:
        contents = set(pool.map(store.put, [data] * 12))

    assert contents == {hashlib.sha256(data).digest()}
    assert len(list(Dir(remote.url("values")))) == 1
    assert store.get(contents.pop()) == data


@task
def large(seed: str) -> bytes:
    return b"".join(hashlib.sha256(f"{seed}{number}".encode()).digest() for number in range(5_000))


@task
def length(data: bytes) -> int:
    return len(data)


@pytest.mark.slow
@pytest.mark.servers("moto", "rgw")
def test_workers_share_a_store_and_what_was_removed_is_made_again(remote, tmp_path):
    values = remote.url("values")

    def run():
        with Runtime(store=f"sqlite:{tmp_path}/a.db", values=values, executor="processes", workers=2) as runtime:
            return runtime.run(large("a")), runtime.run(length(large("a"))), sum(runtime.last.ran.values())

    value, size, _ = run()
    assert size == len(value) == 160_000
    assert hashlib.sha256(value).digest() == hashlib.sha256(large.func("a")).digest()
    assert run() == (value, 160_000, 0)
    Dir(values).remove()
    with pytest.warns(match="missing or damaged"):
        assert run()[0] == value
    assert run() == (value, 160_000, 0)
