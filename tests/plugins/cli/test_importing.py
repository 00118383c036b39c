"""Files and modules are imported under the names that import statements give them."""

import sys

import pytest

import alonzo  # noqa: F401 - imported before the fixture looks at what is there
from alonzo_cli._errors import Wrong
from alonzo_cli._importing import ImportFailedError, import_file, import_target


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_file_is_imported_by_its_name(tmp_path):
    (tmp_path / "first_flow.py").write_text("x = 1")

    module = import_file(tmp_path / "first_flow.py")

    assert (module.__name__, module.x) == ("first_flow", 1)
    assert sys.path[0] == str(tmp_path)


def test_a_file_in_a_package_has_its_dotted_name(tmp_path):
    inner = tmp_path / "outer_pkg" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "outer_pkg" / "__init__.py").write_text("")
    (inner / "__init__.py").write_text("")
    (inner / "flow.py").write_text("from .. import inner")

    assert import_file(inner / "flow.py").__name__ == "outer_pkg.inner.flow"
    assert import_file(inner / "__init__.py").__name__ == "outer_pkg.inner"
    assert sys.path[0] == str(tmp_path)


def test_a_module_is_found_from_the_working_directory(tmp_path):
    (tmp_path / "some_pkg").mkdir()
    (tmp_path / "some_pkg" / "__init__.py").write_text("")
    (tmp_path / "some_pkg" / "flow.py").write_text("")

    assert import_target("some_pkg.flow").__name__ == "some_pkg.flow"
    assert import_target("some_pkg").__name__ == "some_pkg"


def test_a_name_with_a_dash_can_be_imported(tmp_path):
    (tmp_path / "my-flow.py").write_text("x = 1")

    assert import_target("my-flow.py").x == 1


@pytest.mark.parametrize(
    "target, told",
    [
        ("missing.py", "there is no file missing.py"),
        ("folder", "folder is a directory: name a file in it, or a module"),
        ("folder/", "folder is a directory: name a file in it, or a module"),
        ("data.csv", "data.csv is not a Python file: its name does not end in .py"),
        ("missing", "there is no module missing"),
        ("missing.deeper", "there is no module missing.deeper"),
        ("a.b.py", "a.b.py cannot be imported under its name: rename the file"),
        ("__main__.py", "__main__.py cannot be imported under its name: rename the file"),
    ],
)
def test_what_cannot_be_imported_is_told_in_a_line(tmp_path, target, told):
    (tmp_path / "folder").mkdir()
    for name in ("data.csv", "a.b.py", "__main__.py"):
        (tmp_path / name).write_text("")

    with pytest.raises(Wrong) as caught:
        import_target(target)

    assert caught.value.message == told


def test_a_file_whose_name_another_module_has_is_refused(tmp_path):
    (tmp_path / "json.py").write_text("")

    with pytest.raises(
        Wrong, match=r"json\.py cannot be imported as json: another module has that name .*; rename the file"
    ):
        import_target("json.py")


def test_a_failure_shows_the_users_frames_alone(tmp_path):
    (tmp_path / "failing_flow.py").write_text("def f():\n    return 1 / 0\n\n\nf()\n")

    with pytest.raises(ImportFailedError) as caught:
        import_target("failing_flow.py")

    lines = caught.value.shown.splitlines()
    assert caught.value.message == "failing_flow.py cannot be imported: ZeroDivisionError: division by zero"
    assert [line for line in lines if line.startswith("  File")] == [
        f'  File "{tmp_path / "failing_flow.py"}", line 5, in <module>',
        f'  File "{tmp_path / "failing_flow.py"}", line 2, in f',
    ]


def test_a_module_that_the_users_file_misses_is_the_files_failure(tmp_path):
    (tmp_path / "asking_flow.py").write_text("import not_there_at_all")

    with pytest.raises(ImportFailedError, match="ModuleNotFoundError: No module named 'not_there_at_all'"):
        import_target("asking_flow.py")


def test_a_syntax_error_shows_its_line(tmp_path):
    (tmp_path / "wrong_flow.py").write_text("x = = 1\n")

    with pytest.raises(ImportFailedError, match="SyntaxError: invalid syntax") as caught:
        import_target("wrong_flow.py")

    assert "x = = 1" in caught.value.shown


def test_a_script_that_exits_is_a_failure(tmp_path):
    (tmp_path / "exiting_flow.py").write_text("raise SystemExit(0)")

    with pytest.raises(ImportFailedError, match=r"exiting_flow\.py cannot be imported: SystemExit: 0"):
        import_target("exiting_flow.py")
