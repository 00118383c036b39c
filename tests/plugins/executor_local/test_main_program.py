"""Scripts, run as users run them: without a `__main__` guard, and with everything defined in the script itself."""

import os
import subprocess
import sys
import textwrap

import pytest

pytestmark = pytest.mark.slow

PREAMBLE = """
import os
from alonzo import Runtime, catch, run, task
with open("starts", "a", encoding="utf-8") as file:
    print("started", file=file)
"""


def output(tmp_path, program, *arguments):
    """What the script prints; it must end well, say nothing else, and have been run once."""
    (tmp_path / "flow.py").write_text(PREAMBLE + textwrap.dedent(program), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", *(arguments or ["flow.py"])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "starts").read_text(encoding="utf-8") == "started\n"
    return done.stdout.splitlines()


def test_a_script_without_a_main_guard_is_run_once_and_its_tasks_elsewhere(tmp_path):
    program = """
        @task
        def process():
            return os.getpid()
        print(run(process(), store="memory:", executor="processes", workers=2) != os.getpid())
    """

    assert output(tmp_path, program) == ["True"]


def test_functions_constants_and_other_tasks_of_the_script_are_there(tmp_path):
    program = """
        STEP = 2
        def less(n): return n - STEP
        @task
        def add(x, y): return x + y
        @task
        def fib(n): return n if n < 2 else add(fib(n - 1), fib(less(n)))
        print(run(fib(12), store="memory:", executor="processes", workers=2))
    """

    assert output(tmp_path, program) == ["144"]


def test_lazy_defaults_and_lazy_constants_of_the_script_are_there(tmp_path):
    program = """
        from alonzo import get_context
        @task
        def one(): return 1
        ONE = one()
        @task
        def add(x, y=get_context("y", 5), z=ONE + 1): return x + y + z
        @task
        def main(): return [add(ONE), add.context(y=10)(ONE), ONE]
        print(run(main(), store="memory:", executor="processes", workers=1))
    """

    assert output(tmp_path, program) == ["[8, 13, 1]"]


def test_instances_of_the_scripts_classes_make_the_round_trip(tmp_path):
    program = """
        import dataclasses, enum
        class Colour(enum.Enum):
            RED = 1
        @dataclasses.dataclass
        class Point:
            x: int
            colour: Colour
            def twice(self): return type(self)(2 * self.x, self.colour)
        class Strange(Exception): pass
        @task
        def make(x): return Point(x, Colour.RED)
        @task
        def twice(p): return p.twice()
        @task
        def label(p): return type(p).__name__
        @task
        def fail(p): raise Strange(p.x)
        with Runtime(store="memory:", executor="processes", workers=1) as runtime:
            point = runtime.run(twice(twice(make(3))))
            print(point, type(point) is Point, point.colour is Colour.RED)
            print(runtime.run(label(Point(1, Colour.RED))))
            print(runtime.run([label(twice(Point(1, Colour.RED)))]))
            try:
                runtime.run(fail(make(5)))
            except Strange as error:
                print("strange", error)
    """

    assert output(tmp_path, program) == [
        "Point(x=12, colour=<Colour.RED: 1>) True True",
        "Point",
        "['Point']",
        "strange 5",
    ]


def test_tasks_of_the_script_pass_as_values_between_workers(tmp_path):
    program = """
        @task
        def inc(n): return n + 1
        @task
        def dec(n): return n - 1
        @task
        def choose(up): return inc if up else dec
        @task
        def use(f, n): return f(n)
        with Runtime(store="memory:", executor="processes", workers=1) as runtime:
            print(runtime.run([use(choose(True), 1), use(choose(False), 1), use(inc.partial(), 4)]))
    """

    assert output(tmp_path, program) == ["[2, 0, 5]"]


def test_a_module_level_object_of_the_script_is_one_for_all_its_functions_in_a_worker(tmp_path):
    program = """
        SEEN = []
        def note(n): SEEN.append(n)
        @task
        def count(n):
            note(n)
            return sorted(SEEN) == sorted(set(SEEN)) and n in SEEN
        print(run([count(n) for n in range(5)], store="memory:", executor="processes", workers=1))
    """

    assert output(tmp_path, program) == ["[True, True, True, True, True]"]


WHERE = """
    @task
    def where(): return __name__, os.getpid()
    name, process = run(where(), store="memory:", executor="processes", workers=1)
    print(name, process != os.getpid())
"""


def test_a_module_started_with_dash_m(tmp_path):
    assert output(tmp_path, WHERE, "-m", "flow") == ["__main__ True"]


def test_code_given_on_the_command_line(tmp_path):
    # Its text is not known, and that is said in a warning.
    quiet = 'import warnings; warnings.simplefilter("ignore")'
    text = quiet + PREAMBLE + textwrap.dedent(WHERE)

    assert output(tmp_path, WHERE, "-c", text) == ["__main__ True"]


def test_a_worker_that_dies_is_an_error_that_a_workflow_can_catch(tmp_path):
    program = """
        from alonzo import WorkerLostError
        @task
        def die(): os._exit(3)
        @task
        def told(error): return type(error).__name__
        print(run(catch(die(), WorkerLostError, told), store="memory:", executor="processes", workers=1))
    """

    assert output(tmp_path, program) == ["WorkerLostError"]


def test_a_program_that_ends_without_closing_leaves_no_worker_and_no_complaint(tmp_path):
    program = """
        @task
        def process(): return os.getpid()
        runtime = Runtime(store="memory:", executor="processes", workers=2)
        print(runtime.run(process()))
    """
    (worker,) = output(tmp_path, program)

    with pytest.raises(ProcessLookupError):
        os.kill(int(worker), 0)
