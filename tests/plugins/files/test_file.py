"""`File` as a value, and reading and writing through it."""

import copy
import dataclasses
import io
import json
import os
import pickle
import stat
import sys
from pathlib import Path

import pytest

from alonzo_files import File


def names(directory):
    return sorted(entry.name for entry in directory.iterdir())


# -- the value ------------------------------------------------------------------------------------


def test_a_file_keeps_its_path_normalised():
    assert File("a//b/../c.txt").path == str(Path("a/c.txt"))
    assert File("./a.txt").path == "a.txt"


def test_a_file_is_made_from_any_path():
    assert File(Path("a") / "b.txt") == File("a/b.txt")
    assert File(File("a/b.txt")) == File("a/b.txt")


def test_links_in_a_path_are_not_resolved(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")

    assert File(tmp_path / "link").path == str(tmp_path / "link")


def test_files_of_one_path_are_equal_and_find_each_other_in_a_dict():
    table = {File("a.txt"): 1}

    assert table[File("./a.txt")] == 1
    assert File("a.txt") != File("b.txt")
    assert File("a.txt") != "a.txt"


def test_a_file_shows_as_the_expression_that_makes_it():
    assert repr(File("a.txt")) == "File('a.txt')"


def test_a_file_formats_as_its_path():
    assert f"{File('a.txt')}" == "a.txt"


def test_a_file_is_a_path_for_the_standard_library(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    file = File(tmp_path / "a.txt")

    assert os.fspath(file) == str(tmp_path / "a.txt")
    assert Path(file).read_text() == "text"
    with open(file) as opened:  # noqa: PTH123
        assert opened.read() == "text"


def test_a_file_cannot_be_changed():
    file = File("a.txt")

    with pytest.raises(AttributeError):
        file.path = "b.txt"
    with pytest.raises(AttributeError):
        file._path = "b.txt"
    with pytest.raises(AttributeError):
        del file._path
    with pytest.raises(AttributeError):
        file.other = 1


def test_a_file_survives_pickle_and_copies():
    file = File("a/b.txt")

    assert pickle.loads(pickle.dumps(file)) == file
    assert copy.copy(file) == file
    assert copy.deepcopy(file) == file


def test_a_pickled_file_is_little_more_than_its_path():
    # Two names (19 + 4 bytes) and the path, with at most 30 bytes around them.
    assert len(pickle.dumps(File("a" * 100))) < 19 + 4 + 100 + 30


def test_a_file_can_be_a_field_of_a_dataclass_and_a_default():
    @dataclasses.dataclass(frozen=True)
    class Job:
        source: File
        target: File = File("out.txt")  # noqa: RUF009

    def target(file=File("out.txt")):
        return file

    assert Job(File("in.txt")).target == target()
    assert hash(Job(File("in.txt"))) == hash(Job(File("in.txt")))


def test_file_cannot_be_subclassed():
    with pytest.raises(TypeError, match="cannot be subclassed"):

        class Special(File):
            pass


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_no_file_can_be_called_is_refused(path):
    with pytest.raises(ValueError, match="no file can have the path"):
        File(path)


@pytest.mark.parametrize("path", [b"a.txt", 3, None])
def test_what_is_no_text_path_is_refused(path):
    with pytest.raises(TypeError):
        File(path)


# -- reading and writing --------------------------------------------------------------------------


def test_text_and_bytes_come_back_as_they_were_written(tmp_path):
    file = File(tmp_path / "a")

    file.write_text("é")
    assert file.read_bytes() == b"\xc3\xa9"
    assert file.read_text() == "é"
    file.write_bytes(b"\xff")
    assert file.read_bytes() == b"\xff"
    assert file.read_text(encoding="latin-1") == "ÿ"


def test_writing_makes_the_directories(tmp_path):
    File(tmp_path / "a" / "b" / "c.txt").write_text("text")

    assert (tmp_path / "a" / "b" / "c.txt").read_text() == "text"


def test_a_relative_file_is_in_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    File("a/b.txt").write_text("text")

    assert (tmp_path / "a" / "b.txt").read_text() == "text"


def test_what_is_written_appears_at_once_when_the_block_ends(tmp_path):
    file = File(tmp_path / "a.txt")
    file.write_text("old")

    with file.open("w") as opened:
        opened.write("new")
        opened.flush()
        assert file.read_text() == "old"

    assert file.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_an_exception_in_the_block_leaves_the_old_file(tmp_path):
    file = File(tmp_path / "a.txt")
    file.write_text("old")

    with pytest.raises(ZeroDivisionError), file.open("w") as opened:
        opened.write("half")
        1 / 0

    assert file.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_close_puts_the_file_in_place_and_may_be_called_again(tmp_path):
    file = File(tmp_path / "a.txt")

    opened = file.open("w")
    opened.write("new")
    opened.close()
    opened.close()

    assert file.read_text() == "new"


def test_a_file_that_is_never_closed_is_as_it_was_and_this_is_said(tmp_path):
    file = File(tmp_path / "a.txt")

    opened = file.open("w")
    opened.write("half")
    with pytest.warns(RuntimeWarning, match=r"a\.txt was opened for writing and never closed"):
        del opened

    assert names(tmp_path) == []


def test_appending_adds_to_a_copy_of_the_old_content(tmp_path):
    file = File(tmp_path / "a.txt")

    for line in ["one\n", "two\n"]:
        with file.open("a") as opened:
            opened.write(line)

    assert file.read_text() == "one\ntwo\n"


def test_an_update_in_place_starts_from_the_old_content(tmp_path):
    file = File(tmp_path / "a")
    file.write_bytes(b"12345")

    with file.open("r+b") as opened:
        opened.seek(1)
        opened.write(b"-")

    assert file.read_bytes() == b"1-345"


def test_the_usual_writers_accept_an_open_file(tmp_path):
    file = File(tmp_path / "a.json")

    with file.open("w") as opened:
        json.dump({"a": 1}, opened)
        print(file=opened)
    with file.open("r") as opened:
        assert json.load(opened) == {"a": 1}
    with file.open("w+b") as opened:
        text = io.TextIOWrapper(opened, "utf-8")
        text.write("text")
        text.flush()
        text.detach()

    assert file.read_text() == "text"


@pytest.mark.parametrize("mode", ["x", "", "rw", "rr", "rbt", "q"])
def test_another_mode_is_refused_and_nothing_is_made(tmp_path, mode):
    with pytest.raises(ValueError, match="mode"):
        File(tmp_path / "a.txt").open(mode)

    assert names(tmp_path) == []


@pytest.mark.parametrize("mode", ["r", "rb", "r+"])
def test_reading_a_missing_file_is_python_s_own_error(tmp_path, mode):
    with pytest.raises(FileNotFoundError):
        File(tmp_path / "a.txt").open(mode)


def test_writing_a_directory_is_python_s_own_error(tmp_path):
    with pytest.raises(IsADirectoryError):
        File(tmp_path).write_text("text")


def test_writing_through_a_link_keeps_the_link(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")

    File(tmp_path / "link.txt").write_text("new")

    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(tmp_path):
    (tmp_path / "usual").touch()
    (tmp_path / "old").touch(mode=0o600)

    File(tmp_path / "new").write_text("text")
    File(tmp_path / "old").write_text("text")

    usual = stat.S_IMODE((tmp_path / "usual").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == usual
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform == "win32", reason="a device of POSIX")
def test_a_device_is_written_to_and_not_replaced():
    File(os.devnull).write_text("text")

    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_very_long_name_can_be_written(tmp_path):
    file = File(tmp_path / ("é" * 120))

    file.write_text("text")

    assert file.read_text() == "text"


def test_exists_is_true_of_files_alone(tmp_path):
    (tmp_path / "a.txt").touch()

    assert File(tmp_path / "a.txt").exists()
    assert not File(tmp_path / "b.txt").exists()
    assert not File(tmp_path).exists()


def test_size_is_in_bytes(tmp_path):
    file = File(tmp_path / "a.txt")

    file.write_text("éa")
    assert file.size() == 3
    file.remove()
    with pytest.raises(FileNotFoundError):
        file.size()


def test_removing_what_is_not_there_does_nothing(tmp_path):
    file = File(tmp_path / "a.txt")
    file.write_text("text")

    file.remove()
    file.remove()

    assert not file.exists()
