"""Directories and sets of files: which names and what contents make their digests."""

import os
import pickle

import pytest

import alonzo_files
from alonzo import AlonzoError
from alonzo_files import Dir, FileSet
from alonzo_files._hashers import Hashers
from alonzo_files._inspector import DirInspector, Files, FileSetInspector

POSIX = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def files(root):
    return Files(str(root), Hashers(alonzo_files.alonzo_file_hashers()), {})


@pytest.fixture
def of_dir(files):
    """The digest of a directory now."""
    inspector = DirInspector(files)
    return lambda path, hasher=None: inspector.inspect([inspector.place(Dir(path, hasher=hasher))])[0]


@pytest.fixture
def of_set(files):
    inspector = FileSetInspector(files)
    return lambda pattern, hasher=None: inspector.inspect([inspector.place(FileSet(pattern, hasher=hasher))])[0]


def make(root, **contents):
    for name, content in contents.items():
        path = root / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


# -- directories ------------------------------------------------------------------------------------


def test_equal_directories_have_equal_digests_wherever_they_lie(root, of_dir):
    for base in ("one", "deep/er/two"):
        make(root / base, a_txt="a", sub__b_txt="b")

    assert of_dir("one") == of_dir("deep/er/two")
    assert of_dir("one") == of_dir(root / "one")


@pytest.mark.parametrize(
    "change",
    [
        lambda d: (d / "a.txt").write_text("c"),
        lambda d: (d / "a.txt").rename(d / "c.txt"),
        lambda d: (d / "a.txt").unlink(),
        lambda d: (d / "new").write_text(""),
        lambda d: (d / "sub" / "b.txt").rename(d / "b.txt"),
        lambda d: ((d / "a.txt").write_text("b"), (d / "sub" / "b.txt").write_text("a")),
    ],
    ids=["content", "name", "less", "more", "moved", "swapped"],
)
def test_whatever_changes_below_changes_the_digest(root, of_dir, change):
    make(root / "d", a_txt="a", sub__b_txt="b")
    before = of_dir("d")
    change(root / "d")

    assert of_dir("d") != before


def test_what_is_no_content_does_not_change_the_digest(root, of_dir):
    make(root / "d", a_txt="a")
    before = of_dir("d")
    (root / "d" / "empty" / "deeper").mkdir(parents=True)
    os.utime(root / "d" / "a.txt", (1, 1))
    (root / "d" / "a.txt").chmod(0o600)

    assert of_dir("d") == before


def test_names_and_contents_cannot_be_taken_for_each_other(root, of_dir):
    make(root / "one", ab="", c="")
    make(root / "two", a="", bc="")
    make(root / "three", a="b")

    assert len({of_dir("one"), of_dir("two"), of_dir("three")}) == 3


def test_no_directory_is_none_and_an_empty_one_is_not(root, of_dir):
    (root / "empty").mkdir()
    (root / "file").touch()

    assert of_dir("missing") is None
    assert of_dir("file/below") is None
    assert of_dir("empty") is not None


def test_a_file_is_no_directory(root, of_dir):
    (root / "file").touch()

    with pytest.raises(AlonzoError, match="file is not a directory"):
        of_dir("file")


@POSIX
def test_a_link_counts_as_what_it_points_to(root, of_dir):
    make(root / "one", a_txt="a", sub__b_txt="b")
    make(root / "other", b_txt="b")
    (root / "two").mkdir()
    (root / "two" / "a.txt").symlink_to(root / "one" / "a.txt")
    (root / "two" / "sub").symlink_to(root / "other")
    (root / "link").symlink_to("two")

    assert of_dir("one") == of_dir("two") == of_dir("link")


@POSIX
def test_links_in_a_circle_end(root, of_dir):
    make(root / "d", sub__a_txt="a")
    plain = of_dir("d")
    (root / "d" / "sub" / "up").symlink_to("..")
    (root / "d" / "here").symlink_to(".")

    assert of_dir("d") == plain


@POSIX
def test_a_link_that_leads_nowhere_is_no_file_of_a_directory(root, of_dir):
    make(root / "d", a_txt="a")
    before = of_dir("d")
    (root / "d" / "broken").symlink_to("nowhere")

    assert of_dir("d") == before


@POSIX
def test_a_pipe_in_a_directory_is_an_error_that_names_it(root, of_dir):
    make(root / "d", a_txt="a")
    os.mkfifo(root / "d" / "pipe")

    with pytest.raises(AlonzoError, match="pipe is not a regular file"):
        of_dir("d")


@POSIX
@pytest.mark.parametrize("name", ["line\nbreak", "ünïcödé", "[stat]x", "a b"])
def test_any_name_will_do(root, of_dir, name):
    (root / name).mkdir()
    (root / name / name).write_text("a")
    before = of_dir(name)
    (root / name / name).write_text("b")

    assert before is not None
    assert of_dir(name) not in (before, None)


def test_members_are_digested_by_the_directory_s_hasher(root, of_dir):
    make(root / "d", a_txt="a")
    by_content, by_path = of_dir("d"), of_dir("d", "path")
    (root / "d" / "a.txt").write_text("b")

    assert of_dir("d") != by_content
    assert of_dir("d", "path") == by_path
    assert by_path != by_content


def test_inspectors_travel(root, files):
    make(root / "d", a_txt="a")
    inspector = DirInspector(files)

    assert pickle.loads(pickle.dumps(inspector)).inspect(["d"]) == inspector.inspect(["d"])


@pytest.mark.slow
def test_a_directory_of_thousands_of_files(root, of_dir):
    (root / "d").mkdir()
    for number in range(3000):
        (root / "d" / str(number)).write_bytes(b"%d" % number)
    before = of_dir("d")
    (root / "d" / "2999").write_bytes(b"other")

    assert of_dir("d") != before


# -- sets of files ----------------------------------------------------------------------------------


def test_which_files_match_counts_and_what_they_hold(root, of_set):
    make(root / "d", a_csv="a", b_csv="b", c_txt="c")
    before = of_set("d/*.csv")
    (root / "d" / "c.txt").write_text("other")
    assert of_set("d/*.csv") == before
    (root / "d" / "c.csv").write_text("c")
    more = of_set("d/*.csv")
    (root / "d" / "b.csv").write_text("other")

    assert len({before, more, of_set("d/*.csv")}) == 3


def test_a_set_is_never_missing(root, of_set):
    assert of_set("nowhere/*.csv") is not None
    assert of_set("nowhere/*.csv") == of_set("*.csv")


def test_equal_sets_have_equal_digests_wherever_they_lie(root, of_set):
    for base in ("one", "two"):
        make(root / base, a_csv="a", sub__b_csv="b")

    assert of_set("one/**/*.csv") == of_set("two/**/*.csv") != of_set("one/*.csv")


def test_a_set_in_the_project_s_own_directory(root, of_set):
    make(root, a_csv="a")
    before = of_set("*.csv")
    make(root, b_csv="b")

    assert of_set("*.csv") != before


def test_the_project_s_private_files_are_no_files_of_it(root, of_dir, of_set):
    make(root, a_csv="a")
    (root / "other").mkdir()
    make(root / "other", a_csv="a")
    before = of_dir("."), of_set("**")
    (root / ".alonzo").mkdir()
    (root / ".alonzo" / "new").write_text("new")

    assert (of_dir("."), of_set("**")) == before


# -- remote ones ------------------------------------------------------------------------------------


@pytest.fixture
def memory():
    import fsspec

    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    yield system
    system.store.clear()


def test_a_remote_directory_is_digested_as_a_local_one(root, of_dir, memory):
    make(root / "d", a_txt="a", sub__b_txt="b")
    memory.pipe({"/bucket/d/a.txt": b"a", "/bucket/d/sub/b.txt": b"b"})

    assert of_dir("memory://bucket/d") == of_dir("d")
    memory.pipe("/bucket/d/sub/b.txt", b"c")
    assert of_dir("memory://bucket/d") != of_dir("d")


def test_a_remote_directory_that_is_not_there_is_none(root, of_dir, memory):
    assert of_dir("memory://bucket/none") is None


def test_a_remote_set_is_digested_as_a_local_one(root, of_set, memory):
    make(root / "d", a_csv="a", sub__b_csv="b")
    memory.pipe({"/bucket/d/a.csv": b"a", "/bucket/d/sub/b.csv": b"b", "/bucket/d/c.txt": b"c"})

    assert of_set("memory://bucket/d/**/*.csv") == of_set("d/**/*.csv")
    assert of_set("memory://bucket/none/*.csv") == of_set("none/*.csv")
