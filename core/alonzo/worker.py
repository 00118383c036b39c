"""A worker process: `python -m alonzo.worker`, started by executors, which speak to it through its standard input and output.

Executors that start workers take the protocol from here.
"""

from __future__ import annotations

from ._stored import STORED
from ._worker_frames import (
    BEGUN,
    Setup,
    Surroundings,
    configured_task,
    imported_task,
    lazy_value,
    made_state,
    main_globals,
    main_thing,
    namespace,
    new_task,
    quoted,
    read_frame,
    same,
    task_state,
    write_frame,
)

__all__ = [
    "BEGUN",
    "STORED",
    "Setup",
    "Surroundings",
    "configured_task",
    "imported_task",
    "lazy_value",
    "made_state",
    "main_globals",
    "main_thing",
    "namespace",
    "new_task",
    "quoted",
    "read_frame",
    "same",
    "task_state",
    "write_frame",
]

if __name__ == "__main__":
    from ._worker_loop import main

    main()
