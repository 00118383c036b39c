"""Settings: which file is read, which directory is the project's, and its private directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from alonzo._errors import SettingsError
from alonzo._settings import Project, find_project, load_settings, private_directory


def load(directory: Path, **environ: str):
    return load_settings(start=directory, environ=environ)


def message(directory: Path, **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(directory, **environ)
    return str(caught.value)


def test_a_named_file_is_used_instead_and_its_directory_is_the_root(tmp_path):
    (tmp_path / "ci").mkdir()
    named = tmp_path / "ci" / "other.toml"
    named.write_text("workers = 5")
    (tmp_path / "alonzo.toml").write_text("workers = 1")

    by_argument = load_settings(start=tmp_path, file=named, environ={"ALONZO_CONFIG": "absent"})
    by_switch = load(tmp_path, ALONZO_CONFIG=str(named))

    assert (by_argument.workers, by_argument.root) == (5, tmp_path / "ci")
    assert by_argument.origin == {"workers": str(named)}
    assert (by_switch.workers, by_switch.root) == (5, tmp_path / "ci")
    assert by_switch.origin == {"workers": f"{named} (ALONZO_CONFIG)"}


def test_a_named_file_that_is_missing_or_no_file_is_an_error(tmp_path):
    absent = tmp_path / "absent.toml"

    assert message(tmp_path, ALONZO_CONFIG=str(absent)) == (
        f"{absent} (ALONZO_CONFIG): cannot be read: {os.strerror(2)}"
    )
    with pytest.raises(SettingsError, match=r"absent\.toml: cannot be read: No such file"):
        load_settings(file=absent, environ={})
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(file=tmp_path, environ={})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user that can be refused")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path):
    (tmp_path / "alonzo.toml").touch(mode=0o000)

    assert message(tmp_path) == f"alonzo.toml: cannot be read: {os.strerror(13)}"


def test_the_nearest_alonzo_toml_above_makes_the_project(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "alonzo.toml").touch()
    (tmp_path / "a" / "pyproject.toml").write_text("[project]\nname = 'alonzo-user'")

    assert find_project(tmp_path / "a" / "b") == Project(tmp_path, tmp_path / "alonzo.toml")
    assert find_project(tmp_path / "a" / ".." / "a") == Project(tmp_path, tmp_path / "alonzo.toml")


def test_pyproject_makes_a_project_only_with_a_table_of_ours(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "alonzo.toml").touch()
    pyproject = tmp_path / "a" / "pyproject.toml"
    pyproject.write_text("[tool.alonzo]\nworkers = 3")

    assert find_project(tmp_path / "a") == Project(tmp_path / "a", pyproject)
    assert load(tmp_path / "a").workers == 3
    assert load(tmp_path / "a").origin == {"workers": "pyproject.toml [tool.alonzo]"}


def test_alonzo_toml_wins_over_pyproject_beside_it(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.alonzo]\nworkers = 3\nstore = 'memory:'")

    (tmp_path / "alonzo.toml").write_text("workers = 4")
    settings = load(tmp_path)

    assert (settings.workers, settings.store) == (4, None)


def test_where_nothing_is_found_the_start_is_the_root(tmp_path):
    assert find_project(tmp_path) == Project(tmp_path, None)


def test_a_malformed_pyproject_matters_only_when_it_mentions_alonzo(tmp_path):
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text("[tool.black\n")

    assert find_project(tmp_path).file is None

    pyproject.write_text("[tool.alonzo\n")
    assert f"{pyproject}, line 1, column 13: " in message(tmp_path)


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            "[tool.alonzo]\nworkers = 'x'",
            'pyproject.toml [tool.alonzo]: workers: expected a whole number, not "x" (str)',
        ),
        (
            "[tool.alonzo.limits]\ngpu = 'x'",
            'pyproject.toml [tool.alonzo]: [limits]: gpu: expected a whole number, not "x" (str)',
        ),
    ],
)
def test_errors_in_pyproject_name_the_table_of_ours(tmp_path, toml, said):
    (tmp_path / "pyproject.toml").write_text(toml)

    assert message(tmp_path) == said


def test_a_tool_alonzo_that_is_no_table_and_a_named_pyproject_without_one_are_errors(tmp_path):
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text("[tool]\nalonzo = 1")

    assert message(tmp_path) == f"{pyproject}: [tool.alonzo]: expected a table, not 1 (int)"

    pyproject.write_text("[tool.black]\n")
    with pytest.raises(SettingsError, match=r"has no table \[tool\.alonzo\]$"):
        load_settings(file=pyproject, environ={})


def test_the_private_directory_is_ignored_by_git_and_made_once(tmp_path):
    directory = private_directory(tmp_path)

    assert directory == tmp_path / ".alonzo"
    assert (directory / ".gitignore").read_text() == "*\n"

    (directory / ".gitignore").write_text("my own")
    assert private_directory(tmp_path) == directory
    assert (directory / ".gitignore").read_text() == "my own"


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_the_private_directory_is_for_its_owner_alone(tmp_path):
    assert stat.S_IMODE(private_directory(tmp_path).stat().st_mode) == 0o700


def test_a_directory_that_another_process_has_just_made_gets_its_gitignore(tmp_path):
    (tmp_path / ".alonzo").mkdir()

    assert (private_directory(tmp_path) / ".gitignore").read_text() == "*\n"


def test_a_private_directory_that_cannot_be_made_is_one_clear_line(tmp_path):
    with pytest.raises(SettingsError) as missing:
        private_directory(tmp_path / "absent")
    (tmp_path / ".alonzo").touch()
    with pytest.raises(SettingsError) as taken:
        private_directory(tmp_path)

    place = tmp_path / "absent" / ".alonzo"
    assert str(missing.value) == f"{place}: cannot be made: {os.strerror(2)}"
    assert str(taken.value) == (f"{tmp_path / '.alonzo'}: expected a directory, found something else")
