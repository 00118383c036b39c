"""Settings: which value wins, and how text becomes a value."""

from __future__ import annotations

import pickle
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from alonzo._errors import SettingsError
from alonzo._settings import load_settings


def load(directory: Path, toml: str = "", overrides: Any = (), **environ: str):
    if toml:
        (directory / "alonzo.toml").write_text(toml, encoding="utf-8")
    return load_settings(start=directory, environ=environ, overrides=overrides)


@attrs.frozen
class Options:
    image: str = attrs.field(metadata={"help": "the container's image"})
    workers: int = attrs.field(default=1, metadata={"help": "how many at once"})


@attrs.frozen
class Defaulted:
    depth: int = attrs.field(default=1, metadata={"help": "how far down"})


def test_without_a_file_there_are_the_defaults(tmp_path):
    settings = load(tmp_path)

    assert (settings.store, settings.workers, settings.trust) == (None, None, False)
    assert (settings.project, settings.executors, settings.context) == ((), {}, {})
    assert (settings.root, settings.origin) == (tmp_path, {})


def test_every_setting_can_stand_in_the_file(tmp_path):
    settings = load(
        tmp_path,
        """
        store = "sqlite:a.db"
        values = "file:values"
        executor = "big"
        workers = 4
        project = ["mine"]
        track_distributions = ["numpy"]
        trust = true
        [executors.big]
        kind = "threads"
        nice = 3
        [plugins.files]
        follow = false
        [limits]
        gpu = 2
        [context]
        region.name = "eu"
        [tasks."flow.*"]
        cache = false
        """,
    )

    assert (settings.store, settings.values, settings.executor) == (
        "sqlite:a.db",
        "file:values",
        "big",
    )
    assert (settings.workers, settings.trust) == (4, True)
    assert (settings.project, settings.track_distributions) == (("mine",), ("numpy",))
    assert settings.executors == {"big": {"kind": "threads", "nice": 3}}
    assert settings.plugins == {"files": {"follow": False}}
    assert (settings.limits, settings.context) == ({"gpu": 2}, {"region": {"name": "eu"}})
    assert settings.tasks == {"flow.*": {"cache": False}}
    assert settings.origin["context.region.name"] == "alonzo.toml"
    assert settings.origin['tasks."flow.*".cache'] == "alonzo.toml"


def test_the_environment_is_over_the_file_and_an_override_over_both(tmp_path):
    toml = 'store = "memory:"\nvalues = "file:a"\nworkers = 1'

    settings = load(tmp_path, toml, {"workers": 3}, ALONZO_VALUES="file:b", ALONZO_WORKERS="2")

    assert (settings.store, settings.values, settings.workers) == ("memory:", "file:b", 3)
    assert settings.origin == {
        "store": "alonzo.toml",
        "values": "ALONZO_VALUES",
        "workers": "run(workers=...)",
    }


def test_of_several_overrides_the_last_wins(tmp_path):
    settings = load(tmp_path, "", ["workers=1", {"workers": 2, "store": "memory:"}, "workers=3"])

    assert (settings.workers, settings.store) == (3, "memory:")
    assert settings.origin == {"workers": "--set", "store": "run(store=...)"}


def test_none_in_an_override_means_not_given(tmp_path):
    assert load(tmp_path, "workers = 2", {"workers": None, "store": None}).workers == 2


def test_tables_are_merged_key_by_key(tmp_path):
    settings = load(
        tmp_path,
        "[limits]\ngpu = 1\ncpu = 2\n[context.a]\nx = 1\ny = 2",
        {"limits": {"gpu": 5}, "context": {"a": {"x": 7}}},
    )

    assert settings.limits == {"gpu": 5, "cpu": 2}
    assert settings.context == {"a": {"x": 7, "y": 2}}
    assert settings.origin["context.a.x"] == "run(context=...)"
    assert settings.origin["context.a.y"] == "alonzo.toml"


def test_a_value_over_a_table_takes_its_place_and_the_other_way_round(tmp_path):
    settings = load(tmp_path, "[context]\na.x = 1\nb = 2", {"context": {"a": 3, "b": {"y": 4}}})

    assert settings.context == {"a": 3, "b": {"y": 4}}
    assert set(settings.origin) == {"context.a", "context.b.y"}


def test_overrides_are_not_changed_by_later_layers(tmp_path):
    context = {"a": {"x": 1}}

    load(tmp_path, "", [{"context": context}, "context.a.x=2"])

    assert context == {"a": {"x": 1}}


def test_a_context_may_hold_any_python_value(tmp_path):
    context = {"when": tomllib, "by": {1: "one"}}

    assert load(tmp_path, "", {"context": context}).context == context


def test_settings_can_be_sent_to_another_process(tmp_path):
    settings = load(tmp_path, "workers = 2", ALONZO_PLUGINS__FILES__DEPTH="3")

    assert pickle.loads(pickle.dumps(settings)) == settings


def test_two_underscores_in_a_variable_go_into_a_table_whatever_the_case(tmp_path):
    settings = load(
        tmp_path,
        ALONZO_LIMITS__GPU="2",
        ALONZO_context__Region__NAME="eu",
        ALONZO_Track_Distributions='["numpy"]',
    )

    assert settings.limits == {"gpu": 2}
    assert settings.context == {"region": {"name": "eu"}}
    assert settings.track_distributions == ("numpy",)
    assert settings.origin["context.region.name"] == "ALONZO_context__Region__NAME"


def test_a_variable_finds_the_spelling_that_the_file_has(tmp_path):
    settings = load(
        tmp_path,
        "[executors.Big-One]\nnice = 1\n[context]\nRegion = 'us'",
        ALONZO_EXECUTORS__BIG_ONE__NICE="2",
        ALONZO_CONTEXT__REGION="eu",
    )

    assert list(settings.executors) == ["Big-One"]
    assert settings.context == {"Region": "eu"}


def test_a_plugin_named_by_a_variable_has_hyphens(tmp_path):
    settings = load(tmp_path, ALONZO_PLUGINS__STORE_SQLITE__BUSY_TIMEOUT="2")

    assert settings.plugins == {"store-sqlite": {"busy_timeout": "2"}}


def test_a_whole_table_may_be_one_variable_and_the_more_specific_one_wins(tmp_path):
    settings = load(
        tmp_path,
        ALONZO_LIMITS__GPU="3",
        ALONZO_LIMITS="{gpu = 1, cpu = 8}",
        ALONZO_TASKS='{"flow.*" = {cache = false}}',
    )

    assert settings.limits == {"gpu": 3, "cpu": 8}
    assert settings.tasks == {"flow.*": {"cache": False}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4", 4),
        ("0x10", 16),
        ("1.5", 1.5),
        ("true", True),
        ("[1, 'b']", [1, "b"]),
        ("{a = 1}", {"a": 1}),
        ("eu-west", "eu-west"),
        ('"4"', "4"),
        ("007", "007"),
        ("1\nother = 2", "1\nother = 2"),
        ("[" * 5000, "[" * 5000),
    ],
)
def test_text_is_what_toml_makes_of_it_or_else_a_string(tmp_path, text, value):
    assert load(tmp_path, ALONZO_CONTEXT__A=text).context == {"a": value}
    assert load(tmp_path, "", [f"context.a={text}"]).context == {"a": value}


def test_text_for_a_string_stays_as_it_was_written(tmp_path):
    settings = load(tmp_path, ALONZO_STORE="1e3", ALONZO_VALUES='"file:a"')

    assert (settings.store, settings.values) == ("1e3", "file:a")
    assert type(settings.store) is str


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("TRUE", True), ("0", False), ("off", False)])
def test_text_for_a_truth_value_may_be_written_in_the_ways_of_shells(tmp_path, text, value):
    assert load(tmp_path, "trust = true", ALONZO_TRUST=text).trust is value


def test_an_empty_variable_counts_as_unset(tmp_path):
    assert load(tmp_path, "workers = 2", ALONZO_WORKERS="", ALONZO_CONFIG="").workers == 2


def test_switches_of_the_engine_are_not_settings(tmp_path):
    settings = load(tmp_path, ALONZO_DISABLE_PLUGINS="a,b", ALONZO_ONLY_PLUGINS="c", PATH="x", MY_ALONZO_X="y")

    assert settings.origin == {}


def test_the_environment_is_the_process_s_own_unless_given(tmp_path, monkeypatch):
    monkeypatch.setenv("ALONZO_WORKERS", "7")
    monkeypatch.chdir(tmp_path)

    assert (load_settings().workers, load_settings().root) == (7, tmp_path)


@pytest.mark.parametrize(
    ("assignment", "tasks"),
    [
        ('tasks."flow.*".cache=false', {"flow.*": {"cache": False}}),
        ("tasks.'a=b'.executor=x=y", {"a=b": {"executor": "x=y"}}),
        (' tasks . a . executor = "no" ', {"a": {"executor": "no"}}),
        ("tasks.a={cache = true}", {"a": {"cache": True}}),
    ],
)
def test_a_key_before_the_equals_sign_is_dotted_and_quoted_as_in_toml(tmp_path, assignment, tasks):
    assert load(tmp_path, "", [assignment]).tasks == tasks
    assert load(tmp_path, "", assignment).tasks == tasks


def test_a_table_of_settings_is_typed_with_the_origin_of_each_key(tmp_path):
    toml = "[executors.big]\nkind = 'docker'\nimage = 'i'"
    settings = load(tmp_path, toml, ALONZO_EXECUTORS__BIG__WORKERS="4")

    options = settings.table(Options, "executors", "big", leave_out=["kind"])
    assert (options.image, options.workers) == ("i", 4)

    settings = load(tmp_path, toml, ALONZO_EXECUTORS__BIG__WORKERS="four")
    with pytest.raises(SettingsError) as caught:
        settings.table(Options, "executors", "big", leave_out=["kind"])
    assert str(caught.value) == (
        'ALONZO_EXECUTORS__BIG__WORKERS: [executors.big]: workers: expected a whole number, not "four" (str)'
    )

    settings = load(tmp_path, "[executors.big]\nkind = 'docker'\nworkers = 2")
    with pytest.raises(SettingsError) as caught:
        settings.table(Options, "executors", "big", leave_out=["kind"])
    assert str(caught.value) == ('alonzo.toml: [executors.big]: missing key "image": the container\'s image')


def test_a_table_that_nobody_wrote_has_the_defaults(tmp_path):
    assert load(tmp_path).table(Defaulted, "plugins", "files") == Defaulted(1)


def test_a_setting_knows_who_set_it(tmp_path):
    settings = load(tmp_path, "[limits]\ngpu = 1", ["limits.cpu=2"])

    assert settings.set_by("limits", "gpu") == "alonzo.toml"
    assert settings.set_by("limits") == "alonzo.toml, --set"
    assert settings.set_by("store") == "the defaults"
