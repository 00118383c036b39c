"""The value store of `dir:` URLs."""

import os
import signal
import subprocess
import sys
import textwrap
from hashlib import sha256

import pytest

from alonzo import Runtime, StoreError, task
from alonzo._codec import Codec
from alonzo._effects import ABSENT, Found
from alonzo._value_directory import ValueDirectory
from alonzo.testing import ValueStoreContract


class TestValueDirectory(ValueStoreContract):
    @pytest.fixture(autouse=True)
    def _place(self, tmp_path):
        self.directory = tmp_path / "values"

    def open(self):
        return ValueDirectory(self.directory)

    def damage(self, content):
        [path] = self.directory.rglob(content.hex() + "*")
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    def remove(self, content):
        [path] = self.directory.rglob(content.hex() + "*")
        path.unlink()


def test_nothing_is_made_before_the_first_value_is_kept(tmp_path):
    ValueDirectory(tmp_path / "values")

    assert not (tmp_path / "values").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_the_directory_is_for_its_owner_alone_and_one_that_is_there_keeps_its_mode(tmp_path):
    (tmp_path / "there").mkdir(mode=0o755)
    for name in ("new", "there"):
        ValueDirectory(tmp_path / name).put(b"mine" * 20_000)

    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o755


def test_a_file_has_the_name_that_sha256sum_prints_and_no_other_is_left(tmp_path):
    data = os.urandom(200_000)  # which no compressor makes smaller

    ValueDirectory(tmp_path).put(data)

    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.name == sha256(data).hexdigest()
    assert path.read_bytes() == data


def test_one_changed_byte_of_a_large_value_is_noticed(tmp_path):
    store = ValueDirectory(tmp_path)
    content = store.put(os.urandom(5_000_000))
    [path] = tmp_path.rglob(content.hex())
    data = bytearray(path.read_bytes())
    data[2_500_000] ^= 1
    path.write_bytes(data)

    with pytest.raises(LookupError, match="was damaged"):
        store.get(content)


def test_a_file_where_the_directory_should_be_is_one_clear_line(tmp_path):
    (tmp_path / "values").write_text("mine")

    with pytest.raises(StoreError, match=r"values.*: a value of 5 bytes cannot be kept"):
        ValueDirectory(tmp_path / "values").put(b"spam!")


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
def test_a_process_that_is_killed_while_it_writes_leaves_no_half_value(tmp_path):
    program = textwrap.dedent(f"""
        import os, sys
        from alonzo._value_directory import ValueDirectory
        store = ValueDirectory(__import__("pathlib").Path({str(tmp_path)!r}))
        print("begun", flush=True)
        while True:
            store.put(os.urandom(2_000_000))
    """)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        process.stdout.readline()
        before = _named(tmp_path)
        while len(_named(tmp_path)) < len(before) + 2 and process.poll() is None:
            os.sched_yield()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    assert len(_named(tmp_path)) >= 6
    for path in _named(tmp_path):
        assert sha256(path.read_bytes()).hexdigest() == path.name


def _named(directory):
    return [path for path in directory.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_a_reference_without_a_value_store_and_what_is_no_reference_cannot_be_decoded(tmp_path):
    codec = Codec(values=ValueDirectory(tmp_path))
    name, data = codec.set_aside("scalar", b"b" + bytes(100_000))

    assert (name, len(data)) == ("stored:scalar", 38)
    assert codec.decode(name, data) == bytes(100_000)
    for other, bytes_ in ((Codec(), data), (codec, b"spam"), (codec, data[:32]), (codec, b"")):
        with pytest.raises(Exception, match="cannot be decoded"):
            other.decode(name, bytes_)


def test_what_is_small_stays_where_it_is(tmp_path):
    codec = Codec(values=ValueDirectory(tmp_path))

    assert codec.set_aside("scalar", b"x" * 65_536) == ("scalar", b"x" * 65_536)
    assert not list(tmp_path.iterdir())


@task
def large(n):
    return bytes(n)


@task
def length(data):
    return len(data)


def test_values_says_where_and_inline_says_nowhere(tmp_path):
    with Runtime(store="memory:", values=f"dir:{tmp_path / 'here'}") as runtime:
        assert runtime.run(length(large(100_000))) == 100_000
    assert len(list((tmp_path / "here").rglob("*"))) == 2  # a directory of two letters, and a file

    with Runtime(store="memory:", values="inline:") as runtime:
        assert runtime.run(length(large(100_001))) == 100_001


@pytest.mark.parametrize("url", ["nowhere", "dri:values", ""])
def test_another_url_is_one_clear_line(url):
    with pytest.raises(StoreError, match=r"is no place for values.*a URL that begins with one of inline:, .*dir:"):
        Runtime(store="memory:", values=url)


def test_a_directory_without_a_name_is_one_clear_line():
    with pytest.raises(StoreError, match=r"^dir:: name a directory: dir:PATH$"):
        Runtime(store="memory:", values="dir:")


def test_a_value_store_that_takes_nothing_leaves_values_where_they_would_be_without_it(tmp_path, caplog):
    (tmp_path / "values").write_text("in the way")
    with Runtime(store="memory:", values=f"dir:{tmp_path / 'values'}") as runtime:
        assert runtime.run(length(large(100_002))) == 100_002
        found = runtime._applier.found(bytes(100_003))

    assert type(found) is Found
    assert (found.codec, found.size) == ("bytes", 100_003)
    assert found.value is not ABSENT
    assert "cannot be kept" in caplog.text
