"""What counts in the fingerprint of a task, and what does not: a program is changed, and so is its fingerprint or not."""

import importlib
import sys
import textwrap
from datetime import date
from fractions import Fraction

import pytest

from alonzo._definitions import Definitions, module_name_of_path, namespace_of

DIGESTIBLE = (list, tuple, dict, set, frozenset, date, Fraction)

STUB = """
class Task:
    def __init__(self, func):
        self.func = func
        self.full_name = f"{func.__module__}.{func.__name__}"

def task(func=None, **options):
    return Task(func) if func is not None else Task

task.__module__ = "alonzo"
"""


def digest_value(value):
    return repr(value).encode() if type(value) in DIGESTIBLE else None


def task_name(value):
    return value.full_name if type(value).__name__ == "Task" else None


class Program:
    """Modules in a folder, imported afresh whenever a fingerprint is taken."""

    def __init__(self, folder):
        self.folder = folder
        self.warnings = []
        self.write("stub", STUB)

    def write(self, name, text):
        path = self.folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def load(self, name="flow"):
        for module_name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None)).startswith(str(self.folder)):
                del sys.modules[module_name]
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def definitions(self, **options):
        options = {"root": str(self.folder), "warn": self.warnings.append, **options}
        return Definitions(digest_value=digest_value, task_name=task_name, **options)

    def take(self, name="main", module="flow", version=None, depends_on=(), **options):
        function = getattr(self.load(module), name)
        function = getattr(function, "func", function)
        return self.definitions(**options).fingerprint(
            function, f"{module}.{name}", version=version, depends_on=depends_on
        )


@pytest.fixture
def program(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    program = Program(tmp_path)
    yield program
    assert program.warnings == []
    for name in [
        name for name, module in sys.modules.items() if str(getattr(module, "__file__", None)).startswith(str(tmp_path))
    ]:
        del sys.modules[name]


def changed(program, before, after, module="flow", **options):
    program.write(module, before)
    first = program.take(**options)
    program.write(module, after)
    return first.digest != program.take(**options).digest


HELPER = """
from helpers import helper

def main(x):
    return helper(x)
"""

# One line of text each: what is written first, what is written then.
SAME = {
    "a comment": ("def main(x):\n    return x", "def main(x):\n    # why\n    return x"),
    "layout": ("def main(x):\n    return (x, 1)", "\n\ndef main( x ) :\n\n  return (\n   x,1)"),
    "a docstring": ("def main(x):\n    return x", "def main(x):\n    'Doc.'\n    return x"),
    "annotations": (
        "def main(x, *y, z=1): return x",
        "def main(x: int, *y: str, z: 'A' = 1) -> int: return x",
    ),
    "an annotation of a local": (
        "def main():\n y = 1\n return y",
        "def main():\n y: int = 1\n return y",
    ),
    "the task's own default": ("def main(x=1): return x", "def main(x=2): return x"),
    "a name in its own default": (
        "A = 1\ndef main(x=A): return x",
        "A = 2\ndef main(x=A): return x",
    ),
    "what is not reached": (
        "def main(): return 1\ndef other(): return 1",
        "def main(): return 1\ndef other(): return 2",
    ),
    "options of the task": (
        "from stub import task\n@task\ndef main(): return 1",
        "from stub import task\n@task(executor='threads')\ndef main(): return 1",
    ),
    "kinds of quotes": ("def main(): return 'a' 'b'", 'def main(): return "ab"'),
    "another task's code": (
        "from stub import task\n@task\ndef part(): return 1\ndef main(): return part()",
        "from stub import task\n@task\ndef part(): return 2\ndef main(): return part()",
    ),
    "the docstring of a class": (
        "class A: pass\ndef main(): return A()",
        "class A: 'Doc'\ndef main(): return A()",
    ),
    "an annotation of a method": (
        "class A:\n def f(self, x): return x\ndef main(): return A()",
        "class A:\n def f(self, x: int) -> int: return x\ndef main(): return A()",
    ),
    "a computed default of the task": (
        "def main(x=len('a')): return x",
        "def main(x=len('ab')): return x",
    ),
}

OTHER = {
    "the body": ("def main(x): return x + 1", "def main(x): return x + 2"),
    "a number's type": ("def main(x): return 1", "def main(x): return 1.0"),
    "true for one": ("def main(x): return 1", "def main(x): return True"),
    "the name of a parameter": ("def main(x): return 1", "def main(y): return 1"),
    "a helper": (
        "def f(): return 1\ndef main(): return f()",
        "def f(): return 2\ndef main(): return f()",
    ),
    "a helper's helper": (
        "def g(): return 1\ndef f(): return g()\ndef main(): return f()",
        "def g(): return 2\ndef f(): return g()\ndef main(): return f()",
    ),
    "a helper's default": (
        "def f(x=1): return x\ndef main(): return f()",
        "def f(x=2): return x\ndef main(): return f()",
    ),
    "a helper's computed default": (
        "A = 1\ndef f(x=A): return x\nA = 0\ndef main(): return f()",
        "A = 2\ndef f(x=A): return x\nA = 0\ndef main(): return f()",
    ),
    "a helper's keyword default": (
        "def f(*, x=1): return x\ndef main(): return f()",
        "def f(*, x=2): return x\ndef main(): return f()",
    ),
    "a helper in a nested function": (
        "def f(): return 1\ndef main():\n def g(): return [f() for _ in 'a']\n return g()",
        "def f(): return 2\ndef main():\n def g(): return [f() for _ in 'a']\n return g()",
    ),
    "a helper in a lambda": (
        "def f(): return 1\ndef main(): return lambda: f()",
        "def f(): return 2\ndef main(): return lambda: f()",
    ),
    "mutual recursion": (
        "def f(n): return g(n)\ndef g(n): return n and f(n - 1)\ndef main(): return f(1)",
        "def f(n): return g(n)\ndef g(n): return n and f(n - 2)\ndef main(): return f(1)",
    ),
    "a constant": ("A = 1\ndef main(): return A", "A = 2\ndef main(): return A"),
    "a constant made by code": (
        "A = sum([1])\ndef main(): return A",
        "A = sum([2])\ndef main(): return A",
    ),
    "a global beside a local of the same name elsewhere": (
        "A = 1\ndef main():\n def f():\n  A = 3\n  return A\n return A",
        "A = 2\ndef main():\n def f():\n  A = 3\n  return A\n return A",
    ),
    "a constant without a digest": (
        "A = object() if 1 else 1\ndef main(): return A",
        "A = object() if 1 else 2\ndef main(): return A",
    ),
    "what makes a constant without a digest": (
        "def make():\n _ = 1\n return object()\nA = make()\ndef main(): return A",
        "def make():\n _ = 2\n return object()\nA = make()\ndef main(): return A",
    ),
    "what builds a constant up": (
        "A = object()\nB = [A]\nB.append(1)\ndef main(): return B",
        "A = object()\nB = [A]\nB.append(2)\ndef main(): return B",
    ),
    "a decorator": (
        "def d(f):\n def w(): return f()\n return w\n@d\ndef f(): return 1\ndef main(): return f()",
        "def d(f):\n def w(): return -f()\n return w\n@d\ndef f(): return 1\ndef main(): return f()",
    ),
    "a decorated helper": (
        "def d(f):\n def w(): return f()\n return w\n@d\ndef f(): return 1\ndef main(): return f()",
        "def d(f):\n def w(): return f()\n return w\n@d\ndef f(): return 2\ndef main(): return f()",
    ),
    "an argument of a decorator": (
        "def d(n):\n return lambda f: lambda: f() + n\n@d(1)\ndef f(): return 1\ndef main(): return f()",
        "def d(n):\n return lambda f: lambda: f() + n\n@d(2)\ndef f(): return 1\ndef main(): return f()",
    ),
    "a decorator below @task": (
        "from stub import task\nfrom functools import wraps\ndef d(f):\n @wraps(f)\n def w(): return f()\n return w\n@task\n@d\ndef main(): return 1",
        "from stub import task\nfrom functools import wraps\ndef d(f):\n @wraps(f)\n def w(): return -f()\n return w\n@task\n@d\ndef main(): return 1",
    ),
    "what a library's decorator decorates": (
        "from contextlib import contextmanager\n@contextmanager\ndef f(): yield 1\ndef main(): return f()",
        "from contextlib import contextmanager\n@contextmanager\ndef f(): yield 2\ndef main(): return f()",
    ),
    "a cached helper": (
        "from functools import lru_cache\n@lru_cache\ndef f(): return 1\ndef main(): return f()",
        "from functools import lru_cache\n@lru_cache\ndef f(): return 2\ndef main(): return f()",
    ),
    "the function of a partial": (
        "from functools import partial\ndef f(x): return x\ng = partial(f, 1)\ndef main(): return g()",
        "from functools import partial\ndef f(x): return -x\ng = partial(f, 1)\ndef main(): return g()",
    ),
    "the argument of a partial": (
        "from functools import partial\ndef f(x): return x\ng = partial(f, 1)\ndef main(): return g()",
        "from functools import partial\ndef f(x): return x\ng = partial(f, 2)\ndef main(): return g()",
    ),
    "a case of a single dispatch": (
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n@f.register(int)\ndef _(x): return 1\ndef main(): return f(1)",
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 0\n@f.register(int)\ndef _(x): return 2\ndef main(): return f(1)",
    ),
    "a function in a dict": (
        "def f(): return 1\nT = {'f': f}\ndef main(k): return T[k]()",
        "def f(): return 2\nT = {'f': f}\ndef main(k): return T[k]()",
    ),
    "a lambda in a list": (
        "T = [lambda: 1]\ndef main(k): return T[k]()",
        "T = [lambda: 2]\ndef main(k): return T[k]()",
    ),
    "the first of two lambdas on a line": (
        "f, g = lambda x: x * 1, lambda x: x * 3\ndef main(): return f(1)",
        "f, g = lambda x: x * 2, lambda x: x * 3\ndef main(): return f(1)",
    ),
    "a closure's value": (
        "def make(n):\n def f(): return n\n return f\nf = make(1)\ndef main(): return f()",
        "def make(n):\n def f(): return n\n return f\nf = make(2)\ndef main(): return f()",
    ),
    "a method": (
        "class A:\n def f(self): return 1\ndef main(): return A().f()",
        "class A:\n def f(self): return 2\ndef main(): return A().f()",
    ),
    "a method of a base": (
        "class B:\n def f(self): return 1\nclass A(B): pass\ndef main(): return A().f()",
        "class B:\n def f(self): return 2\nclass A(B): pass\ndef main(): return A().f()",
    ),
    "a method of the class of an instance": (
        "class A:\n def f(self): return 1\na = A()\ndef main(): return a.f()",
        "class A:\n def f(self): return 2\na = A()\ndef main(): return a.f()",
    ),
    "a property": (
        "class A:\n @property\n def f(self): return 1\ndef main(): return A().f",
        "class A:\n @property\n def f(self): return 2\ndef main(): return A().f",
    ),
    "what a method reaches": (
        "def g(): return 1\nclass A:\n @staticmethod\n def f(): return g()\ndef main(): return A.f()",
        "def g(): return 2\nclass A:\n @staticmethod\n def f(): return g()\ndef main(): return A.f()",
    ),
    "a metaclass": (
        "class M(type):\n def f(cls): return 1\nclass A(metaclass=M): pass\ndef main(): return A.f()",
        "class M(type):\n def f(cls): return 2\nclass A(metaclass=M): pass\ndef main(): return A.f()",
    ),
    "a constant of a class": (
        "class A:\n n = 1\ndef main(): return A.n",
        "class A:\n n = 2\ndef main(): return A.n",
    ),
    "a field of a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n n: int = 1\ndef main(): return A()",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n n: int = 2\ndef main(): return A()",
    ),
    "an option of a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n n: int = 1\ndef main(): return A()",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass A:\n n: int = 1\ndef main(): return A()",
    ),
    "a value in a dataclass instance": (
        "from dataclasses import dataclass\n@dataclass\nclass A:\n n: int\na = A(1)\ndef main(): return a",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n n: int\na = A(2)\ndef main(): return a",
    ),
    "a field of a named tuple": (
        "from collections import namedtuple\nA = namedtuple('A', 'x')\ndef main(): return A",
        "from collections import namedtuple\nA = namedtuple('A', 'y')\ndef main(): return A",
    ),
    "a field of a class made by a call": (
        "from dataclasses import make_dataclass\nA = make_dataclass('A', ['x'])\ndef main(): return A",
        "from dataclasses import make_dataclass\nA = make_dataclass('A', ['y'])\ndef main(): return A",
    ),
    "an argument of a library's maker of functions": (
        "from asyncio import to_thread\nfrom operator import itemgetter\nf = itemgetter(1)\ndef main(): return f",
        "from asyncio import to_thread\nfrom operator import itemgetter\nf = itemgetter(2)\ndef main(): return f",
    ),
    "a slotted dataclass's method": (
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n n: int\n def f(self): return __class__, 1\ndef main(): return A(1)",
        "from dataclasses import dataclass\n@dataclass(slots=True)\nclass A:\n n: int\n def f(self): return __class__, 2\ndef main(): return A(1)",
    ),
    "a validator of an attrs class": (
        "import attrs\n@attrs.define\nclass A:\n n: int = attrs.field()\n @n.validator\n def v(self, a, x): return 1\ndef main(): return A(1)",
        "import attrs\n@attrs.define\nclass A:\n n: int = attrs.field()\n @n.validator\n def v(self, a, x): return 2\ndef main(): return A(1)",
    ),
    "a class inside a function": (
        "def make():\n class A:\n  def f(self): return 1\n return A\nA = make()\ndef main(): return A()",
        "def make():\n class A:\n  def f(self): return 2\n return A\nA = make()\ndef main(): return A()",
    ),
    "a function put into a class later": (
        "class A: pass\ndef f(self): return 1\nA.f = f\ndef main(): return A().f()",
        "class A: pass\ndef f(self): return 2\nA.f = f\ndef main(): return A().f()",
    ),
    "a bound method": (
        "class A:\n def __init__(self, n): self.n = n\n def f(self): return 1\nf = A(1).f\ndef main(): return f()",
        "class A:\n def __init__(self, n): self.n = n\n def f(self): return 1\nf = A(2).f\ndef main(): return f()",
    ),
    "what is defined on one branch": (
        "if len('a'):\n def f(): return 1\nelse:\n def f(): return 0\ndef main(): return f()",
        "if len('a'):\n def f(): return 2\nelse:\n def f(): return 0\ndef main(): return f()",
    ),
    "a default in a loop": (
        "fs = []\nfor i in range(2):\n fs.append(lambda x, i=i: i)\ndef main(): return fs",
        "fs = []\nfor i in range(3):\n fs.append(lambda x, i=i: i)\ndef main(): return fs",
    ),
    "an asynchronous helper": (
        "async def f(): return 1\nasync def main(): return await f()",
        "async def f(): return 2\nasync def main(): return await f()",
    ),
    "a member of an enum": (
        "from enum import Enum\nA = Enum('A', 'X')\ndef main(): return A",
        "from enum import Enum\nA = Enum('A', 'X Y')\ndef main(): return A",
    ),
    "a library's function of the same local name": (
        "from json import dumps as f\ndef main(): return f(1)",
        "from marshal import dumps as f\ndef main(): return f(1)",
    ),
    "a library's module of the same local name": (
        "import json as m\ndef main(): return m.dumps(1)",
        "import marshal as m\ndef main(): return m.dumps(1)",
    ),
    "another task of the same local name": (
        "from stub import task\n@task\ndef a(): return 1\n@task\ndef b(): return 1\np = a\ndef main(): return p()",
        "from stub import task\n@task\ndef a(): return 1\n@task\ndef b(): return 1\np = b\ndef main(): return p()",
    ),
    "a builtin that is shadowed": (
        "def main(): return len('')",
        "def len(x): return 0\ndef main(): return len('')",
    ),
    "an import inside the function": (
        "def main():\n from json import dumps\n return dumps",
        "def main():\n from marshal import dumps\n return dumps",
    ),
    "a frozen set": ("def main(x): return x in {1, 2}", "def main(x): return x in {1, 3}"),
    "the text of an f-string": ("def main(x): return f'a{x}'", "def main(x): return f'b{x}'"),
    "the format in an f-string": (
        "def main(x): return f'{x:>2}'",
        "def main(x): return f'{x:>3}'",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_this_does_not_count(program, case):
    assert not changed(program, *SAME[case])


@pytest.mark.parametrize("case", OTHER)
def test_this_counts(program, case):
    assert changed(program, *OTHER[case])


def test_the_second_of_two_lambdas_on_a_line_does_not_count_for_the_first(program):
    assert not changed(
        program,
        "f, g = lambda x: x * 1, lambda x: x * 3\ndef main(): return f(1)",
        "f, g = lambda x: x * 1, lambda x: x * 4\ndef main(): return f(1)",
    )


def test_a_helper_reached_through_a_module_counts(program):
    program.write("flow", "import helpers\ndef main(): return helpers.f()")

    assert changed(program, "def f(): return 1", "def f(): return 2", module="helpers")


def test_a_helper_imported_inside_the_function_counts_before_and_after_it_is_loaded(program):
    program.write("flow", "def main():\n    from helpers import f\n    return f()")

    assert changed(program, "def f(): return 1", "def f(): return 2", module="helpers")


def test_a_helper_imported_relatively_inside_a_function_counts(program):
    program.write("pkg.__init__", "")
    program.write("pkg.flow", "def main():\n    from .helpers import f\n    return f()")

    program.write("pkg.helpers", "def f(): return 1")
    first = program.take(module="pkg.flow")
    program.write("pkg.helpers", "def f(): return 2")

    assert program.take(module="pkg.flow").digest != first.digest


def test_a_constant_imported_from_another_module_counts_under_its_own_name(program):
    program.write("config", "SIZE = 3")
    program.write("flow", "from config import SIZE\ndef main(): return SIZE")

    assert "config.SIZE" in program.take().tree


def test_an_import_repointed_at_an_equal_function_of_another_module_counts(program):
    program.write("one", "def f(): return 1")
    program.write("two", "def f(): return 1")

    assert changed(
        program,
        "from one import f\ndef main(): return f()",
        "from two import f\ndef main(): return f()",
    )


def test_a_library_counts_by_name_and_its_version_only_when_asked(program):
    program.write("flow", "import pluggy\ndef main(): return pluggy.HookspecMarker")
    plain, tracked = program.take(), program.take(track_distributions=["pluggy"])

    assert plain.tree["pluggy.HookspecMarker"] == "name"
    assert plain.digest != tracked.digest


def test_the_full_name_counts(program):
    program.write("flow", "def main(): return 1")
    function = program.load().main
    definitions = program.definitions()

    assert definitions.fingerprint(function, "a.main") != definitions.fingerprint(function, "b.main")


def test_a_version_replaces_the_code_and_not_the_name(program):
    program.write("flow", "def main(): return 1\ndef other(): return 1")
    first, other = program.take(version="1"), program.take("other", version="1")
    program.write("flow", "def main(): return 2")

    assert program.take(version="1").digest == first.digest
    assert program.take(version="2").digest != first.digest
    assert other.digest != first.digest


def test_what_a_task_depends_on_by_declaration_counts(program):
    program.write("flow", "def main(): return 1\ndef f(): return 1\ndef g(): return 2")
    flow = program.load()
    digests = {
        program.definitions().fingerprint(flow.main, "flow.main", depends_on=things).digest
        for things in ((), (flow.f,), (flow.g,), (1,), (2,), (flow.f, flow.g), ([1],))
    }

    assert len(digests) == 7


@pytest.mark.parametrize(
    ("state", "body"),
    [
        ("count = 0", "global count\n    count += 1"),
        ("count = {}", "count['a'] = 1"),
        ("count = []", "count.append(1)"),
        ("import types\ncount = types.SimpleNamespace()", "count.n = 1"),
        ("import itertools\ncount = itertools.count()", "next(count)"),
        ("count = {'a': [1]}", "count['a'].append(2)"),
    ],
)
def test_state_of_a_module_is_listed_and_not_digested(program, state, body):
    program.write("flow", f"{state}\ndef main():\n    {body}\n    return count")
    flow = program.load()
    definitions = program.definitions()
    before = definitions.fingerprint(flow.main, "flow.main")
    flow.main()
    definitions.refresh()
    after = definitions.fingerprint(flow.main, "flow.main")

    assert before == after
    assert before.untracked == ("flow.count: changed by flow.main",)


def test_a_registry_that_is_filled_while_the_module_is_imported_is_no_state(program):
    text = """
    HANDLERS = {{}}
    def register(f):
        HANDLERS[f.__name__] = f
        return f
    @register
    def a(): return {}
    def main(k): return HANDLERS[k]()
    """

    assert changed(program, textwrap.dedent(text).format(1), textwrap.dedent(text).format(2))
    assert program.take().untracked == ()


def test_loggers_and_locks_count_by_name(program):
    program.write(
        "flow",
        """
        import logging, threading
        log = logging.getLogger(__name__)
        lock = threading.Lock()
        def main():
            with lock:
                log.info("x")
        """,
    )
    first = program.take()

    assert first.tree["logging.Logger"] == "name"
    assert first.untracked == ()
    assert program.take().digest == first.digest


@pytest.mark.parametrize("here", ["Path(__file__).parent", "str(Path(__file__).parent / 'data')", "[Path(__file__)]"])
def test_paths_in_the_project_count_relative_to_it(tmp_path, monkeypatch, here):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    digests = set()
    for name in ("one", "two"):
        with monkeypatch.context() as patch:
            (tmp_path / name).mkdir()
            patch.syspath_prepend(str(tmp_path / name))
            program = Program(tmp_path / name)
            program.write(
                "flow",
                f"from pathlib import Path\nHERE = {here}\ndef main(): return HERE, __file__, __name__",
            )
            digests.add(program.take().digest)
            sys.modules.pop("flow")

    assert len(digests) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return globals()[name]", "looks names up in globals()"),
        ("return eval(name)", "runs text with eval()"),
        ("return getattr(helpers, name)", "takes names from helpers by getattr()"),
        ("return f(helpers)", "uses the module helpers as a value"),
        ("return nowhere(name)", "nowhere is not defined"),
    ],
)
def test_what_cannot_be_resolved_is_listed(program, body, reason):
    program.write("helpers", "")
    program.write("flow", f"import helpers\ndef f(x): return x\ndef main(name):\n    {body}")

    assert f"flow.main: {reason}" in program.take().untracked


def test_getattr_with_a_constant_name_is_an_attribute(program):
    program.write("flow", "import helpers\ndef main(): return getattr(helpers, 'f')()")

    assert changed(program, "def f(): return 1", "def f(): return 2", module="helpers")
    assert program.take().untracked == ()


def test_the_tree_names_what_counts(program):
    program.write("helpers", "def helper(x): return abs(x)\ndef unused(): pass")
    program.write(
        "flow",
        """
        import json
        from helpers import helper
        from stub import task
        SIZE = 3
        @task
        def part(x): return x
        @task
        def main(x): return part(helper(SIZE)), json.dumps(x)
        """,
    )
    tree = program.take().tree

    assert set(tree) == {"flow.main", "flow.SIZE", "helpers.helper", "flow.part", "json.dumps"}
    assert (tree["flow.part"], tree["json.dumps"]) == ("task", "name")


def test_the_digest_of_a_cycle_does_not_depend_on_where_it_is_entered(program):
    program.write(
        "flow",
        """
        def a(n): return b(n)
        def b(n): return c(n)
        def c(n): return n and a(n - 1)
        """,
    )
    trees = [program.take(name).tree for name in "abc"]
    flow = program.load()
    definitions = program.definitions()
    together = [definitions.of_function(getattr(flow, name)).tree for name in "abc"]

    assert together[0] == together[1] == together[2]
    assert trees[0]["flow.b"] == trees[2]["flow.b"] == together[0]["flow.b"]


def test_a_chain_of_five_thousand_helpers_does_not_recurse(program):
    lines = [f"def f{n}(): return f{n + 1}()" for n in range(5000)]
    program.write("flow", "\n".join([*lines, "def f5000(): return 1", "def main(): return f0()"]))

    assert len(program.take().tree) == 5002


def test_functions_as_values_differ_by_what_they_captured(program):
    program.write(
        "flow",
        "def make(n): return lambda x, m=n: x + n\none, also_one, two = make(1), make(1), make(2)",
    )
    flow = program.load()
    one, also_one, two = map(program.definitions().of_function, (flow.one, flow.also_one, flow.two))

    assert one.digest == also_one.digest
    assert one.digest != two.digest


def test_the_class_of_an_instance_has_a_fingerprint_that_follows_its_methods(program):
    digests = set()
    for number in (1, 2):
        program.write("flow", f"class A:\n    def f(self): return {number}")
        digests.add(program.definitions().of_class(program.load().A).digest)

    assert len(digests) == 2
    assert program.definitions().of_class(Fraction) is None


def test_a_module_edited_while_its_old_code_runs_keeps_its_fingerprint_until_it_is_reloaded(
    program,
):
    path = program.write("flow", "A = object()\ndef f(): return 1\ndef main(): return f(), A")
    flow = program.load()
    definitions = program.definitions()
    before = definitions.fingerprint(flow.main, "flow.main")
    path.write_text("A = object() or 1\ndef f(): return 22\ndef main(): return f(), A")
    definitions.refresh()
    edited = definitions.fingerprint(flow.main, "flow.main")
    importlib.reload(flow)
    definitions.refresh()
    reloaded = definitions.fingerprint(flow.main, "flow.main")

    assert edited == before
    assert reloaded.digest != before.digest
    assert reloaded.digest == program.take().digest


def test_the_code_counts_when_the_text_had_changed_before_it_was_first_seen(program):
    path = program.write("flow", "def f(): return 1\ndef main(): return f()")
    flow = program.load()
    path.write_text("def f(): return 2\ndef main(): return f()")
    definitions = program.definitions()
    old_code = definitions.fingerprint(flow.main, "flow.main")
    warned = list(program.warnings)
    program.warnings.clear()

    assert old_code.digest != program.take().digest
    assert [line for line in warned if "flow.f is not that of the code that runs" in line] == warned != []


def test_lines_that_moved_do_not_make_the_text_another(program):
    path = program.write("flow", "def main(): return 1")
    before = program.take()
    flow = program.load()
    path.write_text("# a comment\n\ndef other(): pass\n\ndef main(): return 1")

    assert program.definitions().fingerprint(flow.main, "flow.main").digest == before.digest


def test_code_without_text_counts_as_code_and_this_is_said_once(program):
    def take(text):
        namespace = {"__name__": "__main__"}
        exec(text, namespace)
        return definitions.fingerprint(namespace["main"], "__main__.main").digest

    definitions = program.definitions()
    text = "A = {}\ndef f(x={}): return x in {{'a', {}}}\ndef main():\n    {}\n    return f(A)"
    first = take(text.format(1, 1, 1, "'Doc.'"))
    same = [take(text.format(1, 1, 1, "'Doc.'")), take(text.format(1, 1, 1, "'Other.'"))]
    others = [take(text.format(*values, "'Doc.'")) for values in ((2, 1, 1), (1, 2, 1), (1, 1, 2))]
    warned = list(program.warnings)
    program.warnings.clear()

    assert same == [first, first]
    assert len({first, *others}) == 4
    assert sorted(line.split()[3] for line in warned) == ["__main__.f", "__main__.main"]


def test_a_cell_of_a_notebook_that_is_run_again_counts_by_its_new_text(program):
    import linecache

    def run(cell, text):
        name = f"<cell {cell}>"
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        exec(compile(text, name, "exec"), namespace)
        definitions.refresh()
        return definitions.fingerprint(namespace["main"], "__main__.main").digest

    namespace = {"__name__": "__main__"}
    definitions = program.definitions()
    first = run(1, "def f(): return 1\ndef main(): return f()")
    changed_helper = run(3, "def f(): return 2")
    commented = run(4, "# again\ndef f():\n    return 2")
    back = run(5, "def f(): return 1")

    assert first == back != changed_helper == commented


def test_a_value_may_ask_for_fingerprints_while_it_is_digested(program):
    program.write(
        "flow",
        """
        class Holder:
            def __init__(self, f): self.f = f
        def f(): return main, 1
        holder = Holder(f)
        def main(): return holder
        """,
    )

    def take():
        def digest(value):
            return definitions.of_function(value.f).digest if type(value).__name__ == "Holder" else None

        definitions = Definitions(digest_value=digest, task_name=task_name)
        return definitions.fingerprint(program.load().main, "flow.main")

    first = take()
    program.write("flow", (program.folder / "flow.py").read_text().replace("main, 1", "main, 2"))

    assert {"flow.f", "flow.holder", "flow.Holder"} < set(first.tree)
    assert take().digest != first.digest


def test_files_are_parsed_once_as_long_as_they_do_not_change(program, monkeypatch):
    import ast

    program.write("flow", "def main(): return 1\ndef other(): return 2")
    flow = program.load()
    definitions = program.definitions()
    parsed = []
    parse = ast.parse
    monkeypatch.setattr(ast, "parse", lambda *args: parsed.append(1) or parse(*args))
    for _ in range(3):
        definitions.refresh()
        definitions.fingerprint(flow.main, "flow.main")
        definitions.fingerprint(flow.other, "flow.other")

    assert len(parsed) == 1


def test_a_module_is_named_as_it_would_be_imported(program):
    program.write("pkg.__init__", "")
    program.write("pkg.sub.__init__", "")
    path = program.write("pkg.sub.flow", "def main(): return 1")

    assert module_name_of_path(path) == "pkg.sub.flow"
    assert module_name_of_path(path.parent / "__init__.py") == "pkg.sub"
    assert module_name_of_path(program.write("alone", "")) == "alone"


def test_the_namespace_of_a_decorated_function_is_where_it_was_written(program):
    program.write(
        "deco",
        "from functools import wraps\ndef d(f):\n @wraps(f)\n def w(): return f()\n return w",
    )
    program.write("flow", "from deco import d\n@d\ndef main(): return 1")

    assert namespace_of(program.load().main) == "flow"
