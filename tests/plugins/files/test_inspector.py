"""The inspector of files: places, digests, and what it remembers."""

import builtins
import hashlib
import os
import pickle
import sys
import time
from pathlib import Path

import pytest

import alonzo_files
from alonzo import AlonzoError
from alonzo.plugin import Inspector
from alonzo_files import File
from alonzo_files._inspector import FileInspector

HOUR = 3600


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inspector(root):
    return FileInspector(str(root))


@pytest.fixture
def opened(monkeypatch):
    """The paths that are opened."""
    paths = []
    real = builtins.open

    def spy(path, *args, **kwargs):
        paths.append(Path(path).name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", spy)
    return paths


@pytest.fixture
def an_hour_later(monkeypatch):
    """The clock runs an hour ahead, so that what was written just now is old."""
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() + HOUR * 1_000_000_000)


def blake(content):
    return hashlib.blake2b(content, digest_size=16).digest()


# -- places ---------------------------------------------------------------------------------------


def test_it_is_an_inspector(inspector):
    assert isinstance(inspector, Inspector)
    assert inspector.kind == "file"
    assert inspector.kinds == (File,)


def test_a_place_below_the_root_is_relative_to_it(inspector, root):
    assert inspector.place(File("a/b.txt")) == "a/b.txt"
    assert inspector.place(File(root / "a" / "b.txt")) == "a/b.txt"


def test_a_place_elsewhere_is_absolute(inspector, root):
    parent = root.parent.as_posix()

    assert inspector.place(File(root.parent / "b.txt")) == f"{parent}/b.txt"
    assert inspector.place(File("../b.txt")) == f"{parent}/b.txt"
    assert inspector.place(File(f"{root}-other/b.txt")) == f"{root.as_posix()}-other/b.txt"


def test_a_relative_path_counts_from_the_working_directory(inspector, root, monkeypatch):
    (root / "sub").mkdir()
    monkeypatch.chdir(root / "sub")

    assert inspector.place(File("a.txt")) == "sub/a.txt"
    assert inspector.place(File("../a.txt")) == "a.txt"


def test_a_place_means_the_same_wherever_it_is_asked(inspector, root, monkeypatch):
    (root / "a.txt").write_bytes(b"text")
    (root / "sub").mkdir()
    monkeypatch.chdir(root / "sub")

    assert inspector.inspect(["a.txt"]) == [blake(b"text")]


def test_everything_is_below_the_root_of_the_file_system(root):
    whole = FileInspector("/")
    (root / "a.txt").write_bytes(b"text")

    place = whole.place(File("a.txt"))

    assert whole.inspect([place]) == [blake(b"text")]


def test_the_plugin_gives_one_for_the_project_around(root):
    [inspector] = alonzo_files.alonzo_inspectors(root=root)

    assert inspector.place(File(root / "a.txt")) == "a.txt"


def test_it_travels_with_its_root(inspector, root, monkeypatch):
    (root / "a.txt").write_bytes(b"text")
    (root / "sub").mkdir()
    monkeypatch.chdir(root / "sub")

    there = pickle.loads(pickle.dumps(inspector))

    assert there.place(File(root / "a.txt")) == "a.txt"
    assert there.inspect(["a.txt"]) == [blake(b"text")]


# -- digests --------------------------------------------------------------------------------------


def test_the_content_is_what_counts(inspector, root):
    (root / "a.txt").write_bytes(b"text")
    (root / "b.txt").write_bytes(b"text")
    (root / "empty").touch()

    digests = inspector.inspect(["a.txt", "b.txt", "empty"])

    assert digests == [blake(b"text"), blake(b"text"), blake(b"")]


def test_what_is_not_there_is_none(inspector, root):
    (root / "a.txt").touch()
    (root / "dangling").symlink_to("nowhere")

    assert inspector.inspect(["missing", "a.txt/below", "no/where", "dangling"]) == [None] * 4


def test_an_empty_batch_has_no_answers(inspector):
    assert inspector.inspect([]) == []


def test_a_place_asked_twice_is_answered_twice(inspector, root):
    (root / "a.txt").write_bytes(b"text")

    assert inspector.inspect(["a.txt", "a.txt"]) == [blake(b"text")] * 2


def test_a_link_counts_as_what_it_points_to(inspector, root):
    (root / "a.txt").write_bytes(b"text")
    (root / "link").symlink_to("a.txt")

    assert inspector.inspect(["link"]) == [blake(b"text")]


def test_large_and_small_files_are_answered_in_order(inspector, root):
    contents = [b"a" * 3_000_000, b"b", b"c" * 300_000, b"", b"e" * 1_048_576]
    for number, content in enumerate(contents):
        (root / str(number)).write_bytes(content)

    digests = inspector.inspect(["0", "1", "missing", "2", "3", "4"])

    expected = [blake(content) for content in contents]
    assert digests == [expected[0], expected[1], None, *expected[2:]]


def test_a_directory_is_an_error_that_names_it(inspector, root):
    (root / "sub").mkdir()

    with pytest.raises(AlonzoError, match="sub is a directory"):
        inspector.inspect(["sub"])


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes of POSIX")
def test_a_pipe_is_an_error_and_is_not_waited_for(inspector, root):
    os.mkfifo(root / "pipe")

    with pytest.raises(AlonzoError, match="pipe is not a regular file"):
        inspector.inspect(["pipe"])


def test_an_unreadable_file_is_an_error_that_names_it(inspector, root, monkeypatch):
    (root / "secret").touch()

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    # Not by permissions: root may read everything.
    monkeypatch.setattr(builtins, "open", refuse)

    with pytest.raises(AlonzoError, match="secret cannot be read: Permission denied"):
        inspector.inspect(["secret"])


# -- what is remembered ---------------------------------------------------------------------------


def test_an_unchanged_file_is_read_once(inspector, root, opened, an_hour_later):
    (root / "a.txt").write_bytes(b"text")

    first = inspector.inspect(["a.txt"])
    again = inspector.inspect(["a.txt"])

    assert first == again == [blake(b"text")]
    assert opened == ["a.txt"]


def test_a_file_written_just_now_is_read_again(inspector, root, opened):
    # A second write within a tick of the file system's clock would leave the same times.
    (root / "a.txt").write_bytes(b"text")
    inspector.inspect(["a.txt"])
    inspector.inspect(["a.txt"])

    assert opened == ["a.txt", "a.txt"]


def test_a_time_set_back_does_not_make_a_new_file_old(inspector, root, opened):
    (root / "a.txt").write_bytes(b"text")
    os.utime(root / "a.txt", (0, 0))
    inspector.inspect(["a.txt"])
    inspector.inspect(["a.txt"])

    assert opened == ["a.txt", "a.txt"]


def test_other_content_of_the_same_size_is_seen(inspector, root, an_hour_later):
    (root / "a.txt").write_bytes(b"one!")
    before = inspector.inspect(["a.txt"])
    (root / "a.txt").write_bytes(b"two!")

    assert before == [blake(b"one!")]
    assert inspector.inspect(["a.txt"]) == [blake(b"two!")]


def test_a_replacement_with_the_old_size_and_time_is_seen(inspector, root, an_hour_later):
    (root / "a.txt").write_bytes(b"one!")
    old = (root / "a.txt").stat()
    inspector.inspect(["a.txt"])
    (root / "other").write_bytes(b"two!")
    os.utime(root / "other", ns=(old.st_atime_ns, old.st_mtime_ns))
    (root / "other").replace(root / "a.txt")

    assert inspector.inspect(["a.txt"]) == [blake(b"two!")]


def test_a_file_deleted_and_made_again_is_seen_each_time(inspector, root, an_hour_later):
    (root / "a.txt").write_bytes(b"text")
    first = inspector.inspect(["a.txt"])
    (root / "a.txt").unlink()
    gone = inspector.inspect(["a.txt"])
    (root / "a.txt").write_bytes(b"text")

    assert (first, gone) == ([blake(b"text")], [None])
    assert inspector.inspect(["a.txt"]) == [blake(b"text")]


def test_a_touched_file_has_the_same_digest(inspector, root, an_hour_later):
    (root / "a.txt").write_bytes(b"text")
    before = inspector.inspect(["a.txt"])
    os.utime(root / "a.txt", (1, 1))

    assert inspector.inspect(["a.txt"]) == before
