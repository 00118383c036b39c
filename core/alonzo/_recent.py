"""What a worker process has put into the value store and got from it last: it need not read and verify that again."""

from __future__ import annotations

import threading
from typing import Any

from ._ports import ValueStore

# Bytes that are remembered, and of the newest value in any case up to _LARGEST. More would hold more of what was used already, and memory
# that is new to a process costs more than memory that it has had before: on the machine of the benchmarks, a third of what a value takes.
_MOST = 1 << 23
_LARGEST = 1 << 24  # bytes of one value; what is larger is mapped, and in the system's memory anyway


class RecentValues:
    """The port `ValueStore`, before another one. What is put is put there too, whatever is remembered."""

    def __init__(self, store: ValueStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[bytes, bytes] = {}  # the oldest first
        self._size = 0

    def __reduce__(self) -> Any:
        return RecentValues, (self._store,)

    def put(self, data: Any) -> bytes:
        content = self._store.put(data)
        self._note(content, data)
        return content

    def get(self, content: bytes) -> Any:
        with self._lock:
            data = self._known.get(content)
        if data is None:
            data = self._store.get(content)
            self._note(content, data)
        return data

    def _note(self, content: bytes, data: Any) -> None:
        # Only what nobody can change.
        if type(data) is not bytes or len(data) > _LARGEST:
            return
        with self._lock:
            known = self._known.pop(content, None)
            self._known[content] = data
            self._size += len(data) if known is None else 0
            while self._size > _MOST and len(self._known) > 1:
                oldest = next(iter(self._known))
                self._size -= len(self._known.pop(oldest))

    def __repr__(self) -> str:
        return repr(self._store)
