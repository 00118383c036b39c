"""A parameter's value is made from text as its annotation says."""

import dataclasses
import datetime
import decimal
import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, Optional, TypedDict, Union

import attrs
import pytest

from alonzo_cli._annotations import described, is_flag, shown
from alonzo_cli._values import MisfitError, from_texts


class Colour(enum.Enum):
    RED = "r"
    BLUE = 2


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.5
    colour: Colour = Colour.RED


@attrs.define
class Box:
    corner: Point
    _label: str | None = None


class Pair(NamedTuple):
    first: int
    second: str


class Options(TypedDict):
    deep: bool


class Document:
    """Stands for any class that is made from one text, as a file's is."""

    def __init__(self, text):
        if not isinstance(text, str) or not text:
            raise ValueError("a document needs a name")
        self.text = text

    def __eq__(self, other):
        return self.text == other.text

    __hash__ = None


MODE = Literal["fast", 3, True, None]  # noqa: PYI061 - as users write it
OLD_UNION = Union[float, bool]  # noqa: UP007
OLD_OPTIONAL = Optional[int]  # noqa: UP045
UserId = NewType("UserId", int)


@pytest.mark.parametrize(
    "annotation, texts, expected",
    [
        (str, ["true"], "true"),
        (str, [""], ""),
        (int, ["-3"], -3),
        (int, ["1_000"], 1000),
        (float, ["1e3"], 1000.0),
        (float, ["-inf"], float("-inf")),
        (bool, ["true"], True),
        (bool, ["NO"], False),
        (bytes, ["é"], b"\xc3\xa9"),
        (Any, ["5"], "5"),
        (Path, ["a/b"], Path("a/b")),
        (Document, ["a.txt"], Document("a.txt")),
        (decimal.Decimal, ["1.10"], decimal.Decimal("1.10")),
        (datetime.datetime, ["2026-01-31T12:30"], datetime.datetime(2026, 1, 31, 12, 30)),  # noqa: DTZ001 - the text says no zone
        (datetime.date, ["2026-01-31"], datetime.date(2026, 1, 31)),
        (datetime.time, ["12:30"], datetime.time(12, 30)),
        (Colour, ["RED"], Colour.RED),
        (Colour, ["r"], Colour.RED),
        (Colour, ["2"], Colour.BLUE),
        (MODE, ["fast"], "fast"),
        (MODE, ["3"], 3),
        (MODE, ["true"], True),
        (MODE, ["none"], None),
        (int | str, ["5"], 5),
        (int | str, ["five"], "five"),
        (str | int, ["5"], "5"),
        (OLD_UNION, ["yes"], True),
        (OLD_OPTIONAL, ["none"], None),
        (str | None, ["null"], None),
        (str | None, ["5"], "5"),
        (list[int] | None, ["1", "2"], [1, 2]),
        (list[int], ["[1, 2]"], [1, 2]),
        (list[int], ["1", "2"], [1, 2]),
        (list[int], ["7"], [7]),
        (list[int], ["[]"], []),
        (list[str], ["[a"], ["[a"]),
        (list, ["a", "b"], ["a", "b"]),
        (list, ["[1, null]"], [1, None]),
        (list[list[int]], ["[[1], [2]]"], [[1], [2]]),
        (list[list[int]], ["[1, 2]"], [[1, 2]]),
        (list[Path], ['["a"]'], [Path("a")]),
        (list[Point], ['{"x": 1}', '{"x": 2}'], [Point(1), Point(2)]),
        (Sequence[int], ["1"], [1]),
        (tuple[int, str], ['[1, "a"]'], (1, "a")),
        (tuple[int, str], ["1", "a"], (1, "a")),
        (tuple[int, ...], ["1", "2", "3"], (1, 2, 3)),
        (set[int], ["[1, 1, 2]"], {1, 2}),
        (frozenset[str], ["a", "b"], frozenset({"a", "b"})),
        (dict, ['{"a": [1]}'], {"a": [1]}),
        (dict[int, float], ['{"1": 2}'], {1: 2.0}),
        (Mapping[str, Path], ['{"a": "b"}'], {"a": Path("b")}),
        (Point, ['{"x": 1, "y": 2, "colour": "BLUE"}'], Point(1, 2.0, Colour.BLUE)),
        (Box, ['{"corner": {"x": 1}, "label": "b"}'], Box(Point(1), "b")),
        (Pair, ['{"first": 1, "second": "b"}'], Pair(1, "b")),
        (Options, ['{"deep": true}'], {"deep": True}),
        (UserId, ["5"], 5),
        (Annotated[int, "metres"], ["5"], 5),
        (None, ["none"], None),
    ],
)
def test_text_becomes_the_value_that_the_annotation_asks_for(annotation, texts, expected):
    value = from_texts(texts, annotation)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "annotation, texts, told",
    [
        (int, ["x"], "expected a whole number, not 'x'"),
        (int, ["1", "2"], "expected a whole number once, not 2 times"),
        (float, ["1,5"], "expected a number, not '1,5'"),
        (bool, ["maybe"], "expected true or false, not 'maybe'"),
        (Document, [""], "expected a Document, not '' (a document needs a name)"),
        (datetime.date, ["31.1.2026"], "expected a date (2026-01-31), not '31.1.2026'"),
        (Colour, ["GREEN"], "expected one of RED, BLUE, not 'GREEN'"),
        (Literal["a", "b"], ["c"], "expected one of a, b, not 'c'"),
        (int | None, ["x"], "expected a whole number or none, not 'x'"),
        (list[int], ["1", "x"], "expected a whole number, not 'x'"),
        (list[int], ['["1"]'], "expected a whole number, not '1'"),
        (list[int], ["[true]"], "expected a whole number, not True"),
        (tuple[int, str], ["[1]"], "expected a JSON list of int, str, 2 in all, not 1"),
        (set, ["[[1]]"], "expected a JSON list: unhashable type: 'list'"),
        (dict, ["[1]"], "expected a JSON object, not [1]"),
        (Point, ['{"x": 1, "z": 2}'], "Point has no z; it has x, y, colour"),
        (Point, ['{"x": "a"}'], "Point.x: expected a whole number, not 'a'"),
        (Point, ["{}"], "Point: missing 1 required positional argument: 'x'"),
        (Options, ["{}"], "Options needs deep"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_was_expected(annotation, texts, told):
    with pytest.raises(MisfitError) as caught:
        from_texts(texts, annotation)

    assert str(caught.value) == told


def test_broken_json_is_refused_with_the_place():
    with pytest.raises(MisfitError, match=r"expected a JSON object, not '\{a: 1\}' \(.*char 1"):
        from_texts(["{a: 1}"], dict)


@pytest.mark.parametrize(
    "annotation, flag", [(bool, True), (bool | None, True), (bool | int, False), (int, False), (list[bool], False)]
)
def test_only_a_bool_is_a_flag(annotation, flag):
    assert is_flag(annotation) is flag


@pytest.mark.parametrize(
    "annotation, text",
    [
        (int, "int"),
        (int | None, "int | None"),
        (list[Path], "list[Path]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", 2], "a|2"),
        (Any, "Any"),
        (Point, "Point"),
    ],
)
def test_types_are_shown_as_they_are_written(annotation, text):
    assert shown(annotation) == text


def test_a_class_is_described_by_its_name():
    assert described(Point) == "a JSON object (Point)"
    assert described(Document) == "a Document"
