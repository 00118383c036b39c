"""What the SQLite store recalls: at what cost, and what it leaves out."""

import logging
import sqlite3
from collections import Counter

import pytest

from alonzo._store_samples import (
    FOOTPRINT,
    TASK,
    commit,
    epochal,
    key,
    leaf,
    note,
    opaque,
    small,
    start,
)
from alonzo.plugin import Found, digest_of
from alonzo_store_sqlite import _footprints


@pytest.fixture
def change(tmp_path):
    """Changes the database behind the store's back."""

    def change(sql, *parameters):
        connection = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        changed = connection.execute(sql, parameters).rowcount
        connection.close()
        return changed

    return change


@pytest.fixture
def read(monkeypatch):
    """How many rows, and bytes in them, SQLite has given to whoever asked, on all connections opened meanwhile."""
    read, connect = {"rows": 0, "bytes": 0}, sqlite3.connect

    def counted(_, row):
        read["rows"] += 1
        read["bytes"] += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        return row

    def counting(*args, **options):
        connection = connect(*args, **options)
        connection.row_factory = counted
        return connection

    monkeypatch.setattr(sqlite3, "connect", counting)
    return read


def unchanged_root(open_store, calls, read):
    """The statements, rows and bytes of a run, in a process of its own, that finds its root in the store."""
    url = f"sqlite:{calls}.db"
    store = open_store(url)
    commit(store, *[leaf(number, small(b"%d" % number)) for number in range(1, calls + 1)])
    commit(store, note(0, normal=small(b"root"), footprint=FOOTPRINT))
    store.close()
    before = dict(read)
    again = open_store(url)
    assert again.recall([key(0)])[0].normals[0].value.data == b"sroot"
    assert again.epochs([TASK]) == [0]
    commit(again, note(0))
    return again.statements, read["rows"] - before["rows"], read["bytes"] - before["bytes"]


@pytest.mark.slow
def test_an_unchanged_root_costs_the_same_statements_and_bytes_whatever_is_below(open_store, read):
    statements, rows, size = unchanged_root(open_store, 100, read)

    assert rows > 0
    assert size > len(key(0))
    assert unchanged_root(open_store, 10_000, read) == (statements, rows, size)


def test_a_thousand_records_that_share_a_footprint_take_a_few_statements(open_store):
    commit(open_store(), *[leaf(number, small(b"%d" % number)) for number in range(1000)])
    store = open_store()
    before = store.statements

    store.recall([key(number) for number in range(1000)])

    # Whether others wrote, two blocks of 500 keys, the footprint, its entry.
    assert store.statements - before == 5


def test_a_look_up_by_key_reads_no_table_from_end_to_end(open_store, tmp_path):
    open_store()
    connection = sqlite3.connect(tmp_path / "test.db")
    queries = {
        "SELECT * FROM memo WHERE key IN (?, ?)": (b"1", b"2"),
        "SELECT * FROM value WHERE digest IN (?, ?)": (b"1", b"2"),
        "SELECT * FROM footprint WHERE digest IN (?)": (b"1",),
        "SELECT * FROM entry WHERE id IN (?)": (1,),
        "SELECT * FROM task WHERE epoch > 0 AND name IN (?)": ("a",),
        "SELECT * FROM job WHERE run = ? ORDER BY number": (1,),
        "SELECT id FROM run WHERE status = 'running'": (),
    }
    plans = {
        query: " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values))
        for query, values in queries.items()
    }
    connection.close()

    scans = {query for query, plan in plans.items() if plan.startswith("SCAN")}
    # The partial index holds running runs only.
    assert scans == {"SELECT id FROM run WHERE status = 'running'"}
    assert "run_running" in plans["SELECT id FROM run WHERE status = 'running'"]


def test_a_leaf_is_one_row_and_a_repeated_footprint_is_stored_once(open_store, tmp_path):
    commit(open_store(), *[leaf(number, small(b"v")) for number in range(20)])

    connection = sqlite3.connect(tmp_path / "test.db")
    counts = Counter(
        {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("memo", "footprint", "entry", "task", "value", "job")
        }
    )
    connection.close()

    assert counts == Counter(memo=20, footprint=1, entry=1, task=1, value=0, job=20)


def test_equal_large_values_are_stored_once(open_store, tmp_path):
    large = opaque(b"x" * 3000)
    commit(open_store(), leaf(1, large), leaf(2, large))

    connection = sqlite3.connect(tmp_path / "test.db")
    assert connection.execute("SELECT count(*) FROM value").fetchone() == (1,)
    connection.close()


def test_a_small_value_is_copied_from_the_same_key_when_its_bytes_do_not_come(open_store):
    without_bytes = Found(None, b"sone", "scalar", None, size=4)
    store = open_store()
    commit(store, leaf(1, small(b"one")))
    commit(store, note(1, normal=without_bytes, footprint=epochal(1)))

    (records,) = store.recall([key(1)])

    assert [normal.value.data for normal in records.normals] == [b"sone", b"sone"]


def test_footprints_that_do_not_fit_in_memory_are_read_again(open_store, monkeypatch):
    monkeypatch.setattr(_footprints, "_BOUND", 3)
    store = open_store()
    for number in range(5):
        commit(store, leaf(number, small(b"v"), epochal(number)))

    answers = [store.recall([key(number)])[0] for number in range(5)]

    assert [records.normals[0].footprint for records in answers] == [epochal(n) for n in range(5)]


# -- rule 19: absent is not empty ------------------------------------------------------------------


@pytest.mark.parametrize("table", ["footprint", "entry"])
def test_a_normal_form_without_its_footprint_is_left_out_until_it_is_written_again(open_store, change, table):
    commit(open_store(), leaf(1, small(b"one")))
    assert change(f"DELETE FROM {table}") == 1
    store = open_store()

    (records,) = store.recall([key(1)])
    assert records.normals == ()
    assert [found.data for found in records.reductions] == [b"sone"]

    commit(store, leaf(1, small(b"one")))
    for reader in (store, open_store()):
        assert [normal.footprint for normal in reader.recall([key(1)])[0].normals] == [FOOTPRINT]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE footprint SET entries = '[]'",
        "UPDATE footprint SET entries = 'nonsense'",
        "UPDATE footprint SET entries = '{}'",
        "UPDATE entry SET epoch = 1",
        "UPDATE entry SET kind = 'from the future'",
    ],
)
def test_a_damaged_footprint_is_left_out_until_it_is_written_again(open_store, change, damage):
    commit(open_store(), leaf(1, small(b"one")))
    assert change(damage) == 1
    store = open_store()

    assert store.recall([key(1)])[0].normals == ()

    commit(store, leaf(1, small(b"one")))
    for reader in (store, open_store()):
        assert [normal.footprint for normal in reader.recall([key(1)])[0].normals] == [FOOTPRINT]


def test_a_reduction_without_its_external_values_is_left_out(open_store, change):
    commit(open_store(), note(1, reduction=small(b"one", (("file", "in", b"1"),))))
    assert change("DELETE FROM footprint") == 1

    assert open_store().recall([key(1)]) == [None]


def test_a_record_without_its_value_is_left_out_until_it_is_written_again(open_store, change):
    large = opaque(b"x" * 3000)
    commit(open_store(), leaf(1, large))
    assert change("DELETE FROM value") == 1
    store = open_store()

    assert store.recall([key(1)]) == [None]
    assert store.load([digest_of(large.token)]) == [None]

    commit(store, leaf(1, large))
    assert store.recall([key(1)])[0].normals[0].value.size == 3000


# -- damage ----------------------------------------------------------------------------------------


def test_a_damaged_large_value_is_absent_with_one_warning_until_it_is_written_again(open_store, change, caplog):
    first, second = opaque(b"x" * 3000), opaque(b"y" * 3000)
    commit(open_store(), leaf(1, first), leaf(2, second))
    assert change("UPDATE value SET data = zeroblob(3000)") == 2
    store = open_store()

    with caplog.at_level(logging.WARNING):
        assert store.load([digest_of(first.token), digest_of(second.token)]) == [None, None]
    assert len(caplog.records) == 1
    assert "is damaged" in caplog.text
    assert store.recall([key(1)]) == [None]

    commit(store, leaf(1, first))
    assert store.load([digest_of(first.token)])[0].data == b"x" * 3000


@pytest.mark.parametrize(
    ("found", "damage"),
    [
        (small(b"one"), "UPDATE memo SET data = x'7374776f'"),
        (small(b"one"), "UPDATE memo SET data = 'text'"),
        (small(b"one"), "UPDATE memo SET token = x'00'"),
        (small(b"one"), "UPDATE memo SET names = '[]'"),
        (opaque(b"x" * 500), "UPDATE value SET data = zeroblob(500)"),
    ],
)
def test_a_damaged_small_value_is_left_out_until_it_is_written_again(open_store, change, found, damage):
    commit(open_store(), leaf(1, found))
    assert change(damage) == 1
    store = open_store()

    assert store.recall([key(1)]) == [None]

    commit(store, leaf(1, found))
    assert store.recall([key(1)])[0].reductions[0].data == found.data
    assert open_store().epochs([TASK]) == [0]


@pytest.mark.parametrize("few", [1, 2, 8])
def test_a_chain_of_look_ups_soon_knows_which_keys_there_are(open_store, few):
    commit(open_store(), *[leaf(number, small(b"%d" % number)) for number in range(50)])
    store = open_store()
    store.hold()
    before = store.statements

    answers = [store.recall([key(number + more) for more in range(few)]) for number in range(1_000, 2_000, few)]
    known = store.recall([key(number) for number in (7, *range(1_000, 1_000 + few - 1))])

    assert answers == [[None] * few] * (1_000 // few)
    assert known[0].normals[0].value.data == b"s7"
    assert known[1:] == [None] * (few - 1)
    # The first 16 one by one, two to read all keys, and the one that is there with its footprint and entry.
    assert store.statements - before == 15 + 2 + 3


def test_many_keys_at_a_time_are_looked_up_at_once(open_store):
    store = open_store()
    store.hold()
    before = store.statements

    for number in range(1_000, 1_900, 9):
        assert store.recall([key(number + more) for more in range(9)]) == [None] * 9

    assert store.statements - before == 100


def test_what_others_and_itself_have_written_is_found_after_it_knew_all_keys(open_store):
    store, other = open_store(), open_store()
    store.hold()
    for number in range(1_000, 1_300):
        store.recall([key(number)])

    commit(other, leaf(1_001, small(b"theirs")))
    store.recall([key(1_002)])
    run = store.begin(start())
    store.commit(run, [leaf(1_003, small(b"ours"))])
    store.hold()

    found = [store.recall([key(number)])[0] for number in (1_001, 1_003, 1_004)]
    assert [records and records.normals[0].value.data for records in found] == [b"stheirs", b"sours", None]
    store.commit(run, [leaf(1_001, small(b"another"))])
    assert store.epochs([TASK]) == [1]
