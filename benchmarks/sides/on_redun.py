"""The work on redun, in an environment of its own: neither Alonzo nor its plugins are there."""

import functools
import logging
import random
import time

from meter import Meter, database_size, serve
from redun import Scheduler, task
from redun.config import Config

redun_namespace = "bench"


@task()
def inc(x):
    return x + 1


@task()
def total(xs):
    return sum(xs)


@task()
def fan_out(n):
    return total([inc(i) for i in range(n)])


@task(check_valid="shallow")
def fan_out_shallow(n):
    return total([inc(i) for i in range(n)])


@task()
def chain(n):
    value = 0
    for _ in range(n):
        value = inc(value)
    return value


@task()
def nap(seconds, which):
    time.sleep(seconds)
    return which


@task()
def naps(n, seconds):
    return total([nap(seconds, i) for i in range(n)])


@functools.cache
def noise(size):
    return random.Random(0).randbytes(size)


@task(executor="process")
def packet(which, size):
    return b"".join((which.to_bytes(8, "big"), memoryview(noise(size))[8:]))


@task(executor="process")
def length(data):
    return len(data)


@task()
def packets(n, size):
    return total([length(packet(which, size)) for which in range(n)])


ROOTS = {"packets": packets, "fan_out": fan_out, "fan_out_shallow": fan_out_shallow, "chain": chain, "naps": naps}


def run(store, root, args, workers=20):
    """Run `root(*args)` in a scheduler that is open and has run something; `failed` says with what, where it does."""
    logging.disable(logging.CRITICAL)
    executors = {
        "executors.default": {"type": "local", "max_workers": workers},
        "executors.process": {"type": "local", "mode": "process", "max_workers": workers},
    }
    scheduler = Scheduler(config=Config({"backend": {"db_uri": f"sqlite:///{store}"}, **executors}))
    scheduler.load()
    scheduler.run(inc(-10))
    if root == "packets":
        scheduler.run(packets(8, 16))  # its processes are started
    failed = ""
    with Meter() as meter:
        try:
            scheduler.run(ROOTS[root](*args))
        except Exception as error:
            failed = type(error).__name__
    return meter.read(failed=failed, database=database_size(store))


if __name__ == "__main__":
    serve({"run": run})
