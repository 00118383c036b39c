"""Forms give what they choose from."""

from typing import Any, assert_type

from alonzo import (
    Expression,
    apply_func,
    as_task,
    catch,
    catch_all,
    compose,
    cond,
    const,
    filter_,
    flat_map,
    flatten,
    fmt,
    form,
    get_context,
    identity,
    map_,
    not_,
    reduce_,
    run,
    seq,
    starmap,
    tagged,
    task,
    zip_,
)
from alonzo.plugin import Demand, Steps


@form
def first_of(ready: bool, then: int) -> Steps[int]:
    """A form of the user's own."""
    yield Demand(ready)
    return then


@task
def size(path: str) -> int:
    return len(path)


@task
def add(first: int, second: int) -> int:
    return first + second


@task
def paths() -> list[str]:
    return ["a", "b"]


@task
def is_large(number: int) -> bool:
    return number > 3


@task
def recovered(error: ValueError) -> str:
    return str(error)


@task
def letters(path: str) -> list[str]:
    return list(path)


def plain(number: int) -> str:
    return str(number)


async def waits(number: int) -> str:
    return str(number)


assert_type(cond(is_large(4), size("a")), int | None)
assert_type(cond(is_large(4), size("a"), paths()), int | list[str])
assert_type(cond(is_large(4), size("a"), is_large(5), paths(), "none"), int | list[str] | str)
assert_type(seq([size("a"), size("b")]), list[int])
assert_type(catch(size("a"), ValueError, recovered), int | str)
assert_type(catch(size("a"), (ValueError, KeyError), 0), int)
assert_type(catch_all([size("a"), size("b")], ValueError, "none"), list[int] | str)

assert_type(map_(size, ["a", "b"]), list[int])
assert_type(map_(size, paths()), list[int])
assert_type(map_(size, paths.lazy()), list[int])
assert_type(map_(size.options(retries=2), paths()), list[int])
assert_type(map_(add.partial(1), [1, 2]), list[int])
assert_type(starmap(add, [{"first": 1, "second": 2}]), list[int])
assert_type(flat_map(letters, paths()), list[str])
assert_type(flatten([paths(), paths()]), list[str])
assert_type(filter_(is_large, [1, 5]), list[int])
assert_type(reduce_(add, map_(size, paths())), int)
assert_type(zip_(paths(), map_(size, paths())), list[tuple[str, int]])

assert_type(compose(is_large, size)("a"), bool)
assert_type(identity(size("a")), int)
assert_type(const(3)("whatever"), int)
assert_type(as_task(plain)(3), str)
assert_type(as_task(plain, retries=2).lazy(3), Expression[str])
assert_type(as_task(waits)(3), str)
assert_type(apply_func(plain, size("a")), str)
assert_type(fmt("{} of {name}", size("a"), name="a"), str)
assert_type(not_(is_large(3)), bool)
assert_type(tagged(size("a"), team="red"), int)

host: str = get_context("db.host", "localhost")
assert_type(run(map_(size, paths())), list[int])
looked: Any = get_context("db")
assert_type(first_of(is_large(3), size("a")), int)
