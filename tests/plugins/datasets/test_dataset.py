"""Data sets written and read: all formats, partitions, what is half-written, what is wrong."""

import copy
import datetime
import os
import pickle
import subprocess
import sys
import tracemalloc
from decimal import Decimal
from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")
datasets = pytest.importorskip("alonzo_datasets")

from alonzo_datasets import (  # noqa: E402
    Dataset,
    DatasetError,
    Shard,
    _reading,
)
from alonzo_datasets._layout import MARKER, Layout  # noqa: E402
from alonzo_files import Dir, File  # noqa: E402

FORMATS = ["parquet", "arrow", "csv", "jsonl"]
TABLE = pa.table({"x": [0, 1, 2, 3, 4], "name": ["a", "b", "c", "d", "e"]})


@pytest.fixture(params=["local", "memory"])
def place(request, tmp_path):
    if request.param == "local":
        yield str(tmp_path / "people")
        return
    pytest.importorskip("fsspec")
    url = f"memory://{tmp_path.name}/people"
    yield url
    Dir(url).remove()


def names(dataset):
    return [shard.file.name for shard in dataset.shards()]


def rows(dataset):
    return dataset.read().to_pylist()


# -- there and back ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_written_is_read_again_shard_by_shard(place, kind):
    dataset = Dataset(place, format=kind).write(TABLE, rows_per_shard=2)

    assert [shard.read().num_rows for shard in dataset.shards()] == [2, 2, 1]
    assert [shard.file.name[:10] for shard in dataset.shards()] == ["part-00000", "part-00001", "part-00002"]
    assert dataset.to_table().equals(TABLE)
    assert dataset.schema.equals(TABLE.schema)
    assert [batch.num_rows for batch in dataset.scan()] == [2, 2, 1]
    assert dataset.shards()[1].schema.names == ["x", "name"]


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_and_rows_are_chosen(place, kind):
    dataset = Dataset(place, format=kind).write(TABLE, rows_per_shard=2)

    assert dataset.read(columns=["name"], filter=[("x", ">", 2)]).to_pydict() == {"name": ["d", "e"]}
    assert dataset.read(filter=(pc.field("x") == 1) | (pc.field("name") == "e"))["x"].to_pylist() == [1, 4]
    assert dataset.read(["x"], [("x", ">", 99)]).to_pydict() == {"x": []}
    assert dataset.shards()[0].read(["x"]).to_pydict() == {"x": [0, 1]}


@pytest.mark.parametrize("kind", FORMATS)
def test_directories_that_say_a_columns_value_give_that_column(place, kind):
    table = pa.table({"x": [1, 2, 3], "year": [2024, None, 2023], "kind": ["a/b", "c d", "a/b"]})
    dataset = Dataset(place, format=kind).write(table, partition_by=["year", "kind"])

    assert [shard.partition for shard in dataset.shards()] == [
        (("year", 2023), ("kind", "a/b")),
        (("year", 2024), ("kind", "a/b")),
        (("year", None), ("kind", "c d")),
    ]
    assert dataset.schema.names == ["x", "year", "kind"]
    assert rows(dataset) == [
        {"x": 3, "year": 2023, "kind": "a/b"},
        {"x": 1, "year": 2024, "kind": "a/b"},
        {"x": 2, "year": None, "kind": "c d"},
    ]
    assert dataset.read(columns=["x"], filter=[("year", "=", 2024)]).to_pydict() == {"x": [1]}


def test_rows_of_a_partition_that_come_again_and_again_are_in_one_shard_each(tmp_path):
    table = pa.table({"x": range(300), "k": [i % 3 for i in range(300)]})
    dataset = Dataset(tmp_path / "d").write(table.to_batches(max_chunksize=10), partition_by=["k"])

    assert [shard.read().num_rows for shard in dataset.shards()] == [100, 100, 100]
    assert sorted(dataset.read()["x"].to_pylist()) == list(range(300))


def test_more_partitions_than_files_are_held_open_are_all_written(tmp_path):
    table = pa.table({"x": range(400), "k": [i % 100 for i in range(400)]})
    dataset = Dataset(tmp_path / "d").write(table.to_batches(max_chunksize=200), partition_by=["k"])

    assert len({shard.partition for shard in dataset.shards()}) == 100
    assert sorted(dataset.read()["x"].to_pylist()) == list(range(400))


def test_a_directory_that_others_have_written_is_read(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    for part in (1, 2, 10):
        pq.write_table(pa.table({"x": [part]}), tmp_path / f"part-{part}.parquet")
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "notes.txt").write_text("no shard")
    (tmp_path / ".hidden.parquet").write_text("no shard either")

    dataset = Dataset(tmp_path)
    assert names(dataset) == ["part-1.parquet", "part-2.parquet", "part-10.parquet"]
    assert rows(dataset) == [{"x": 1}, {"x": 2}, {"x": 10}]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames_are_written_and_read(tmp_path, library):
    module = pytest.importorskip(library)
    frame = module.DataFrame({"x": [1, 2], "s": ["a", "b"]})
    dataset = Dataset(tmp_path / "d").write(frame)

    assert rows(dataset) == [{"x": 1, "s": "a"}, {"x": 2, "s": "b"}]
    back = getattr(dataset, f"to_{library}")(columns=["s"])
    assert type(back) is module.DataFrame
    assert back["s"].to_list() == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_reader(),
        [TABLE.slice(0, 2), TABLE.slice(2)],
        (batch for batch in TABLE.to_batches(max_chunksize=1)),
    ],
    ids=["table", "batch", "reader", "list", "generator"],
)
def test_rows_come_in_many_ways(tmp_path, data):
    assert Dataset(tmp_path / "d").write(data).read().equals(TABLE)


def test_json_lines_hold_dates_and_decimals_as_text_and_refuse_bytes(tmp_path):
    dataset = Dataset(tmp_path / "d", format="jsonl")
    dataset.write(pa.table({"d": [datetime.date(2024, 2, 3)], "n": [Decimal("1.50")]}))
    assert '{"d": "2024-02-03", "n": "1.50"}' in dataset.shards()[0].file.read_text()

    with pytest.raises(DatasetError, match="JSON has nothing for a value of type bytes"):
        dataset.write(pa.table({"b": [b"x"]}))
    assert dataset.shards()[0].read().num_rows == 1


@pytest.mark.parametrize("kind", ["parquet", "arrow", "csv"])
def test_a_table_without_rows_says_its_columns(tmp_path, kind):
    dataset = Dataset(tmp_path / "d", format=kind).write(TABLE.slice(0, 0))

    assert dataset.schema.names == ["x", "name"]
    assert dataset.read().num_rows == 0


def test_json_lines_without_rows_say_nothing_and_disturb_no_others(tmp_path):
    dataset = Dataset(tmp_path / "d", format="jsonl").write(TABLE.slice(0, 0))
    assert dataset.read().num_rows == 0

    dataset.shard(1).write(TABLE)
    assert dataset.read().equals(TABLE)
    assert dataset.schema.names == ["x", "name"]


# -- as a value ----------------------------------------------------------------------------------------


def test_it_is_a_value():
    dataset = Dataset("data//people/", format="feather")

    assert dataset == Dataset("data/people", format="arrow")
    assert dataset != Dataset("data/people")
    assert hash(dataset) == hash(copy.deepcopy(dataset))
    assert pickle.loads(pickle.dumps(dataset)) == dataset
    assert (dataset.path, dataset.format) == ("data/people", "arrow")
    assert Dataset(Dir("a", hasher="stat")).shard(1).file == File("a/part-00001.parquet", hasher="stat")
    assert (repr(dataset), repr(Dataset("d"))) == ("Dataset('data/people', format='arrow')", "Dataset('d')")
    assert os.fspath(dataset) == os.path.join("data", "people")
    with pytest.raises(AttributeError):
        dataset.format = "csv"


def test_another_format_is_an_error_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"^format='parqet' is no format of a data set: did you mean 'parquet'\?$"):
        Dataset("d", format="parqet")
    with pytest.raises(ValueError, match="one of parquet, arrow, csv, jsonl"):
        Shard(File("x"), format="???")


# -- whole or not at all -------------------------------------------------------------------------------


def test_equal_rows_give_equal_files_and_other_rows_take_the_place_of_all(place):
    dataset = Dataset(place).write(TABLE, rows_per_shard=2)
    before = names(dataset)
    assert names(dataset.write(TABLE, rows_per_shard=2)) == before

    dataset.write(TABLE.slice(0, 2), rows_per_shard=2)
    assert names(dataset) == before[:1]
    assert sorted(file.name for file in Dir(place)) == before[:1]


def test_who_reads_while_it_is_written_gets_the_old_rows(place):
    dataset = Dataset(place).write(TABLE, rows_per_shard=2)
    seen = []

    def coming():
        for start in range(3):
            yield pa.table({"x": [100 + start], "name": ["new"]})
            seen.append(dataset.read())

    dataset.write(coming(), rows_per_shard=1)
    assert [table.equals(TABLE) for table in seen] == [True] * 3
    assert dataset.read()["x"].to_pylist() == [100, 101, 102]


def test_who_reads_while_it_is_replaced_reads_again(place, monkeypatch):
    dataset = Dataset(place).write(TABLE, rows_per_shard=2)
    new = TABLE.slice(1, 2)
    real = _reading.table

    def table(shards, *rest):
        if len(shards) == 3:
            dataset.write(new)
        return real(shards, *rest)

    monkeypatch.setattr(_reading, "table", table)
    assert dataset.read().equals(new)

    dataset.write(TABLE, rows_per_shard=2)
    batches = dataset.scan()
    next(batches)
    dataset.write(new)
    with pytest.raises(DatasetError, match="it was deleted, or the data set was written anew meanwhile"):
        list(batches)


def test_who_looks_while_it_is_made_for_the_first_time_sees_none(place):
    dataset = Dataset(place)

    def coming():
        yield TABLE
        assert not dataset.exists()
        yield TABLE

    dataset.write(coming(), rows_per_shard=1)
    assert dataset.exists()


@pytest.mark.parametrize("had", [True, False])
def test_after_a_failure_what_was_there_stays(place, had):
    dataset = Dataset(place)
    if had:
        dataset.write(TABLE, rows_per_shard=2)

    def coming():
        yield TABLE
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        dataset.write(coming(), rows_per_shard=1)
    assert dataset.exists() is had
    if had:
        assert dataset.read().equals(TABLE)
        assert len(list(Dir(place))) == 3
    else:
        assert not Dir(place).exists() or not list(Dir(place))


def test_after_a_kill_what_was_there_stays_and_the_next_writer_tidies_up(place):
    dataset = Dataset(place).write(TABLE, rows_per_shard=2)
    # As a killed writer leaves it: marked, and with a new shard in place.
    Layout(dataset.directory, "parquet").begin(keep=True)
    Dataset(place).shard(7).write(TABLE)

    assert dataset.read().equals(TABLE)
    dataset.append(TABLE.slice(0, 1))
    assert dataset.read()["x"].to_pylist() == [0, 1, 2, 3, 4, 0]
    assert len(list(Dir(place))) == 4


def test_after_a_kill_in_the_end_the_new_rows_hold(place):
    dataset = Dataset(place).write(TABLE, rows_per_shard=2)
    writing = Layout(dataset.directory, "parquet").begin(keep=True)
    new = Dataset(place).shard(7).write(TABLE.slice(0, 1))
    writing.mark([new.file.name])

    assert dataset.read()["x"].to_pylist() == [0]

    new.file.remove()
    for look in (dataset.shards, lambda: dataset.append(TABLE)):
        with pytest.raises(DatasetError, match=r"lacks a shard that was written: part-00007\.parquet"):
            look()
    assert dataset.write(TABLE).read().equals(TABLE)


WRITER = """
import sys, time
import pyarrow as pa
from alonzo_datasets import Dataset

def coming():
    yield pa.table({"x": [100, 101, 102], "name": ["new"] * 3})
    print("two are there", flush=True)
    time.sleep(60)

Dataset(sys.argv[1]).write(coming(), rows_per_shard=1)
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_what_was_there(tmp_path):
    dataset = Dataset(tmp_path / "d").write(TABLE, rows_per_shard=2)
    with subprocess.Popen([sys.executable, "-c", WRITER, dataset.path], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"two are there\n"
        assert dataset.read().equals(TABLE)
        writer.kill()

    assert dataset.read().equals(TABLE)
    assert len(list(dataset.directory)) > 4, "new shards, and the mark that they do not hold"
    dataset.write(TABLE.slice(0, 1))
    assert dataset.read()["x"].to_pylist() == [0]
    assert len(list(Path(dataset).iterdir())) == 1


def test_two_writers_at_once_are_told_apart(place):
    dataset = Dataset(place).write(TABLE)

    def coming():
        yield TABLE.slice(0, 1)
        dataset.write(TABLE.slice(0, 2))

    with pytest.raises(DatasetError, match="is being written by somebody else at the same time"):
        dataset.write(coming())
    assert dataset.read().num_rows == 2


def test_appended_rows_come_last_and_all_at_once(place):
    dataset = Dataset(place).write(TABLE, rows_per_shard=3)

    def coming():
        yield TABLE.slice(0, 1)
        assert dataset.read().num_rows == 5
        yield TABLE.slice(1, 1)

    dataset.append(coming(), rows_per_shard=1)
    assert dataset.read()["x"].to_pylist() == [0, 1, 2, 3, 4, 0, 1]
    assert len(dataset.shards()) == 4


def test_sealing_leaves_the_given_shards_and_no_others(place):
    dataset = Dataset(place)
    wide = [dataset.shard(i).write(TABLE.slice(i, 1)) for i in range(4)]
    dataset.sealed(wide)
    assert dataset.read()["x"].to_pylist() == [0, 1, 2, 3]

    assert dataset.sealed(wide[:2]) == dataset
    assert names(dataset) == ["part-00000.parquet", "part-00001.parquet"]

    with pytest.raises(DatasetError, match=r"part-00003.parquet: it is to be written first"):
        dataset.sealed(wide[3:])
    with pytest.raises(DatasetError, match="is no parquet shard of the data set"):
        dataset.sealed([Shard(File("elsewhere.parquet"))])
    assert len(dataset.shards()) == 2


@pytest.mark.slow
def test_memory_is_that_of_a_few_batches(tmp_path):
    batch = pa.table({"x": range(50_000), "y": [1.5] * 50_000})
    size = 40 * batch.nbytes
    pa_before = pa.total_allocated_bytes()
    highest = []

    def coming():
        for _ in range(40):
            highest.append(pa.total_allocated_bytes() - pa_before)
            yield batch

    dataset = Dataset(tmp_path / "d").write(coming(), rows_per_shard=250_000)
    assert len(dataset.shards()) == 8
    tracemalloc.start()
    highest.extend(pa.total_allocated_bytes() - pa_before for _ in dataset.scan())
    _, python = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert max(highest) < size / 3, f"{max(highest)} of {size} bytes"
    assert python < size / 3


# -- what is wrong -------------------------------------------------------------------------------------


def one_line(caught):
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_what_is_not_there_is_said(place):
    with pytest.raises(DatasetError) as caught:
        Dataset(place).read()
    assert one_line(caught) == f"there is no data set at {place}"
    assert not Dataset(place).exists()

    dataset = Dataset(place).write(TABLE)
    [shard] = dataset.shards()
    shard.file.remove()
    with pytest.raises(DatasetError) as caught:
        shard.read()
    assert one_line(caught).startswith(f"there is no shard {shard.file}")


def test_another_format_than_that_of_the_files_is_said(tmp_path):
    Dataset(tmp_path / "d").write(TABLE)
    with pytest.raises(
        DatasetError, match=r"there is no csv file in .*d, which has part-00000-.*\.parquet: give format="
    ):
        Dataset(tmp_path / "d", format="csv").shards()


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_damaged_shard_is_named(tmp_path, kind):
    dataset = Dataset(tmp_path / "d", format=kind).write(TABLE)
    [shard] = dataset.shards()
    shard.file.write_bytes(shard.file.read_bytes()[:20])
    with pytest.raises(DatasetError) as caught:
        dataset.read()
    assert one_line(caught).startswith(f"{shard.file} cannot be read as {kind}: ")


@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"x": [1]}, "has no column name, which other shards have"),
        ({"x": ["1"], "name": ["a"]}, "has a column x of string, where other shards have int64"),
        ({"x": [1], "name": ["a"], "z": [1]}, "has a column z, which other shards have not"),
    ],
)
def test_a_shard_with_other_columns_is_named(tmp_path, other, text):
    dataset = Dataset(tmp_path / "d").write(TABLE)
    odd = dataset.shard(1).write(pa.table(other))
    for look in (dataset.read, lambda: dataset.schema, lambda: dataset.sealed(dataset.shards())):
        with pytest.raises(DatasetError) as caught:
            look()
        assert one_line(caught) == f"{odd.file} {text}"

    odd.file.remove()
    with pytest.raises(DatasetError):
        dataset.append(pa.table(other))
    assert dataset.read().equals(TABLE)


def test_types_of_csv_are_those_that_all_shards_have_in_common(tmp_path):
    dataset = Dataset(tmp_path / "d", format="csv")
    dataset.shard(0).write(pa.table({"x": [1], "y": [None]}))
    dataset.shard(1).write(pa.table({"x": [1.5], "y": ["a"]}))

    assert [str(field.type) for field in dataset.schema] == ["double", "string"]
    assert dataset.read()["x"].to_pylist() == [1.0, 1.5]


def test_what_cannot_be_written_is_said_in_one_line(tmp_path):
    dataset = Dataset(tmp_path / "d")
    for data, text in [
        ([], "nothing to write, and so no columns"),
        (3, "int is no table"),
        ([{"x": 1}], "dict is no table"),
        ([TABLE, pa.table({"z": [1]})], "begins with the columns x, name, and goes on with z"),
        ([TABLE, pa.table({"x": ["q"], "name": ["a"]})], "goes on with other types"),
    ]:
        with pytest.raises(DatasetError, match=text) as caught:
            dataset.write(data)
        one_line(caught)
    with pytest.raises(DatasetError, match="partition_by: the data has no column year"):
        dataset.write(TABLE, partition_by=["year"])
    with pytest.raises(DatasetError, match=r"there is no column z in .*: it has x, name"):
        dataset.write(TABLE).read(columns=["z"])
    with pytest.raises(ValueError, match="rows_per_shard is at least 1"):
        dataset.write(TABLE, rows_per_shard=0)
    assert not dataset.directory.file(MARKER).exists()
