"""The hasher `blake3`: that of b3sum, mapped or read, and chosen by its name."""

import os
import time

import pytest
from blake3 import blake3

from alonzo import Runtime, task
from alonzo_files import File
from alonzo_files._inspector_local import sighting_of
from alonzo_files.testing import FileHasherContract
from alonzo_hasher_blake3._hasher import Blake3Hasher

MB = 1 << 20


class TestBlake3(FileHasherContract):
    def hasher(self):
        return Blake3Hasher()


class TestBlake3Mapped(FileHasherContract):
    """The same of files that were not changed for long: those are mapped."""

    @pytest.fixture(autouse=True)
    def an_hour_later(self, monkeypatch):
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + 3600 * 10**9)

    def hasher(self):
        return Blake3Hasher()


def test_known_digests_are_those_of_b3sum(tmp_path):
    (tmp_path / "empty").touch()
    (tmp_path / "abc").write_bytes(b"abc")

    assert Blake3Hasher().digest(sighting_of(str(tmp_path / "empty"))).hex() == (
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    )
    assert Blake3Hasher().digest(sighting_of(str(tmp_path / "abc"))).hex() == (
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    )


@pytest.mark.parametrize("size", [MB - 1, MB, 3 * MB + 1])
def test_a_file_is_mapped_when_it_is_large_and_was_left_alone(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    read = Blake3Hasher().digest(sighting_of(str(tmp_path / "file")))
    os.utime(tmp_path / "file", (1, 1))
    mapped = Blake3Hasher().digest(sighting_of(str(tmp_path / "file")))

    assert read == mapped == blake3(content).digest()


@task
def size(file: File) -> int:
    return file.size()


def test_it_is_chosen_by_its_name_and_a_change_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alonzo.toml").write_text('[plugins.files]\nhasher = "blake3"\n')
    File("a.bin").write_bytes(b"x" * (2 * MB))
    with Runtime(store="memory:", executor="inprocess") as runtime:
        assert runtime.run(size(File("a.bin"))) == 2 * MB
        os.utime("a.bin", (1, 1))
        runtime.run(size(File("a.bin")))
        assert runtime.last.ran == {}
        File("a.bin").write_bytes(b"y" * (2 * MB))

        assert runtime.run(size(File("a.bin"))) == 2 * MB
        assert sum(runtime.last.ran.values()) == 1


def test_in_worker_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    File("a.bin").write_bytes(b"x" * (2 * MB))
    with Runtime(store="memory:", executor="processes", workers=1) as runtime:
        runtime.run(size(File("a.bin", hasher="blake3")))
        runtime.run(size(File("a.bin", hasher="blake3")))

        assert runtime.last.ran == {}


def test_without_alonzo_files_there_is_nothing_for_it_to_do():
    with Runtime(store="memory:", executor="inprocess", plugins=["no:files"]) as runtime:
        assert "hasher-blake3" in [name for name, _, _ in runtime.providers.plugins]
