"""Secrets are used and never shown: not in the store, not in what is printed, logged, told or raised."""

import copy
import json
import logging
import os
import pickle
import stat
import sys
import threading
from collections import Counter

import attrs
import pytest

from alonzo import EncodeError, LazyValueError, Runtime, Secret, catch, get_context, task
from alonzo._codec import Codec
from alonzo._preview import preview
from alonzo._sealing import SecretKey
from alonzo.plugin import hookimpl

pytest.importorskip("alonzo_store_sqlite")

CLEAR = "correct horse battery staple"
ran = Counter()


@pytest.fixture(autouse=True)
def _nothing_ran():
    ran.clear()


@pytest.fixture
def open_runtime(tmp_path):
    """Runtimes of one project, opened as often as wanted."""
    (tmp_path / "alonzo.toml").write_text("")
    opened = []

    def opened_here(**more):
        given = {"executor": "inprocess", "store": f"sqlite:{tmp_path / 'memo.db'}", **more}
        opened.append(Runtime(settings=tmp_path / "alonzo.toml", **given))
        return opened[-1]

    yield opened_here
    for runtime in opened:
        runtime.close()


def everything_written(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@task
def length(password):
    ran["length"] += 1
    return len(password.reveal())


@task
def nested(settings):
    ran["nested"] += 1
    return length(settings["password"]) + len(settings["user"])


@task
def made(text):
    ran["made"] += 1
    return Secret(text[::-1])


@attrs.frozen
class Login:
    user: str
    password: Secret


@task
def login(password):
    return Login("ada", password)


@task
def used(login):
    return length(login.password)


@task
def main(password):
    return [length(password), used(login(password)), nested({"user": "ada", "password": password})]


@task
def fails(password):
    raise ValueError("no entry", password)


@task
def from_context():
    return length(get_context("db.password"))


# -- as a value -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shown",
    [repr, str, "{}".format, "{:>5}".format, "%s".__mod__, lambda s: f"{[s]}", lambda s: preview((s, {"p": s}))],
)
def test_no_text_of_a_secret_shows_it(shown):
    assert CLEAR not in shown(Secret(CLEAR))
    assert "Secret(…)" in shown(Secret(CLEAR))


def test_it_is_revealed_when_it_is_asked_to():
    assert Secret(CLEAR).reveal() == CLEAR
    assert Secret({"user": 1}).reveal() == {"user": 1}


@pytest.mark.parametrize(("one", "other"), [("é", "e"), (b"a", b"b"), ("1", 1), (1, True), ([1], [2]), ("a", b"a")])
def test_equal_are_secrets_of_equal_values_of_one_type(one, other):
    assert Secret(one) == Secret(copy.copy(one))
    assert Secret(one) != Secret(other)
    assert Secret(one) != one


def test_it_can_be_a_key_if_its_value_can():
    assert {Secret("a"): 1}[Secret("a")] == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Secret([]))


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_it_is_neither_pickled_nor_copied(copied):
    with pytest.raises(EncodeError, match=r"neither pickled nor copied: pass it on as it is, or reveal\(\) it"):
        copied(Secret(CLEAR))


def test_it_has_no_state_to_be_looked_into():
    assert not hasattr(Secret(CLEAR), "__dict__")
    with pytest.raises(TypeError):
        json.dumps(Secret(CLEAR))
    with pytest.raises(TypeError, match="no subclasses"):
        type("Mine", (Secret,), {})


def test_a_lazy_value_is_refused():
    with pytest.raises(LazyValueError, match=r"Secret\(.*made\(…\)\): .*make the Secret in a task"):
        Secret(made("x"))


# -- in runs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["inprocess", "threads"])
def test_the_same_secret_is_recalled_and_another_one_runs_again(executor, open_runtime):
    if executor == "threads":
        pytest.importorskip("alonzo_executor_local")
    with open_runtime(executor=executor) as runtime:
        assert runtime.run(main(Secret("abc"))) == [3, 3, 6]
    with open_runtime(executor=executor) as runtime:
        assert runtime.run(main(Secret("abc"))) == [3, 3, 6]
        assert dict(runtime.last.ran) == {}
        assert runtime.run(main(Secret("abcd"))) == [4, 4, 7]
        assert sum(runtime.last.ran.values()) == 5  # main, length, used, login, nested


def test_a_secret_does_not_count_like_its_value_in_clear(open_runtime):
    @task(version="1")
    def kind(value):
        return type(value).__name__

    runtime = open_runtime()

    assert runtime.run([kind("abc"), kind(Secret("abc"))]) == ["str", "Secret"]


def test_nothing_that_is_written_told_or_logged_shows_it(open_runtime, tmp_path, caplog, capfd):
    told = []

    class Listens:
        def observe(self, moment):
            told.append(repr(moment))

    class Plugin:
        @hookimpl
        def alonzo_observers(self):
            return [Listens()]

    caplog.set_level(logging.DEBUG)
    with open_runtime(plugins=[Plugin()], context={"db": {"password": Secret(CLEAR)}}) as runtime:
        runtime.run([main(Secret(CLEAR)), made(CLEAR[::-1][:-1] + CLEAR[0]), from_context()])
        with pytest.raises(ValueError, match="no entry") as failed:
            runtime.run(fails(Secret(CLEAR)))
        failures, rows = runtime.last.failures, runtime.store.jobs(runtime.store.runs(1)[0].id)
        runs = runtime.store.runs()

    told += [str(failures), str(rows), str(runs), str(failed.value), str(failed.value.__notes__), *capfd.readouterr()]
    assert rows[0].arguments == "Secret(…)"
    assert CLEAR not in caplog.text + "".join(told)
    assert CLEAR.encode() not in everything_written(tmp_path)


def test_a_result_that_is_a_secret_is_recalled_encrypted(open_runtime, tmp_path):
    with open_runtime() as runtime:
        assert runtime.run(made("terces")).reveal() == "secret"
    with open_runtime() as runtime:
        assert runtime.run(length(made("terces"))) == 6

    assert dict(ran) == {"made": 1, "length": 1}
    assert b"secret" not in (tmp_path / "memo.db").read_bytes().replace(b"_secret", b"")


def test_with_another_key_nothing_that_holds_a_secret_is_recalled(open_runtime, tmp_path):
    with open_runtime() as runtime:
        runtime.run(length(made("terces")))
    (tmp_path / ".alonzo" / "secret.key").unlink()
    with open_runtime() as runtime:
        with pytest.warns(match="missing or damaged"):
            assert runtime.run(made("terces")).reveal() == "secret"

    assert dict(ran) == {"made": 2, "length": 1}


def test_a_secret_of_a_module_counts_by_its_value_and_is_not_stored(open_runtime, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    source = (
        "from alonzo import Secret, task\nTOKEN = Secret('{}')\n@task\ndef size():\n    return len(TOKEN.reveal())\n"
    )
    name = "module_with_a_token"
    for token, runs in ((CLEAR, 1), (CLEAR, 0), ("else", 1)):
        (tmp_path / f"{name}.py").write_text(source.format(token))
        sys.modules.pop(name, None)
        module = __import__(name)
        with open_runtime() as runtime:
            assert runtime.run(module.size()) == len(token)
            assert sum(runtime.last.ran.values()) == runs

    assert CLEAR.encode() not in (tmp_path / "memo.db").read_bytes()


def test_what_a_secret_hides_is_a_plain_value(open_runtime):
    with pytest.raises(LazyValueError, match="stands where it is not looked for"):
        open_runtime().run(length(Secret([made("x")])))


def test_a_failure_with_a_secret_can_be_caught(open_runtime):
    assert open_runtime().run(catch(fails(Secret(CLEAR)), ValueError, "caught")) == "caught"


# -- the key --------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone_and_only_when_it_is_needed(open_runtime, tmp_path):
    place = tmp_path / ".alonzo" / "secret.key"
    open_runtime().run(made("x"))
    before = place.read_bytes()
    open_runtime().run(length(Secret("x")))

    assert len(before) == 32
    assert place.read_bytes() == before
    if os.name == "posix":
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert sorted(path.name for path in place.parent.iterdir()) == [".gitignore", "secret.key"]


def test_without_secrets_there_is_no_key(open_runtime, tmp_path):
    @task(version="1")
    def one():
        return 1

    open_runtime().run(one())
    pickle.dumps(SecretKey(tmp_path))

    assert not (tmp_path / ".alonzo").exists()


def test_keys_that_are_made_at_the_same_time_are_one_key(tmp_path):
    together, digests = threading.Barrier(8), []

    def made_here():
        together.wait()
        digests.append(SecretKey(tmp_path).digest(b"x"))

    threads = [threading.Thread(target=made_here) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(digests) == 8
    assert len(set(digests)) == 1


def test_a_key_that_cannot_be_had_fails_the_call_and_says_where_it_should_be(tmp_path):
    (tmp_path / ".alonzo").write_text("in the way")
    with pytest.raises(EncodeError, match=r"can be neither read nor made: .*\.alonzo"):
        SecretKey(tmp_path).digest(b"x")

    (tmp_path / "b" / ".alonzo").mkdir(parents=True)
    (tmp_path / "b" / ".alonzo" / "secret.key").write_bytes(b"short")
    with pytest.raises(EncodeError, match=r"secret\.key is damaged: 5 bytes, not 32"):
        SecretKey(tmp_path / "b").digest(b"x")


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1000])
def test_what_was_sealed_comes_back_and_damage_is_noticed(size, tmp_path):
    key, data = SecretKey(tmp_path), bytes(range(256)) * 4
    data = data[:size]
    sealed = key.seal(data)

    assert key.unseal(sealed) == data
    assert sealed == SecretKey(tmp_path).seal(data)
    for place in (0, len(sealed) - 1):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(EncodeError, match="another key than this project's, or is damaged"):
            key.unseal(bytes(damaged))


def test_it_travels_with_what_it_knows(tmp_path):
    key = SecretKey(tmp_path)
    sealed = key.seal(b"x")
    sent = pickle.dumps(key)
    (tmp_path / ".alonzo" / "secret.key").unlink()

    assert pickle.loads(sent).unseal(sealed) == b"x"


def test_without_a_key_a_secret_is_neither_encoded_nor_decoded(tmp_path):
    with pytest.raises(EncodeError, match="neither pickled nor copied"):
        Codec().encode([Secret("x")])
    with pytest.raises(Exception, match="no key for secrets here"):
        Codec().decode(*Codec(sealer=SecretKey(tmp_path)).encode(Secret("x")))
