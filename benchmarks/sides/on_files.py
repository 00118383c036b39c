"""Inspecting files, each time beside what anybody would write by hand: in one process, on the same files."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path

from meter import Meter, serve

TICK = 2.2  # seconds after which a file's times tell every later write


def make(directory, n, size):
    """Files that have not been changed just now."""
    for number in range(n):
        content = number.to_bytes(8, "big") * (size // 8)
        Path(directory, str(number)).write_bytes(content)
    time.sleep(TICK)
    return {}


def first(directory, n):
    """Small files, of which nobody knows anything yet."""
    names = [str(number) for number in range(n)]
    inspector = opened(directory)
    read_all(names)  # from here on the operating system has them in memory
    with Meter() as floor:
        expected = read_all(names)
    with Meter() as ours:
        found = inspector.inspect(names)
    assert found == expected
    return {"open, read, hash": floor.read(calls=n), "inspect": ours.read(calls=n)}


def read_all(names):
    digests = []
    for name in names:
        with open(name, "rb") as file:  # noqa: PTH123 - the fastest there is
            digests.append(blake2b(file.read(), digest_size=16).digest())
    return digests


def again(directory, n):
    """The same files, unchanged: in a new process, and once more in it."""
    names = [str(number) for number in range(n)]
    paths = [os.path.join(directory, name) for name in names]
    inspector = opened(directory)
    look(paths)
    with Meter() as floor:
        look(paths)
    with Meter() as new:
        inspector.inspect(names)
    with Meter() as once_more:
        inspector.inspect(names)
    return {
        "os.stat": floor.read(calls=n),
        "in a new process": new.read(calls=n),
        "once more": once_more.read(calls=n),
    }


def look(paths):
    for path in paths:
        os.stat(path)  # noqa: PTH116 - the fastest there is


def large(directory, n, hasher):
    """Large files, beside the algorithm alone, on as many threads, over the same bytes in memory."""
    names = [str(number) for number in range(n)]
    inspector = opened(directory)
    contents = [Path(name).read_bytes() for name in names]
    threads = min(8, os.cpu_count() or 1)

    if hasher == "blake3":
        from blake3 import blake3  # measured where it is installed

        def alone(content):
            blake3(content, max_threads=blake3.AUTO).digest()
    else:

        def alone(content):
            blake2b(content, digest_size=16).digest()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(alone, contents[:threads]))
        with Meter() as floor:
            list(pool.map(alone, contents))
    with Meter() as ours:
        inspector.inspect([f"[{hasher}]{name}" if hasher != "content" else name for name in names])
    return {"the algorithm": floor.read(calls=n), "inspect": ours.read(calls=n)}


def opened(directory):
    """The inspector of files of a project there."""
    from alonzo import Runtime

    os.chdir(directory)
    return Runtime(store="memory:", executor="inprocess").providers.inspectors["file"]


if __name__ == "__main__":
    serve({"make": make, "first": first, "again": again, "large": large})
