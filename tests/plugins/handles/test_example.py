"""The example examples/etl on SQLite and on PostgreSQL: what it loads, and what runs again after each kind of change."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "etl"
RUN = """
import json, sys
from alonzo import Runtime
from flow import Warehouse, main
url, executor = sys.argv[1:]
with Runtime(executor=executor) as runtime:
    totals = runtime.run(main(url))
    print(json.dumps([totals, dict(runtime.last.ran)]))
"""
KILL = "    import os, signal\n    if rows[0][0] == 'south':\n        os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    return "sqlite:sales.db" if request.param == "sqlite" else request.getfixturevalue("postgres").database()


class Project:
    """A copy of the example, which can be edited and run."""

    def __init__(self, folder, url):
        shutil.copytree(
            EXAMPLE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".alonzo", "*.db", "__pycache__")
        )
        self.flow = folder / "flow.py"
        self.folder = folder
        self.url = url

    def edit(self, old, new):
        text = self.flow.read_text("utf-8")
        assert text.count(old) == 1
        self.flow.write_text(text.replace(old, new), "utf-8")

    def start(self, executor="threads"):
        return subprocess.Popen(
            [sys.executable, "-c", RUN, self.url, executor],
            cwd=self.folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, executor="threads"):
        """The totals, and what ran by name; the exit code when it was killed."""
        process = self.start(executor)
        output, _ = process.communicate(timeout=120)
        if process.returncode:
            return process.returncode, {}
        totals, ran = json.loads(output)
        return totals, {name.removeprefix("flow.").removeprefix("alonzo_handles."): n for name, n in ran.items()}


@pytest.fixture
def project(tmp_path, url):
    return Project(tmp_path, url)


END = {"merge_handles": 1, "sum_up": 1, "settled": 1, "report": 1}


@pytest.mark.slow
def test_it_loads_once_and_then_only_what_changed(project):
    # tea 3 and 4 in the north, salt 1 and 2; the south's last row is no number.
    assert project.run() == ({"tea": 7 * 450, "salt": 3 * 90}, {"main": 1, "create": 1, "extract": 2, "load": 2, **END})
    assert project.run() == ({"tea": 3150, "salt": 270}, {})

    project.edit("2026-03-02,tea,x", "2026-03-02,tea,1")
    assert project.run() == ({"tea": 3600, "salt": 270}, {"main": 1, "extract": 1, "load": 1, **END})

    project.edit("pieces * prices[item]", "2 * pieces * prices[item]")
    assert project.run() == ({"tea": 7200, "salt": 540}, {"sum_up": 1, "settled": 1, "report": 1})

    project.edit('    "south": "day,item,pieces\\n2026-03-01,salt,2\\n2026-03-02,tea,1\\n",\n', "")
    assert project.run() == ({"tea": 6300, "salt": 180}, {"main": 1, **END})


@pytest.mark.slow
def test_it_goes_on_after_it_was_killed_midway(project):
    before = '        db.execute("INSERT INTO sale VALUES (?, ?, ?, ?, ?)", [(*row, db.state.name) for row in rows])\n'
    project.edit(before, before + "".join(f"    {line}\n" for line in KILL.splitlines()))
    assert project.run("inprocess") == (-9, {})

    project.edit("".join(f"    {line}\n" for line in KILL.splitlines()), "")
    totals, ran = project.run("inprocess")

    assert totals == {"tea": 3150, "salt": 270}
    assert {name: ran[name] for name in ("sum_up", "report")} == {"sum_up": 1, "report": 1}


@pytest.mark.slow
def test_its_loads_write_one_at_a_time_in_worker_processes(project):
    # SQLite would answer two writers with "database is locked" in the end; alonzo.toml has a limit of 1.
    assert project.run("processes")[0] == {"tea": 3150, "salt": 270}
    assert project.run("processes") == ({"tea": 3150, "salt": 270}, {})


@pytest.mark.slow
def test_two_processes_load_it_at_once(project):
    both = [project.start("inprocess"), project.start("inprocess")]
    told = [json.loads(process.communicate(timeout=120)[0]) for process in both]

    assert [totals for totals, _ in told] == [{"tea": 3150, "salt": 270}] * 2
    assert sum(ran.get("flow.load", 0) for _, ran in told) == 2
