"""Secrets, and arguments that are changed in place, where tasks run in threads and worker processes."""

import attrs
import pytest

from alonzo import AlonzoWarning, Runtime, Secret, task

pytest.importorskip("alonzo_executor_local")
pytest.importorskip("alonzo_store_sqlite")

CLEAR = "correct horse battery staple"
TOKEN = Secret("of the module")
EXECUTORS = ["threads", pytest.param("processes", marks=pytest.mark.slow)]


@attrs.frozen
class Login:
    user: str
    password: Secret


@task
def length(password):
    return len(password.reveal())


@task
def login(password):
    print("login with", password)
    return Login("ada", password)


@task
def used(login):
    return length(login.password)


@task
def refused(password):
    raise ValueError("no entry", password)


@task
def of_module():
    return len(TOKEN.reveal())


@task
def main(password):
    return [length(password), used(login(password)), of_module()]


@task
def numbers():
    return [1, 2, 3]


@task
def popped(xs, by):
    return xs.pop() + by


@task
def total(xs):
    return sum(xs)


@task
async def popped_later(xs):
    return xs.pop() + len(await numbers())


@pytest.fixture
def open_runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alonzo.toml").write_text("")
    return lambda executor: Runtime(executor=executor, workers=1, settings=tmp_path / "alonzo.toml")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_secrets_go_where_they_are_used_and_are_nowhere_in_clear(executor, open_runtime, tmp_path):
    with open_runtime(executor) as runtime:
        runtime.run(numbers())  # so that a worker is there before the project has a key
        assert runtime.run(main(Secret(CLEAR))) == [len(CLEAR), len(CLEAR), 13]
        assert runtime.run(login(Secret(CLEAR))).password.reveal() == CLEAR
        with pytest.raises(ValueError, match="no entry") as failed:
            runtime.run(refused(Secret(CLEAR)))
        runs = runtime.store.runs()
        rows = [row for run in runs for row in runtime.store.jobs(run.id)]
    with open_runtime(executor) as runtime:
        assert runtime.run(main(Secret(CLEAR))) == [len(CLEAR), len(CLEAR), 13]
        assert dict(runtime.last.ran) == {}

    told = f"{rows} {runs} {failed.value} {failed.value.__notes__}"
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert "Secret(…)" in told
    assert CLEAR not in told
    assert CLEAR.encode() not in written
    assert b"of the module" not in written


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_task_that_changes_its_argument_is_named_and_nobody_else_sees_it(executor, open_runtime):
    xs = numbers()

    with open_runtime(executor) as runtime:
        with pytest.warns(AlonzoWarning, match="popped changed its argument xs in place") as warned:
            assert runtime.run([*(popped(xs, by) for by in range(20)), total(xs), xs]) == [*range(3, 23), 6, [1, 2, 3]]

    assert len(warned) == 1


@pytest.mark.parametrize("executor", EXECUTORS)
def test_calls_that_are_sent_together_do_not_share_what_one_of_them_changes(executor, open_runtime):
    mine = [1, 2, 3]

    with open_runtime(executor) as runtime, pytest.warns(AlonzoWarning, match="popped changed its argument xs"):
        assert runtime.run([popped(mine, 0), total(mine), popped(mine, 1), popped(mine, 2)]) == [3, 6, 4, 5]
    assert mine == [1, 2, 3]


def test_an_async_task_that_changes_its_argument_is_named_too(open_runtime):
    xs = numbers()

    with open_runtime("threads") as runtime, pytest.warns(AlonzoWarning, match="popped_later changed its argument xs"):
        assert runtime.run([popped_later(xs), total(xs)]) == [6, 6]
