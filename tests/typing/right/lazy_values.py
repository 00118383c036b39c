"""What can be deferred type-checks on a lazy value; what it gives has a type that nobody knows."""

from typing import Any, assert_type

from alonzo import Expression, run, task


@task
def number() -> int:
    return 3


@task
def table() -> dict[str, list[int]]:
    return {}


n: Expression[int] = number.lazy()
t: Expression[dict[str, list[int]]] = table.lazy()

assert_type(n + 1, Any)
assert_type(1 - n, Any)
assert_type(-n, Any)
assert_type(n < 3, Any)
assert_type(n == 3, Any)
assert_type(abs(n), Any)
assert_type(divmod(n, 2), Any)
assert_type(n << 2 | n & 1, Any)
assert_type(t["a"][1:], Any)
assert_type(t.items(), Any)
assert_type(run(t["a"]), Any)

# As the function's own value, all is as Python has it.
assert_type(number() + 1, int)
assert_type(table()["a"][1:], list[int])

anything: Expression = n
wider: Expression[object] = n
