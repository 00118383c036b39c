"""Which files are the shards of a data set, also while it is being written.

Law: whoever asks gets the names of one whole set. While a set is written, a marker in the directory says which names hold: at first
the old ones, with the last shard in place the new ones; then the others are deleted, and after that the marker. Names of shards
that `write` makes have a part of their content's digest in them, so that no name of an old set is one of another content in the new.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import attrs

from alonzo_files import Dir, File

from ._errors import DatasetError
from ._formats import FORMATS, suffixes_of

MARKER = "_alonzo_writing.json"
BESIDE = (".alonzo-datasets-", ".alonzo-tmp")  # how names of local shards begin and end that are not yet whole
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_LOOKS = 20  # at a directory that changes while it is looked at


@attrs.frozen
class _Marker:
    """shards: the names that hold, None: there is no set yet; writer: whose marker it is."""

    shards: tuple[str, ...] | None
    writer: str


@attrs.frozen
class Layout:
    """The names of the shards of one data set, relative to its directory, with `/`."""

    directory: Dir
    format: str

    def names(self) -> list[str]:
        """The shards' names, sorted.

        Raises:
            DatasetError: there is no such data set, or only a part of one.
        """
        names = self.shown()
        if names is None:
            raise DatasetError(f"there is no data set at {self.directory}")
        return names

    def shown(self, *, must_be_whole: bool = True) -> list[str] | None:
        """The same; None: there is no data set. Of one that need not be whole, the shards that are there."""
        for _ in range(_LOOKS):
            found = self._files()
            is_marked = found is not None and MARKER in found
            marker = self._marker() if is_marked else None
            # Whoever begins or ends meanwhile changes the one or the other.
            if is_marked != (marker is None) and found == self._files() and (not is_marked or marker == self._marker()):
                return self._effective(marker, found, must_be_whole)
        raise DatasetError(f"the data set {self.directory} changes all the time: nothing whole can be read")

    def begin(self, *, keep: bool) -> Writing:
        """Somebody is going to write, and to keep what is there.

        Raises:
            DatasetError: what is to be kept is damaged; or what is there is of another format.
        """
        shown = self.shown(must_be_whole=keep)
        writing = Writing(self, secrets.token_hex(8), shown)
        writing.mark(shown)
        return writing

    def strays(self, kept: Sequence[str]) -> list[str]:
        """Files that look like shards and are not among these."""
        return sorted(set(self._shards(self._files() or ())).difference(kept))

    def file(self, name: str) -> File:
        return self.directory.file(*name.split("/"))

    def name_of(self, file: File) -> str | None:
        """The name of a file below the directory; None: it lies elsewhere."""
        return _relative(self.directory, file)

    def marker(self) -> File:
        return self.directory.file(MARKER)

    def _effective(self, marker: _Marker | None, found: list[str] | None, must_be_whole: bool) -> list[str] | None:
        if found is None:
            return None
        shards = self._shards(found)
        if marker is not None:
            if marker.shards is None:
                return None
            gone = sorted(set(marker.shards).difference(shards))
            if gone and must_be_whole:
                raise DatasetError(f"the data set {self.directory} lacks a shard that was written: {gone[0]}")
            return sorted(set(marker.shards).difference(gone), key=_in_order)
        if not shards:
            suffixes = tuple(suffix for kind in FORMATS.values() for suffix in kind.suffixes)
            others = [name for name in found if name.endswith(suffixes) and _is_shown(name)]
            if others:
                raise DatasetError(
                    f"there is no {self.format} file in {self.directory}, which has {others[0]}: give format="
                )
        return shards

    def _shards(self, names: Sequence[str]) -> list[str]:
        suffixes = suffixes_of(self.format)
        return sorted([name for name in names if name.endswith(suffixes) and _is_shown(name)], key=_in_order)

    def _files(self) -> list[str] | None:
        try:
            found = [_relative(self.directory, file) for file in self.directory]
        except FileNotFoundError:
            return None
        except NotADirectoryError as error:
            raise DatasetError(f"{self.directory} is a file, and no data set") from error
        return sorted([name for name in found if name is not None])

    def _marker(self) -> _Marker | None:
        try:
            row = json.loads(self.marker().read_text())
            return _Marker(None if row["shards"] is None else tuple(row["shards"]), row["writer"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise DatasetError(f"{self.marker()} is not what alonzo-datasets has written: {error}") from error


@attrs.frozen
class Writing:
    """One writing of a data set, from its beginning until it is published or given up. `before`: the names that held then."""

    layout: Layout
    writer: str
    before: list[str] | None

    def mark(self, names: Sequence[str] | None) -> None:
        row = {"shards": None if names is None else list(names), "writer": self.writer}
        self.layout.marker().write_text(json.dumps(row))

    def check(self) -> None:
        """Raises:
        DatasetError: somebody else writes too.
        """
        marker = self.layout._marker()
        if marker is None or marker.writer != self.writer:
            raise DatasetError(
                f"the data set {self.layout.directory} is being written by somebody else at the same time"
            )

    def publish(self, names: Sequence[str]) -> None:
        """From now on these are the data set.

        Raises:
            DatasetError: somebody else writes too.
        """
        self.check()
        self.mark(names)
        for name in self.layout.strays(names):
            self.layout.file(name).remove()
        if not self.layout.directory.is_remote:
            for left in Path(self.layout.directory).glob("*".join(BESIDE)):  # by a writer that was killed
                left.unlink(missing_ok=True)
        self.layout.marker().remove()

    def give_up(self) -> None:
        """What was there stays."""
        marker = self.layout._marker()
        if marker is None or marker.writer != self.writer:
            return
        for name in self.layout.strays(self.before or ()):
            self.layout.file(name).remove()
        self.layout.marker().remove()
        if self.before is None and not self.layout._files():
            self.layout.directory.remove()


def typed_partitions(names: Sequence[str]) -> list[tuple[tuple[str, Any], ...]]:
    """What the directories in these names say: an int where all of a column are written as one, else text; None for none."""
    found = [_partition(name) for name in names]
    texts: dict[str, list[str]] = {}
    for pairs in found:
        for column, text in pairs:
            if text is not None:
                texts.setdefault(column, []).append(text)
    numbers = {
        column for column, seen in texts.items() if all(re.fullmatch(r"0|-?[1-9]\d{0,17}", text) for text in seen)
    }
    return [
        tuple((column, int(text) if text is not None and column in numbers else text) for column, text in pairs)
        for pairs in found
    ]


def partition_path(columns: Sequence[str], values: Sequence[Any]) -> str:
    """The directories for these values: `year=2024/kind=a`."""
    return "/".join(
        f"{quote(column, safe='')}={NO_VALUE if value is None else quote(str(value), safe='')}"
        for column, value in zip(columns, values, strict=True)
    )


def _partition(name: str) -> list[tuple[str, str | None]]:
    pairs = [part.partition("=") for part in name.split("/")[:-1] if "=" in part]
    return [(unquote(column), None if text == NO_VALUE else unquote(text)) for column, _, text in pairs]


def _relative(directory: Dir, file: File) -> str | None:
    separator = "/" if directory.is_remote else os.sep
    base = "" if directory.path == os.curdir else directory.path.rstrip(separator) + separator
    if not file.path.startswith(base):
        return None
    return file.path[len(base) :].replace(separator, "/")


def _is_shown(name: str) -> bool:
    return not any(part.startswith(("_", ".")) and "=" not in part for part in name.split("/"))


def _in_order(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
