"""What an application has written to a local file, and whether that still stands there when it has ended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from alonzo.plugin import CAPTURE

_SMALL = 1 << 18  # bytes that are read once more when they have been written


class Written(NamedTuple):
    """A file as it was put in its place.

    file     number of the device, and of the file on it
    content  digest of what is in it, empty for a large one
    """

    file: tuple[int, int]
    size: int
    content: bytes


def note(target: str, made: str) -> None:
    """The file `made` is about to take the place of `target`, a path with all links resolved."""
    application = CAPTURE.get()
    if application is not None:
        seen = os.stat(made)  # noqa: PTH116
        content = _content(made, seen.st_size)
        application.written[target] = Written((seen.st_dev, seen.st_ino), seen.st_size, content)


def is_overwritten(written: Mapping[str, Any], path: str) -> bool:
    """Has another file with other content taken the place of the one that was noted? Whether this path was noted at all, too.

    A file that its writer went on to change, where it stands, is still its own. Of two large files of one size it is not known
    whether they differ: they count as different.
    """
    target = os.path.realpath(path)
    mine = written.get(target)
    if mine is None:
        return False
    try:
        now = os.stat(target)  # noqa: PTH116
        if (now.st_dev, now.st_ino) == mine.file:
            return False
        return now.st_size != mine.size or not mine.content or _content(target, now.st_size) != mine.content
    except OSError:  # it is gone, or cannot be looked at: its digest says so
        return False


def _content(path: str, size: int) -> bytes:
    return blake2b(Path(path).read_bytes(), digest_size=16).digest() if size <= _SMALL else b""
