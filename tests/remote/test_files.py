"""What a `File` does, on every server alike."""

import os
import pickle
import threading
import urllib.parse
from pathlib import Path

import pytest

from alonzo import AlonzoError
from alonzo_files import File

# Each with what makes it hard: URLs, shells, patterns, listings in XML and lines, and other alphabets.
NAMES = [
    "two words",
    " blank",
    "blank ",
    "new\nline",
    "tab\tstop",
    "ü€日本🙂",
    "a+b",
    "per%41cent %2F",
    "ha#sh",
    "que?ry=1&x=2",
    "semi;colon,comma",
    "star*[a-z]{b}",
    "back\\slash",
    "quo'te\"s",
    "<&amp;>",
    "colon:at@",
    ".hidden",
    "~tilde",
    "-dash",
]


def test_what_is_written_is_there_for_everybody_and_read_again(remote):
    file = File(remote.url("a.txt"))
    file.write_text("zwölf\n")

    assert remote.get("a.txt") == b"zw\xc3\xb6lf\n"
    assert file.read_text() == "zwölf\n"
    assert file.exists()
    assert file.size() == 7


def test_where_there_is_nothing_every_operation_says_so(remote):
    file = File(remote.url("none.txt"))

    assert not file.exists()
    file.remove()
    for read in [file.read_bytes, file.size, file.stage, lambda: file.copy_to(remote.url("b")), file.open]:
        with pytest.raises(FileNotFoundError, match=r"none\.txt"):
            read()
    assert remote.names() == []


def test_a_write_replaces_the_content_and_leaves_nothing_beside_it(remote):
    file = File(remote.url("deep/er/a.bin"))
    for size in [100, 10, 0, 1]:
        file.write_bytes(b"x" * size)

        assert file.read_bytes() == b"x" * size
        assert file.size() == size
    assert remote.names() == ["deep/er/a.bin"]


def test_what_another_client_writes_is_seen_at_once(remote):
    file = File(remote.url("a.txt"))
    assert not file.exists()
    seen = []
    for text in [b"one", b"two!"]:
        remote.put("a.txt", text)
        seen.append((file.exists(), file.size(), file.read_bytes()))
    remote.delete("a.txt")

    assert seen == [(True, 3, b"one"), (True, 4, b"two!")]
    assert not file.exists()


def test_a_file_that_is_open_for_writing_is_the_old_one_until_it_is_closed(remote):
    file = File(remote.url("a.txt"))
    file.write_text("old")
    with file.open("w") as opened:
        opened.write("new")
        opened.flush()
        before = remote.get("a.txt")

    assert before == b"old"
    assert remote.get("a.txt") == b"new"


def test_an_exception_while_writing_leaves_the_old_file_and_nothing_else(remote):
    file = File(remote.url("a.txt"))
    file.write_text("old")
    with pytest.raises(ZeroDivisionError), file.open("w") as opened:
        opened.write("new")
        raise ZeroDivisionError

    assert remote.get("a.txt") == b"old"
    assert remote.names() == ["a.txt"]


def test_adding_to_a_file_keeps_what_was_there(remote):
    file = File(remote.url("a.txt"))
    for text in ["one\n", "two\n"]:
        with file.open("a") as opened:
            opened.write(text)

    assert remote.get("a.txt") == b"one\ntwo\n"


def test_an_open_file_reads_lines_and_seeks(remote):
    file = File(remote.url("a.txt"))
    remote.put("a.txt", b"first\nsecond\nthird\n")

    with file.open() as opened:
        assert list(opened) == ["first\n", "second\n", "third\n"]
    with file.open("rb") as opened:
        opened.seek(6)
        assert opened.read(6) == b"second"


def test_a_reader_never_sees_a_part_of_a_file_that_is_replaced_again_and_again(remote):
    file = File(remote.url("a.bin"))
    versions = [bytes([number]) * (200_000 + number) for number in range(8)]
    file.write_bytes(versions[0])
    done = threading.Event()

    def write():
        for version in versions * 3:
            file.write_bytes(version)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        try:
            seen.add(file.read_bytes())
        except (OSError, AlonzoError) as error:
            # To find out that it changed meanwhile, and to say so, is as right as to read it whole.
            assert "a.bin" in str(error)
    writer.join()

    assert seen <= set(versions)


def test_copies_go_from_here_to_there_and_back(remote, tmp_path):
    content = os.urandom(100_000)
    (tmp_path / "local.bin").write_bytes(content)

    there = File("local.bin").copy_to(remote.url("a b/remote.bin"))
    beside = there.copy_to(remote.url("c/copy.bin"))
    back = beside.copy_to("back/again.bin")

    assert (there.path, beside.path) == (remote.url("a b/remote.bin"), remote.url("c/copy.bin"))
    assert remote.names() == ["a b/remote.bin", "c/copy.bin"]
    assert remote.get("c/copy.bin") == content
    assert back.read_bytes() == content


def test_a_copy_over_an_older_file_replaces_it(remote, tmp_path):
    remote.put("new", b"new")
    remote.put("old", b"something older")
    (tmp_path / "old").write_bytes(b"something older")

    File(remote.url("new")).copy_to(remote.url("old"))
    File(remote.url("new")).copy_to("old")

    assert remote.get("old") == b"new"
    assert (tmp_path / "old").read_bytes() == b"new"


def test_a_staged_file_is_a_local_one_and_what_was_made_of_it_can_be_put_back(remote):
    remote.put("a.txt", b"one")
    with File(remote.url("a.txt")).stage() as staged:
        assert staged.path.endswith("/a.txt")
        with Path(staged).open("ab") as local:
            local.write(b" and two")
        assert remote.get("a.txt") == b"one"
        assert staged.upload() == File(remote.url("a.txt"))

    assert remote.get("a.txt") == b"one and two"
    assert not Path(staged).exists()
    assert remote.names() == ["a.txt"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_the_server_can_have_is_one_file(remote, name):
    if set(name) & set(remote.unfit):
        pytest.skip(f"the server knows no name with one of {remote.unfit!r}")
    file = File(remote.url("in here", name))
    file.write_text("text")

    assert remote.names() == [f"in here/{name}"]
    assert remote.get(f"in here/{name}") == b"text"
    assert file.read_text() == "text"
    assert file.name == name
    assert pickle.loads(pickle.dumps(file)) == file
    assert list(file.parent) == [file]
    with file.stage() as staged:
        assert Path(staged).read_text("utf-8") == "text"
    assert file.copy_to(remote.url(f"copy of {name}")).read_text() == "text"
    file.remove()
    assert remote.names() == [f"copy of {name}"]


def test_names_that_differ_in_one_hard_character_are_different_files(remote):
    names = [f"x{c}y" for c in "+ %#?&;" if c not in remote.unfit] + ["x%2By", "x%20y", "x", "xy"]
    for name in names:
        File(remote.url(name)).write_text(name)

    assert [File(remote.url(name)).read_text() for name in names] == names
    assert remote.names() == sorted(names)


def test_a_large_file_arrives_whole(remote):
    # Larger than the blocks in which most of the clients read and write (5 MiB).
    content = os.urandom(1 << 20) * 6
    file = File(remote.url("large.bin"))
    file.write_bytes(content)

    assert file.size() == len(content)
    assert file.read_bytes() == content
    with file.open("rb") as opened:
        opened.seek(3 << 19)
        assert opened.read(1 << 20) == content[3 << 19 : 5 << 19]


@pytest.mark.servers("http", "plain_http")
def test_over_http_files_are_read_and_never_written(remote):
    remote.put("a b/ü.txt", b"one\ntwo\n")
    file = File(remote.url(*map(urllib.parse.quote, ["a b", "ü.txt"])))

    assert file.exists()
    assert file.size() == 8
    assert file.read_text() == "one\ntwo\n"
    with file.open() as opened:
        assert opened.readlines() == ["one\n", "two\n"]
    with file.stage() as staged:
        assert Path(staged).read_text("utf-8") == "one\ntwo\n"
    for write in [lambda: file.write_text(""), file.remove, lambda: file.open("w"), lambda: file.copy_to(f"{file}2")]:
        with pytest.raises(AlonzoError, match="can only be read"):
            write()
    assert not File(remote.url("none.txt")).exists()
    with pytest.raises(FileNotFoundError, match=r"none\.txt"):
        File(remote.url("none.txt")).read_text()
