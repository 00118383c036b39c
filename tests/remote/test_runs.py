"""Workflows whose files are on servers: what makes a task run again, and what does not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alonzo import Runtime, task
from alonzo_files import Dir, File, FileSet


@pytest.fixture
def runtime(remote):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@task
def read(file: File) -> str:
    return file.read_text()


@task
def upper(file: File, target: str) -> File:
    made = File(target)
    made.write_text(file.read_text().upper())
    return made


@task
def join(files: list[File]) -> str:
    return " ".join(file.read_text() for file in files)


@task
def names(directory: Dir) -> str:
    return " ".join(sorted(file.name for file in directory))


@task
def count(files: FileSet) -> int:
    return len(files.files())


@task
def fill(path: str, texts: dict[str, str]) -> Dir:
    for name, text in texts.items():
        Dir(path).file(name).write_text(text)
    return Dir(path)


def test_a_second_run_applies_nothing_and_a_changed_object_reruns_its_readers_alone(runtime, remote):
    inputs = [remote.url("in", f"{letter} ü.txt") for letter in "abc"]
    for url, text in zip(inputs, ["one", "two", "three"], strict=True):
        File(url).write_text(text)

    def flow():
        return join([upper(File(url), url.replace("/in/", "/out/")) for url in inputs])

    assert runtime.run(flow()) == "ONE TWO THREE"
    assert ran(runtime) == {"join": 1, "upper": 3}
    assert runtime.run(flow()) == "ONE TWO THREE"
    assert ran(runtime) == {}
    remote.put("in/b ü.txt", b"twelve")
    assert runtime.run(flow()) == "ONE TWELVE THREE"
    assert ran(runtime) == {"join": 1, "upper": 1}


def test_a_deleted_output_is_made_again_and_what_read_it_does_not_run(runtime, remote):
    remote.put("in.txt", b"text")

    def flow():
        return read(upper(File(remote.url("in.txt")), remote.url("out.txt")))

    runtime.run(flow())
    remote.delete("out.txt")

    assert runtime.run(flow()) == "TEXT"
    assert remote.get("out.txt") == b"TEXT"
    assert ran(runtime) == {"upper": 1}


def test_an_output_that_somebody_changed_is_made_again(runtime, remote):
    remote.put("in.txt", b"text")

    def flow():
        return read(upper(File(remote.url("in.txt")), remote.url("out.txt")))

    runtime.run(flow())
    remote.put("out.txt", b"EVIL")

    assert runtime.run(flow()) == "TEXT"
    assert remote.get("out.txt") == b"TEXT"


def test_content_of_the_same_size_written_at_once_after_the_other_is_a_change(runtime, remote):
    results = []
    for text in [b"one", b"two", b"six"]:
        remote.put("a.txt", text)
        results.append(runtime.run(read(File(remote.url("a.txt")))))

    assert results == ["one", "two", "six"]


def test_equal_content_written_again_changes_nothing(runtime, remote):
    remote.put("a.txt", b"text")
    runtime.run(read(File(remote.url("a.txt"))))
    remote.put("a.txt", b"text")

    assert runtime.run(read(File(remote.url("a.txt")))) == "text"
    assert ran(runtime) == {}


def test_a_directory_counts_by_its_names_and_contents(runtime, remote):
    for name in ["a", "sub/b"]:
        remote.put(f"tree/{name}", b"x")
    tree, pattern = Dir(remote.url("tree")), FileSet(remote.url("tree/**/*"))
    seen = []
    for change in [
        lambda: None,
        lambda: remote.put("tree-like", b"not in it"),
        lambda: remote.put("tree/sub/c", b"x"),
        lambda: remote.delete("tree/a"),
        lambda: remote.put("tree/a2", b"x"),
        lambda: remote.put("tree/sub/b", b"y"),
    ]:
        change()
        value = runtime.run([names(tree), count(pattern)])
        seen.append((*value, ran(runtime)))

    both, none = {"names": 1, "count": 1}, {}
    assert seen == [
        ("a b", 2, both),
        ("a b", 2, none),
        ("a b c", 3, both),
        ("b c", 2, both),
        ("a2 b c", 3, both),
        ("a2 b c", 3, both),
    ]


def test_a_directory_as_an_output_is_made_again_when_a_file_of_it_is_missing(runtime, remote):
    texts = {"a.txt": "one", "deep/b.txt": "two"}

    def flow():
        return names(fill(remote.url("made"), texts))

    assert runtime.run(flow()) == "a.txt b.txt"
    runtime.run(flow())
    assert ran(runtime) == {}
    remote.delete("made/deep/b.txt")

    assert runtime.run(flow()) == "a.txt b.txt"
    assert ran(runtime)["fill"] == 1
    assert remote.get("made/deep/b.txt") == b"two"


@pytest.mark.servers("http", "plain_http")
def test_what_a_web_server_gives_is_read_again_when_it_changes(runtime, remote):
    remote.put("a.txt", b"one")
    url = remote.url("a.txt")
    assert runtime.run(read(File(url))) == "one"
    assert runtime.run(read(File(url))) == "one"
    assert ran(runtime) == {}
    remote.put("a.txt", b"three")
    # A server tells time in whole seconds, or by size: this is a minute later.
    os.utime(remote.folder / "a.txt", (2_000_000_060, 2_000_000_060))

    assert runtime.run(read(File(url))) == "three"
    remote.delete("a.txt")
    with pytest.raises(FileNotFoundError, match=r"a\.txt"):
        runtime.run(read(File(url)))


@pytest.mark.servers("ftp", "sftp", "http")
def test_a_file_that_counts_by_time_and_size_is_not_downloaded_to_look_at_it(runtime, remote, monkeypatch):
    from alonzo_files import _inspector_remote

    monkeypatch.setattr(_inspector_remote, "_opened", lambda url: pytest.fail(f"{url} was read"))
    remote.put("a.txt", b"one")
    seen = []
    for moment in [2_000_000_000, 2_000_000_000, 2_000_000_060]:
        os.utime(remote.folder / "a.txt", (moment, moment))
        runtime.run(read(File(remote.url("a.txt"), hasher="stat")))
        seen.append(ran(runtime))

    assert seen == [{"read": 1}, {}, {"read": 1}]


@pytest.mark.servers("moto", "rgw")
def test_the_same_bytes_uploaded_in_parts_rerun_their_reader_at_most(runtime, remote):
    # In parts, the etag of S3 is of the parts' digests: another one for the same bytes.
    content = b"text" * 3_000_000
    system, path = remote.filesystem(), f"{remote.root.partition('://')[2]}/a.txt"
    etags = set()
    for size in [50 << 20, 5 << 20]:
        system.pipe_file(path, content, chunksize=size)
        etags.add(system.info(path)["ETag"])
        assert len(runtime.run(read(File(remote.url("a.txt"))))) == len(content)
    system.pipe_file(path, content[:-1] + b"!", chunksize=5 << 20)

    assert len(etags) == 2
    assert runtime.run(read(File(remote.url("a.txt")))).endswith("tex!")


@pytest.mark.servers("moto", "rgw", "azurite", "gcs")
def test_a_recall_of_remote_files_reads_none_of_them(runtime, remote, monkeypatch):
    for name in "abc":
        remote.put(name, b"x" * 100_000)
    files = [File(remote.url(name)) for name in "abc"]
    runtime.run(join(files))
    from alonzo_files import _inspector_remote

    monkeypatch.setattr(_inspector_remote, "_opened", lambda url: pytest.fail(f"{url} was read"))

    runtime.run(join(files))

    assert ran(runtime) == {}


@pytest.mark.servers("gcs")
def test_an_emulator_of_gcs_is_not_waited_for_by_a_program_that_knows_nothing_of_it(remote):
    # gcsfs asks Google for the kind of a bucket, and waits a minute for its answer, unless it is told not to.
    program = f"from alonzo_files import File; f = File({remote.url('a.txt')!r}); f.write_text('text'); print(f.size())"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GCSFS")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=40, env=environment)

    assert (done.stdout, done.stderr) == ("4\n", "")


PROGRAM = """\
from alonzo import run, task
from alonzo_files import File


@task
def copy(file: File, target: str) -> File:
    made = File(target)
    made.write_text(file.read_text().upper())
    return made


@task
def size(file: File) -> int:
    return file.size()


@task
def total(sizes: list[int]) -> int:
    return sum(sizes)


@task
def main(root: str, count: int) -> int:
    return total([size(copy(File(f"{root}/in/{i}"), f"{root}/out/{i}")) for i in range(count)])
"""


@pytest.mark.servers("moto", "sftp")
def test_worker_processes_and_the_command_line_reach_the_server_by_the_projects_settings(remote):
    Path("flow.py").write_text(PROGRAM, encoding="utf-8")
    for number in range(6):
        remote.put(f"in/{number}", b"x" * (number + 1))

    def run(*more):
        command = [sys.executable, "-m", "alonzo_cli", "run", "flow.py", "main", "--root", remote.root, "--count", "6"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=100)
        assert done.returncode == 0, done.stderr
        return done

    first = run("--workers", "2")
    again = run("--workers", "2")
    remote.put("in/3", b"xxxxxxxxxx")
    changed = run()

    assert [done.stdout.strip() for done in [first, again, changed]] == ["21", "21", "27"]
    assert remote.get("out/3") == b"XXXXXXXXXX"
