"""Results as text and as JSON."""

import dataclasses
import datetime
import enum
import json
import sys
from collections import OrderedDict
from pathlib import PurePosixPath
from typing import NamedTuple

import attrs
import pytest

from alonzo_cli._result import as_json, as_text


class Colour(enum.Enum):
    RED = 1


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int


@attrs.define
class Box:
    corner: Point


class Pair(NamedTuple):
    a: int
    b: int


class Opaque:
    def __repr__(self):
        return "<opaque>"


class Broken:
    def __repr__(self):
        raise ValueError


@pytest.mark.parametrize("value, text", [("a\nb", "a\nb"), (1, "1"), (None, "None"), ([1, "a"], "[1, 'a']")])
def test_strings_are_text_and_all_else_is_as_python_writes_it(value, text):
    assert as_text(value) == text


def test_what_does_not_fit_a_line_is_on_several():
    assert as_text(["x" * 60, "y" * 60]) == f"['{'x' * 60}',\n '{'y' * 60}']"


def test_a_repr_that_raises_is_no_failure():
    assert as_text(Broken()) == "<Broken: repr() raised ValueError>"


@pytest.mark.parametrize(
    "value, expected",
    [
        ("é", "é"),
        ((1, 2.5, True, None), [1, 2.5, True, None]),
        ({3, 1, 2}, [1, 2, 3]),
        ({1: "a", None: "b", Colour.RED: "c"}, {"1": "a", "null": "b", "RED": "c"}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Pair(1, 2), {"a": 1, "b": 2}),
        (Box(Point(1)), {"corner": {"x": 1}}),
        ([Colour.RED, Number.ONE], ["RED", "ONE"]),
        (PurePosixPath("a/b"), "a/b"),
        (datetime.date(2026, 1, 31), "2026-01-31"),
    ],
)
def test_json_has_what_it_can_hold(value, expected):
    text, foreign = as_json(value)

    assert json.loads(text) == expected
    assert foreign == []


@pytest.mark.parametrize("value", [10**6000, [10**6000], {10**6000: 1}], ids=["itself", "in a list", "as a key"])
def test_a_number_of_any_length_is_written_in_full(value):
    limit = sys.get_int_max_str_digits()

    assert as_text(value).count("0") == 6000
    text, foreign = as_json(value)
    assert (text.count("0"), foreign) == (6000, [])
    assert sys.get_int_max_str_digits() == limit


def test_json_has_the_repr_of_what_it_cannot_hold_and_says_so():
    text, foreign = as_json([Opaque(), float("nan"), b"x"])

    assert json.loads(text) == ["<opaque>", "nan", "b'x'"]
    assert foreign == ["Opaque", "nan", "bytes"]


def test_json_of_what_is_too_deep_is_its_repr():
    deep = []
    for _ in range(100_000):
        deep = [deep]

    text, foreign = as_json(deep)

    assert isinstance(json.loads(text), str)
    assert foreign == ["list (too deep)"]
