"""Names that fit nothing: of tasks, plugins and databases."""

import pytest

pytestmark = pytest.mark.slow

WRONG = 2


def test_a_pattern_of_force_is_named_only_when_it_fits_nothing_below_what_is_recorded(program):
    store = {"ALONZO_STORE": "sqlite:a.db"}
    program("run", "-q", "flow.py", "many", "2", **store)

    assert "no task" not in program("run", "-q", "--force", "flow.add", "flow.py", "many", "2", **store)[1]
    _, err = program("run", "-q", "--force", "flow.ad", "flow.py", "many", "2", **store)
    assert err == "importing\nalonzo: warning: --force flow.ad: no task of this run fits this pattern\n"


def test_a_plugin_to_do_without_that_is_not_there_is_named(program):
    _, err = program("run", "-q", "-p", "no:nope", "flow.py", "add", "1")

    assert (
        err.splitlines()[0] == "alonzo: warning: -p no:nope: no plugin of this name is installed (see alonzo plugins)"
    )


@pytest.mark.parametrize("words", [["log"], ["log", "last"], ["log", "--tag", "a"]])
def test_the_log_of_a_database_that_is_not_there_is_one_line_and_makes_none(program, words):
    path = program.directory / "typo" / "a.db"

    out, err = program(*words, "--store", "sqlite:typo/a.db", code=WRONG)

    assert out == ""
    assert err == f"alonzo: error: {path}: there is no such database: nothing was run with this store yet\n"
    assert not path.parent.exists()


def test_the_log_of_a_project_where_nothing_was_run_makes_no_directory(program):
    before = sorted(program.directory.iterdir())

    _, err = program("log", code=WRONG, ALONZO_STORE="")

    assert err.endswith(": there is no such database: nothing was run with this store yet\n")
    assert sorted(program.directory.iterdir()) == before
