"""Settings that cannot be used: what is said, and where it says the fault is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from alonzo._errors import SettingsError
from alonzo._settings import load_settings


def load(directory: Path, toml: str = "", overrides: Any = (), **environ: str):
    if toml:
        (directory / "alonzo.toml").write_text(toml, encoding="utf-8")
    return load_settings(start=directory, environ=environ, overrides=overrides)


def message(directory: Path, toml: str = "", overrides: Any = (), **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(directory, toml, overrides, **environ)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("text", ["workers", "=4", "tasks.flow.*.cache=1", "#=1", ""])
def test_an_assignment_that_is_none_is_refused_with_an_example(tmp_path, text):
    assert message(tmp_path, "", [text]) == (
        f'--set "{text}": expected KEY=VALUE, with names that have dots or signs in quotes: tasks."flow.*".cache=false'
    )


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('stor = "a"', 'alonzo.toml: unknown key "stor" (did you mean "store"?)'),
        ("zebra = 1", 'alonzo.toml: unknown key "zebra"'),
        ("root = 'x'", 'alonzo.toml: unknown key "root"'),
        (
            '[tasks."flow.*"]\ncahce = true',
            'alonzo.toml: [tasks."flow.*"]: unknown option "cahce" (did you mean "cache"?)',
        ),
        ("store = 4", "alonzo.toml: store: expected a string, not 4 (int)"),
        ('workers = "four"', 'alonzo.toml: workers: expected a whole number, not "four" (str)'),
        ('workers = "4"', 'alonzo.toml: workers: expected a whole number, not "4" (str)'),
        ("workers = true", "alonzo.toml: workers: expected a whole number, not true (bool)"),
        ("workers = 0", "alonzo.toml: workers: expected at least 1, not 0"),
        ("trust = 1", "alonzo.toml: trust: expected true or false, not 1 (int)"),
        (
            'project = "a"',
            'alonzo.toml: project: expected a list (a string each), not "a" (str)',
        ),
        ("project = ['a', 2]", "alonzo.toml: project[1]: expected a string, not 2 (int)"),
        (
            "limits.gpu = 1.5",
            "alonzo.toml: [limits]: gpu: expected a whole number, not 1.5 (float)",
        ),
        ("limits.gpu = 0", "alonzo.toml: [limits]: gpu: expected at least 1, not 0"),
        (
            "limits = 3",
            "alonzo.toml: [limits]: expected a table (a whole number each), not 3 (int)",
        ),
        (
            "[executors]\nbig = 4",
            "alonzo.toml: [executors]: big: expected a table, not 4 (int)",
        ),
        (
            "[executors.big]\nkind = 4",
            "alonzo.toml: [executors.big]: kind: expected a string, not 4 (int)",
        ),
    ],
)
def test_a_wrong_setting_in_the_file_is_named_with_file_table_and_key(tmp_path, toml, said):
    assert message(tmp_path, toml) == said


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("ALONZO_STOR", "a", 'ALONZO_STOR: unknown key "stor" (did you mean "store"?)'),
        (
            "ALONZO_WORKERS",
            "four",
            'ALONZO_WORKERS: workers: expected a whole number, not "four" (str)',
        ),
        (
            "ALONZO_STORE__X",
            "1",
            "ALONZO_STORE__X: store: expected a string, not {'x': '1'} (table)",
        ),
        (
            "ALONZO_EXECUTORS",
            "threads",
            'ALONZO_EXECUTORS: [executors]: expected a table (a table each), not "threads" (str)',
        ),
        ("ALONZO_LIMITS__", "1", "ALONZO_LIMITS__: a name is missing between underscores"),
        ("ALONZO_", "1", "ALONZO_: a name is missing between underscores"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path, name, text, said):
    assert message(tmp_path, **{name: text}) == said


def test_a_wrong_override_is_named(tmp_path):
    assert message(tmp_path, "", ["workrs=1"]) == ('--set: unknown key "workrs" (did you mean "workers"?)')
    assert message(tmp_path, "", {"workers": "4"}) == (
        'run(workers=...): workers: expected a whole number, not "4" (str)'
    )
    assert message(tmp_path, "", {"limits": {1: 2}}) == (
        "run(limits=...): [limits]: expected a string as key, not 1 (int)"
    )


def test_a_file_in_a_directory_above_is_named_in_full(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "alonzo.toml").write_text("stor = 1")

    assert message(tmp_path / "below").startswith(f"{tmp_path / 'alonzo.toml'}: unknown key")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"store = 'a'\nworkers == 1\n", "alonzo.toml, line 2, column 10: Invalid value"),
        (
            b"store = 'a'\r\nvalues = [1,\r\n",
            "alonzo.toml, line 3, column 1: Invalid value",
        ),
        (b"# one\nstore = '\xff'", "alonzo.toml, line 2: is not UTF-8"),
    ],
)
def test_a_malformed_file_is_one_line_with_file_and_position(tmp_path, content, said):
    (tmp_path / "alonzo.toml").write_bytes(content)

    assert message(tmp_path) == said


def test_a_file_nested_too_deeply_is_refused(tmp_path):
    assert message(tmp_path, "context.a = " + "[" * 20_000).startswith("alonzo.toml")


def test_a_byte_order_mark_is_passed_over(tmp_path):
    (tmp_path / "alonzo.toml").write_bytes(b"\xef\xbb\xbfworkers = 2")

    assert load(tmp_path).workers == 2
