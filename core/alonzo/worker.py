"""A worker process: `python -m alonzo.worker`, started by executors, which speak to it through its standard input and output.

Executors that start workers take the protocol from here.
"""

from __future__ import annotations

from ._worker_frames import (
    Setup,
    Surroundings,
    imported_task,
    main_globals,
    main_thing,
    new_task,
    read_frame,
    same,
    write_frame,
)

__all__ = [
    "Setup",
    "Surroundings",
    "imported_task",
    "main_globals",
    "main_thing",
    "new_task",
    "read_frame",
    "same",
    "write_frame",
]

if __name__ == "__main__":
    from ._worker_loop import main

    main()
