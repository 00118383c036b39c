"""Every example in the documentation is run, and comes out as the page says."""

import sys

import pytest
from doc_pages import LANGUAGES, Page, blocks, pages

PAGES = pages()
RUN = [name for name, path in PAGES.items() if any(not block.why_not for block in blocks(path.read_text("utf-8")))]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty working directory; modules that a page makes are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUN)
def test_the_examples_of_the_page_come_out_as_it_says(name, elsewhere):
    Page(PAGES[name].read_text("utf-8"), elsewhere).run()


@pytest.mark.parametrize("name", PAGES)
def test_every_block_has_a_language_that_is_run(name):
    unknown = [block.line for block in blocks(PAGES[name].read_text("utf-8")) if block.language not in LANGUAGES]

    assert unknown == []


# -- and the checks can fail ----------------------------------------------------------------------


def page(elsewhere, language, text, before=""):
    return Page(f"# Title\n\n{before}```{language}\n{text}\n```\n", elsewhere, name="tried")


@pytest.mark.parametrize(
    "text",
    [
        "1 + 1  # -> 2",
        "[1,\n 2]  # -> [1, 2]",
        "int('x')  # raises ValueError: invalid literal",
        "x = 'abc'\nx  # -> '…c'",
    ],
)
def test_what_comes_out_as_stated_passes(text, elsewhere):
    tried = page(elsewhere, "python", text)
    tried.run()

    assert tried.ran == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1 + 1  # -> 3", "line 4: 2"),
        ("\nint('x')", "line 5: ValueError"),
        ("int('x')  # raises TypeError", "raised ValueError, not TypeError"),
        ("int('x')  # raises ValueError: no such text", "raised invalid literal"),
        ("1  # raises ValueError", "nothing was raised"),
    ],
)
def test_a_statement_that_comes_out_otherwise_fails_with_its_line(text, problem, elsewhere):
    with pytest.raises(AssertionError, match=problem):
        page(elsewhere, "python", text).run()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$ python -c 'print(1)'\n2", "no line '2'"),
        ("$ python -c 'print(1); print(2)'\n2\n1", "no line '1' after"),
        ("$ python -c 'exit(3)'", "exit code 3"),
        ("$ python -c 'exit(3)'\n$ echo $?\n4", "the exit code was 3"),
    ],
)
def test_a_command_that_comes_out_otherwise_fails(text, problem, elsewhere):
    with pytest.raises(AssertionError, match=problem):
        page(elsewhere, "console", text).run()


def test_settings_that_do_not_load_fail(elsewhere):
    with pytest.raises(ValueError, match="wrokers"):
        page(elsewhere, "toml", "wrokers = 3").run()


def test_a_query_without_rows_fails(elsewhere):
    (elsewhere / ".alonzo").mkdir()
    with pytest.raises(AssertionError, match="no rows"):
        page(elsewhere, "sql", "SELECT 1 WHERE 0").run()


def test_a_block_that_is_not_run_is_not_run_and_a_file_is_written(elsewhere):
    page(elsewhere, "python", "1 / 0", "<!-- not run: it divides by zero -->\n").run()
    page(elsewhere, "python", "1 / 0", "<!-- file: a/b.py -->\n").run()

    assert (elsewhere / "a" / "b.py").read_text() == "1 / 0\n"
