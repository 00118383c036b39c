"""`await task.lazy(...)` in an `async def` task gives the result."""

import asyncio
from typing import assert_type

from alonzo import Expression, run, task


@task
def size(path: str) -> int:
    return len(path)


@task
async def sizes(paths: list[str]) -> list[int]:
    first = await size.lazy(paths[0])
    assert_type(first, int)
    others = await asyncio.gather(*[size.lazy(path) for path in paths[1:]])
    assert_type(others, list[int])
    both = await asyncio.gather(size.lazy("a"), named.lazy())
    assert_type(both, tuple[int, str])
    return [first, *others]


@task(executor="asyncio", retries=2)
async def named() -> str:
    return "name"


# A caller does not see that a task is asynchronous.
assert_type(sizes(["a"]), list[int])
assert_type(named(), str)
assert_type(named.lazy(), Expression[str])
assert_type(run(sizes(["a", "b"])), list[int])
