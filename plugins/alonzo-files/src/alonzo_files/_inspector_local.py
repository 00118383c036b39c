"""What local files hold: digests that are remembered for as long as nothing can have changed, as git's index does.

A digest is remembered with the file's size, times and inode. Two writes within one tick of the file system's clock leave the same times:
so nothing is remembered of a file that was changed less than a tick before it was read, and it is read again the next time.
"""

# A Path for each of 10,000 places would cost more than what is asked of it.
# ruff: noqa: PTH116

from __future__ import annotations

import io
import os
import stat
import struct
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from alonzo import AlonzoError
from alonzo.plugin import Table, open_table

from ._hashers import SIZE, FileHasher, Hashers, Sighting, checked
from ._parallel import each, processors

_LARGE = 1 << 18  # bytes; from here on, reading and hashing take longer than handing them to a thread
_LONG = 1 << 26  # bytes; to read as much again takes longer than to wait for a tick of the clock
_SLOW = 500_000  # nanoseconds for a small file: it is waited for, not worked on
_SAMPLE = 32  # small files, of which the mean is taken
_MANY = 16  # threads that wait
_AT_ONCE = 1000  # entries for the table that are kept back at most
_KEPT_BACK = 1_000_000_000  # nanoseconds
_MOST_KNOWN = 1 << 20  # files remembered by this process

_COARSE_TICK = 2_000_000_000  # nanoseconds; the coarsest file system's
_FINE_TICK = 20_000_000  # twice that of the kernel's clock, where times are kept as it tells them
_FINE = 10_000_000  # times that are no multiples of it are as fine as the kernel's clock
_OLD = 3_600_000_000_000  # no server's clock is so far behind ours
_CLOCK_HOLDS = 1_000_000_000  # nanoseconds after which two clocks are compared again

# What a processor's cache holds is hashed faster than what it does not.
_BLOCK = 1 << 18  # bytes
_ENDLESS = 1 << 62
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)

_ABSOLUTE = (
    "/"
    if os.sep == "/"
    else ("/", "\\", *(f"{letter}:" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
)

_Stamp = tuple[int, int, int, int]  # size, mtime, ctime, inode
_STAMP = struct.Struct("<qqqQ")
_INODES = (1 << 64) - 1
_Seen = dict[str, tuple[str, _Stamp, bytes]]


class LocalFiles:
    """Digests of local files, remembered in this process and, for the next ones, in a droppable table of the project."""

    def __init__(self, root: str, hashers: Hashers) -> None:
        self._root = root
        self._prefix = os.path.join(root, "")
        self._hashers = hashers
        self._usual = hashers.usual
        self._seen: _Seen = {}
        self._unsaved = _Unsaved(open_table(Path(root), "file-digests"))
        self._clock = _FileClock(self._unsaved.table.path)

    def digests(self, places: Sequence[str]) -> list[bytes | None]:
        """What is at these places, None where nothing is.

        Raises:
            AlonzoError: names the path of what is no file, or cannot be read.
        """
        seen, look = self._seen, os.stat
        answers: list[bytes | None] = []
        missed: list[int] = []
        for place in places:
            known = seen.get(place)
            if known is not None:
                try:
                    found = look(known[0])
                except OSError:
                    seen.pop(place, None)  # what is wrong is said by the one who looks again
                else:
                    if (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino) == known[1]:
                        answers.append(known[2])
                        continue
            missed.append(len(answers))
            answers.append(None)
        if missed:
            self._look(places, missed, answers)
        return answers

    def save(self) -> None:
        """Let the next process know what this one does: which it does itself, now and then and in the end."""
        self._unsaved.save(at_least=1)

    def _look(self, places: Sequence[str], missed: Sequence[int], answers: list[bytes | None]) -> None:
        """Fill in the answers that this process does not know yet."""
        self._unsaved.save(at_least=_AT_ONCE)
        todo: list[_Task] = []
        stored: list[_Task] = []
        usual, usual_name = self._usual, self._usual.name
        fresh = time.time_ns() - _FINE_TICK
        for index in missed:
            plain = place = places[index]
            hasher: FileHasher | None = usual
            name = usual_name
            if place.startswith("["):
                hashers, plain = self._hashers.of(place)
                hasher = hashers[0] if hashers else None
                name = hasher.name if hasher is not None else ""
            path = os.path.join(self._root, plain) if plain.startswith(_ABSOLUTE) else self._prefix + plain
            found = _found(path)
            if found is None:
                self._seen.pop(place, None)
            elif hasher is None:
                answers[index] = b"no such hasher"  # which is never recorded: what rests on it is made again
            elif not hasher.reads:
                answers[index] = _asked(hasher, _LocalSighting(path, found))
            else:
                task = _Task(index, place, path, hasher, f"{name}\0{plain}", found, _stamp(found))
                # Of what has changed just now, nothing can have been kept.
                is_fresh = found.st_mtime_ns >= fresh or found.st_ctime_ns >= fresh
                (todo if is_fresh else stored).append(task)
        if stored:
            todo += self._recalled(stored, answers)
        if todo:
            self._read(todo, answers)
            if len(todo) > _SAMPLE:
                self.save()

    def _recalled(self, stored: list[_Task], answers: list[bytes | None]) -> list[_Task]:
        """What is left to do when the table has been asked."""
        kept = self._unsaved.table.get_many([task.key for task in stored])
        if not kept:
            return stored
        left, pack, size = [], _STAMP.pack, _STAMP.size
        for task in stored:
            entry = kept.get(task.key, b"")
            if entry.startswith(pack(*task.stamp)):
                answers[task.at] = digest = entry[size:]
                self._seen[task.place] = (task.path, task.stamp, digest)
            else:
                left.append(task)
        return left

    def _read(self, todo: list[_Task], answers: list[bytes | None]) -> None:
        """Digest them: large ones, and small ones that are slow to come, in parallel. Reading and hashing free the interpreter."""

        def digest(task: _Task) -> None:
            answers[task.at] = self._digest(task)

        large = [task for task in todo if task.stamp[0] >= _LARGE]
        if len(large) > 1:
            todo = [task for task in todo if task.stamp[0] < _LARGE]
            each(large, digest, processors())
        slow = 0
        for start in range(0, len(todo), _SAMPLE):
            part, began = todo[start : start + _SAMPLE], time.perf_counter_ns()
            for task in part:
                answers[task.at] = self._digest(task)
            # Once may have been another program's turn.
            slow = slow + 1 if time.perf_counter_ns() - began > _SLOW * _SAMPLE else 0
            if slow == 3:
                each(todo[start + _SAMPLE :], digest, _MANY)
                return

    def _digest(self, task: _Task) -> bytes | None:
        """What the file holds now; remembered unless it may change and keep its times."""
        found, stamp, digest, after = task.found, task.stamp, None, None
        if stamp[0] >= _LONG:
            self._clock.wait_until_old(found)
        began = time.time_ns()
        if 0 < stamp[0] <= _BLOCK and task.hasher is self._usual:
            digest, after = _small(task.path, stamp[0])
        if digest is None:
            sighting = _LocalSighting(task.path, found)
            digest = _asked(task.hasher, sighting)
            after = sighting.after
        if after is None:  # the hasher has opened it by its path
            try:
                after = os.stat(task.path)
            except OSError:
                return digest
        if digest is not None and stamp == _stamp(after) and self._clock.is_old(found, began):
            if len(self._seen) >= _MOST_KNOWN:
                self._seen.clear()
            self._seen[task.place] = (task.path, stamp, digest)
            self._unsaved.entries[task.key] = _STAMP.pack(*stamp) + digest
        return digest


def sighting_of(path: str) -> Sighting:
    """A local file as a hasher sees it now. Raises OSError."""
    return _LocalSighting(path, os.stat(path))


class _Task(NamedTuple):
    """A file that this process must look at more closely."""

    at: int
    place: str
    path: str
    hasher: FileHasher
    key: str
    found: os.stat_result
    stamp: _Stamp


class _Unsaved:
    """The table, and what is to be put into it: a transaction for each single file would cost more than many a task."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.entries: dict[str, bytes] = {}
        self._saved = time.monotonic_ns()
        weakref.finalize(self, _save_at_exit, table, self.entries, os.getpid())

    def save(self, *, at_least: int) -> None:
        """Put what there is into the table, when it is so much, or nothing was put for long."""
        if not self.entries:
            return
        now = time.monotonic_ns()
        if len(self.entries) < at_least and now - self._saved < _KEPT_BACK:
            return
        self._saved = now
        # Other threads may add or save meanwhile: each entry is taken out by one of them.
        taken = [(key, self.entries.pop(key, None)) for key in list(self.entries)]
        self.table.put_many({key: entry for key, entry in taken if entry is not None})


def _save_at_exit(table: Table, entries: Mapping[str, bytes], process: int) -> None:
    if process == os.getpid():
        table.put_many(dict(entries))


class _FileClock:
    """Whether a file's times are so old that a further write would leave others."""

    def __init__(self, probe: Path) -> None:
        """`probe` is a file of ours, perhaps not there: touching it tells the time by its file system's clock."""
        self._probe = probe
        self._device: int | None = None
        self._behind = 0  # nanoseconds by which that clock is behind ours
        self._compared = 0  # until when this holds

    def is_old(self, found: os.stat_result, began: int) -> bool:
        """At `began`, in nanoseconds since the epoch, before it was read."""
        newest = max(found.st_mtime_ns, found.st_ctime_ns)
        if newest < began - _OLD:
            return True
        if time.monotonic_ns() > self._compared:
            self._compare()
        behind = self._behind if found.st_dev == self._device else 0
        return newest < began - behind - self._tick(found)

    def wait_until_old(self, found: os.stat_result) -> None:
        """For a tick, when it is a short one and the file is so new; a file that is being written is not waited for."""
        newest = max(found.st_mtime_ns, found.st_ctime_ns)
        if newest < time.time_ns() - _COARSE_TICK:
            return
        self._compare()
        tick = self._tick(found)
        wait = newest + tick + self._behind - time.time_ns()
        if tick == _FINE_TICK and 0 <= wait <= 2 * _FINE_TICK:
            time.sleep(wait / 1e9 + 0.001)

    def _tick(self, found: os.stat_result) -> int:
        # Nobody can set a ctime, so one that is finer tells how fine the file system's are; on Windows it is another thing.
        is_fine = os.name == "posix" and found.st_dev == self._device and found.st_ctime_ns % _FINE
        return _FINE_TICK if is_fine else _COARSE_TICK

    def _compare(self) -> None:
        self._compared = time.monotonic_ns() + _CLOCK_HOLDS
        try:
            ours = time.time_ns()
            os.utime(self._probe)
            found = os.stat(self._probe)
        except OSError:
            self._device, self._behind = None, 0
            return
        self._device = found.st_dev
        self._behind = max(0, ours - found.st_mtime_ns - _FINE // 2)


class _LocalSighting(Sighting):
    """A local file as a hasher sees it: opened by its path, once for each time that it is read.

    after  its stat when it was last read to its end; None: it was not read, or by other means
    """

    __slots__ = ("_found", "after")

    def __init__(self, path: str, found: os.stat_result) -> None:
        self.name = self.path = path
        self.size = found.st_size
        self.after: os.stat_result | None = None
        self._found = found

    @property
    def info(self) -> Mapping[str, Any]:  # type: ignore[override]
        found = self._found
        return {
            "size": found.st_size,
            "mtime_ns": found.st_mtime_ns,
            "ctime_ns": found.st_ctime_ns,
            "ino": found.st_ino,
        }

    def blocks(self) -> Iterable[bytes | memoryview]:
        size = self._found.st_size
        if not 0 < size <= _BLOCK:
            return self._long()
        file = os.open(self.name, _FLAGS)
        try:
            data = os.read(file, size)
            self.after = os.fstat(file)
        finally:
            os.close(file)
        # Less than there was: it has been cut, or the system gives it in pieces.
        return (data,) if len(data) == size else self._long()

    def _long(self) -> Iterator[memoryview]:
        # Some files have content and say that they have none: what a system tells of itself.
        left = self._found.st_size or _ENDLESS
        buffer = memoryview(bytearray(_BLOCK))
        file = os.open(self.name, _FLAGS)
        try:
            with io.FileIO(file, closefd=False) as stream:
                while left and (count := stream.readinto(buffer[: min(left, _BLOCK)])):
                    left -= count
                    yield buffer[:count]
            self.after = os.fstat(file)
        finally:
            os.close(file)


def _small(path: str, size: int) -> tuple[bytes | None, os.stat_result | None]:
    """What `content` says of a small file, and its stat then: in less time than by way of a sighting, for most files are such. None: it
    has another size now, or cannot be read."""
    try:
        file = os.open(path, _FLAGS)
        try:
            data = os.read(file, size)
            after = os.fstat(file)
        finally:
            os.close(file)
    except OSError:
        return None, None
    return (blake2b(data, digest_size=SIZE).digest(), after) if len(data) == size else (None, None)


def _asked(hasher: FileHasher, file: _LocalSighting) -> bytes | None:
    """What a hasher says of a file, None when it has gone meanwhile; an AlonzoError with its path when it cannot."""
    try:
        return checked(hasher, file, hasher.digest(file))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except LookupError as error:
        problem = error.args[0] if error.args else error
        raise AlonzoError(f'{file}: the file hasher "{hasher.name}" can say nothing of it: {problem}') from error
    except OSError as error:
        raise _unreadable(file.name, error) from error
    except AlonzoError:
        raise
    except Exception as error:
        raise AlonzoError(f'{file}: the file hasher "{hasher.name}" failed: {type(error).__name__}: {error}') from error


def _stamp(found: os.stat_result) -> _Stamp:
    """What tells a file from what it was before. No device: its number is another one after a reboot, or in a container."""
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & _INODES)


def _found(path: str) -> os.stat_result | None:
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
