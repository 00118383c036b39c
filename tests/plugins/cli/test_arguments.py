"""The words after a task's name become its arguments."""

from __future__ import annotations

import enum
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from alonzo_cli._arguments import arguments_of, convert, documentation, help_rows, parse_words
from alonzo_cli._words import take_apart

if TYPE_CHECKING:
    from nowhere import Missing

ENGINE = {"--store": True, "--json": False, "-p": True, "--set": True}


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


def called(function, *words, after=(), reserved=()):
    arguments = arguments_of(function, reserved)
    given = parse_words(words, arguments, "it")
    args, kwargs = convert(parse_words(after, arguments, "it", start=given), arguments, "it")
    bound = inspect.signature(function).bind(*args, **kwargs)
    return dict(bound.arguments)


def simple(size: int, name: str = "n", *, deep: bool = False, tags: list[str] = ()): ...


def test_options_are_given_by_name_in_every_spelling():
    assert called(simple, "--size", "3", "--name=x", "--deep") == {"size": 3, "name": "x", "deep": True}


def test_underscores_and_dashes_are_one():
    def f(long_name: int): ...

    assert called(f, "--long-name", "1") == called(f, "--long_name", "1") == {"long_name": 1}


def test_values_by_position_fill_the_parameters_in_order():
    assert called(simple, "3", "x") == {"size": 3, "name": "x"}
    assert called(simple, "3", "--name", "x") == {"size": 3, "name": "x"}


@pytest.mark.parametrize(
    "words, deep",
    [
        (["--deep"], True),
        (["--no-deep"], False),
        (["--deep", "false"], False),
        (["--deep=yes"], True),
        (["--deep", "--name", "x"], True),
    ],
)
def test_a_bool_is_a_flag_that_may_have_a_value(words, deep):
    assert called(simple, "3", *words)["deep"] is deep


def test_what_follows_a_flag_and_is_no_truth_value_is_an_argument_of_its_own():
    assert called(simple, "--deep", "3") == {"size": 3, "deep": True}


def test_a_list_is_given_by_repeating_its_option():
    assert called(simple, "3", "--tags", "a", "--tags", "b")["tags"] == ["a", "b"]


def test_negative_numbers_are_values():
    def f(x: float, y: int): ...

    assert called(f, "-1.5", "--y", "-2") == {"x": -1.5, "y": -2}


def test_annotations_are_resolved_though_one_of_them_cannot_be():
    def f(a: int, b: Missing, c: Missing = 2): ...

    assert called(f, "1", "2", "3") == {"a": 1, "b": "2", "c": 3}


def test_without_annotation_the_default_tells_the_type():
    def f(text, *, size=1, ratio=1.0, deep=False, where=Path(), level=Level.LOW, nothing=None, many=()): ...

    words = ["5", "--size", "2", "--ratio", "2", "--deep", "--where", "a", "--level", "HIGH"]
    assert called(f, *words, "--nothing", "7", "--many", "8") == {
        "text": "5",
        "size": 2,
        "ratio": 2.0,
        "deep": True,
        "where": Path("a"),
        "level": Level.HIGH,
        "nothing": "7",
        "many": ("8",),
    }


def test_star_arguments_take_what_is_left():
    def f(a: int, *rest: int, key: str = "k", **more: float): ...

    assert called(f, "1", "2", "3", "--key", "x", "--other-one", "4") == {
        "a": 1,
        "rest": (2, 3),
        "key": "x",
        "more": {"other_one": 4.0},
    }


def test_positional_only_parameters_can_be_given_by_name():
    def f(a: int, b: int = 2, /, c: int = 3): ...

    assert called(f, "--a", "1", "--c", "5") == {"a": 1, "c": 5}


def test_a_parameter_with_a_name_of_the_engines_is_given_after_the_dashes():
    def f(store: str, size: int = 1): ...

    assert called(f, "--size", "2", after=["--store", "x"], reserved=["--store"]) == {"store": "x", "size": 2}


@pytest.mark.parametrize(
    "words, told",
    [
        ([], "it needs --size"),
        (["x"], "--size: expected a whole number, not 'x'"),
        (["3", "--size", "4"], "--size is given twice: as '3' by position, and by name"),
        (["--size", "3", "--size", "4"], "--size: expected a whole number once, not 2 times"),
        (["3", "a", "b", "c"], "it takes at most 2 by position: 'b' 'c' is too much"),
        (["--sise", "3"], "it has no option --sise (did you mean --size?)"),
        (["-s", "3"], "it has no option -s; it has --size, --name, --deep, --tags"),
        (["--size"], "--size needs a value: a whole number"),
        (["--name", "--deep"], "--name needs a value: a text"),
        (["3", "--no-name"], "it has no option --no-name (did you mean --name?)"),
        (["3", "--deep=maybe"], "--deep: expected true or false, not 'maybe'"),
    ],
)
def test_mistakes_are_told_in_one_line(words, told):
    with pytest.raises(click.UsageError) as caught:
        called(simple, *words)

    assert caught.value.message == told


def test_all_that_is_missing_is_told_together():
    def f(first, second: int, *, third, tag): ...

    with pytest.raises(click.UsageError, match="it needs --second, --third and -- --tag"):
        called(f, "1", reserved=["--tag"])


def test_a_task_without_parameters_says_so():
    def f(): ...

    with pytest.raises(click.UsageError, match="it takes no arguments by position: '1' is too much"):
        called(f, "1")
    with pytest.raises(click.UsageError, match="it has no option --x; it has none"):
        called(f, "--x", "1")


def test_the_docstring_gives_a_paragraph_and_a_text_for_each_parameter():
    def f(size, name):
        """Do
        something.

        More.

        Args:
            size: how much
                of it
            name (str): whose: this one

        Returns:
            nothing: at all
        """

    assert documentation(f) == ("Do something.", {"size": "how much of it", "name": "whose: this one"})


def test_help_shows_type_text_default_and_what_is_required():
    def f(size: int, name: str = "n", *, deep: bool = False, level=Level.LOW, nothing: Any = None): ...

    assert help_rows(arguments_of(f), {"size": "how much"}) == [
        ("--size int", "how much  [required]"),
        ("--name str", "[default: n]"),
        ("--deep / --no-deep", "[default: False]"),
        ("--level Level", "[default: LOW]"),
        ("--nothing str", ""),
    ]


def test_the_engines_options_are_its_own_wherever_they_stand():
    words = take_apart(["--json", "f.py", "--store", "s:", "main", "1", "-p", "no:x", "--n", "2", "--set=a=1"], ENGINE)

    assert words.engine == ["--json", "--store", "s:", "-p", "no:x", "--set=a=1"]
    assert (words.target, words.task, words.own, words.after) == ("f.py", "main", ["1", "--n", "2"], [])


def test_the_engine_has_nothing_after_the_dashes():
    words = take_apart(["f.py", "main", "--", "--json", "--", "x"], ENGINE)

    assert (words.engine, words.own, words.after) == ([], [], ["--json", "--", "x"])


def test_file_and_task_may_be_one_word():
    words = take_apart(["a/f.py::main", "1"], ENGINE)

    assert (words.target, words.task, words.own) == ("a/f.py", "main", ["1"])


def test_help_is_the_tasks_only_after_the_file():
    assert take_apart(["--help", "f.py"], ENGINE).engine == ["--help"]
    assert take_apart(["f.py", "main", "--help"], ENGINE).wants_help
    assert not take_apart(["f.py", "main", "--", "--help"], ENGINE).wants_help


def test_a_task_whose_name_looks_like_an_option_is_left_to_the_engine_to_refuse():
    assert take_apart(["f.py", "--bogus", "main"], ENGINE).engine == ["--bogus"]
