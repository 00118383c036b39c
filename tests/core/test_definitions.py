"""What counts in the fingerprint of a task, and what does not: programs are changed."""

import importlib
import sys
import textwrap
import tomllib
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from alonzo._definitions import Definitions

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


DATA = Path(__file__).parent / "definitions_data"
SAME = tomllib.loads((DATA / "same.toml").read_text(encoding="utf-8"))
OTHER = tomllib.loads((DATA / "other.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", SAME)
def test_this_does_not_count(program, case):
    assert not changed(program, **SAME[case])


@pytest.mark.parametrize("case", OTHER)
def test_this_counts(program, case):
    assert changed(program, **OTHER[case])


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
        ("return sys.modules[name]", "looks modules up in sys.modules"),
        ("import sys as s\n    return s.modules[name]", "looks modules up in sys.modules"),
        ("return int.__subclasses__()", "looks classes up with __subclasses__()"),
        ("return type(name).__subclasses__()", "looks classes up with __subclasses__()"),
    ],
)
def test_what_cannot_be_resolved_is_listed(program, body, reason):
    program.write("helpers", "")
    program.write("flow", f"import helpers, sys\ndef f(x): return x\ndef main(name):\n    {body}")

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


def test_a_library_function_as_a_value_counts_by_its_name(program):
    assert program.definitions().of_function(textwrap.dedent).tree == {"textwrap.dedent": "name"}


def test_a_function_whose_assertions_pytest_rewrote_is_not_warned_about(program):
    def checked(x):
        assert x == 1

    first = program.definitions().of_function(checked)

    assert first.digest == program.definitions().of_function(checked).digest


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
