"""A run that failed, and the same one when what failed was fixed: only that runs again, and what waited for it."""

import pytest
from crash_project import Project

pytestmark = pytest.mark.slow

FLOW = """\
from alonzo import task
from effects import effect

@task
def part(n):
    effect("begin", f"part({n})")
    return n

@task
def broken(n):
    effect("begin", f"broken({n})")
    return n // 0

@task
def join(parts):
    effect("begin", "join")
    return sum(parts)

@task
def main():
    return join([*[part(n) for n in range(5)], broken(5)])
"""
RUN = ["run", "flow.py", "main", "--keep-going"]


@pytest.mark.parametrize("executor", ["threads", "processes", "inprocess"])
def test_only_what_failed_and_what_waited_for_it_runs(tmp_path, executor):
    with Project(tmp_path, FLOW) as project:
        _, err = project.alonzo(*RUN, "--executor", executor, code=1)
        assert "ZeroDivisionError" in err
        assert project.names("begin") == ["broken(5)", *[f"part({n})" for n in range(5)]]

        project.write(FLOW.replace("n // 0", "n // 1"))
        out, _ = project.alonzo(*RUN, "--executor", executor, turn=1)

        assert out.strip() == "15"
        assert project.names("begin", turn=1) == ["broken(5)", "join"]


def test_what_failed_fails_again_when_it_was_not_fixed(tmp_path):
    with Project(tmp_path, FLOW) as project:
        project.alonzo(*RUN, code=1)
        project.alonzo(*RUN, code=1, turn=1)

        assert project.names("begin", turn=1) == ["broken(5)"]
        assert [status for (status,) in project.rows("SELECT status FROM run")] == ["failed", "failed"]
