"""`Dir` and `FileSet` as values, and what they find: the same for local and remote ones."""

import copy
import os
import pickle
import sys
from pathlib import Path

import pytest

from alonzo import AlonzoError
from alonzo_files import Dir, File, FileSet
from alonzo_files._listing import base_of, unfinished


@pytest.fixture(params=["local", "memory"])
def directory(request, tmp_path):
    """An empty place, local and remote, in which nothing is yet."""
    if request.param == "local":
        return Dir(tmp_path / "d")
    request.getfixturevalue("memory")
    return Dir("memory://d")


def fill(directory, *names):
    for name in names:
        directory.file(name).write_text(f"content of {name}")


def names(directory, files):
    return [file.path[len(directory.path) + 1 :].replace(os.sep, "/") for file in files]


# -- values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Dir, FileSet])
def test_equal_paths_are_equal_values_that_survive_pickle_and_copies(kind):
    value = kind("a//b/../c")

    assert value == kind("a/c")
    assert value != kind("a/d")
    assert value != File("a/c")
    assert hash(value) == hash(kind("a/c"))
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.copy(value) is copy.deepcopy(value) is value


@pytest.mark.parametrize("kind", [File, Dir, FileSet])
def test_the_hasher_is_part_of_the_value(kind):
    value = kind("a", hasher="stat")

    assert value != kind("a")
    assert value.hasher == "stat"
    assert pickle.loads(pickle.dumps(value)) == value
    assert repr(value) == f"{kind.__name__}('a', hasher='stat')"


def test_an_intermediate_file_is_a_file_and_not_equal_to_one_that_is_kept():
    file = File("a", keep=False)

    assert isinstance(file, File)
    assert not file.keep
    assert File("a").keep
    assert file != File("a")
    assert file == File("a", keep=False)
    assert pickle.loads(pickle.dumps(file)) == file
    assert pickle.loads(pickle.dumps(File("a", keep=False, hasher="stat"))) == File("a", keep=False, hasher="stat")
    assert repr(file) == "File('a', keep=False)"
    assert not pickle.loads(pickle.dumps(file)).keep


@pytest.mark.parametrize("kind", [Dir, FileSet])
def test_it_cannot_be_changed_or_subclassed(kind):
    with pytest.raises(AttributeError, match=f"a {kind.__name__} cannot be changed"):
        kind("a").path = "b"
    with pytest.raises(AttributeError):
        del kind("a")._path
    with pytest.raises(TypeError, match=f"{kind.__name__} cannot be subclassed"):
        type("Special", (kind,), {})


def test_a_directory_is_a_path_and_shows_as_what_makes_it(tmp_path):
    assert os.fspath(Dir(tmp_path)) == str(tmp_path)
    assert Path(Dir("a")) == Path("a")
    assert repr(Dir("a")) == "Dir('a')"
    assert f"{Dir('a')}" == "a"


def test_a_pattern_is_no_path():
    with pytest.raises(TypeError):
        os.fspath(FileSet("*.txt"))
    with pytest.raises(TypeError):
        File(FileSet("*.txt"))


# -- what is in a directory -----------------------------------------------------------------------


def test_files_below_are_found_at_any_depth_sorted(directory):
    fill(directory, "b.txt", "a/z.txt", "a/b/c.txt", "a.txt")

    assert names(directory, directory) == ["a.txt", "a/b/c.txt", "a/z.txt", "b.txt"]


def test_a_directory_that_is_not_there_says_so(directory):
    assert not directory.exists()
    with pytest.raises(FileNotFoundError):
        list(directory)
    assert directory.glob("*") == []
    directory.remove()


def test_a_directory_is_made_with_those_above_it_and_removed_with_all_that_is_in_it(directory):
    inner = directory.dir("a", "b")

    inner.mkdir()
    inner.mkdir()
    assert inner.exists()
    assert list(inner) == []
    fill(directory, "a/b/c", "d")
    directory.remove()

    assert not directory.exists()
    assert not inner.exists()


def test_joining_gives_files_and_directories_below(directory):
    assert directory / "a.txt" == directory.file("a.txt") == File(f"{directory.path}/a.txt")
    assert directory.dir("a").file("b", "c.txt") == directory / "a/b/c.txt"
    assert directory.dir("a").parent == directory
    with pytest.raises(TypeError):
        directory / 3


def test_a_file_in_the_way_is_an_error(directory):
    fill(directory, "a")
    file = directory.dir("a")

    assert not file.exists()
    with pytest.raises(FileExistsError):
        file.mkdir()
    with pytest.raises(NotADirectoryError):
        file.remove()
    with pytest.raises(NotADirectoryError):
        list(file)
    assert (directory / "a").exists()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("?.txt", ["a.txt", "b.txt"]),
        ("[!a].txt", ["b.txt"]),
        ("[ab].*", ["a.txt", "b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt"]),
        ("sub/**", ["sub/c.txt", "sub/deep/d.txt"]),
        ("sub/*", ["sub/c.txt"]),
        ("*/*/*", ["sub/deep/d.txt"]),
        ("**", ["a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt", "x[1]"]),
        ("x[[]1]", ["x[1]"]),
        ("[]x][[]1]", ["x[1]"]),
        ("[--a].txt", ["a.txt"]),
        ("[^a].txt", ["a.txt"]),
        ("x[[]1", []),
        ("x[", []),
        ("[\\\\a].txt", ["a.txt"]),
        ("a.txt", ["a.txt"]),
        ("nothing*", []),
        ("nowhere/*", []),
        ("a.txt/*", []),
    ],
)
def test_a_pattern_finds_whole_names(directory, pattern, expected):
    fill(directory, "a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt", "x[1]")

    assert names(directory, directory.glob(pattern)) == expected
    assert names(directory, FileSet(f"{directory.path}/{pattern}")) == expected


def test_a_directory_with_wildcards_in_its_name_is_searched_as_it_is_called(directory):
    odd = directory.dir("[x]*")
    fill(odd, "a.txt")
    fill(directory.dir("x"), "b.txt")

    assert odd.glob("*.txt") == [odd / "a.txt"]


def test_a_range_that_is_upside_down_is_refused():
    with pytest.raises(ValueError, match=r"'\[z-a\]' is no pattern: bad character range z-a"):
        FileSet("[z-a]")


def test_the_base_of_a_pattern_is_what_has_no_wildcard():
    assert base_of("a/b/*/c") == os.path.join("a", "b").replace(os.sep, "/")
    assert base_of("*.txt") == "."
    assert base_of("/*.txt") == "/"
    assert base_of("a/b.txt") == "a"
    assert base_of("s3://bucket/*") == "s3://bucket"
    assert base_of("s3://bucket/a/x-?/b") == "s3://bucket/a"
    assert FileSet("a/b/*").base == "a/b"


def test_names_of_any_kind_are_found(directory):
    odd = ["with space", "new\nline", "é", "日本", "%41", "-", "a'\"b"]
    fill(directory, *odd)

    assert names(directory, directory) == sorted(odd)
    assert names(directory, directory.glob("new*")) == ["new\nline"]


def test_what_is_not_finished_is_not_listed(directory):
    fill(directory, "a", unfinished("b"))

    assert names(directory, directory) == ["a"]
    assert names(directory, directory.glob("*")) == ["a"]


def test_a_directory_is_copied_file_by_file(directory, tmp_path, memory):
    fill(directory, "a.txt", "sub/b.txt")

    for target in (Dir(tmp_path / "copy"), Dir("memory://copy")):
        fill(target, "stays", "a.txt")
        assert directory.copy_to(target) == target
        assert names(target, target) == ["a.txt", "stays", "sub/b.txt"]
        assert (target / "a.txt").read_text() == "content of a.txt"


def test_a_copy_into_itself_or_of_nothing_is_refused(directory):
    with pytest.raises(FileNotFoundError):
        directory.copy_to(directory.parent.dir("other"))
    fill(directory, "a")
    with pytest.raises(ValueError, match="is inside of"):
        directory.copy_to(directory.dir("sub"))

    assert names(directory, directory) == ["a"]


def test_the_working_directory_is_listed_by_relative_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fill(Dir("."), "a", "b/c")

    assert list(Dir(".")) == [File("a"), File("b/c")]
    assert Dir(".").glob("*") == [File("a")]
    assert Dir(".").copy_to("../elsewhere") == Dir("../elsewhere")
    assert File("../elsewhere/b/c").exists()


# -- the file system of this machine ----------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_links_are_followed_and_circles_are_cut(tmp_path):
    directory = Dir(tmp_path / "d")
    fill(directory, "a", "sub/b")
    fill(Dir(tmp_path / "other"), "c")
    (tmp_path / "d" / "to_file").symlink_to("a")
    (tmp_path / "d" / "to_directory").symlink_to(tmp_path / "other")
    (tmp_path / "d" / "sub" / "up").symlink_to("..")
    (tmp_path / "other" / "self").symlink_to(".")
    (tmp_path / "d" / "dangling").symlink_to("nowhere")

    assert names(directory, directory) == ["a", "dangling", "sub/b", "to_directory/c", "to_file"]


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_removing_a_link_to_a_directory_leaves_the_directory(tmp_path):
    fill(Dir(tmp_path / "d"), "a")
    (tmp_path / "link").symlink_to("d")

    Dir(tmp_path / "link").remove()

    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "d" / "a").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="names of POSIX")
def test_a_name_that_is_no_unicode_is_found_and_read(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / os.fsdecode(b"\xff.txt")).write_bytes(b"text")

    [found] = Dir(tmp_path / "d")

    assert found.read_text() == "text"


def test_a_directory_that_cannot_be_listed_is_an_error_and_not_left_out(tmp_path, monkeypatch):
    fill(Dir(tmp_path), "a", "closed/b")
    real = os.scandir

    def refuse(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    # Not by permissions: root may read everything.
    monkeypatch.setattr(os, "scandir", refuse)

    with pytest.raises(PermissionError, match="closed"):
        list(Dir(tmp_path))
    with pytest.raises(PermissionError, match="closed"):
        list(FileSet(f"{tmp_path}/**"))


def test_a_remote_directory_that_cannot_be_listed_is_an_error_and_not_left_out(memory, monkeypatch):
    fill(Dir("memory://d"), "a", "closed/b")
    real = type(memory).ls

    def refuse(self, path, *args, **kwargs):
        if path.endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return real(self, path, *args, **kwargs)

    monkeypatch.setattr(type(memory), "ls", refuse)

    with pytest.raises(PermissionError, match="closed"):
        list(Dir("memory://d"))
    with pytest.raises(PermissionError, match="closed"):
        list(FileSet("memory://d/**"))


def test_a_failing_file_system_is_not_an_absent_directory(memory, monkeypatch):
    def fail(self, path, **kwargs):
        raise RuntimeError("500")

    monkeypatch.setattr(type(memory), "info", fail)

    with pytest.raises(AlonzoError, match="memory://d: RuntimeError: 500"):
        Dir("memory://d").exists()


@pytest.mark.slow
def test_a_hundred_thousand_files_are_listed(tmp_path):
    for number in range(100_000):
        os.close(os.open(tmp_path / f"{number:06}", os.O_CREAT))

    files = list(Dir(tmp_path))

    assert len(files) == 100_000
    assert files[0] == File(tmp_path / "000000")
    assert files[-1] == File(tmp_path / "099999")
