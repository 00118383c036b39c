"""What a worker process sends back by value: tasks that were made there inside functions."""

from __future__ import annotations

from typing import Any

from alonzo import Task


def pack(task: Task[..., Any]) -> bytes:
    """Bytes of a task for the coordinator.

    Raises:
        EncodeError: it cannot travel.
    """
    from ._homeward import packed  # imports cloudpickle: paid by who makes tasks inside functions

    return packed(task)
