"""Rows that were damaged or deleted: what they held is computed again, with a warning, and the result is right."""

import logging

import pytest
from crash_project import Project

from alonzo import Runtime, task
from alonzo.plugin import hookimpl

pytestmark = pytest.mark.slow

began = []


@task
def small(n):
    began.append(("small", n))
    return f"small {n}"


@task
def medium(n):
    """Too large for a memo row."""
    began.append(("medium", n))
    return f"{n}" * 500


@task
def large(n):
    """Too large to come with the look-up."""
    began.append(("large", n))
    return bytes([n]) * 5_000


@task
def joined(first, second, third):
    began.append(("joined", len(third)))
    return f"{first}, {len(second)}, {len(third)}"


@task
def one(n):
    return joined(small(n), medium(n), large(n))


@task
def main():
    return [one(n) for n in range(3)]


RIGHT = ["small 0, 500, 5000", "small 1, 500, 5000", "small 2, 500, 5000"]


@pytest.fixture
def project(tmp_path):
    with Project(tmp_path) as project:
        assert run(project) == RIGHT
        began.clear()
        yield project


def run(project, *, deep=False, executor="inprocess"):
    """`deep`: only the outermost results were lost, so what is inside is looked at."""
    if deep:
        project.change(
            "DELETE FROM memo WHERE task IN (SELECT id FROM task WHERE name LIKE '%.joined' OR name LIKE '%.main')"
        )
        project.change(
            "UPDATE memo SET footprint = 0 WHERE returned AND task IN (SELECT id FROM task WHERE name LIKE '%.one')"
        )
        project.change("DELETE FROM memo WHERE NOT returned AND task IN (SELECT id FROM task WHERE name LIKE '%.one')")
    with Runtime(store=project.url, executor=executor) as runtime:
        return runtime.run(main())


def flip(column):
    """SQL that turns the first byte of a column into another."""
    first = f"substr({column}, 1, 1)"
    return f"CAST(CASE WHEN {first} = X'21' THEN X'22' ELSE X'21' END || substr({column}, 2) AS BLOB)"


DAMAGE = {
    "a value's bytes": f"UPDATE value SET data = {flip('data')}",
    "a value's checksum": "UPDATE value SET checksum = X'00'",
    "a value's end": "UPDATE value SET data = substr(data, 1, length(data) - 1)",
    "a value's type": "UPDATE value SET data = CAST(hex(data) AS TEXT)",
    "a small value": f"UPDATE memo SET data = {flip('data')} WHERE data IS NOT NULL",
    "a small value emptied": "UPDATE memo SET data = X'' WHERE data IS NOT NULL",
    "a token": f"UPDATE memo SET token = {flip('token')}",
    "a large value's token": f"UPDATE memo SET token = {flip('token')} WHERE data IS NULL",
    "a checksum": "UPDATE memo SET checksum = checksum + 1",
}
GONE = {
    "all values": "DELETE FROM value",
    "the largest values": "DELETE FROM value WHERE length(data) > 4000",
    "footprints": "DELETE FROM footprint",
    "entries": "DELETE FROM entry",
    "results of one task": "DELETE FROM memo WHERE task IN (SELECT id FROM task WHERE name LIKE '%.small')",
    "all results": "DELETE FROM memo",
    "jobs": "DELETE FROM job",
    "definitions": "DELETE FROM definition",
    "tasks": "DELETE FROM task",
}


@pytest.mark.parametrize("executor, deep", [("inprocess", False), ("threads", True)], ids=["at the root", "inside"])
@pytest.mark.parametrize("what", [*DAMAGE, *GONE])
def test_it_is_a_miss_and_the_result_is_right(project, what, executor, deep, recwarn):
    assert project.change({**DAMAGE, **GONE}[what]) > 0

    assert run(project, deep=deep, executor=executor) == RIGHT
    assert len(began) <= 12  # four tasks for each of three
    began.clear()
    assert run(project) == RIGHT
    assert began == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", [name for name in DAMAGE if "value" in name])
def test_damage_is_told_in_the_log_by_name_of_the_database(project, what, caplog):
    project.change(DAMAGE[what])

    with caplog.at_level(logging.WARNING):
        run(project, deep=True)

    assert any("damaged" in record.getMessage() and "runs.db" in record.getMessage() for record in caplog.records)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("table", ["memo", "value"])
def test_a_damaged_name_of_a_codec_is_a_miss_too(project, table):
    project.change(f"UPDATE {table} SET codec = substr(codec, 1, length(codec) - 1) || 'x' WHERE data IS NOT NULL")

    assert run(project, deep=True) == RIGHT


class Word:
    """What only the plugin below can encode."""

    def __init__(self, text):
        self.text = text

    def __reduce__(self):
        raise TypeError("this cannot be pickled")


class Words:
    """The plugin: how words are digested and encoded."""

    name, version, kinds = "words", 1, (Word,)

    def simplify(self, word):
        return word.text

    def dumps(self, word):
        return word.text.encode()

    def loads(self, data, version):
        return Word(data.decode())

    @hookimpl
    def alonzo_encoders(self):
        return [self]

    @hookimpl
    def alonzo_serializers(self):
        return [self]


class OtherWords(Words):
    """The plugin after an upgrade that renamed what it supplies."""

    name = "others"


@task
def spell(text):
    began.append(("spell", text))
    return Word(text * 50)


@pytest.mark.filterwarnings("ignore")
def test_a_value_whose_serializer_is_gone_is_computed_again(tmp_path):
    with Runtime(store=f"sqlite:{tmp_path}/runs.db", plugins=[Words()]) as runtime:
        assert runtime.run(spell("ab")).text == "ab" * 50

    with Runtime(store=f"sqlite:{tmp_path}/runs.db", plugins=[OtherWords()]) as runtime:
        assert runtime.run(spell("ab")).text == "ab" * 50
