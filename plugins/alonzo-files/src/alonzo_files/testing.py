"""For the tests of authors of file hashers: a contract class. Subclass it in a pytest module, say how yours is made, and run it.

class TestMyHasher(FileHasherContract):
    def hasher(self):
        return MyHasher()
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ._hashers import FileHasher, Sighting
from ._inspector_local import sighting_of

__all__ = ["FileHasherContract"]

_SIZES = (0, 1, 63, 64, 65, 4096, (1 << 18) - 1, 1 << 18, (1 << 20) + 7, 3_000_001)


class FileHasherContract:
    """Subclass it, give it `hasher`, and pytest runs the suite against it.

    infos  for a hasher that goes by what a server says: what servers say of some files that differ, each as fsspec's `info` has it
    """

    infos: Collection[Mapping[str, Any]] = ()

    def hasher(self) -> FileHasher:
        """A new one."""
        raise NotImplementedError

    # -- what it is --------------------------------------------------------------------------------

    def test_it_is_a_file_hasher_with_a_name_that_can_be_chosen(self) -> None:
        hasher = self.hasher()

        assert isinstance(hasher, FileHasher)
        assert re.fullmatch("[a-z0-9][a-z0-9_.-]{0,63}", hasher.name)
        assert isinstance(hasher.reads, bool)

    def test_its_schemes_are_named_as_in_urls(self) -> None:
        schemes = self.hasher().schemes

        assert not isinstance(schemes, str)
        assert all(re.fullmatch("[a-z][a-z0-9+.-]*", scheme) for scheme in schemes)

    def test_it_travels_and_says_the_same_elsewhere(self, tmp_path: Path) -> None:
        hasher = self.hasher()
        there = pickle.loads(pickle.dumps(hasher))  # noqa: S301 - our own

        assert (there.name, tuple(there.schemes), there.reads) == (hasher.name, tuple(hasher.schemes), hasher.reads)
        for file in self._samples(tmp_path):
            assert there.digest(file) == hasher.digest(file)

    # -- what it says ------------------------------------------------------------------------------

    def test_digests_are_bytes_that_a_record_can_hold(self, tmp_path: Path) -> None:
        for file in self._samples(tmp_path):
            digest = self.hasher().digest(file)

            assert type(digest) is bytes
            assert 0 < len(digest) <= 64

    def test_one_file_is_digested_alike_each_time(self, tmp_path: Path) -> None:
        for file in self._samples(tmp_path):
            assert self.hasher().digest(file) == self.hasher().digest(file)

    def test_what_servers_say_differently_is_digested_differently(self) -> None:
        digests = [self.hasher().digest(_told(info)) for info in self.infos]

        assert len(set(digests)) == len(digests)

    def test_what_a_server_does_not_say_is_a_lookup_error_or_another_digest(self) -> None:
        for info in self.infos:
            try:
                digest = self.hasher().digest(_told({"type": "file", "size": 12_345}))
            except LookupError:
                continue
            assert digest != self.hasher().digest(_told(info))

    def test_equal_content_is_digested_alike_whatever_the_file(self, tmp_path: Path) -> None:
        if not self.hasher().reads:
            return
        for size in _SIZES:
            one, two = _write(tmp_path / "one", _content(size)), _write(tmp_path / "two", _content(size))

            assert self.hasher().digest(one) == self.hasher().digest(two), size

    def test_other_content_is_digested_otherwise_wherever_it_differs(self, tmp_path: Path) -> None:
        if not self.hasher().reads:
            return
        seen = set()
        for size in _SIZES:
            content = _content(size)
            variants = {content, content[:-1], b"X" + content[1:], content[:-1] + b"X", content + b"\0"}
            variants |= {content[: size // 2] + b"X" + content[size // 2 + 1 :]} if size else set()
            digests = [self.hasher().digest(_write(tmp_path / "file", variant)) for variant in variants]

            assert len(set(digests)) == len(variants), size
            seen.update(digests)
        assert len(seen) > len(_SIZES)

    def test_several_threads_may_ask_one_hasher_at_once(self, tmp_path: Path) -> None:
        hasher = self.hasher()
        files = list(self._samples(tmp_path))
        alone = [hasher.digest(file) for file in files]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(hasher.digest, files * 8))

        assert together == alone * 8

    def test_a_file_that_is_not_there_is_an_os_error(self, tmp_path: Path) -> None:
        if not self.hasher().reads or not self._is_local:
            return
        file = _write(tmp_path / "gone", b"content")
        (tmp_path / "gone").unlink()
        try:
            self.hasher().digest(file)
        except OSError:
            return
        raise AssertionError("it said something of a file that is not there")

    @property
    def _is_local(self) -> bool:
        schemes = self.hasher().schemes
        return not schemes or "file" in schemes

    def _samples(self, directory: Path) -> Iterator[Sighting]:
        if self._is_local:
            for size in _SIZES:
                yield _write(directory / f"{size} bytes", _content(size))
        for info in self.infos:
            yield _told(info)


def _content(size: int) -> bytes:
    return (b"0123456789abcde\n" * (size // 16 + 1))[:size]


def _write(path: Path, content: bytes) -> Sighting:
    path.write_bytes(content)
    return sighting_of(str(path))


def _told(info: Mapping[str, Any]) -> Sighting:
    def refuse() -> Any:
        raise AssertionError("a hasher that does not read has opened a file")

    return Sighting("scheme://host/file", MappingProxyType(dict(info)), refuse)
