"""Servers that fail: what is said, what is done again, and that nothing wrong is ever remembered.

Faults of HTTP come over the wire, from a proxy of our own in front of the real server (servers/faults.py).
"""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alonzo import AlonzoError, AlonzoWarning, Runtime, task
from alonzo_files import Dir, File, FileSet, _filesystem
from tests.remote.servers.faults import SLOW_DOWN, afterwards, dropped, faulty, relayed, status, truncated
from tests.remote.servers.starting import free_port

OVER_HTTP = ["moto", "azurite", "gcs"]
QUICK = 30  # seconds: no client may let its user wait for a minute
CONTENT = b"0123456789" * 500


@pytest.fixture
def proxy(remote):
    with faulty(remote.port) as proxy:
        yield proxy


@pytest.fixture
def spoiled(remote, proxy):
    """Give the place by way of the proxy; `remote` stays the direct way."""
    found = remote.through(proxy.port)
    _filesystem.configure({found.protocol: found.options})
    text = Path("alonzo.toml").read_text("utf-8").replace(f"127.0.0.1:{remote.port}", f"127.0.0.1:{proxy.port}")
    Path("alonzo.toml").write_text(text, encoding="utf-8")
    return found


@pytest.fixture
def runtime(spoiled):
    with Runtime(store="memory:", executor="inprocess") as runtime:
        yield runtime


@task
def read(file: File) -> bytes:
    return file.read_bytes()


@task
def names(directory: Dir) -> list[str]:
    return [file.name for file in directory]


def ran(runtime):
    return {name.rpartition(".")[2]: count for name, count in runtime.last.ran.items()}


@pytest.mark.servers("azurite")  # its client waits for some seconds before it asks again
def test_throttling_is_waited_for(spoiled, proxy):
    file = File(spoiled.url("a.bin"))
    file.write_bytes(CONTENT)
    rule = proxy.spoil(status(503, SLOW_DOWN), times=2)

    assert file.read_bytes() == CONTENT
    assert rule.hits == 2


@pytest.mark.servers("moto", "gcs")
@pytest.mark.parametrize("fault", [status(500), status(503, SLOW_DOWN), dropped], ids=["500", "503", "dropped"])
def test_what_fails_once_is_asked_for_again(spoiled, proxy, fault):
    file = File(spoiled.url("a.bin"))
    file.write_bytes(CONTENT)
    seen = []
    for act in [file.exists, file.read_bytes, lambda: file.write_bytes(CONTENT), lambda: len(list(file.parent))]:
        rule = proxy.spoil(fault, times=1)
        seen.append((act(), rule.hits))

    assert seen == [(True, 1), (CONTENT, 1), (None, 1), (1, 1)]
    assert file.read_bytes() == CONTENT


@pytest.mark.servers(*OVER_HTTP)
def test_a_body_that_breaks_off_is_read_again_and_never_taken_for_the_whole(spoiled, proxy, tmp_path):
    file = File(spoiled.url("a.bin"))
    file.write_bytes(CONTENT)
    for read in [file.read_bytes, lambda: file.copy_to("local").read_bytes(), lambda: file.open("rb").read()]:
        rule = proxy.spoil(truncated(100), method="GET", within="a.bin", times=1)

        assert read() == CONTENT
        assert rule.hits == 1


@pytest.mark.servers("moto", "azurite", "http")
def test_a_body_that_always_breaks_off_is_an_error_and_leaves_no_local_file(spoiled, remote, proxy, tmp_path):
    remote.put("a.bin", CONTENT)
    file = File(spoiled.url("a.bin"))
    proxy.spoil(truncated(100), method="GET", within="a.bin")
    (tmp_path / "there").write_bytes(b"old")

    for read in [file.read_bytes, lambda: file.copy_to("new"), lambda: file.copy_to("there")]:
        with pytest.raises((AlonzoError, OSError), match=r"a\.bin"):
            read()
    assert (tmp_path / "there").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alonzo.toml", "there"]


@pytest.mark.servers("moto", "http", "plain_http")
def test_a_server_that_fails_is_not_one_where_the_file_is_gone(spoiled, remote, proxy, runtime):
    remote.put("a.bin", CONTENT)
    file = File(spoiled.url("a.bin"))
    assert runtime.run(read(file)) == CONTENT
    proxy.spoil(status(500))

    for act in [file.exists, lambda: runtime.run(read(file))]:
        with pytest.raises((AlonzoError, OSError), match=r"a\.bin") as caught:
            act()
        assert not isinstance(caught.value, FileNotFoundError)
    proxy.rules.clear()
    assert runtime.run(read(file)) == CONTENT
    assert ran(runtime) == {}


@pytest.mark.servers("moto", "azurite", "ftp", "sftp", "http")  # gcsfs tries for 35 s, which nothing can change
def test_a_refused_connection_is_one_line_that_names_the_file_and_comes_soon(remote):
    nobody = remote.through(free_port())
    _filesystem.configure({nobody.protocol: nobody.options})
    began = time.monotonic()

    with pytest.raises((AlonzoError, OSError), match=r"a\.txt") as caught:
        File(nobody.url("a.txt")).exists()

    assert not isinstance(caught.value, FileNotFoundError)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < QUICK


@pytest.mark.servers("ftp", "sftp")
def test_a_connection_that_was_cut_is_opened_again(remote):
    with relayed(remote.port) as relay:
        there = remote.through(relay.port)
        _filesystem.configure({there.protocol: there.options})
        file = File(there.url("a.txt"))
        file.write_text("one")
        relay.cut()
        with pytest.raises((AlonzoError, OSError), match=r"a\.txt"):
            file.write_text("two")

        assert file.read_text() == "one"
        file.write_text("three")
        assert remote.get("a.txt") == b"three"
        assert remote.names() == ["a.txt"]


@pytest.mark.servers("ftp", "sftp")
def test_a_connection_that_was_idle_is_not_relied_on(remote, monkeypatch):
    with relayed(remote.port) as relay:
        there = remote.through(relay.port)
        _filesystem.configure({there.protocol: there.options})
        file = File(there.url("a.txt"))
        file.write_text("one")
        relay.cut()
        monkeypatch.setattr(_filesystem, "_IDLE", -1)  # seconds: as if a long time had passed

        assert file.read_text() == "one"


@pytest.mark.servers("rgw", "azurite")
def test_a_wrong_key_is_an_error_for_every_operation_and_not_a_missing_file(remote):
    remote.put("tree/a.txt", b"text")
    _filesystem.configure({remote.protocol: remote.refused})
    file = File(remote.url("tree/a.txt"))

    for act in [
        file.exists,
        file.size,
        file.read_bytes,
        file.remove,
        lambda: file.write_bytes(b"x"),
        lambda: list(file.parent),
        lambda: FileSet(remote.url("tree/*")).files(),
    ]:
        with pytest.raises((AlonzoError, OSError), match="tree") as caught:
            act()
        assert not isinstance(caught.value, FileNotFoundError)
    assert remote.get("tree/a.txt") == b"text"


@pytest.mark.servers("ftp")
def test_who_may_only_read_reads_and_is_told_so_when_writing(remote):
    remote.put("a.txt", b"text")
    _filesystem.configure({"ftp": remote.refused})
    file = File(remote.url("a.txt").replace("user@", "reader@"))

    assert file.read_text() == "text"
    for act in [file.remove, lambda: file.write_text("new"), lambda: file.copy_to(f"{file}2")]:
        with pytest.raises((AlonzoError, OSError), match=r"a\.txt.*Not enough privileges"):
            act()
    assert remote.names() == ["a.txt"]
    assert remote.get("a.txt") == b"text"


@pytest.mark.servers("moto", "gcs")
def test_a_listing_that_fails_midway_is_an_error_and_not_a_shorter_list(spoiled, remote, proxy, runtime):
    for number in range(45):  # three pages of moto's
        remote.put(f"tree/{number:02}", b"x")
    tree = Dir(spoiled.url("tree"))
    marker = {"moto": "continuation-token", "gcs": "/o"}[remote.name]
    denied = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>No.</Message></Error>"
    rule = proxy.spoil(status(403, denied), method="GET", within=marker)

    for act in [lambda: list(tree), lambda: tree.glob("*"), lambda: runtime.run(names(tree))]:
        with pytest.raises((AlonzoError, OSError), match="tree") as caught:
            act()
        assert not isinstance(caught.value, FileNotFoundError)
    assert rule.hits
    rule.left = 0
    assert len(runtime.run(names(tree))) == 45


@pytest.mark.servers("moto")
def test_a_listing_that_changes_while_its_pages_are_read_is_looked_at_again(spoiled, remote, proxy, runtime):
    # An object on the first page goes, and one on the last comes, between the two.
    for number in range(45):
        remote.put(f"tree/{number:02}", b"x")
    tree = Dir(spoiled.url("tree"))

    def change():
        remote.delete("tree/00")
        remote.put("tree/99", b"x")

    proxy.spoil(afterwards(change), method="GET", within="list-type=2", times=1)
    with pytest.warns(AlonzoWarning, match="tree changed while .*names.* was running"):
        first = runtime.run(names(tree))
    again = runtime.run(names(tree))

    assert again == [f"{number:02}" for number in [*range(1, 45), 99]]
    assert set(first) - {"00"} == set(again) or "99" not in first


OTHERS = {}  # what somebody else does while the task runs, by path


@task
def read_then_wait(file: File) -> bytes:
    content = file.read_bytes()
    OTHERS[file.path]()
    return content


def test_a_file_that_is_rewritten_while_a_task_reads_it_is_used_and_never_remembered(remote):
    contents = itertools.count()
    remote.put("a.txt", b"first")
    file = File(remote.url("a.txt"))
    OTHERS[file.path] = lambda: remote.put("a.txt", b"later %d" % next(contents))
    with Runtime(store="memory:", executor="inprocess") as runtime:
        with pytest.warns(AlonzoWarning, match=r"a\.txt changed while .* was running"):
            first = runtime.run(read_then_wait(file))
        OTHERS[file.path] = lambda: None
        second = runtime.run(read_then_wait(file))
        remote.put("a.txt", b"first")
        third = runtime.run(read_then_wait(file))

        assert (first, second, third) == (b"first", b"later 0", b"first")
        assert ran(runtime) == {"read_then_wait": 1}


@pytest.mark.servers("moto", "azurite", "gcs", "http")
def test_a_writer_between_two_requests_of_one_read_never_makes_a_mixture(spoiled, remote, proxy):
    # Larger than what is asked for at once: a second request would find the other content.
    old, new = b"a" * (12 << 20), b"b" * (12 << 20)
    remote.put("a.bin", old)
    file = File(spoiled.url("a.bin"))
    for read in [file.read_bytes, lambda: file.copy_to("local").read_bytes(), lambda: opened_and_read(file)]:
        remote.put("a.bin", old)
        proxy.spoil(afterwards(lambda: remote.put("a.bin", new)), method="GET", within="a.bin", times=1)
        try:
            assert set(read()) in ({ord("a")}, {ord("b")})
        except Exception as error:  # an open file raises what its client does
            assert "a.bin" in str(error)
        proxy.rules.clear()


def opened_and_read(file):
    with file.open("rb") as opened:
        return opened.read(1 << 20) + opened.read()


@pytest.fixture
def small_disk(tmp_path):
    """Give a directory on a disk of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be made here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.servers("moto", "sftp")
def test_a_full_disk_leaves_the_old_file_whole_and_nothing_beside_it(remote, small_disk):
    remote.put("large.bin", b"x" * (3 << 20))
    target = small_disk / "a.bin"
    target.write_bytes(b"old")

    for act in [
        lambda: File(remote.url("large.bin")).copy_to(target),
        lambda: File(remote.url("large.bin")).stage(target),
        lambda: File(target).write_bytes(b"x" * (3 << 20)),
    ]:
        with pytest.raises(OSError, match="No space left"):
            act()
        assert target.read_bytes() == b"old"
        assert [path.name for path in small_disk.iterdir()] == ["a.bin"]


@pytest.mark.servers("ftp", "sftp")
def test_a_full_disk_of_the_server_leaves_the_old_file_whole(remote, small_disk):
    remote.put("a.bin", b"old")
    place = remote.folder / "small"
    place.mkdir()
    subprocess.run(["mount", "--bind", small_disk, place], check=True)
    try:
        remote.put("small/a.bin", b"old")
        file = File(remote.url("small/a.bin"))
        with pytest.raises((AlonzoError, OSError), match=r"a\.bin"):
            file.write_bytes(b"x" * (3 << 20))

        assert file.read_bytes() == b"old"
        assert remote.names() == ["a.bin", "small/a.bin"]
    finally:
        subprocess.run(["umount", "-l", place], check=True)


UPLOAD = """\
import sys
from alonzo_files import File

File(sys.argv[1]).write_bytes(b"x" * int(sys.argv[2]))
"""


@pytest.mark.servers("moto")
def test_a_program_that_dies_while_it_uploads_leaves_the_old_object(spoiled, remote, proxy):
    remote.put("a.bin", b"old")
    Path("upload.py").write_text(UPLOAD, encoding="utf-8")
    size = 110 << 20  # in parts, which become an object when the last one is there
    process = subprocess.Popen([sys.executable, "upload.py", spoiled.url("a.bin"), str(size)])
    while not proxy.count("PUT", "partNumber"):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()

    assert remote.get("a.bin") == b"old"
    assert remote.names() == ["a.bin"]


@pytest.mark.servers("moto", "gcs")
def test_a_value_whose_upload_was_not_confirmed_is_kept_all_the_same(spoiled, proxy):
    from alonzo_files._value_store import FileValues

    store = FileValues(spoiled.url("values"), {spoiled.protocol: spoiled.options})
    # The client asks again, and hears that it is there: from itself.
    rule = proxy.spoil(dropped, method={"moto": "PUT", "gcs": "POST"}[spoiled.name], times=1)
    content = store.put(CONTENT)

    assert rule.hits == 1
    assert bytes(store.get(content)) == CONTENT
