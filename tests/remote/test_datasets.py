"""Data sets on real servers: written whole or not at all, read by ranges, and counted shard by shard."""

import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("alonzo_datasets")

from alonzo import Runtime, task  # noqa: E402
from alonzo_datasets import Dataset, Shard  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.servers("moto", "azurite", "gcs", "sftp")]
TABLE = pa.table({"x": [0, 1, 2, 3, 4], "name": ["a", "b", "c", "d", "e"]})


@task
def total(shard: Shard) -> int:
    return sum(shard.read(["x"])["x"].to_pylist())


@task
def totals(dataset: Dataset) -> list[int]:
    return [total(shard) for shard in dataset.shards()]


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_is_written_there_is_read_from_there_and_replaced_at_once(remote, kind):
    dataset = Dataset(remote.url("people"), format=kind)
    assert not dataset.exists()
    dataset.write(TABLE, rows_per_shard=2)
    assert dataset.read().equals(TABLE)
    assert dataset.read(columns=["name"], filter=[("x", ">", 3)]).to_pydict() == {"name": ["e"]}

    def coming():
        yield TABLE.slice(0, 1)
        assert dataset.read().equals(TABLE)
        yield TABLE.slice(1, 1)

    dataset.write(coming(), rows_per_shard=1)
    assert dataset.read()["x"].to_pylist() == [0, 1]
    assert len(list(dataset.directory)) == 2
    dataset.write(TABLE, partition_by=["name"])
    assert dataset.shards()[1].partition == (("name", "b"),)
    dataset.remove()
    assert not dataset.exists()


def test_a_fan_out_over_its_shards_reruns_the_one_that_changed(remote):
    dataset = Dataset(remote.url("people")).write(TABLE, rows_per_shard=2)
    with Runtime(store="memory:", executor="threads") as runtime:
        assert runtime.run(totals(dataset)) == [1, 5, 4]
        dataset.shards()[1].write(TABLE.slice(0, 2))
        assert runtime.run(totals(dataset)) == [1, 1, 4]
        ran = {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}
        assert ran == {"totals": 1, "total": 1}
        runtime.run(totals(dataset))
        assert not runtime.last.ran
