"""Forms over 100,000 items: nothing recurses along them, and a reduction is as deep as the logarithm."""

import pytest
from machine_driver import Drive

from alonzo import (
    and_,
    catch_all,
    compose,
    filter_,
    flat_map,
    fmt,
    map_,
    or_,
    quote,
    reduce_,
    seq,
    starmap,
    task,
    unquote,
    zip_,
)

MANY = 100_000  # for what forms are made of; the others far beyond the limit of recursion
LESS = 5_000
pytestmark = pytest.mark.slow


@task
def numbers(n):
    return list(range(n))


@task
def inc(x):
    return x + 1


@task
def deeper(left, right):
    return max(left, right) + 1


def depth_of(n):
    return Drive(reduce_(deeper, [0] * n), traced=False).value()


@pytest.mark.parametrize(
    ("form", "value"),
    [
        (lambda: sum_of(map_(inc, numbers(MANY))), 5_000_050_000),
        (lambda: sum_of(seq([1] * MANY)), MANY),
        (lambda: and_(*[1] * MANY, inc(1)), 2),
        (lambda: sum_of(map_(inc, list(range(LESS)))), 12_502_500),
        (lambda: sum_of(filter_(is_large, numbers(LESS))), 4_999),
        (lambda: sum_of(starmap(inc, [(n,) for n in range(LESS)])), 12_502_500),
        (lambda: sum_of(flat_map(numbers, [3] * LESS)), 15_000),
        (lambda: sum_of(zip_(numbers(LESS), range(LESS))[-1]), 9_998),
        (lambda: or_(*[0] * LESS, inc(1)), 2),
        (lambda: compose(*[inc] * LESS)(0), LESS),
        (lambda: unquote(quote(compose(*[inc] * LESS)(0))), LESS),
        (lambda: len_of(catch_all([inc(n) for n in range(LESS)], ValueError, 0)), LESS),
        (lambda: inc(fmt("{}" * LESS, *"2" * LESS).count("2")), LESS + 1),
    ],
)
def test_many_items_are_reduced(form, value):
    assert Drive(form(), traced=False).value() == value


@pytest.mark.parametrize(("n", "depth"), [(1, 0), (2, 1), (3, 2), (8, 3), (9, 4), (MANY, 17)])
def test_a_reduction_is_as_deep_as_the_logarithm(n, depth):
    assert depth_of(n) == depth


def chain(start, step, length):
    for _ in range(length):
        start = step(start)
    return start


@pytest.mark.parametrize(
    ("step", "length", "value"),
    [
        (lambda e: e + 1, MANY, MANY + 1),
        (lambda e: 1 + e, LESS, LESS + 1),
        (lambda e: -e, LESS, 1),
        (lambda e: e | 1, LESS, 1),
        (lambda e: e & 3, LESS, 1),
        (lambda e: ~e, LESS, 1),
        (lambda e: e.real, LESS, 1),
        (lambda e: abs(e), LESS, 1),  # noqa: PLW0108 - each a step
    ],
)
def test_a_chain_of_very_many_operators_is_reduced(step, length, value):
    assert Drive(chain(inc(0), step, length), traced=False).value() == value


def sum_of(xs):
    return summed(xs)


@task
def summed(xs):
    return sum(xs)


@task
def is_large(x):
    return x > 4_998


@task
def len_of(xs):
    return len(xs)
