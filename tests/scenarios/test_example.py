"""The example: what it counts, and what runs again after each kind of change."""

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from alonzo_files import File

EXAMPLE = Path(__file__).parents[2] / "examples" / "stdlib_report"

SOURCES = {
    "alpha.py": "import os\n\ndef f(x):\n    if x and os:\n        return 1\n    return 2\n",
    "beta/__init__.py": "import os, sys\nfrom . import gamma\n",
    "beta/gamma.py": "from alpha import f\nimport beta\n\nclass C:\n    def m(self): f(1)\n",
    "beta/data.txt": "no Python",
    "test/skipped.py": "import os\n",
}
EVERYTHING = {
    "main": 1,
    "list_sources": 1,
    "survey": 1,
    "analyse": 3,
    "summarise_package": 2,
    "most_depended_on": 1,
    "report": 1,
}
RUN = """
import json, sys
from alonzo import Runtime
from flow import main
with Runtime(store="sqlite:example.db") as runtime:
    file = runtime.run(main(root="sources"))
    print(json.dumps([file.path, dict(runtime.last.ran)]))
"""


@pytest.fixture(scope="module")
def flow():
    spec = importlib.util.spec_from_file_location("stdlib_report_flow", EXAMPLE / "flow.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def sources(tmp_path):
    return write_sources(tmp_path / "sources")


@pytest.fixture(scope="module")
def after_first_run(tmp_path_factory):
    project = tmp_path_factory.mktemp("first") / "project"
    write_sources(project / "sources")
    for name in ("flow.py", "style.css"):
        shutil.copy(EXAMPLE / name, project)
    assert ran_in(project) == EVERYTHING
    return project


@pytest.fixture
def project(after_first_run, tmp_path):
    """A copy of a project that has run once: its places are relative, so nothing is lost."""
    return shutil.copytree(after_first_run, tmp_path / "project")


def write_sources(root):
    for name, text in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def ran_in(project):
    """Run the workflow in a process of its own; how many calls of each task ran."""
    # Two edits of one size within one second would run the stale .pyc of the first.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    path, ran = json.loads(done.stdout.splitlines()[-1])
    assert path == "stdlib_report.html"
    return {name.rpartition(".")[2]: count for name, count in ran.items()}


# -- what it counts -------------------------------------------------------------------------------


def test_it_has_at_most_200_lines():
    assert len((EXAMPLE / "flow.py").read_text().splitlines()) <= 200


def test_the_sources_are_the_modules_in_order_without_tests(flow, sources):
    files = flow.list_sources.func(str(sources), None)

    names = ["alpha.py", "beta/__init__.py", "beta/gamma.py"]
    assert files == [File(sources / name) for name in names]
    assert flow.list_sources.func(str(sources), 1) == files[:1]


def test_a_module_has_the_name_it_is_imported_by(flow):
    assert flow.dotted(File("/lib/a.py"), "/lib") == "a"
    assert flow.dotted(File("/lib/a/__init__.py"), "/lib") == "a"
    assert flow.dotted(File("/lib/a/b/c.py"), "/lib") == "a.b.c"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", 1),
        ("if a: pass\n  elif b: pass\n  else: pass", 3),
        ("for x in y:\n   while x: pass", 3),
        ("return a and b and c or d", 4),
        ("return [x if x else y for x in y if x]", 3),
        ("try: pass\n  except A: pass\n  except B: pass", 3),
        ("match a:\n   case 1: pass\n   case _: pass", 3),
    ],
)
def test_complexity_counts_one_and_each_branch(flow, body, expected):
    [function] = ast.parse(f"def f():\n  {body}\n").body

    assert flow.complexity(function) == expected


def test_imports_are_packages_by_name(flow):
    text = """
        import os.path, sys as system
        from xml.dom import minidom
        from . import near
        from .near import x
        from __future__ import annotations
        def f(): import os
    """
    tree = ast.parse(re.sub("^ +", "", text, flags=re.MULTILINE))

    assert flow.imports(ast.walk(tree)) == ["os", "sys", "xml"]


def test_a_module_is_counted(flow, sources):
    assert flow.analyse.func("alpha", File(sources / "alpha.py")) == flow.Summary(
        name="alpha",
        modules=1,
        lines=6,
        functions=1,
        classes=0,
        complexity=3,
        peak=(3, "alpha.f"),
        imports=Counter(["os"]),
    )


def test_a_package_is_the_sum_of_its_modules(flow):
    one = flow.Summary("p.a", 1, 10, 2, 1, 5, (4, "p.a.f"), Counter(["os"]))
    two = flow.Summary("p.b", 1, 20, 1, 0, 7, (7, "p.b.g"), Counter(["os", "sys"]))

    summed = flow.summarise_package.func("p", [one, two])

    assert summed == flow.Summary("p", 2, 30, 3, 1, 12, (7, "p.b.g"), Counter({"os": 2, "sys": 1}))


def test_the_ranking_leaves_out_a_package_s_own_imports_and_ties_go_by_name(flow):
    one = flow.Summary("a", 1, 1, 0, 0, 0, (0, ""), Counter({"sys": 1, "a": 5}))
    two = flow.Summary("b", 1, 1, 0, 0, 0, (0, ""), Counter({"os": 1, "a": 2}))

    assert flow.most_depended_on.func([one, two]) == [("a", 2), ("os", 1), ("sys", 1)]
    assert flow.most_depended_on.func([one, two], top=1) == [("a", 2)]


def test_the_page_stands_alone_even_when_there_is_nothing_to_show(flow, tmp_path):
    nothing = flow.Summary("a", 1, 0, 0, 0, 0, (0, ""), Counter())
    much = flow.Summary("b<c>", 1, 1200, 5, 0, 10, (4, "b.<lambda>"), Counter(["os"]))

    for packages in ([], [nothing], [nothing, much]):
        file = flow.report.func(packages, [("os", 1)], str(tmp_path / "page.html"))
        text = file.read_text()
        assert text.count("<svg ") == 4
        assert not re.search(r"<script|<link|<img|src=|href=|url\(|@import", text)
    assert "b&lt;c&gt;" in text
    assert "1,200" in text


# -- what runs ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_second_run_runs_nothing(project):
    page = (project / "stdlib_report.html").read_text()

    assert ran_in(project) == {}
    assert (project / "stdlib_report.html").read_text() == page


@pytest.mark.slow
@pytest.mark.parametrize("change", ["deleted", "overwritten"])
def test_a_lost_page_is_written_again_and_nothing_else_runs(project, change):
    page = project / "stdlib_report.html"
    text = page.read_text()
    if change == "deleted":
        page.unlink()
    else:
        page.write_text("something else")

    assert ran_in(project) == {"report": 1}
    assert page.read_text() == text
    assert ran_in(project) == {}


@pytest.mark.slow
def test_another_style_runs_the_report_alone(project):
    edit(project / "style.css", "1.9rem", "2.1rem")

    assert ran_in(project) == {"report": 1}
    assert "2.1rem" in (project / "stdlib_report.html").read_text()


@pytest.mark.slow
def test_a_changed_drawing_function_runs_the_report_alone(project):
    edit(project / "flow.py", "<h1>The standard library</h1>", "<h1>Batteries</h1>")

    assert ran_in(project) == {"report": 1}
    assert "<h1>Batteries</h1>" in (project / "stdlib_report.html").read_text()


@pytest.mark.slow
def test_a_changed_counting_function_runs_what_its_results_change(project):
    edit(project / "flow.py", "    return 1 + operands + sum(", "    return 2 + operands + sum(")

    assert ran_in(project) == {
        "analyse": 3,
        "summarise_package": 2,
        "most_depended_on": 1,
        "report": 1,
    }


@pytest.mark.slow
def test_a_counting_function_that_counts_the_same_runs_no_further(project):
    edit(project / "flow.py", "    return 1 + operands + sum(", "    return operands + 1 + sum(")

    assert ran_in(project) == {"analyse": 3}


@pytest.mark.slow
def test_comments_docstrings_and_annotations_run_nothing(project):
    edit(project / "flow.py", "(after McCabe).", "(McCabe's measure).")
    edit(project / "flow.py", "def package_of(name: str) -> str:", "def package_of(name):")
    edit(project / "flow.py", "  # the sum over its functions", "")

    assert ran_in(project) == {}


@pytest.mark.slow
def test_a_changed_source_runs_what_it_touches(project):
    edit(project / "sources" / "alpha.py", "    return 2\n", "    return 2\n\nX = 1\n")

    assert ran_in(project) == {
        "list_sources": 1,
        "survey": 1,
        "analyse": 1,
        "summarise_package": 1,
        "most_depended_on": 1,
        "report": 1,
    }


@pytest.mark.slow
def test_a_source_that_counts_the_same_runs_no_further_than_its_analysis(project):
    edit(project / "sources" / "alpha.py", "    return 2\n", "    return 3\n")

    assert ran_in(project) == {"list_sources": 1, "survey": 1, "analyse": 1}


@pytest.mark.slow
def test_it_is_a_script_as_well(project, tmp_path):
    # The whole library, once: what a newcomer starts first.
    done = subprocess.run([sys.executable, "flow.py"], cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert done.stdout == "stdlib_report.html\n"
    assert "<dt>modules</dt>" in (project / "stdlib_report.html").read_text()
