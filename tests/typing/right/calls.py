"""A call type-checks as the function's own, and its result as the function's result."""

from collections.abc import Callable
from typing import assert_type

from alonzo import Expression, Partial, Runtime, Task, arun, run, task


@task
def count(text: str, letter: str = "a") -> int:
    return text.count(letter)


@task(version="2", depends_on=[len])
def double(number: int) -> int:
    return 2 * number


@task
def main(text: str) -> list[int]:
    return [count(text), double(count(text, letter="b"))]


@task()
def sums(*numbers: float, scale: float = 1.0, **named: float) -> float:
    return scale * sum([*numbers, *named.values()])


assert_type(count("banana"), int)
assert_type(count(letter="b", text="banana"), int)
assert_type(double(count("banana")), int)
assert_type(sums(1, 2, scale=3, other=4), float)
assert_type(count.func("banana"), int)

# Written with `.lazy`, it says what it is.
assert_type(count.lazy("banana"), Expression[int])
assert_type(main.lazy("banana"), Expression[list[int]])

assert_type(run(main("banana")), list[int])
assert_type(run(main.lazy("banana")), list[int])
assert_type(run([count.lazy("a"), count.lazy("b")]), list[int])
assert_type(run({"a": count.lazy("a")}), dict[str, int])
assert_type(run((count("a"), main("b")), store="memory:", keep_going=True), tuple[int, list[int]])


with Runtime(store="memory:") as runtime:
    assert_type(runtime.run(count("banana")), int)
    assert_type(runtime.run(count.lazy("banana"), force=["*"]), int)
    assert_type(runtime.run([count.lazy("banana")], tags={"a": "b"}), list[int])


async def elsewhere() -> int:
    assert_type(await arun(main.lazy("banana")), list[int])
    return await arun(count("banana"))


def takes_a_task(function: Task[[str, str], int]) -> int:
    return function("a", "b")


def takes_a_function(function: Callable[[str], int]) -> int:
    return function("a")


takes_a_function(count)
assert_type(count.partial("banana"), Partial[int])
assert_type(count.partial("banana")(letter="n"), int)
assert_type(count.partial(letter="n").partial("banana")(), int)
takes_a_function(count.partial(letter="n"))
