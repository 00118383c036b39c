"""Links in the documentation lead somewhere."""

import re
from pathlib import Path

import pytest
from doc_pages import ROOT, headings, pages, prose

PAGES = {**pages(), "CONTRIBUTING.md": ROOT / "CONTRIBUTING.md"}


def broken(path, markdown):
    """The relative links of a page that lead nowhere: no such file, or no such heading in it."""
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(markdown)):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve() if file else path
        if not there.exists():
            found.append(target)
        elif anchor:
            text = there.read_text("utf-8") if file else markdown
            if anchor not in {anchor_of(heading) for heading in headings(text)}:
                found.append(target)
    return found


def anchor_of(heading):
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name):
    assert broken(PAGES[name], PAGES[name].read_text("utf-8")) == []


def test_every_page_of_docs_can_be_reached_from_the_index():
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)\)", index.read_text("utf-8"))}
    unlinked = [name for name, path in PAGES.items() if path != index and path.resolve() not in linked]

    assert unlinked == []


def test_the_readme_links_to_the_documentation():
    assert "](docs/index.md)" in (ROOT / "README.md").read_text("utf-8")


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    text = "# A b\n\n[1](page.md#a-b) [2](#a-b) [3](gone.md) [4](#c) [5](https://example.com/x) [6](page.md#c)\n"
    page.write_text(text)

    assert broken(page, text) == ["gone.md", "#c", "page.md#c"]


def test_an_anchor_is_made_of_a_heading():
    assert anchor_of("`run`: what's new, and async def") == "run-whats-new-and-async-def"
    assert Path(__file__).is_relative_to(ROOT)
