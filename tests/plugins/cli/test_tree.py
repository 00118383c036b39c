"""The jobs of a run as a tree."""

import pytest

from alonzo.plugin import JobRow, RunRow
from alonzo_cli._errors import Wrong
from alonzo_cli._log import find_run, run_text
from alonzo_cli._tree import tree_lines


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setattr("click.style", lambda text, **_: text)


def job(number, parent=0, task="f", *, status="ran", arguments="", error="", output=""):
    return JobRow(number, parent, task, status, arguments, (), 10.0, 10.5, "threads", error, output)


def run(number, status="done"):
    return RunRow(number, "main", "1", status, 10.0, 12.0, {"ran": 2, "failed": 0}, "", {"who": "me"})


def test_parts_stand_below_the_job_whose_body_they_are_of():
    lines = tree_lines([job(1, task="main", arguments="1"), job(2, 1, arguments="'a'"), job(3, 1, "g"), job(4, 2, "h")])

    assert lines == [
        "└─ main(1)  ran 0.50 s on threads",
        "   ├─ f('a')  ran 0.50 s on threads",
        "   │  └─ h()  ran 0.50 s on threads",
        "   └─ g()  ran 0.50 s on threads",
    ]


def test_of_many_equal_siblings_a_few_are_drawn():
    jobs = [job(1, task="main"), *(job(number, 1) for number in range(2, 10_002)), job(10_002, 1, status="failed")]

    lines = tree_lines(jobs)

    assert len(lines) == 1 + 10 + 1 + 1
    assert lines[11] == "   ├─ … and 9,990 more ran: f"
    assert lines[12].endswith("f()  failed 0.50 s on threads")
    assert len(tree_lines(jobs, whole=True)) == 10_002


def test_a_deep_chain_is_cut_and_counted():
    jobs = [job(number, number - 1) for number in range(1, 100_001)]

    lines = tree_lines(jobs)

    assert lines[-1].strip() == f"└─ … {100_000 - (len(lines) - 1):,} more below"
    assert len(lines) < 50
    assert len(tree_lines(jobs, whole=True)) == 100_000


def test_jobs_whose_parent_was_not_recorded_come_last():
    assert tree_lines([job(2, 1, "g"), job(3, 2, "h"), job(4, task="main")]) == [
        "└─ main()  ran 0.50 s on threads",
        "parts of calls that had not ended:",
        "└─ g()  ran 0.50 s on threads",
        "   └─ h()  ran 0.50 s on threads",
    ]


def test_failures_and_output_stand_below_their_job():
    jobs = [job(1, task="main", status="failed", error="ValueError: x\nin task main()"), job(2, 1, output="a\nb\n")]

    assert tree_lines(jobs, output=True) == [
        "└─ main()  failed 0.50 s on threads",
        "   │  ValueError: x",
        "   └─ f()  ran 0.50 s on threads",
        "         | a",
        "         | b",
    ]


def test_a_run_is_headed_by_what_it_was():
    lines = run_text(run(3), []).splitlines()

    assert lines[0].startswith("run 3: main(1) done in 2.00 s, ")
    assert lines[1:] == ["  2 ran", "  tags: who=me"]


class Runs:
    def __init__(self, count):
        self.count = count

    def runs(self, limit=20):
        return [run(number) for number in range(self.count, 0, -1)][:limit]


def test_a_run_is_found_by_its_id_however_old():
    assert find_run(Runs(2500), "3").id == 3
    assert find_run(Runs(2500), "last").id == 2500
    with pytest.raises(Wrong, match="there is no run 2501"):
        find_run(Runs(2500), "2501")
    with pytest.raises(Wrong, match="nothing was run yet"):
        find_run(Runs(0), "last")
