"""One store and all who use it in this process: a lock around each call, and group commit of notes.

Notes are committed when 1,000 of them wait, or 8 MB of values, or the oldest has waited 50 ms: by the thread that adds them, or by a
thread of our own when that one is busy (with a task of the in-process executor, say). What waits is committed before it is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence

from ._effects import HELD, Found, Records, _Held
from ._errors import StoreError
from ._ports import Claims, Holds, Note, RunStart, RunStatus, Store

NOTES = 1_000
BYTES = 8_000_000
SECONDS = 0.05
BEAT = 5.0


class Committer:
    """Writes notes in groups, and beats for the runs that are going on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._claims = store if isinstance(store, Claims) else None
        self._hold = store.hold if isinstance(store, Holds) else None
        self._held = False
        self._lock = threading.RLock()
        self._notes: dict[int, list[Note]] = {}
        self._keys: set[bytes] = set()
        self._count = 0
        self._bytes = 0
        self._oldest = 0.0
        self._running: set[int] = set()
        self._ended: list[tuple[int, RunStatus, Mapping[str, int], str]] = []  # and the store does not know yet
        self._last_beat = 0.0
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.error: StoreError | None = None

    # -- reading -----------------------------------------------------------------------------------

    def recall(self, keys: Sequence[bytes], run: int = 0) -> Sequence[Records | _Held | None]:
        """What is recorded for each key; None: nothing; HELD: nothing yet, another living run than `run` is at it. Run 0 is no run."""
        with self._lock:
            if self._count:
                if not self._keys.isdisjoint(keys):
                    self._commit()
                elif self._hold is not None and not self._held and self.error is None:
                    self._held = True
                    self._hold()
            # First who is at them: a run that ends between the two look-ups has left its records.
            held = self._claims.held(run, keys) if self._claims is not None and run else ()
            found = self.store.recall(keys)
            if not held:
                return found
            return [
                HELD if records is None and key in held else records for key, records in zip(keys, found, strict=True)
            ]

    def held(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        """Those of these keys that another living run than `run` is at, whatever is recorded for them."""
        if self._claims is None or not run:
            return ()
        with self._lock:
            return self._claims.held(run, keys)

    def load(self, digests: Sequence[bytes]) -> Sequence[Found | None]:
        with self._lock:
            if self._count:
                self._commit()
            return self.store.load(digests)

    def epochs(self, tasks: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        with self._lock:
            return self.store.epochs(tasks)

    # -- writing -----------------------------------------------------------------------------------

    def begin(self, start: RunStart) -> int:
        with self._lock:
            if self.error is not None:
                self._retry()
            self._finish_others()
            run = self.store.begin(start)
            self._running.add(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="alonzo-committer", daemon=True)
                self._thread.start()
            return run

    def add(self, run: int, notes: Sequence[Note]) -> None:
        """Note these; never raises: what could not be written is kept, and `error` says why."""
        with self._lock:
            if not self._count:
                self._oldest = time.monotonic()
                self._wake.set()
            self._notes.setdefault(run, []).extend(notes)
            self._count += len(notes)
            for note in notes:
                remember = note.remember
                if remember.reduction is not None or remember.normal is not None:
                    self._keys.add(remember.key)
                    self._bytes += (remember.reduction or remember.normal).size  # type: ignore[union-attr]
            if self._count >= NOTES or self._bytes >= BYTES or time.monotonic() - self._oldest >= SECONDS:
                self._commit()

    def claim(self, run: int, keys: Sequence[bytes]) -> Collection[bytes]:
        """Say that this run is at these keys; answers those that another living run is at. Never raises, as `add`."""
        if self._claims is None or not run or not keys:
            return ()
        with self._lock:
            if self.error is not None:
                return ()
            self._held = False
            try:
                return self._claims.claim(run, keys)
            except StoreError as error:
                self.error = error
                return ()

    def release(self, run: int, keys: Sequence[bytes]) -> None:
        """Say that this run is at these keys no more, or not for now, without telling anything of them. Never raises."""
        if self._claims is None or not run or not keys:
            return
        with self._lock:
            if self.error is not None:
                return
            self._held = False
            try:
                self._claims.release(run, keys)
            except StoreError as error:
                self.error = error

    def flush(self) -> None:
        with self._lock:
            self._commit()

    def finish(self, run: int, status: RunStatus, counts: Mapping[str, int], error: str = "") -> int:
        """The end of a run; answers how many of its notes could not be written."""
        with self._lock:
            self._retry()
            lost = self._notes.pop(run, [])
            self._count -= len(lost)
            self._running.discard(run)
            self._ended.append((run, status, counts, error))
            if not lost:
                self._finish_others()
            return len(lost)

    def _finish_others(self) -> None:
        """Runs whose end could not be written when it came would be shown as running, and their claims be held."""
        try:
            while self._ended:
                self.store.finish(*self._ended[0])
                del self._ended[0]
        except StoreError as problem:
            self.error = problem

    def close(self) -> None:
        with self._lock:
            self._commit()
            self._closed = True
            self._wake.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self.store.close()

    def _retry(self) -> None:
        """Once more: a full disk may have been cleared meanwhile."""
        self.error = None
        self._commit()

    def _commit(self) -> None:
        if self.error is not None:
            return
        self._held = False
        try:
            for run in list(self._notes):
                notes = self._notes[run]
                if notes:
                    self.store.commit(run, notes)
                del self._notes[run]
        except StoreError as error:
            self.error = error
            return
        self._keys.clear()
        self._count = self._bytes = 0

    def _watch(self) -> None:
        while not self._closed:
            self._wake.wait(BEAT)
            if self._closed:
                return
            # Here something has just begun to wait, or it is time to beat.
            self._wake.clear()
            waited = threading.Event()
            while self._count and not self._closed and self.error is None:
                waited.wait(max(0.0, self._oldest + SECONDS - time.monotonic()))
                with self._lock:
                    if self._count and time.monotonic() - self._oldest >= SECONDS:
                        self._commit()
            self._beat()

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._last_beat < BEAT:
            return
        self._last_beat = now
        with self._lock:
            self._held = False
            for run in self._running:
                try:
                    self.store.beat(run)
                except StoreError as error:
                    self.error = error
