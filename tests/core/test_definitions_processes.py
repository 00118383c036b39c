"""The same files have the same fingerprints, however the program is started and installed and by which Python."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "core"

PROBE = """
import json, sys, types

def take(function):
    package = types.ModuleType("alonzo")  # without the packages that the rest of it needs
    package.__path__ = [{core!r}]
    sys.modules["alonzo"] = package
    from alonzo._definitions import Definitions, namespace_of
    kinds = (list, tuple, dict, set, frozenset)
    definitions = Definitions(
        digest_value=lambda value: repr(value).encode() if type(value) in kinds else None,
        task_name=lambda value: None,
        root={root!r},
        task_modules=[function.__module__],
        warn=lambda message: said.append(message),
    )
    said = []
    name = namespace_of(function) + "." + function.__name__
    taken = definitions.fingerprint(function, name)
    print(json.dumps([name, taken.digest.hex(), taken.tree, taken.untracked, said]))
"""

FLOW = """
import enum
import os.path
import re
from collections import OrderedDict, namedtuple
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, lru_cache, partial, singledispatch, wraps
from pathlib import Path

import helpers_of_flow
from probe import take

from . import tables
from .tables import NAMES, Table

HERE = Path(__file__).parent
WORDS = frozenset({"a", "b", "c", "d"})
PATTERN = re.compile("a+")
Pair = namedtuple("Pair", "left right")
double = partial(lambda x, *, by: x * by, by=2)

class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"

@dataclass(frozen=True)
class Point:
    x: int
    y: "float" = 0.5
    tags: list = field(default_factory=list)

    @cached_property
    def size(self) -> float:
        return (self.x**2 + self.y**2) ** 0.5

POINT = Point(1)

def logged(function):
    @wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper

@contextmanager
def opened(name):
    yield name

@lru_cache(maxsize=None)
def cached(n): return cached(n - 1) if n else 0

@singledispatch
def show(x): return f"{x!r:>{10}} {x=}"

@show.register
def _(x: int): return f"{x:,}" "a" f'{"b"}'

@logged
def helper(kind, rest):
    match kind:
        case Pair(left=int() as n, right=[*_, last]) if n in {1, 2, 3, "x", "y"}:
            return n, last
        case {"a": 1, **others}:
            return others
    try:
        with opened(kind) as name, opened(rest):
            return {k: v for k, v in sorted(rest) if k not in {"p", "q", "r"}}
    except* ValueError as group:
        raise TypeError(group) from None
    finally:
        del name

def main(x):
    'Doc.'
    assert x, "no x"
    total = [helper(y, WORDS) for y in (x[1:], x[::2], -1, 1e10, 2j, b"\\xff", ...)]
    return total, Path(x), HERE, POINT, Colour.RED, double(3), cached(3), show(1), tables.LIMIT, NAMES, Table(
        os.path.join("a"), OrderedDict(), PATTERN, helpers_of_flow.one
    )

if __name__ == "__main__":
    take(main)
"""

FILES = {
    "pkg/__init__.py": "",
    "pkg/flow.py": FLOW,
    "pkg/tables.py": """
        LIMIT = 10**20
        NAMES = {"one": len, "two": lambda x: x}
        class Base:
            def f(self): return super().__repr__()
        class Table(Base):
            __slots__ = ("a",)
            kinds = {"k": Base.f}
            def __init__(self, *a): self.a = a
            def f(self): return [self.f for self.a in [lambda: self]]
    """,
    "helpers_of_flow.py": "def one(): return 1",
}


@pytest.fixture
def tree(tmp_path):
    """src/ has the program, probe/ what takes its fingerprint."""
    for name, text in FILES.items():
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    (tmp_path / "probe").mkdir()
    probe = PROBE.format(core=str(CORE / "alonzo"), root=str(tmp_path))
    (tmp_path / "probe" / "probe.py").write_text(probe)
    return tmp_path


def run(tree, *arguments, python=sys.executable, path="src", seed="0", cwd=None):
    folders = [str(tree / "probe"), *([str(tree / path)] if path else [])]
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "PYTHONPATH": os.pathsep.join(folders),
        "PYTHONHASHSEED": seed,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [python, *arguments],
        env=environment,
        cwd=cwd or tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


IMPORTED = ("-c", "from probe import take; from pkg.flow import main; take(main)")


def test_nothing_is_left_out_and_nothing_is_said(tree):
    name, _, names, untracked, said = run(tree, *IMPORTED)

    assert name == "pkg.flow.main"
    assert untracked == []
    assert said == []
    assert {"pkg.flow.helper", "pkg.flow._", "pkg.tables.Base", "helpers_of_flow.one"} < set(names)
    assert names["pathlib.Path"] == names["os.path.join"] == "name"


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_the_seed_of_hashes_does_not_matter(tree, seed):
    assert run(tree, *IMPORTED, seed=seed) == run(tree, *IMPORTED)


@pytest.mark.parametrize(
    "arguments",
    [("src/pkg/flow.py",), ("-m", "pkg.flow"), ("-O", *IMPORTED)],
    ids=["script", "module", "optimized"],
)
def test_the_way_the_program_is_started_does_not_matter(tree, arguments):
    if arguments == ("src/pkg/flow.py",):
        (tree / "src/pkg/flow.py").write_text(FLOW.replace("from .", "from pkg.").replace("pkg. ", "pkg "))
    assert run(tree, *arguments) == run(tree, *IMPORTED)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_version_of_python_does_not_matter(tree, version):
    python = interpreter(version)

    assert run(tree, *IMPORTED, python=python) == run(tree, *IMPORTED)


def test_installed_from_a_wheel_or_editable_it_is_the_same(tree):
    in_place = run(tree, *IMPORTED)
    site = tree / "lib" / "site-packages"
    shutil.copytree(tree / "src", site)
    information = site / "pkg_of_flow-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: pkg-of-flow\nVersion: 1.0\n")
    (information / "RECORD").write_text("\n".join(f"{name},," for name in FILES))
    editable = tree / "editable"
    editable.mkdir()
    (editable / "flow.pth").write_text(str(tree / "src"))
    through_pth = f"import site; site.addsitedir({str(editable)!r}); " + IMPORTED[1]

    assert run(tree, *IMPORTED, path="lib/site-packages") == in_place
    assert run(tree, "-c", through_pth, path=None) == in_place


def test_a_copy_elsewhere_is_the_same(tree):
    shutil.copytree(tree / "src", tree / "elsewhere" / "src")

    assert run(tree, *IMPORTED, path="elsewhere/src") == run(tree, *IMPORTED)


def test_a_function_given_with_c_counts_by_its_code(tree):
    def take(text):
        return run(tree, "-c", f"from probe import take\nexec({text!r})\ntake(main)")

    one, two = take("def main(): return 1"), take("def main(): return 2")

    assert one[0] == "__main__.main"
    assert one[1] != two[1]
    assert len(one[4]) == 1


def interpreter(version):
    found = shutil.which(f"python{version}")
    candidates = [
        found,
        *map(str, Path("~/.pyenv/versions").expanduser().glob(f"{version}.*/bin/python")),
    ]
    for candidate in candidates:
        if candidate and subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.skip(f"no Python {version} on this machine")
