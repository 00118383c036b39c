"""Options have types, wherever they are written; values may be lazy, and resources a function of the attempt."""

from typing import assert_type

from alonzo import Backoff, Expression, task

GB = 10**9


@task
def workers() -> int:
    return 3


@task(
    name="fetch",
    namespace="flow",
    cache=False,
    check="each",
    share=True,
    executor="processes",
    retries={"raised": 2, "lost": 5},
    retry_delay=Backoff(1.0, most=60.0),
    retry_on=(OSError, ValueError),
    timeout=90,
    limits={"db": 1},
    priority=5,
    cpus=2,
    memory=lambda attempt: 2**attempt * GB,
    gpus=1,
    disk=10 * GB,
    ignore=("verbose",),
    tags={"team": "red"},
    tracking="own",
    script=True,
    inspect="stat",
)
def fetch(url: str, verbose: bool = False) -> bytes:
    return url.encode()


@task(retries=workers.lazy(), timeout=workers.lazy(), retry_on=lambda error: "busy" in str(error))
def other(url: str) -> bytes:
    return url.encode()


@task(nout=2)
def pair() -> tuple[int, str]:
    return 1, "a"


number, text = pair()
assert_type(number, int)
assert_type(text, str)

assert_type(fetch.options(retries=3, timeout=1.5)("here"), bytes)
assert_type(fetch.options(retries=3).options(cache=False).lazy("here", verbose=True), Expression[bytes])
assert_type(fetch.options_below(executor="threads", priority=workers.lazy())("here"), bytes)
assert_type(fetch.context({"db": {"host": "far"}}, level=3)("here"), bytes)
assert_type(fetch.context(level=3).options(memory=GB).options_below(priority=1)("here"), bytes)
assert_type(fetch.options(tags={"a": "b"}).partial("here")(), bytes)
