"""What files are now: digests of content, remembered for as long as nothing can have changed."""

# A Path for each of 10,000 places would cost more than what is asked of it.
# ruff: noqa: PTH109, PTH116, PTH123

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from hashlib import blake2b

from alonzo import AlonzoError

from ._file import File

_BLOCK = 1 << 20  # bytes
_LARGE = 1 << 18  # bytes; from here on, hashing takes longer than handing it to a thread
_MOST_THREADS = 8
# Two writes within one tick of a file system's clock leave the same times: the coarsest ticks 2 s.
_TICK = 2_000_000_000  # nanoseconds

_Stamp = tuple[int, int, int, int, int]


class FileInspector:
    """The inspector of `File`. A place is a path, relative to the project's root when below it.

    `inspect` answers the BLAKE2b digest (16 bytes) of the content, None where there is no file.
    It raises AlonzoError, naming the path, for a directory and for what cannot be read.
    """

    kind = "file"
    kinds: tuple[type, ...] = (File,)

    def __init__(self, root: str) -> None:
        self.root = root
        self._prefix = os.path.join(root, "")
        self._seen: dict[str, tuple[_Stamp, bytes]] = {}

    def __reduce__(self) -> tuple[type[FileInspector], tuple[str]]:
        return (FileInspector, (self.root,))

    def place(self, value: File) -> str:
        path = value.path
        if not os.path.isabs(path):
            path = os.path.normpath(os.path.join(os.getcwd(), path))
        return path.removeprefix(self._prefix).replace(os.sep, "/")

    def inspect(self, places: Sequence[str]) -> list[bytes | None]:
        digests: list[bytes | None] = []
        changed: list[tuple[int, str, int]] = []
        for place in places:
            path = os.path.join(self.root, place)
            digest = None
            found = _look(path)
            if found is not None:
                stamp, seen = _stamp(found), self._seen.get(path)
                if seen is not None and seen[0] == stamp:
                    digest = seen[1]
                else:
                    changed.append((len(digests), path, found.st_size))
            digests.append(digest)
        self._hash(changed, digests)
        return digests

    def _hash(self, changed: list[tuple[int, str, int]], digests: list[bytes | None]) -> None:
        """Fill in the digests of what changed; large files' in parallel: hashing frees the GIL."""
        large = [item for item in changed if item[2] >= _LARGE]
        if len(large) < 2:
            for index, path, _ in changed:
                digests[index] = self._digest(path)
            return
        from concurrent.futures import ThreadPoolExecutor  # slow to import, and rarely needed

        width = min(_MOST_THREADS, len(large), os.cpu_count() or 1)
        with ThreadPoolExecutor(width, "alonzo-files") as pool:
            awaited = [(index, pool.submit(self._digest, path)) for index, path, _ in large]
            for index, path, size in changed:
                if size < _LARGE:
                    digests[index] = self._digest(path)
            for index, future in awaited:
                digests[index] = future.result()

    def _digest(self, path: str) -> bytes | None:
        """The digest of the content; remembered unless a change could leave the same times."""
        began = time.time_ns()
        try:
            with open(path, "rb", buffering=0) as file:
                before = os.fstat(file.fileno())
                content = blake2b(digest_size=16)
                while block := file.read(min(_BLOCK, before.st_size + 1)):
                    content.update(block)
                after = os.fstat(file.fileno())
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        digest = content.digest()
        newest = max(after.st_mtime_ns, after.st_ctime_ns)
        if _stamp(before) == _stamp(after) and newest < began - _TICK:
            self._seen[path] = (_stamp(after), digest)
        return digest


def _stamp(found: os.stat_result) -> _Stamp:
    """What tells a file from what it was before."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev)


def _look(path: str) -> os.stat_result | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISREG(found.st_mode):
        return found
    if stat.S_ISDIR(found.st_mode):
        raise AlonzoError(f"{path} is a directory: a File names one file")
    # To open a pipe would wait for its other end, for ever.
    raise AlonzoError(f"{path} is not a regular file: its content cannot be digested")


def _unreadable(path: str, error: OSError) -> AlonzoError:
    return AlonzoError(f"{path} cannot be read: {error.strerror or error}")
