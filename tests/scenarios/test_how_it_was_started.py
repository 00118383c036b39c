"""One workflow, however the program was started: the same full names, the same results."""

import shutil

import pytest
from crash_project import Project

pytestmark = pytest.mark.slow

FLOW = """\
import sys
from alonzo import run, task
from effects import effect

class Point:
    def __init__(self, x):
        self.x = x

@task
def start(n):
    effect("begin", "start")
    return Point(n)

@task
def double(point):
    effect("begin", "double")
    return point.x * 2

@task
def main(n: int = 21):
    return double(start(n))

if __name__ == "__main__":
    print(run(main(), store="sqlite:runs.db", executor=sys.argv[1] if sys.argv[1:] else None))
"""
WAYS = {
    "python flow.py": ["flow.py"],
    "on processes": ["flow.py", "processes"],
    "in process": ["flow.py", "inprocess"],
    "python -m flow": ["-m", "flow"],
    "alonzo run": ["-m", "alonzo_cli", "run", "flow.py", "main", "--store", "sqlite:runs.db"],
    "alonzo run module": ["-m", "alonzo_cli", "run", "flow", "main", "--store", "sqlite:runs.db"],
    "imported": ["-c", "import flow; from alonzo import run; print(run(flow.main(), store='sqlite:runs.db'))"],
    "alonzo run on processes": [
        *["-m", "alonzo_cli", "run", "./flow.py", "main", "--store", "sqlite:runs.db", "--executor", "processes"]
    ],
}
NAMES = [("flow.double",), ("flow.main",), ("flow.start",)]


PLAIN = "python flow.py"


@pytest.mark.parametrize("way", [PLAIN, "on processes", "alonzo run"])
def test_what_one_way_has_computed_is_recalled_in_every_other(tmp_path, way):
    with Project(tmp_path, FLOW) as project:
        assert project.run(*WAYS[way])[0].strip() == "42"
        assert project.names("begin") == ["double", "start"]
        assert project.rows("SELECT DISTINCT name FROM tasks ORDER BY name") == NAMES

        for number, other in enumerate(WAYS.values(), 1):
            assert project.run(*other, turn=number)[0].strip() == "42"
            assert project.names("begin", turn=number) == [], other
        assert project.rows("SELECT DISTINCT name FROM tasks ORDER BY name") == NAMES


@pytest.mark.parametrize("way", [PLAIN, "imported"])
def test_inside_a_changed_root_too(tmp_path, way):
    """The root's result is not there: the point that `start` made is decoded by another program than its maker."""
    with Project(tmp_path, FLOW) as project:
        project.run(*WAYS[way])
        project.write(FLOW.replace("point.x * 2", "point.x * 3"))

        for number, other in enumerate(WAYS.values(), 1):
            assert project.run(*other, turn=number)[0].strip() == "63"
            assert project.names("begin", turn=number) == (["double"] if number == 1 else []), other


def test_a_package_in_place_and_from_another_directory_share_results(tmp_path):
    with Project(tmp_path) as project:
        package = project.directory / "here" / "package"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "flow.py").write_text(FLOW)
        shutil.copy(project.directory / "effects.py", project.directory / "here")
        other = project.directory / "elsewhere"
        other.mkdir()
        code = f"from package.flow import main; from alonzo import run; print(run(main(), store='{project.url}'))"
        at = {"cwd": project.directory / "here"}
        paths = f"{project.directory / 'here'}:"

        assert project.start("-c", code, **at).communicate(timeout=60)[0].strip() == "42"
        out, err = project.start("-c", code, cwd=other, env={"PYTHONPATH": paths + project.path}).communicate(
            timeout=60
        )

        assert out.strip() == "42", err
        assert not (other / "effects.txt").exists()
        # and a copy of it in another place
        shutil.copytree(project.directory / "here", project.directory / "copy")
        (project.directory / "copy" / "effects.txt").unlink()
        out, err = project.start("-c", code, cwd=project.directory / "copy").communicate(timeout=60)
        assert out.strip() == "42", err
        assert not (project.directory / "copy" / "effects.txt").exists()


def test_a_script_without_a_main_guard_runs_once_on_processes(tmp_path):
    script = FLOW.replace('if __name__ == "__main__":\n    print', 'effect("begin", "script")\nprint')
    with Project(tmp_path, script) as project:
        out, err = project.run("flow.py", "processes")
        again, _ = project.run("flow.py", "processes", turn=1)

        assert (out.strip(), again.strip(), err) == ("42", "42", "")
        assert project.names("begin", turn=0) == ["double", "script", "start"]
        assert project.names("begin", turn=1) == ["script"]


def test_code_on_the_command_line_is_recalled_when_it_is_the_same(tmp_path):
    code = FLOW.replace('if __name__ == "__main__":', "if True:")
    with Project(tmp_path) as project:
        for number, (text, begun) in enumerate(
            [(code, ["double", "start"]), (code, []), (code.replace("* 2", "* 4 // 2"), ["double"])]
        ):
            out, err = project.run("-W", "ignore", "-c", text, turn=number)
            assert out.strip() == "42", err
            assert project.names("begin", turn=number) == begun


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_another_hash_seed_changes_nothing(tmp_path, executor):
    flow = (
        FLOW.replace("return Point(n)", "return Point(n if n in {'a', 'b', 21, None} else 0)")
        .replace("def start(n):", "def start(n, words=frozenset(('p', 'q', 'r'))):")
        .replace("double(start(n))", "double(start(n, {'x', 'y', 'z'}))")
    )
    with Project(tmp_path, flow) as project:
        for number, seed in enumerate("0123"):
            out, _ = project.run("flow.py", executor, turn=number, env={"PYTHONHASHSEED": seed})
            assert out.strip() == "42"
            assert project.names("begin", turn=number) == (["double", "start"] if number == 0 else [])


def test_a_module_that_runs_its_workflow_as_it_is_imported_is_told_so_by_the_first_worker(tmp_path):
    head = FLOW.partition("if __name__")[0]
    with Project(
        tmp_path, head + f'print(run(main(), store="sqlite:{tmp_path}/r.db", executor="processes"))\n'
    ) as project:
        _, err = project.run("-c", "import flow", code=1)

        assert "run() was called while a worker process imports flow: put what the program does below" in err
        assert project.names("begin") == []
