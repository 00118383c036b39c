"""What a type checker says of programs: nothing of those that are right, and of the others what is marked on each wrong line.

A mark is a comment with the code that mypy gives, a comma, and the rule that pyright names; where there are several, with spaces.
"""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PROGRAMS = sorted([*HERE.glob("right/*.py"), *HERE.glob("wrong/*.py")])
CHECKERS = ("mypy", "pyright")
# Read where they lie, installed or not.
SOURCES = [str(ROOT / "core"), *(str(path) for path in sorted(ROOT.glob("plugins/*/src")))]
MARK = re.compile(r"# wrong: ([\w\- ]+), ([\w ]+)$")

pytestmark = pytest.mark.slow


def run_mypy(folder):
    """Each complaint: file, line, code, text."""
    done = run("mypy", "--strict", "--python-version=3.11", "--output=json", "--config-file=", ".", folder=folder)
    found = [json.loads(line) for line in done.splitlines()]
    return [
        (Path(one["file"]).name, one["line"], one["code"], one["message"])
        for one in found
        if one["severity"] == "error" and (folder / one["file"]).parent == folder
    ]


def run_pyright(folder):
    """Each complaint: file, line, rule, text."""
    config = {"extraPaths": SOURCES, "pythonVersion": "3.11", "typeCheckingMode": "standard"}
    (folder / "pyrightconfig.json").write_text(json.dumps({**config, "reportUnusedExpression": False}))
    found = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, folder=folder))
    assert found["summary"]["filesAnalyzed"] == len(PROGRAMS)
    return [
        (Path(one["file"]).name, one["range"]["start"]["line"] + 1, one.get("rule", ""), one["message"])
        for one in found["generalDiagnostics"]
        if one["severity"] == "error"
    ]


def run(checker, *arguments, folder):
    """What the checker writes."""
    done = subprocess.run(
        [sys.executable, "-m", checker, *arguments],
        # pyright would ask the network whether there is a newer one.
        env={**os.environ, "MYPYPATH": os.pathsep.join(SOURCES), "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=CHECKERS)
def complaints(request, tmp_path_factory):
    """The checker's place among the marks, and all that it says of these programs."""
    checker = request.param
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: pip install --group types")
    folder = tmp_path_factory.mktemp(checker)
    for program in PROGRAMS:
        (folder / name_of(program)).write_bytes(program.read_bytes())
    return CHECKERS.index(checker), {"mypy": run_mypy, "pyright": run_pyright}[checker](folder)


def name_of(program):
    """Its file's name where it is checked: all are in one folder there."""
    return f"{program.parent.name}_{program.name}"


def marks(program, place):
    """Line -> the codes of which one must be given there."""
    found = {}
    for number, line in enumerate(program.read_text("utf-8").splitlines(), 1):
        if mark := MARK.search(line):
            found[number] = set(mark[place + 1].split())
    return found


def disagreements(program, place, said):
    """What is said and not marked, what is marked and not said."""
    wanted = marks(program, place)
    here = [(line, code, message) for name, line, code, message in said if name == name_of(program)]
    unmarked = [f"line {line}: {message} [{code}]" for line, code, message in here if code not in wanted.get(line, ())]
    unsaid = [f"line {line}: nothing was said" for line in wanted if line not in {at for at, _, _ in here}]
    return unmarked + unsaid


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_program_is_judged_as_its_marks_say(program, complaints):
    place, said = complaints

    assert disagreements(program, place, said) == []


def test_wrong_programs_are_marked_and_right_ones_are_not():
    for program in PROGRAMS:
        assert bool(marks(program, 0)) == (program.parent.name == "wrong"), program
        assert len(marks(program, 0)) == program.read_text("utf-8").count("# wrong:"), program


def test_every_name_that_is_imported_late_has_its_types():
    tree = ast.parse((ROOT / "core" / "alonzo" / "__init__.py").read_text("utf-8"))
    [choice] = [node for node in tree.body if isinstance(node, ast.If)]
    typed = imported(choice.body)
    eager = imported([node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level])
    [public] = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"]
    stub = ast.parse((ROOT / "core" / "alonzo" / "_form_types.pyi").read_text("utf-8"))

    assert set(ast.literal_eval(public)) - set().union(*eager.values()) == set().union(*typed.values())
    assert typed["_form_types"] <= {node.name for node in stub.body if isinstance(node, ast.FunctionDef)}


def imported(statements):
    """Module -> the names that are imported from it."""
    found = {}
    for node in statements:
        found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return found


def test_the_checks_can_fail(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("f(1)  # wrong: arg-type, reportArgumentType\nf(2)\n")

    assert disagreements(program, 0, [(name_of(program), 1, "arg-type", "no")]) == []
    assert disagreements(program, 1, [(name_of(program), 1, "arg-type", "no"), (name_of(program), 2, "x", "odd")]) == [
        "line 1: no [arg-type]",
        "line 2: odd [x]",
    ]
    assert disagreements(program, 0, []) == ["line 1: nothing was said"]
