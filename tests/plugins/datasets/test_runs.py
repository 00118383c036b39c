"""Data sets in workflows: what runs when a shard has changed, is gone or is new."""

import subprocess
import sys
from pathlib import Path

import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("alonzo_datasets")
pytest.importorskip("alonzo_store_sqlite")

from alonzo import Runtime, task  # noqa: E402
from alonzo_datasets import Dataset, Shard  # noqa: E402


@task
def total(shard: Shard) -> int:
    return sum(shard.read(["x"])["x"].to_pylist())


@task
def together(totals: list[int]) -> int:
    return sum(totals)


@task
def summed(dataset: Dataset) -> int:
    return together([total(shard) for shard in dataset.shards()])


@task
def written(path: str, number: int, value: int) -> Shard:
    return Dataset(path).shard(number).write(pa.table({"x": [value, value]}))


@task
def collected(path: str, shards: list[Shard]) -> Dataset:
    return Dataset(path).sealed(shards)


@task
def made(path: str, values: list[int]) -> Dataset:
    return collected(path, [written(path, number, value) for number, value in enumerate(values)])


@task
def all_at_once(path: str, values: list[int]) -> Dataset:
    return Dataset(path).write(pa.table({"x": values}), rows_per_shard=2)


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="sqlite:memo.db", workers=2) as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


def test_a_fan_out_over_shards_reruns_the_one_that_changed(runtime):
    dataset = Dataset("data")
    for number in range(4):
        dataset.shard(number).write(pa.table({"x": [number]}))
    assert runtime.run(summed(dataset)) == 0 + 1 + 2 + 3
    assert ran(runtime) == {"summed": 1, "total": 4, "together": 1}
    assert runtime.run(summed(dataset)) == 6
    assert ran(runtime) == {}

    dataset.shard(2).write(pa.table({"x": [20]}))
    assert runtime.run(summed(dataset)) == 24
    assert ran(runtime) == {"summed": 1, "total": 1, "together": 1}

    dataset.shard(3).file.remove()
    assert runtime.run(summed(dataset)) == 21
    assert ran(runtime) == {"summed": 1, "together": 1}

    dataset.shard(9).write(pa.table({"x": [100]}))
    assert runtime.run(summed(dataset)) == 121
    assert ran(runtime) == {"summed": 1, "total": 1, "together": 1}

    dataset.shard(9).write(pa.table({"x": [100]}))  # touched, and the same
    assert runtime.run(summed(dataset)) == 121
    assert ran(runtime) == {}


def test_shards_that_tasks_have_written_are_made_again_where_they_are_gone_or_changed(runtime):
    assert runtime.run(summed(made("out", [1, 2, 3]))) == 12
    assert ran(runtime) == {"made": 1, "written": 3, "collected": 1, "summed": 1, "total": 3, "together": 1}
    assert runtime.run(summed(made("out", [1, 2, 3]))) == 12
    assert ran(runtime) == {}

    Dataset("out").shard(1).file.remove()
    assert runtime.run(summed(made("out", [1, 2, 3]))) == 12
    assert ran(runtime).pop("written") == 1
    assert not {"total", "together"} & ran(runtime).keys()

    Dataset("out").shard(1).write(pa.table({"x": [77]}))
    assert runtime.run(summed(made("out", [1, 2, 3]))) == 12
    assert ran(runtime).pop("written") == 1
    assert not {"total", "together"} & ran(runtime).keys()


def test_another_value_writes_its_shard_and_a_narrower_run_deletes_the_rest(runtime):
    runtime.run(summed(made("out", [1, 2, 3])))
    assert runtime.run(summed(made("out", [1, 5, 3]))) == 18
    assert ran(runtime) == {"made": 1, "written": 1, "collected": 1, "summed": 1, "total": 1, "together": 1}

    assert runtime.run(summed(made("out", [1, 5]))) == 12
    assert ran(runtime) == {"made": 1, "collected": 1, "summed": 1, "together": 1}
    assert len(Dataset("out").shards()) == 2
    assert runtime.run(summed(made("out", [1, 5]))) == 12
    assert ran(runtime) == {}


def test_a_data_set_that_one_task_writes_is_made_again_when_a_shard_is_deleted_or_a_file_added(runtime):
    assert runtime.run(summed(all_at_once("out", [1, 2, 3]))) == 6
    assert runtime.run(summed(all_at_once("out", [1, 2, 3]))) == 6
    assert ran(runtime) == {}

    Dataset("out").shards()[0].file.remove()
    assert runtime.run(summed(all_at_once("out", [1, 2, 3]))) == 6
    assert ran(runtime) == {"all_at_once": 1}

    Dataset("out").shard(9).write(pa.table({"x": [100]}))
    assert runtime.run(summed(all_at_once("out", [1, 2, 3]))) == 6
    assert ran(runtime) == {"all_at_once": 1}
    assert len(Dataset("out").shards()) == 2


@pytest.mark.slow
def test_a_data_set_is_given_and_shown_by_its_path_on_the_command_line(tmp_path, monkeypatch):
    pytest.importorskip("alonzo_cli")
    monkeypatch.chdir(tmp_path)
    Path("flow.py").write_text(
        "from alonzo import task\n"
        "from alonzo_datasets import Dataset\n"
        "@task\n"
        "def copied(dataset: Dataset, to: str) -> Dataset:\n"
        "    return Dataset(to).write(dataset.scan())\n"
    )
    Dataset("data").write(pa.table({"x": [1, 2]}))
    command = [sys.executable, "-m", "alonzo_cli", "run", "flow.py", "copied", "--dataset", "data", "--to", "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "out\n"), done.stderr
    assert Dataset("out").read().num_rows == 2


@pytest.mark.slow
def test_shards_are_written_and_read_by_processes(runtime):
    assert (
        runtime.run(summed.options_below(executor="processes")(made.options_below(executor="processes")("out", [1, 2])))
        == 6
    )
    assert runtime.run(summed(made("out", [1, 2]))) == 6
    assert ran(runtime) == {}
