"""What a `Dir` and a `FileSet` do, on every server alike."""

import threading

import pytest

from alonzo import AlonzoError
from alonzo_files import Dir, File, FileSet

TREE = ["a.txt", "b.csv", "sub/a.txt", "sub/deep er/c.csv", "sub/x+y.csv", "sub2/ü#1.txt"]


@pytest.fixture
def tree(remote):
    for name in TREE:
        remote.put(f"tree/{name}", name.encode())
    remote.put("tree-like/other.txt", b"its name begins as the directory's does")
    return Dir(remote.url("tree"))


def names(files, directory):
    return [file.path.removeprefix(f"{directory}/") for file in files]


def test_a_directory_lists_all_files_below_it_sorted_and_no_others(tree):
    assert names(tree, tree) == TREE
    assert names(tree.dir("sub"), tree) == ["sub/a.txt", "sub/deep er/c.csv", "sub/x+y.csv"]


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("*.txt", ["a.txt"]),
        ("*/*.txt", ["sub/a.txt", "sub2/ü#1.txt"]),
        ("**/*.csv", ["b.csv", "sub/deep er/c.csv", "sub/x+y.csv"]),
        ("sub/[a-w]*", ["sub/a.txt"]),
        ("sub?/*", ["sub2/ü#1.txt"]),
        ("sub/**", ["sub/a.txt", "sub/deep er/c.csv", "sub/x+y.csv"]),
        ("none/*", []),
    ],
)
def test_patterns_find_files_by_name_and_directory(tree, pattern, found):
    assert names(tree.glob(pattern), tree) == found
    assert names(FileSet(f"{tree}/{pattern}"), tree) == found


def test_what_others_add_and_delete_is_listed_at_once(tree, remote):
    list(tree)
    remote.put("tree/sub/new.txt", b"new")
    remote.delete("tree/a.txt")

    assert names(tree, tree) == ["b.csv", "sub/a.txt", "sub/deep er/c.csv", "sub/new.txt", *TREE[4:]]


def test_a_directory_that_is_not_there_says_so(remote):
    none = Dir(remote.url("none"))

    assert not none.exists()
    none.remove()
    with pytest.raises(FileNotFoundError, match="none"):
        list(none)
    assert none.glob("*") == []
    assert FileSet(remote.url("none/**/*.txt")).files() == []


def test_a_file_is_no_directory_and_a_directory_no_file(tree):
    with pytest.raises(NotADirectoryError, match=r"a\.txt"):
        list(Dir(f"{tree}/a.txt"))
    assert not Dir(f"{tree}/a.txt").exists()
    assert not File(tree.path).exists()
    assert tree.exists()


def test_a_tree_goes_to_a_local_directory_and_back_to_another(tree, remote):
    local = tree.copy_to("local tree")
    again = local.copy_to(remote.url("again"))
    beside = again.copy_to(remote.url("beside"))

    assert names(local, local) == TREE
    assert names(beside, beside) == TREE
    assert [file.read_bytes().decode() for file in beside] == TREE
    again.remove()
    assert not again.exists()
    assert sorted(name.partition("/")[0] for name in remote.names()) == ["beside"] * 6 + ["tree"] * 6 + ["tree-like"]


def test_a_file_that_is_deleted_while_its_directory_is_walked_is_there_or_not_and_no_error(tree, remote):
    for number in range(20):
        remote.put(f"tree/many{number // 10}/{number}", b"x")
    stop = threading.Event()
    failures = []

    def walk():
        while not stop.is_set():
            try:
                assert set(TREE) <= set(names(tree, tree))
            except Exception as error:
                failures.append(error)
                return

    walker = threading.Thread(target=walk)
    walker.start()
    for number in range(20):
        remote.delete(f"tree/many{number // 10}/{number}")
        remote.put(f"tree/later/{number}", b"y")
    stop.set()
    walker.join()

    assert failures == []


@pytest.mark.servers("moto", "rgw")
def test_more_files_than_a_page_of_a_listing_has_are_all_listed(remote):
    count = {"moto": 45, "rgw": 1_050}[remote.name]  # the pages have 20 and 1,000
    start = remote.root.partition("://")[2]
    remote.filesystem().pipe({f"{start}/many/{number:05}": b"x" for number in range(count)})

    listed = names(Dir(remote.url("many")), remote.url("many"))

    assert listed == [f"{number:05}" for number in range(count)]


@pytest.mark.servers("moto", "rgw", "gcs")
def test_a_marker_of_an_empty_directory_is_no_file(remote):
    # Consoles make an object of no bytes whose name ends with a slash, to show a directory.
    remote.put("tree/sub/", b"")
    remote.put("tree/a.txt", b"a")

    assert names(Dir(remote.url("tree")), remote.url("tree")) == ["a.txt"]
    assert Dir(remote.url("tree")).glob("*") == [File(remote.url("tree/a.txt"))]


@pytest.mark.servers("moto", "rgw", "gcs")
@pytest.mark.parametrize("files", [["tree/a.txt", "tree/sub/b.txt"], []])
def test_markers_of_directories_are_deleted_with_the_directory(remote, files):
    for name in ["tree/", "tree/sub/", "tree/sub/below/", "tree2/", *files]:
        remote.put(name, b"x" if name in files else b"")

    Dir(remote.url("tree")).remove()

    assert not Dir(remote.url("tree")).exists()
    assert Dir(remote.url("tree2")).exists()


@pytest.mark.servers("plain_http")  # fsspec knows a directory by the slash at the end of its link
def test_a_directory_over_http_is_what_its_page_links_to(remote):
    for name in ["a.txt", "sub/b.txt"]:
        remote.put(name, name.encode())

    found = [file.read_text() for file in Dir(remote.root)]

    assert found == ["a.txt", "sub/b.txt"]
    with pytest.raises(AlonzoError, match="can only be read"):
        Dir(remote.root).remove()
