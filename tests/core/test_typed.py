"""Typed tables: raw values, or text, made into an attrs class by its annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from alonzo._errors import OptionError, SettingsError
from alonzo._typed import Text, check_settings_class, nearest, typed

HELP = {"help": "what it is for"}


@attrs.frozen
class Retry:
    times: int = attrs.field(default=1, metadata=HELP)


@attrs.frozen
class Options:
    image: str = attrs.field(metadata={"help": "the container's image"})
    workers: int | None = attrs.field(default=None, metadata=HELP)
    patience: float = attrs.field(default=1.5, metadata=HELP)
    verbose: bool = attrs.field(default=False, metadata=HELP)
    folder: Path | None = attrs.field(default=None, metadata=HELP)
    mode: Literal["fast", "safe", "1"] = attrs.field(default="safe", metadata=HELP)
    hosts: list[str] = attrs.field(factory=list, metadata=HELP)
    ports: tuple[int, ...] = attrs.field(default=(), metadata=HELP)
    span: tuple[int, str] = attrs.field(default=(0, "s"), metadata=HELP)
    labels: dict[str, int] = attrs.field(factory=dict, metadata=HELP)
    memory: str | int = attrs.field(default=0, metadata=HELP)
    extra: Any = attrs.field(default=None, metadata=HELP)
    retry: Retry = attrs.field(factory=Retry, metadata=HELP)
    level: int = attrs.field(default=1, validator=attrs.validators.le(9), metadata=HELP)


def made(**raw: Any) -> Options:
    return typed(Options, {"image": "i", **raw}, where="[executors.big]")


def test_values_of_the_right_type_are_taken_over():
    options = made(
        workers=4,
        patience=2,
        verbose=True,
        folder="a/b",
        mode="fast",
        hosts=["a"],
        ports=[1, 2],
        span=[3, "m"],
        labels={"x": 1},
        memory="4G",
        extra=[{"a": 1}],
        retry={"times": 3},
    )

    assert options == Options(
        "i", 4, 2.0, True, Path("a/b"), "fast", ["a"], (1, 2), (3, "m"), {"x": 1}, "4G",
        [{"a": 1}], Retry(3), 1,
    )  # fmt: skip
    assert type(options.patience) is float


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("image", "123", "123"),
        ("workers", "4", 4),
        ("patience", "2", 2.0),
        ("verbose", "on", True),
        ("folder", "/tmp/x", Path("/tmp/x")),
        ("mode", "1", "1"),
        ("mode", '"fast"', "fast"),
        ("hosts", '["a", "b"]', ["a", "b"]),
        ("ports", "[1]", (1,)),
        ("labels", "{x = 1}", {"x": 1}),
        ("memory", "4", 4),
        ("memory", "4G", "4G"),
        ("extra", "{a = 1}", {"a": 1}),
        ("retry", "{times = 2}", Retry(2)),
    ],
)
def test_text_is_converted_to_the_annotated_type(key, text, value):
    found = getattr(made(**{key: Text(text)}), key)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("worker", 1, 'unknown key "worker" (did you mean "workers"?)'),
        ("workers", "4", 'workers: expected a whole number, not "4" (str)'),
        ("workers", Text("x"), 'workers: expected a whole number, not "x" (str)'),
        ("patience", "long", 'patience: expected a number, not "long" (str)'),
        ("patience", True, "patience: expected a number, not true (bool)"),
        ("verbose", "yes", 'verbose: expected true or false, not "yes" (str)'),
        ("folder", 1, "folder: expected a path, not 1 (int)"),
        ("mode", "quick", 'mode: expected "fast" or "safe" or "1", not "quick" (str)'),
        ("hosts", "a", 'hosts: expected a list (a string each), not "a" (str)'),
        ("ports", [1, "b"], 'ports[1]: expected a whole number, not "b" (str)'),
        ("span", [1], "span: expected a list of 2 (a whole number, a string), not [1] (list)"),
        ("labels", {"x": "y"}, 'labels: x: expected a whole number, not "y" (str)'),
        ("memory", [], "memory: expected a string or a whole number, not [] (list)"),
        ("retry", 3, "retry: expected a table, not 3 (int)"),
        ("retry", {"tims": 3}, 'retry: unknown key "tims" (did you mean "times"?)'),
        ("level", 10, "'level' must be <= 9: 10"),
    ],
)
def test_a_wrong_option_says_where_what_was_expected_and_what_was_given(key, value, said):
    with pytest.raises(SettingsError) as caught:
        made(**{key: value})

    assert str(caught.value) == f"[executors.big]: {said}"


def test_a_missing_option_is_named_with_what_it_is_for():
    with pytest.raises(SettingsError) as caught:
        typed(Options, {}, where="[executors.big]")

    assert str(caught.value) == '[executors.big]: missing key "image": the container\'s image'


def test_a_long_value_is_cut_in_a_message():
    with pytest.raises(SettingsError) as caught:
        made(workers="x" * 1000)

    assert str(caught.value).endswith('not "' + "x" * 76 + "... (str)")


def test_a_settings_class_needs_help_default_and_convertible_types():
    @attrs.frozen
    class Helpless:
        depth: int = 1

    @attrs.frozen
    class Strange:
        depth: complex = attrs.field(default=1j, metadata=HELP)

    check_settings_class(Retry, need_default=True)
    check_settings_class(Options, need_default=False)
    for cls, need_default, said in (
        (Options, True, "Options.image has no default"),
        (Helpless, True, "Helpless.depth has no help"),
        (Strange, True, "Strange.depth: settings cannot be converted to <class 'complex'>"),
        (dict, False, "<class 'dict'> is not an attrs class"),
    ):
        with pytest.raises(OptionError) as caught:
            check_settings_class(cls, need_default=need_default)
        assert said in str(caught.value)


def test_a_settings_class_whose_annotations_do_not_resolve_is_named():
    @attrs.frozen
    class Hidden:
        depth: Absent = 1  # noqa: F821

    with pytest.raises(OptionError, match=r"Hidden: name 'Absent' is not defined"):
        check_settings_class(Hidden, need_default=True)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("stor", ' (did you mean "store"?)'),
        ("STORE", ' (did you mean "store"?)'),
        ("max-size", ' (did you mean "max_size"?)'),
        ("zebra", ""),
        ("", ""),
    ],
)
def test_the_nearest_word_is_proposed_when_one_is_near(word, said):
    assert nearest(word, ["store", "values", "max_size"]) == said
