"""What runs again when files, directories and sets of files change, and what is said of programs that write where they should not."""

import os
import shutil
from pathlib import Path

import pytest

from alonzo import Runtime, task
from alonzo_files import Dir, File, FileSet


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


@pytest.fixture(params=["local", "memory"])
def base(request):
    """Where files are kept: below the working directory, and at a URL."""
    if request.param == "memory":
        request.getfixturevalue("memory")
        return "memory://base"
    return "base"


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@task
def convert(source: File, target: str, keep: bool = True) -> File:
    result = File(target, keep=keep)
    result.write_text(source.read_text().upper())
    return result


@task
def count(file: File) -> int:
    return len(file.read_text())


@task
def describe(number: int) -> str:
    return f"{number} characters"


@task
def split(source: File, target: str) -> Dir:
    directory = Dir(target)
    directory.remove()
    for number, line in enumerate(source.read_text().splitlines()):
        (directory / f"part/{number}.txt").write_text(line)
    return directory


@task
def total(directory: Dir) -> int:
    return sum(file.size() for file in directory)


@task
def total_of(files: FileSet) -> int:
    return sum(file.size() for file in files)


@task
def find(base: str) -> FileSet:
    File(f"{base}/made.txt").write_text("made")
    return FileSet(f"{base}/*.txt")


# -- files ----------------------------------------------------------------------------------------


def flow(base, keep=True):
    return describe(count(convert(File(f"{base}/in.txt"), f"{base}/out.txt", keep)))


def test_a_chain_of_files_runs_once(runtime, base):
    File(f"{base}/in.txt").write_text("text")

    assert runtime.run(flow(base)) == "4 characters"
    assert ran(runtime) == {"convert": 1, "count": 1, "describe": 1}
    assert runtime.run(flow(base)) == "4 characters"
    assert ran(runtime) == {}


def test_a_changed_input_runs_what_read_it_and_no_more_than_that(runtime, base):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base))
    File(f"{base}/in.txt").write_text("TEXT")

    assert runtime.run(flow(base)) == "4 characters"
    assert ran(runtime) == {"convert": 1}


@pytest.mark.parametrize("spoil", [lambda file: file.remove(), lambda file: file.write_text("spoilt")])
def test_a_spoilt_intermediate_is_made_again_and_nothing_downstream_runs(runtime, base, spoil):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base))
    spoil(File(f"{base}/out.txt"))

    assert runtime.run(flow(base)) == "4 characters"
    assert ran(runtime) == {"convert": 1}
    assert File(f"{base}/out.txt").read_text() == "TEXT"


def test_an_intermediate_that_need_not_be_kept_may_be_deleted(runtime, base):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base, keep=False))
    File(f"{base}/out.txt").remove()

    assert runtime.run(flow(base, keep=False)) == "4 characters"
    assert ran(runtime) == {}
    assert not File(f"{base}/out.txt").exists()


def test_an_intermediate_that_need_not_be_kept_may_not_be_changed(runtime, base):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base, keep=False))
    File(f"{base}/out.txt").write_text("spoilt")

    assert runtime.run(flow(base, keep=False)) == "4 characters"
    assert ran(runtime) == {"convert": 1}
    assert File(f"{base}/out.txt").read_text() == "TEXT"


def test_a_deleted_intermediate_is_made_again_when_its_source_has_changed(runtime, base):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base, keep=False))
    File(f"{base}/out.txt").remove()
    File(f"{base}/in.txt").write_text("longer text")

    assert runtime.run(flow(base, keep=False)) == "11 characters"
    assert ran(runtime) == {"convert": 1, "count": 1, "describe": 1}


@task
def first_line(file: File) -> str:
    return file.read_text().split("\n")[0]


def test_a_deleted_intermediate_is_made_again_for_another_reader(runtime, base):
    File(f"{base}/in.txt").write_text("text")
    runtime.run(flow(base, keep=False))
    File(f"{base}/out.txt").remove()

    assert runtime.run(first_line(convert(File(f"{base}/in.txt"), f"{base}/out.txt", False))) == "TEXT"
    assert ran(runtime) == {"convert": 1, "first_line": 1}


# -- directories ----------------------------------------------------------------------------------


def test_a_directory_as_a_result_is_made_again_when_anything_in_it_has_changed(runtime, base):
    File(f"{base}/in.txt").write_text("one\ntwo")
    out = Dir(f"{base}/out")
    expression = total(split(File(f"{base}/in.txt"), out.path))
    assert runtime.run(expression) == 6
    assert ran(runtime) == {"split": 1, "total": 1}

    for spoil in [
        lambda: (out / "part/0.txt").write_text("changed"),
        (out / "part/0.txt").remove,
        lambda: (out / "part/more.txt").write_text("more"),
        lambda: (out / "part/0.txt").copy_to(out / "part/00.txt"),
        out.remove,
    ]:
        runtime.run(expression)
        assert ran(runtime) == {}
        spoil()
        assert runtime.run(expression) == 6
        assert ran(runtime) == {"split": 1}
        assert [file.name for file in out] == ["0.txt", "1.txt"]


def test_a_directory_counts_by_names_and_contents_and_not_by_times(runtime):
    Dir("d").mkdir()
    (Dir("d") / "a").write_text("text")
    assert runtime.run(total(Dir("d"))) == 4

    os.utime("d/a", (1, 1))
    os.utime("d", (1, 1))
    Path("d/empty").mkdir()
    assert runtime.run(total(Dir("d"))) == 4
    assert ran(runtime) == {}
    Path("d/a").rename("d/b")
    assert runtime.run(total(Dir("d"))) == 4
    assert ran(runtime) == {"total": 1}


def test_a_directory_that_was_moved_and_put_back_is_recalled(runtime):
    (Dir("d") / "a").write_text("text")
    runtime.run(total(Dir("d")))
    shutil.move("d", "elsewhere")
    with pytest.raises(FileNotFoundError):
        runtime.run(total(Dir("d")))
    shutil.move("elsewhere", "d")

    assert runtime.run(total(Dir("d"))) == 4
    assert ran(runtime) == {}


# -- sets of files --------------------------------------------------------------------------------


def test_a_set_counts_by_which_files_match_and_what_is_in_them(runtime, base):
    directory = Dir(base)
    (directory / "a.txt").write_text("one")
    (directory / "b.log").write_text("log")
    files = FileSet(f"{base}/*.txt")
    assert runtime.run(total_of(files)) == 3

    (directory / "b.log").write_text("another log")
    assert runtime.run(total_of(files)) == 3
    assert ran(runtime) == {}
    (directory / "c.txt").write_text("three")
    assert runtime.run(total_of(files)) == 8
    (directory / "c.txt").write_text("thirty")
    assert runtime.run(total_of(files)) == 9
    (directory / "c.txt").remove()
    assert runtime.run(total_of(files)) == 3
    assert ran(runtime) == {}


def test_a_set_in_a_result_holds_while_its_files_are_as_they_were(runtime, base):
    runtime.run(find(base))
    runtime.run(find(base))
    assert ran(runtime) == {}
    File(f"{base}/another.txt").write_text("more")

    assert runtime.run(total_of(find(base))) == 8
    assert ran(runtime) == {"find": 1, "total_of": 1}


# -- programs that write where they should not ----------------------------------------------------


@task
def read_while_it_changes(file: File) -> str:
    text = file.read_text()
    file.write_text("changed meanwhile")
    return text


@task
def add_line(file: File) -> File:
    with file.open("a") as opened:
        opened.write("line\n")
    return file


@task
def write(path: str, text: str) -> File:
    file = File(path)
    file.write_text(text)
    return file


@task
def write_too(path: str, text: str) -> File:
    file = File(path)
    file.write_text(text)
    return file


@task
def pass_on(file: File) -> File:
    return file


@task
def both(one: File, two: File) -> str:
    return one.read_text() + two.read_text()


def test_a_file_that_changes_while_a_task_reads_it_is_named_and_nothing_of_it_is_remembered(runtime, base):
    file = File(f"{base}/a.txt")
    file.write_text("text")

    with pytest.warns(match=r"a\.txt changed while .*read_while_it_changes.* was running"):
        assert runtime.run(read_while_it_changes(file)) == "text"
    file.write_text("text")
    with pytest.warns(match=r"a\.txt changed while"):
        assert runtime.run(read_while_it_changes(file)) == "text"
    assert ran(runtime) == {"read_while_it_changes": 1}


def test_a_task_that_rewrites_its_input_is_named_and_never_recalled_wrongly(runtime, base):
    file = File(f"{base}/a.txt")

    for lines in (1, 2, 3):
        with pytest.warns(match=r"add_line has rewritten its argument .*a\.txt"):
            runtime.run(add_line(file))
        assert file.read_text() == "line\n" * lines


def test_two_tasks_that_write_one_file_are_named_and_what_read_it_is_not_remembered(runtime, base):
    path = f"{base}/a.txt"
    expression = both(write(path, "1"), write_too(path, "2"))

    with pytest.warns() as said:
        assert runtime.run(expression) == "22"
    assert any("write and " in str(each.message) and "both written" in str(each.message) for each in said)
    for _ in range(2):
        with pytest.warns(match=r"a\.txt"):
            assert runtime.run(expression) in ("11", "22")
        assert ran(runtime)["both"] == 1


def test_two_calls_of_one_task_that_write_one_file_are_named(runtime, base):
    with pytest.warns(match=r"two calls of .*\.write have written .*a\.txt"):
        runtime.run([write(f"{base}/a.txt", "1"), write(f"{base}/a.txt", "2")])


def test_handing_a_file_on_is_not_writing_it(runtime, base):
    runtime.run(pass_on(pass_on(write(f"{base}/a.txt", "1"))))

    assert runtime.last.warnings == []


# -- in worker processes --------------------------------------------------------------------------


@pytest.mark.slow
def test_workers_in_other_processes_see_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    File("in.txt").write_text("one\ntwo")
    expression = [
        total(split(File("in.txt"), "out")),
        count(convert(File("in.txt"), "scratch.txt", keep=False)),
        total_of(find("found")),
    ]

    with Runtime(store="memory:", executor="processes", workers=1) as runtime:
        assert runtime.run(expression) == [6, 7, 4]
        File("scratch.txt").remove()
        assert runtime.run(expression) == [6, 7, 4]
        assert ran(runtime) == {}
        File("out/part/0.txt").write_text("spoilt")
        assert runtime.run(expression) == [6, 7, 4]
        assert ran(runtime) == {"split": 1}


@pytest.mark.slow
def test_options_of_file_systems_travel_to_workers(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "alonzo.toml").write_text('[plugins.files.storage.s3]\nendpoint_url = "http://here"\n')

    with Runtime(store="memory:", executor="processes", workers=1) as runtime:
        monkeypatch.chdir(tmp_path.parent)
        assert runtime.run(options(File("a"))) == {"s3": {"endpoint_url": "http://here"}}


@task
def options(file: File) -> dict:
    from alonzo_files._filesystem import configured

    return dict(configured())
