"""The workflows that are measured. Copies of this file, one of them changed, are imported as the module `flow`."""

import functools
import random
import time

from alonzo import task


@task
def one():
    return 1


@task
def inc(x):
    return x + 1


@task
def total(xs):
    return sum(xs)


@task
def fan_out(n, first=0, changed=-1):
    """`n` calls and one that adds them up; the input at `changed` is another one."""
    return total([inc(-1 - i if i == changed else first + i) for i in range(n)])


@task
def chain(n, first=0):
    value = first
    for _ in range(n):
        value = inc(value)
    return value


@task
def recursion(n, first=0):
    return recursion(n - 1, first) if n else first


@task
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


@task
def nap(seconds, which):
    time.sleep(seconds)
    return which


@task
def naps(n, seconds, longer=0.0):
    """`n` naps; with `longer`, one of that length is asked for first."""
    first = [nap(longer, -1)] if longer else []
    return total([*first, *[nap(seconds, i) for i in range(n)]])


@task
def blob(i):
    return i.to_bytes(8, "big") * 1_250


@task
def lengths(all_data):
    return sum(map(len, all_data))


@task
def blobs(n):
    """`n` results of 10 KB, consumed a hundred at a time."""
    return total([lengths([blob(i) for i in range(first, min(first + 100, n))]) for first in range(0, n, 100)])


@task
def array(megabytes, which=0):
    """Random numbers, which no compressor makes smaller."""
    import numpy

    return numpy.random.default_rng(which).random(megabytes << 17)


@task
def turned(numbers):
    return numbers[::-1].copy()


@task
def summed(numbers):
    return float(numbers.sum())


@task
def hand_over(megabytes):
    """An array that three tasks make, change and read."""
    return summed(turned(array(megabytes)))


@task
def turned_array(megabytes):
    return turned(array(megabytes))


@functools.cache
def noise(size):
    """Bytes that no compressor makes fewer; made once in a process, for making them takes longer than all that is measured."""
    return random.Random(0).randbytes(size)


@task
def packet(which, size):
    return b"".join((which.to_bytes(8, "big"), memoryview(noise(size))[8:]))


@task
def length(data):
    return len(data)


@task
def packets(n, size):
    """`n` values of so many bytes, each made by one task and read by another."""
    return total([length(packet(which, size)) for which in range(n)])
