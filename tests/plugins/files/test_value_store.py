"""Values below a URL: the contract of value stores, and runs that use one."""

import hashlib
import pickle
import random

import pytest

from alonzo import Runtime, task
from alonzo._value_directory import ValueDirectory
from alonzo.plugin import StoreError, StoreSite
from alonzo.testing import ValueStoreContract
from alonzo_files import File
from alonzo_files._value_store import FileValues, open_values


class Contract(ValueStoreContract):
    def path(self, content):
        plain = File(f"{self.url}/{content.hex()[:2]}/{content.hex()}")
        return plain if plain.exists() else File(f"{plain}.zst")

    def open(self):
        return FileValues(self.url, {})

    def damage(self, content):
        file = self.path(content)
        file.write_bytes(b"x" + file.read_bytes()[1:])

    def remove(self, content):
        self.path(content).remove()


class TestInMemory(Contract):
    @pytest.fixture(autouse=True)
    def place(self, memory):
        self.url = "memory://values"


class TestInADirectory(Contract):
    @pytest.fixture(autouse=True)
    def place(self, tmp_path):
        self.url = str(tmp_path / "values")


@pytest.fixture
def store(memory):
    return FileValues("memory://values", {})


def test_what_was_cut_short_is_written_again_by_the_next_put(store, memory):
    data = bytes(range(256)) * 300
    content = store.put(data)
    [path] = memory.find("/values")
    memory.pipe_file(path, memory.cat_file(path)[:100])

    store.put(data)

    assert store.get(content) == data


def test_a_connection_that_breaks_off_once_is_no_damage(store, memory, monkeypatch):
    data = random.Random(0).randbytes(100_000)  # not to be compressed
    content = store.put(data)
    real, answers = type(memory).cat_file, []

    def breaks_off(self, path, **kwargs):
        answers.append(real(self, path, **kwargs)[: 100 if not answers else None])
        return answers[-1]

    monkeypatch.setattr(type(memory), "cat_file", breaks_off)

    assert store.get(content) == data
    assert len(answers) == 2


def test_what_cannot_be_kept_or_reached_is_an_error_that_names_the_file(store, memory, monkeypatch):
    content = store.put(b"value" * 1000)

    def fail(self, path, *args, **kwargs):
        raise OSError(5, "Input/output error")

    for method in ("cat_file", "pipe_file"):
        monkeypatch.setattr(type(memory), method, fail)

    with pytest.raises(LookupError, match=r"memory://values/.* cannot be read: .*Input/output error"):
        store.get(content)
    with pytest.raises(StoreError, match=r"memory://values/.* a value of .* cannot be kept"):
        store.put(b"other" * 1000)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://me:secret@host/a", "holds a password"),
        ("s3://", "names no host, bucket or container"),
        ("http://host/values", "can only be read"),
        ("s3:bucket/values", "a URL has two slashes: s3://bucket/values"),
        ("file:values", "a URL has two slashes"),
        ("file://values", "no absolute path"),
    ],
)
def test_what_is_no_place_for_values_is_refused(url, problem, tmp_path):
    with pytest.raises(StoreError, match=problem):
        open_values(StoreSite(url, tmp_path, trust=False), {})


def test_a_file_url_is_a_directory_of_this_machine(tmp_path):
    store = open_values(StoreSite(f"file://{tmp_path.as_posix()}/values", tmp_path, trust=False), {})

    content = store.put(b"value")

    assert (tmp_path / "values" / content.hex()[:2] / content.hex()).read_bytes() == b"value"


def test_it_takes_the_options_of_file_systems_with_it(memory):
    from alonzo_files._filesystem import configure, configured

    sent = pickle.dumps(FileValues("memory://values", {"memory": {"use_listings_cache": False}}))
    configure({})
    pickle.loads(sent)

    assert configured() == {"memory": {"use_listings_cache": False}}


# -- in runs --------------------------------------------------------------------------------------


@task
def large(seed: str) -> bytes:
    return hashlib.sha256(seed.encode()).digest() * 10_000


@task
def length(data: bytes) -> int:
    return len(data)


def test_a_run_keeps_large_values_there_and_makes_damaged_ones_again(memory, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:{tmp_path}/alonzo.db"
    expected = hashlib.sha256(b"a").digest() * 10_000

    with Runtime(store=url, values="memory://values", executor="inprocess") as runtime:
        assert runtime.run(length(large("a"))) == 320_000
    [path] = memory.find("/values")
    with Runtime(store=url, values="memory://values", executor="inprocess") as runtime:
        assert runtime.run(large("a")) == expected
        assert dict(runtime.last.ran) == {}
    memory.pipe_file(path, b"damaged")
    with Runtime(store=url, values="memory://values", executor="inprocess") as runtime:
        with pytest.warns(match="missing or damaged"):
            assert runtime.run(large("a")) == expected
        assert sum(runtime.last.ran.values()) == 1
    with Runtime(store=url, values="memory://values", executor="inprocess") as runtime:
        assert runtime.run(large("a")) == expected
        assert dict(runtime.last.ran) == {}


@pytest.mark.parametrize("kind", ["directory", "url"])
def test_what_gets_much_smaller_is_compressed_and_what_does_not_is_kept_as_it_is(tmp_path, kind):
    pytest.importorskip("zstandard")
    store = ValueDirectory(tmp_path) if kind == "directory" else FileValues(str(tmp_path), {})
    same, chance = bytes(1_000_000), random.Random(7).randbytes(1_000_000)

    contents = store.put(same), store.put(chance)

    sizes = {path.suffix: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    assert sizes[".zst"] < 10_000
    assert sizes[""] == 1_000_000
    assert (bytes(store.get(contents[0])), bytes(store.get(contents[1]))) == (same, chance)
