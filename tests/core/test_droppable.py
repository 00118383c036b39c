"""Droppable tables: what they answer is right, whatever becomes of their files."""

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alonzo.plugin import open_table

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and permissions of POSIX")


@pytest.fixture
def table(tmp_path):
    table = open_table(tmp_path, "things")
    yield table
    table.close()


def file_of(root):
    return root / ".alonzo" / "cache" / "things.sqlite"


def again(root):
    """The same table as another process would see it."""
    return open_table(root, "things")


# -- what it keeps ----------------------------------------------------------------------------------


def test_what_was_put_is_had_back_by_a_later_process(table, tmp_path):
    table.put_many({"one": b"1", "two": b"", "ä\n": b"\0\xff"})

    assert again(tmp_path).get_many(["one", "two", "three", "ä\n"]) == {"one": b"1", "two": b"", "ä\n": b"\0\xff"}
    assert file_of(tmp_path).is_file()


def test_keys_are_bytes_or_text_in_utf_8(table):
    table.put_many({b"k": b"1", b"\xc3\xa4": b"2"})

    assert table.get_many(["k", "ä"]) == {"k": b"1", "ä": b"2"}


def test_a_name_that_is_no_text_is_a_key_all_the_same(table):
    name = os.fsdecode(b"\xff.txt") if os.name == "posix" else "x"
    table.put_many({name: b"1"})

    assert table.get_many([name]) == {name: b"1"}


def test_a_later_value_takes_the_place_of_an_earlier_one(table):
    table.put_many({"k": b"old", "other": b"1"})
    table.put_many({"k": b"new"})

    assert table.get_many(["k", "other"]) == {"k": b"new", "other": b"1"}


def test_nothing_is_made_by_looking(table, tmp_path):
    assert table.get_many(["k"]) == {}
    assert table.get_many([]) == {}
    table.put_many({})
    assert list(tmp_path.iterdir()) == []


def test_the_private_directory_is_ignored_by_git(table, tmp_path):
    table.put_many({"k": b"1"})

    assert (tmp_path / ".alonzo" / ".gitignore").read_text() == "*\n"


def test_many_keys_are_asked_at_once(table):
    entries = {f"key {number}": b"%d" % number for number in range(3001)}
    table.put_many(entries)

    assert table.get_many([*entries, "nobody's"]) == entries
    few = {f"key {number}": b"%d" % number for number in range(600)}
    assert table.get_many([*few, "nobody's"]) == few


def test_a_closed_table_may_be_used_again(table):
    table.put_many({"k": b"1"})
    table.close()

    assert table.get_many(["k"]) == {"k": b"1"}


def test_a_table_travels_by_pickle(table, tmp_path):
    table.put_many({"k": b"1"})

    assert pickle.loads(pickle.dumps(table)).get_many(["k"]) == {"k": b"1"}


def test_who_uses_no_table_does_not_wait_for_sqlite_to_be_imported():
    core = str(Path(sys.modules["alonzo"].__file__).parents[1])
    code = "import alonzo.plugin, sys; sys.exit('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": core}, check=False)

    assert done.returncode == 0


@pytest.mark.parametrize("name", ["", "a/b", "..", "a b", "ä", "x" * 65])
def test_a_table_needs_a_name_that_is_one_on_every_disk(tmp_path, name):
    with pytest.raises(ValueError, match="cannot name a table"):
        open_table(tmp_path, name)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.dictionaries(st.binary(max_size=3), st.binary(max_size=3), max_size=4)), max_size=6
    )
)
def test_it_answers_as_a_dict_would(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("table")
    table, model = again(root), {}
    for reopen, entries in steps:
        table.put_many(entries)
        model.update(entries)
        if reopen:
            table.close()
            table = again(root)

    assert table.get_many([bytes([n]) for n in range(256)] + list(model)) == model
    table.close()


# -- what becomes of the file -----------------------------------------------------------------------


def test_a_deleted_file_is_an_empty_table_also_while_it_is_open(table, tmp_path):
    table.put_many({"k": b"1"})
    file_of(tmp_path).unlink()

    assert table.get_many(["k"]) == {}
    table.put_many({"k": b"2"})
    assert again(tmp_path).get_many(["k"]) == {"k": b"2"}


def test_a_deleted_private_directory_is_made_again(table, tmp_path):
    import shutil

    table.put_many({"k": b"1"})
    shutil.rmtree(tmp_path / ".alonzo")
    table.put_many({"k": b"2"})

    assert table.get_many(["k"]) == {"k": b"2"}


@pytest.mark.parametrize("garbage", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000], ids=len)
def test_garbage_is_dropped(tmp_path, garbage):
    file_of(tmp_path).parent.mkdir(parents=True)
    file_of(tmp_path).write_bytes(garbage)
    table = again(tmp_path)

    assert table.get_many(["k"]) == {}
    table.put_many({"k": b"1"})
    assert again(tmp_path).get_many(["k"]) == {"k": b"1"}


def test_a_file_that_is_cut_while_it_is_open_is_dropped(table, tmp_path):
    table.put_many({f"key {n}": b"x" * 200 for n in range(500)})
    os.truncate(file_of(tmp_path), 5000)

    assert set(table.get_many([f"key {n}" for n in range(500)]).values()) <= {b"x" * 200}
    table.put_many({"k": b"1"})
    assert table.get_many(["k"]) == {"k": b"1"}


@pytest.mark.parametrize("change", ["user_version = 99", "application_id = 7"])
def test_a_file_of_another_version_or_program_is_dropped(table, tmp_path, change):
    table.put_many({"k": b"1"})
    table.close()
    with sqlite3.connect(file_of(tmp_path)) as connection:
        connection.execute(f"PRAGMA {change}")
    connection.close()

    assert again(tmp_path).get_many(["k"]) == {}
    table.put_many({"k": b"2"})
    assert again(tmp_path).get_many(["k"]) == {"k": b"2"}


@pytest.mark.slow
def test_a_flipped_byte_never_gives_a_wrong_answer(table, tmp_path):
    entries = {f"key {number}": b"value %d" % number for number in range(40)}
    table.put_many(entries)
    table.close()
    whole = file_of(tmp_path).read_bytes()
    for place in range(0, len(whole), 61):
        damaged = bytearray(whole)
        damaged[place] ^= 0x41
        file_of(tmp_path).write_bytes(damaged)
        other = again(tmp_path)

        assert other.get_many(list(entries)).items() <= entries.items(), place
        other.close()


def test_a_locked_file_is_left_alone(table, tmp_path, monkeypatch):
    monkeypatch.setattr("alonzo._droppable._PATIENCE", 0.01)
    table.put_many({"k": b"1"})
    table.close()
    other = sqlite3.connect(file_of(tmp_path), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    assert table.get_many(["k"]) == {}
    table.put_many({"k": b"2"})
    other.execute("ROLLBACK")
    other.close()
    assert table.get_many(["k"]) == {"k": b"1"}


def test_what_cannot_be_made_is_an_empty_table(tmp_path):
    (tmp_path / ".alonzo").write_text("a file is in the way")
    table = again(tmp_path)
    table.put_many({"k": b"1"})

    assert table.get_many(["k"]) == {}
    assert (tmp_path / ".alonzo").read_text() == "a file is in the way"


def test_a_directory_in_the_file_s_place_is_left_alone(tmp_path):
    file_of(tmp_path).mkdir(parents=True)
    table = again(tmp_path)
    table.put_many({"k": b"1"})

    assert table.get_many(["k"]) == {}
    assert file_of(tmp_path).is_dir()


def test_a_root_that_is_not_there_is_not_made(tmp_path):
    table = again(tmp_path / "nowhere")
    table.put_many({"k": b"1"})

    assert table.get_many(["k"]) == {}
    assert not (tmp_path / "nowhere").exists()


@POSIX
def test_another_user_s_file_is_not_believed(table, tmp_path, monkeypatch):
    table.put_many({"k": b"1"})
    monkeypatch.setattr(os, "geteuid", lambda: 4242)

    assert again(tmp_path).get_many(["k"]) == {}
    again(tmp_path).put_many({"k": b"2"})
    monkeypatch.undo()
    assert again(tmp_path).get_many(["k"]) == {"k": b"1"}


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_read(table, tmp_path):
    table.put_many({"k": b"1"})
    table.close()
    file_of(tmp_path).chmod(0o400)
    other = again(tmp_path)
    other.put_many({"k": b"2"})

    assert other.get_many(["k"]) == {"k": b"1"}


def test_a_table_that_has_grown_too_large_begins_anew(table, tmp_path, monkeypatch):
    table.put_many({f"key {n}": b"x" * 100 for n in range(100)})
    monkeypatch.setattr("alonzo._droppable._LARGEST", 1000)

    table.put_many({"k": b"1"})
    monkeypatch.undo()
    assert again(tmp_path).get_many(["k", "key 1"]) == {"k": b"1"}


# -- several at once --------------------------------------------------------------------------------


def test_threads_share_one_table(table):
    def work(thread):
        for number in range(50):
            table.put_many({f"{thread} {number}": b"%d %d" % (thread, number)})
            table.get_many([f"{thread} {number}"])

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wanted = {f"{thread} {number}": b"%d %d" % (thread, number) for thread in range(4) for number in range(50)}
    assert table.get_many(list(wanted)) == wanted


WRITER = """
import sys
from pathlib import Path
from alonzo.plugin import open_table

table = open_table(Path(sys.argv[1]), "things")
print("ready", flush=True)
number = 0
while number < int(sys.argv[3]):
    table.put_many({f"{sys.argv[2]} {number} {part}": b"value of %d %d" % (number, part) for part in range(20)})
    number += 1
"""


def writer(root, name, count):
    core = str(Path(sys.modules["alonzo"].__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(count)],
        env={**os.environ, "PYTHONPATH": core},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_write_at_once_and_nothing_is_lost(tmp_path):
    writers = [writer(tmp_path, name, 50) for name in "ab"]
    for process in writers:
        process.communicate()

    assert [process.returncode for process in writers] == [0, 0]
    wanted = {f"{n} {k} {part}": b"value of %d %d" % (k, part) for n in "ab" for k in range(50) for part in range(20)}
    assert again(tmp_path).get_many(list(wanted)) == wanted


@POSIX
@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_a_table_without_wrong_answers(tmp_path):
    for turn in range(5):
        process = writer(tmp_path, f"turn{turn}", 1_000_000)
        process.stdout.readline()
        while not again(tmp_path).get_many([f"turn{turn} {turn + 1} 0"]):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()

        names = [(k, part) for k in range(200) for part in range(20)]
        found = again(tmp_path).get_many([f"turn{turn} {k} {part}" for k, part in names])
        wanted = {f"turn{turn} {k} {part}": b"value of %d %d" % (k, part) for k, part in names}
        assert found.items() <= wanted.items()
        assert f"turn{turn} 0 0" in found
    table = again(tmp_path)
    table.put_many({"k": b"1"})
    assert table.get_many(["k"]) == {"k": b"1"}


@POSIX
def test_a_child_after_a_fork_has_a_connection_of_its_own(table, tmp_path):
    table.put_many({"k": b"1"})
    code = f"""
import os, sys
from pathlib import Path
from alonzo.plugin import open_table
table = open_table(Path({str(tmp_path)!r}), "things")
assert table.get_many(["k"]) == {{"k": b"1"}}
child = os.fork()
table.put_many({{"child" if child == 0 else "parent": b"2"}})
if child == 0:
    os._exit(0 if table.get_many(["k", "child"]) == {{"k": b"1", "child": b"2"}} else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    core = str(Path(sys.modules["alonzo"].__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": core}, check=False)

    assert done.returncode == 0
    assert again(tmp_path).get_many(["k", "child", "parent"]) == {"k": b"1", "child": b"2", "parent": b"2"}
