"""What `alonzo log` says of tags and attempts."""

import json

import pytest

from alonzo.plugin import JobRow, TagRow
from alonzo_cli._errors import Wrong
from alonzo_cli._tags import find_tagged, tagged_text, tags_text
from alonzo_cli._tree import tree_lines

STORE = {"ALONZO_STORE": "sqlite:a.db"}
FLOW = """\
from alonzo import THIS_JOB, JobInfo, tagged, task


@task(tags={"team": "red"}, retries=1)
def flaky(n: int, job: JobInfo = THIS_JOB):
    if job.attempt == 1:
        raise OSError("busy")
    return n


@task
def marked(n: int):
    return tagged(flaky(n), kind="small")
"""


def job(number, **more):
    return JobRow(number, 0, "f", "ran", "1", (), 10.0, 10.5, "threads", "", "", **more)


class Store:
    """A store with these tags."""

    def __init__(self, *rows):
        self.rows = rows

    def tagged(self, name, text=None):
        return [row for row in self.rows if row.name == name and text in {None, row.text}]

    def jobs(self, run):
        return [job(2)]


def test_a_job_s_line_has_its_attempts_if_there_were_several_and_its_tags(monkeypatch):
    monkeypatch.setattr("click.style", lambda text, **_: text)

    assert tree_lines([job(1, attempts=3, tags={"a": "b", "done": ""}), job(2, attempts=1)]) == [
        "├─ f(1)  ran 0.50 s on threads, 3 attempts  [a=b, done]",
        "└─ f(1)  ran 0.50 s on threads",
    ]


def test_a_tag_without_a_text_is_its_name():
    assert tags_text({"who": "me", "urgent": ""}) == "who=me, urgent"


def test_what_is_tagged_is_found_by_name_or_by_name_and_text():
    red, blue, other = TagRow(2, 0, b"", "team", "red"), TagRow(1, 2, b"", "team", "blue"), TagRow(1, 0, b"", "who", "")
    store = Store(red, blue, other)

    assert find_tagged(store, "team", None, None) == [red, blue]
    assert find_tagged(store, "team=blue", None, None) == [blue]
    assert find_tagged(store, "who=", None, None) == [other]
    assert find_tagged(store, "team", 1, None) == [blue]
    assert find_tagged(store, "team", None, 1) == [red]


def test_a_store_that_does_not_look_for_tags_is_said():
    with pytest.raises(Wrong, match="this store does not look for tags"):
        find_tagged(object(), "team", None, None)


def test_each_tag_stands_with_the_run_the_call_or_the_value_that_has_it():
    rows = [TagRow(3, 0, b"", "team", "red"), TagRow(3, 2, b"", "team", "red"), TagRow(3, 0, b"\x01\xab", "team", "")]

    assert tagged_text(Store(), rows).splitlines() == [
        "run 3  [team=red]",
        "run 3  job 2: f(1)  [team=red]",
        "run 3  value 01ab  [team]",
    ]
    assert tagged_text(Store(), []) == "nothing has this tag"


@pytest.mark.slow
def test_the_log_shows_and_finds_tags_of_runs_jobs_and_values(program):
    (program.directory / "tags.py").write_text(FLOW)
    program("run", "-q", "--tag", "team=blue", "tags.py", "marked", "1", **STORE)

    tree = program("log", "last", **STORE)[0]
    found = json.loads(program("log", "--tag", "team", "--json", **STORE)[0])

    assert "2 attempts  [team=red]" in tree
    assert [(row["run"], row["job"], row["text"]) for row in found] == [(1, 0, "blue"), (1, 2, "red")]
    assert program("log", "--tag", "team=red", **STORE)[0] == "run 1  job 2: tags.flaky(1)  [team=red]\n"
    assert program("log", "1", "--tag", "kind=small", **STORE)[0].startswith("run 1  value ")
    assert program("log", "--tag", "nobody", **STORE)[0] == "nothing has this tag\n"
