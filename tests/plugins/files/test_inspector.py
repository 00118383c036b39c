"""The inspector of files: places, digests, and what it remembers."""

import hashlib
import os
import pickle
import sqlite3
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import alonzo_files
from alonzo import AlonzoError
from alonzo.plugin import Inspector
from alonzo_files import File
from alonzo_files._hashers import Hashers
from alonzo_files._inspector import FileInspector, Files, IntermediateFileInspector
from alonzo_files._inspector_local import LocalFiles
from alonzo_files._settings import FilesSettings

SECOND = 1_000_000_000
POSIX = pytest.mark.skipif(os.name != "posix", reason="links, pipes and ctimes of POSIX")


def inspector_of(root):
    """A new one, as a new process would have."""
    return FileInspector(Files(str(root), Hashers(alonzo_files.alonzo_file_hashers()), {}))


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def inspector(root):
    return inspector_of(root)


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are opened to be read."""
    names = []
    real = os.open

    def spy(path, *args, **kwargs):
        names.append(Path(path).name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", spy)
    return names


class Clock:
    """Hours that pass at once, by the clock of the computer and by that of its files: what was written just now is old."""

    def __init__(self):
        self.ahead = 0
        self.real = time.time_ns

    def __call__(self):
        return self.real() + self.ahead


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "time_ns", clock)
    return clock


@pytest.fixture
def later(clock):
    clock.ahead = 3 * 3600 * SECOND


def write_later(path, content):
    """Change a file, and wait for the tick by which its times tell that: for tests in which hours have passed by the clock alone."""
    before = path.stat().st_ctime_ns if path.exists() else None
    path.write_bytes(content)
    wait_for_a_tick(path, before)


def wait_for_a_tick(path, ctime):
    while path.exists() and path.stat().st_ctime_ns == ctime:
        path.chmod(0o600)


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
    whole = inspector_of("/")
    (root / "a.txt").write_bytes(b"text")

    place = whole.place(File("a.txt"))

    assert whole.inspect([place]) == [blake(b"text")]


def test_the_plugin_gives_one_for_the_project_around(root):
    def offers(hook, protocol, names):
        assert hook == "alonzo_file_hashers"
        return [("files", hasher) for hasher in alonzo_files.alonzo_file_hashers()]

    inspectors = alonzo_files.alonzo_inspectors(settings=FilesSettings(), root=root, offers=offers)

    assert [inspector.kind for inspector in inspectors] == ["file", "intermediate file", "directory", "file set"]
    assert inspectors[0].place(File(root / "a.txt")) == "a.txt"


def test_an_intermediate_file_may_be_absent():
    assert IntermediateFileInspector.absent_is_valid is True
    assert not hasattr(FileInspector, "absent_is_valid")


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
    (root / "secret").write_text("text")

    def refuse(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    # Not by permissions: root may read everything.
    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(AlonzoError, match="secret cannot be read: Permission denied"):
        inspector.inspect(["secret"])


@POSIX
def test_a_link_that_leads_to_itself_is_an_error_that_names_it(inspector, root):
    (root / "loop").symlink_to("loop")

    with pytest.raises(AlonzoError, match="loop cannot be read: Too many levels"):
        inspector.inspect(["loop"])


def test_one_that_cannot_be_read_is_an_error_for_the_batch_also_when_others_are_large(inspector, root):
    for number in range(4):
        (root / f"large {number}").write_bytes(b"x" * 400_000)
    (root / "sub").mkdir()

    with pytest.raises(AlonzoError, match="sub is a directory"):
        inspector.inspect(["large 0", "large 1", "sub", "large 2", "large 3"])


@POSIX
@pytest.mark.parametrize(
    "name", ["a b", "line\nbreak", "ünïcödé 漢字", "[stat]x", "quo'te\"s", "a:b", "-x", "%s", "dot."]
)
def test_any_name_will_do(inspector, root, name):
    (root / name).write_bytes(b"text")
    place = inspector.place(File(name))

    assert inspector.inspect([place]) == [blake(b"text")]
    assert pickle.loads(pickle.dumps(inspector)).inspect([place]) == [blake(b"text")]


@pytest.mark.slow
def test_thousands_of_files_in_one_batch(inspector, root):
    for number in range(2000):
        (root / f"{number}").write_bytes(b"%d" % number)
    places = [f"{number}" for number in range(2000)]

    expected = [blake(b"%d" % number) for number in range(2000)]
    assert inspector.inspect(places) == expected
    assert inspector.inspect(places[::-1]) == expected[::-1]


@pytest.mark.slow
def test_a_hundred_thousand_places_take_seconds(inspector, root, later, opened):
    for number in range(1000):
        (root / f"{number}").write_bytes(b"%d" % number)
    places = [f"{number % 1000}" for number in range(100_000)]
    inspector.inspect(places[:1000])

    assert len(set(inspector.inspect(places))) == 1000
    assert len(opened) == 1000


def test_what_is_slow_to_come_is_waited_for_by_several_threads(inspector, root, monkeypatch):
    threads = set()
    real = os.open

    def slow(path, *args, **kwargs):
        threads.add(threading.current_thread().name)
        threading.Event().wait(0.002)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", slow)
    for number in range(200):
        (root / f"{number}").write_bytes(b"%d" % number)

    assert inspector.inspect([f"{n}" for n in range(200)]) == [blake(b"%d" % n) for n in range(200)]
    assert len(threads) > 2


# -- what is remembered ---------------------------------------------------------------------------


def test_an_unchanged_file_is_read_once(inspector, root, opened, later):
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


@POSIX
def test_a_time_set_back_does_not_make_a_new_file_old(inspector, root, opened):
    (root / "a.txt").write_bytes(b"text")
    os.utime(root / "a.txt", (0, 0))
    inspector.inspect(["a.txt"])
    inspector.inspect(["a.txt"])

    assert opened == ["a.txt", "a.txt"]


def test_other_content_of_the_same_size_is_seen(inspector, root, later):
    (root / "a.txt").write_bytes(b"one!")
    before = inspector.inspect(["a.txt"])
    write_later(root / "a.txt", b"two!")

    assert before == [blake(b"one!")]
    assert inspector.inspect(["a.txt"]) == [blake(b"two!")]


@POSIX
def test_other_content_with_the_old_size_and_time_is_seen_by_its_ctime(inspector, root, later):
    (root / "a.txt").write_bytes(b"one!")
    old = (root / "a.txt").stat()
    inspector.inspect(["a.txt"])
    write_later(root / "a.txt", b"two!")
    os.utime(root / "a.txt", ns=(old.st_atime_ns, old.st_mtime_ns))

    assert inspector.inspect(["a.txt"]) == [blake(b"two!")]


def test_a_replacement_with_the_old_size_and_time_is_seen(inspector, root, later):
    (root / "a.txt").write_bytes(b"one!")
    old = (root / "a.txt").stat()
    inspector.inspect(["a.txt"])
    (root / "other").write_bytes(b"two!")
    os.utime(root / "other", ns=(old.st_atime_ns, old.st_mtime_ns))
    (root / "other").replace(root / "a.txt")

    assert inspector.inspect(["a.txt"]) == [blake(b"two!")]


def test_a_file_deleted_and_made_again_is_seen_each_time(inspector, root, later):
    (root / "a.txt").write_bytes(b"text")
    first = inspector.inspect(["a.txt"])
    (root / "a.txt").unlink()
    gone = inspector.inspect(["a.txt"])
    (root / "a.txt").write_bytes(b"text")

    assert (first, gone) == ([blake(b"text")], [None])
    assert inspector.inspect(["a.txt"]) == [blake(b"text")]


def test_a_file_whose_place_a_directory_took_is_an_error(inspector, root, later):
    (root / "a.txt").write_bytes(b"text")
    inspector.inspect(["a.txt"])
    (root / "a.txt").unlink()
    (root / "a.txt").mkdir()

    with pytest.raises(AlonzoError, match=r"a\.txt is a directory"):
        inspector.inspect(["a.txt"])


def test_a_touched_file_has_the_same_digest(inspector, root, later):
    (root / "a.txt").write_bytes(b"text")
    before = inspector.inspect(["a.txt"])
    os.utime(root / "a.txt", (1, 1))

    assert inspector.inspect(["a.txt"]) == before


def test_a_file_that_grows_while_it_is_read_is_read_again(inspector, root, later, monkeypatch):
    (root / "log").write_bytes(b"one")
    real = os.read

    def growing(file, size):
        data = real(file, size)
        write_later(Path("log"), b"one more")
        return data

    monkeypatch.setattr(os, "read", growing)
    torn = inspector.inspect(["log"])
    monkeypatch.undo()

    assert torn == [blake(b"one")]
    assert inspector.inspect(["log"]) == [blake(b"one more")]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(inspector, root, later, monkeypatch):
    (root / "a.txt").write_bytes(b"one")
    real = os.read

    def replaced(file, size):
        data = real(file, size)
        (root / "b.txt").write_bytes(b"two")
        (root / "b.txt").replace(root / "a.txt")
        return data

    monkeypatch.setattr(os, "read", replaced)
    before = inspector.inspect(["a.txt"])
    monkeypatch.undo()

    assert before == [blake(b"one")]
    assert inspector.inspect(["a.txt"]) == [blake(b"two")]


def test_a_file_that_is_cut_while_it_is_read_is_digested_as_it_is(inspector, root, monkeypatch):
    (root / "a.txt").write_bytes(b"one two")
    real = os.open

    def cut(path, *args, **kwargs):
        os.truncate(path, 3)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", cut)

    assert inspector.inspect(["a.txt"]) == [blake(b"one")]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_what_says_that_it_is_empty_and_is_not_is_read_to_its_end(inspector):
    assert Path("/proc/version").stat().st_size == 0
    assert inspector.inspect(["/proc/version"]) == [blake(Path("/proc/version").read_bytes())]


def test_several_threads_may_inspect_at_once(inspector, root, later):
    for number in range(100):
        (root / f"{number}").write_bytes(b"%d" % number)
    places = [f"{number}" for number in range(100)]
    expected = [blake(b"%d" % number) for number in range(100)]
    wrong = []

    def work():
        for _ in range(5):
            found = inspector.inspect(places)
            inspector._files._local.save()
            wrong.extend(place for place, one, two in zip(places, found, expected, strict=True) if one != two)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert inspector_of(root).inspect(places) == expected


# -- what the next process knows ------------------------------------------------------------------


def remember(root, *names):
    """A process that inspects these files and ends."""
    files = LocalFiles(str(root), Hashers(alonzo_files.alonzo_file_hashers()))
    files.digests(names)
    files.save()


def table_of(root):
    return root / ".alonzo" / "cache" / "file-digests.sqlite"


def test_the_next_process_does_not_read_what_has_not_changed(root, opened, later):
    (root / "a.txt").write_bytes(b"text")
    remember(root, "a.txt")
    opened.clear()

    assert inspector_of(root).inspect(["a.txt"]) == [blake(b"text")]
    assert opened == []


def test_the_next_process_reads_what_has_changed(root, later):
    (root / "a.txt").write_bytes(b"text")
    remember(root, "a.txt")
    write_later(root / "a.txt", b"next")

    assert inspector_of(root).inspect(["a.txt"]) == [blake(b"next")]


def test_a_project_that_has_moved_keeps_what_it_knows(root, opened, later):
    (root / "one").mkdir()
    (root / "one" / "a.txt").write_bytes(b"text")
    remember(root / "one", "a.txt")
    (root / "one").rename(root / "two")
    opened.clear()

    assert inspector_of(root / "two").inspect(["a.txt"]) == [blake(b"text")]
    assert opened == []


def test_what_one_hasher_said_is_not_taken_for_another_s(root, later):
    (root / "a.txt").write_bytes(b"text")
    remember(root, "a.txt")

    [digest] = inspector_of(root).inspect(["[stat]a.txt"])
    assert digest != blake(b"text")


def test_a_table_that_is_lost_or_damaged_costs_time_only(root, later):
    (root / "a.txt").write_bytes(b"text")
    remember(root, "a.txt")
    table_of(root).write_bytes(b"garbage")
    assert inspector_of(root).inspect(["a.txt"]) == [blake(b"text")]
    table_of(root).unlink(missing_ok=True)

    assert inspector_of(root).inspect(["a.txt"]) == [blake(b"text")]


def test_entries_that_anyone_has_spoiled_are_not_believed(root, later):
    (root / "a.txt").write_bytes(b"text")
    remember(root, "a.txt")
    with sqlite3.connect(table_of(root)) as connection:
        connection.execute("UPDATE entries SET value = substr(value, 1, 40) || zeroblob(16)")
    connection.close()

    assert inspector_of(root).inspect(["a.txt"]) == [blake(b"text")]


def test_looking_makes_nothing_where_there_is_no_project(inspector, root):
    (root / "a.txt").write_bytes(b"text")
    inspector.inspect(["a.txt"])

    assert sorted(path.name for path in root.iterdir()) == ["a.txt"]


# -- the racy rule --------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("write", ["the same inode", "another inode"])
def test_two_writes_within_a_tick_are_both_seen(root, clock, monkeypatch, write):
    """A file system whose clock stands still: all writes have the same times."""
    real, inode = os.stat, 7

    class Still:
        def __init__(self, found):
            self.st_size, self.st_mode, self.st_dev = found.st_size, found.st_mode, found.st_dev
            self.st_mtime_ns = self.st_ctime_ns = clock.real() // SECOND * SECOND
            self.st_ino = inode

    stands = Still(real(root))
    stands_at = stands.st_mtime_ns

    def still(path, *args, **kwargs):
        found = Still(real(path, *args, **kwargs))
        found.st_mtime_ns = found.st_ctime_ns = stands_at
        return found

    monkeypatch.setattr(os, "stat", still)
    monkeypatch.setattr(os, "fstat", still)
    inspector = inspector_of(root)
    for text in [b"one!", b"two!", b"six!"]:
        (root / "a.txt").write_bytes(text)
        inode += write == "another inode"

        assert inspector.inspect(["a.txt"]) == [blake(text)]
        assert inspector_of(root).inspect(["a.txt"]) == [blake(text)]


@POSIX
def test_where_times_are_fine_a_file_is_remembered_soon(root, opened):
    (root / "old").write_bytes(b"old")
    remember_at_all_costs(root)
    (root / "a.txt").write_bytes(b"text")
    if (root / "a.txt").stat().st_ctime_ns % 10_000_000 == 0:
        pytest.skip("times are coarse here, or it is one chance in ten million")
    inspector = inspector_of(root)
    threading.Event().wait(0.05)
    inspector.inspect(["a.txt"])
    opened.clear()

    assert inspector.inspect(["a.txt"]) == [blake(b"text")]
    assert opened == []


@POSIX
def test_a_large_file_written_just_now_is_waited_for_and_read_once(root, opened, monkeypatch):
    monkeypatch.setattr("alonzo_files._inspector_local._LONG", 1000)
    remember_at_all_costs(root)
    (root / "a.txt").write_bytes(b"x" * 1000)
    if (root / "a.txt").stat().st_ctime_ns % 10_000_000 == 0:
        pytest.skip("times are coarse here, or it is one chance in ten million")
    inspector = inspector_of(root)
    inspector.inspect(["a.txt"])
    opened.clear()

    assert inspector.inspect(["a.txt"]) == [blake(b"x" * 1000)]
    assert opened == []


@POSIX
def test_a_server_whose_clock_is_behind_is_found_out(root, clock, opened):
    remember_at_all_costs(root)
    (root / "a.txt").write_bytes(b"text")
    clock.ahead = 60 * SECOND  # which is how a server looks whose files bear the times of a minute ago
    inspector = inspector_of(root)
    inspector.inspect(["a.txt"])
    opened.clear()
    inspector.inspect(["a.txt"])

    assert opened == ["a.txt"]


def remember_at_all_costs(root):
    """Make the table, by whose file the clocks are compared."""
    from alonzo.plugin import open_table

    open_table(root, "file-digests").put_many({"": b""})


@POSIX
@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_done_to_a_file_its_digest_is_that_of_its_content(tmp_path_factory, data):
    """Writes, replacements, links, times set forward and back, hours that pass, and processes that end, in any order."""
    root = tmp_path_factory.mktemp("files")
    path = root / "a"
    clock = Clock()
    contents = st.sampled_from([b"one!", b"two!", b"six!", b"", b"longer"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", clock)
        inspector = inspector_of(root)
        path.write_bytes(b"one!")
        inspector.inspect(["a"])
        for _ in range(data.draw(st.integers(1, 8))):
            before = path.stat() if path.exists() else None
            match data.draw(st.sampled_from(["write", "replace", "link", "delete", "age", "process", "append"])):
                case "write":
                    path.write_bytes(data.draw(contents))
                case "append" if path.exists():
                    with path.open("ab") as file:
                        file.write(b"x")
                case "replace":
                    (root / "b").write_bytes(data.draw(contents))
                    (root / "b").replace(path)
                case "link":
                    (root / "c").write_bytes(data.draw(contents))
                    path.unlink(missing_ok=True)
                    path.symlink_to("c")
                case "delete":
                    path.unlink(missing_ok=True)
                case "age":
                    clock.ahead += data.draw(st.sampled_from([0, SECOND, 2 * 3600 * SECOND]))
                case "process":
                    inspector._files._local.save()
                    inspector = inspector_of(root)
            if before is not None and path.exists() and data.draw(st.booleans()):
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            if before is not None and clock.ahead:
                wait_for_a_tick(path, before.st_ctime_ns)

            expected = blake(path.read_bytes()) if path.exists() else None
            assert inspector.inspect(["a"]) == [expected]
