"""Files at URLs: read and written whole, with the options that the settings have. Here in memory; real servers are in tests/remote."""

import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from alonzo import AlonzoError
from alonzo_files import Dir, File
from alonzo_files._filesystem import configure, configured, filesystem_of, info_of


def leftovers():
    import tempfile

    return list(Path(tempfile.gettempdir()).glob("alonzo-files-*"))


# -- reading and writing --------------------------------------------------------------------------


def test_text_and_bytes_come_back_as_they_were_written(memory):
    file = File("memory://a/b.txt")

    file.write_text("é\n")
    assert file.read_bytes() == b"\xc3\xa9\n"
    assert file.read_text() == "é\n"
    file.write_bytes(memoryview(b"\xff"))
    assert file.read_text(encoding="latin-1") == "ÿ"
    assert file.size() == 1


def test_line_ends_are_read_as_a_local_file_s_are(memory, tmp_path):
    for file in (File("memory://a"), File(tmp_path / "a")):
        file.write_bytes(b"1\r\n2\r3\n")
        assert file.read_text() == "1\n2\n3\n"
        with file.open(newline="") as opened:
            assert opened.read() == "1\r\n2\r3\n"


def test_what_is_written_appears_when_the_block_ends(memory):
    file = File("memory://a.txt")
    file.write_text("old")

    with file.open("w") as opened:
        opened.write("new")
        opened.flush()
        assert file.read_text() == "old"

    assert file.read_text() == "new"
    assert leftovers() == []


def test_an_exception_in_the_block_leaves_the_old_content(memory):
    file = File("memory://a.txt")
    file.write_text("old")

    with pytest.raises(ZeroDivisionError), file.open("w") as opened:
        opened.write("half")
        1 / 0

    assert file.read_text() == "old"
    assert leftovers() == []


def test_a_file_that_is_never_closed_is_as_it_was_and_this_is_said(memory):
    opened = File("memory://a.txt").open("w")
    opened.write("half")
    with pytest.warns(RuntimeWarning, match=r"memory://a\.txt was opened for writing and never closed"):
        del opened

    assert not File("memory://a.txt").exists()
    assert leftovers() == []


def test_appending_and_updating_start_from_the_old_content(memory):
    file = File("memory://a")
    for line in ["one\n", "two\n"]:
        with file.open("a") as opened:
            opened.write(line)
    with file.open("r+b") as opened:
        opened.write(b"ONE")

    assert file.read_text() == "ONE\ntwo\n"


def test_a_failed_upload_leaves_the_old_content_and_nothing_beside(memory, monkeypatch):
    file = File("memory://a.txt")
    file.write_text("old")

    def refuse(self, path, value, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(memory), "pipe_file", refuse)
    opened = file.open("w")
    opened.write("new")
    with pytest.raises(OSError, match="No space left"):
        opened.close()
    monkeypatch.undo()

    assert file.read_text() == "old"
    assert leftovers() == []


@pytest.mark.parametrize("mode", ["r", "rb", "r+"])
def test_reading_what_is_not_there_is_a_file_not_found_error_that_names_it(memory, mode):
    with pytest.raises(FileNotFoundError, match=r"memory://a\.txt"):
        File("memory://a.txt").open(mode)
    with pytest.raises(FileNotFoundError, match=r"memory://a\.txt"):
        File("memory://a.txt").read_bytes()
    with pytest.raises(FileNotFoundError, match=r"memory://a\.txt"):
        File("memory://a.txt").size()
    assert leftovers() == []


def test_a_directory_is_no_file(memory):
    File("memory://a/b").write_text("text")

    assert not File("memory://a").exists()
    with pytest.raises(IsADirectoryError, match="memory://a is a directory"):
        File("memory://a").open()
    with pytest.raises(FileNotFoundError, match="memory://a"):
        File("memory://a").size()


def test_removing_what_is_not_there_does_nothing(memory):
    file = File("memory://a")
    file.write_text("text")

    file.remove()
    file.remove()

    assert not file.exists()


@pytest.mark.parametrize("name", ["with space", "new\nline", "é", "%41", "a#b", "[x]*", "?"])
def test_any_name_can_be_written_read_listed_and_removed(memory, name):
    file = File(f"memory://d/{name}")

    file.write_text("text")

    assert file.read_text() == "text"
    assert list(Dir("memory://d")) == [file]
    file.copy_to(f"memory://d2/{name}")
    assert File(f"memory://d2/{name}").read_text() == "text"
    file.remove()
    assert not file.exists()


# -- copies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["memory://b/copy", "local"])
@pytest.mark.parametrize("source", ["memory://a/original", "local"])
def test_a_file_is_copied_from_anywhere_to_anywhere(memory, tmp_path, source, target):
    original = File(tmp_path / "original" if source == "local" else source)
    copy = File(tmp_path / "new" / "copy" if target == "local" else target)
    original.write_bytes(b"\x00content")
    copy.write_bytes(b"something longer that was there before")

    assert original.copy_to(copy) == copy
    assert copy.read_bytes() == b"\x00content"
    assert original.read_bytes() == b"\x00content"


def test_a_copy_into_a_directory_keeps_its_name(memory, tmp_path):
    File(tmp_path / "a.txt").write_text("text")

    assert File(tmp_path / "a.txt").copy_to(Dir("memory://d")) == File("memory://d/a.txt")


@pytest.mark.parametrize("target", ["memory://b", "local", "same"])
@pytest.mark.parametrize("source", ["memory://a", "local"])
def test_a_copy_of_what_is_not_there_leaves_the_target(memory, tmp_path, source, target):
    original = File(tmp_path / "a" if source == "local" else source)
    copy = original if target == "same" else File(tmp_path / "b" if target == "local" else target)
    if target != "same":
        copy.write_text("old")

    with pytest.raises(FileNotFoundError):
        original.copy_to(copy)

    assert target == "same" or copy.read_text() == "old"
    assert leftovers() == []
    assert len(list(tmp_path.iterdir())) <= 1


# -- staging --------------------------------------------------------------------------------------


def test_a_remote_file_is_staged_in_a_temporary_directory_and_put_back(memory):
    file = File("memory://d/a.txt")
    file.write_text("text")

    with file.stage() as local:
        assert Path(local).name == "a.txt"
        assert Path(local).read_text() == "text"
        Path(local).write_text("other")
        assert file.read_text() == "text"
        assert local.upload() == file

    assert file.read_text() == "other"
    assert not Path(local.path).exists()
    assert leftovers() == []


def test_a_file_is_staged_at_a_path_and_stays_there(memory, tmp_path):
    File("memory://a.txt").write_text("text")

    with File("memory://a.txt").stage(tmp_path / "new" / "b.txt") as local:
        assert os.fspath(local) == str(tmp_path / "new" / "b.txt")

    assert (tmp_path / "new" / "b.txt").read_text() == "text"


def test_a_file_that_is_to_be_made_is_staged_without_a_download(memory):
    with File("memory://a.txt").stage(download=False) as local:
        Path(local).write_text("made")
        local.upload()

    assert File("memory://a.txt").read_text() == "made"


def test_a_local_file_is_staged_where_it_is(tmp_path):
    (tmp_path / "a").write_text("text")

    with File(tmp_path / "a").stage() as local:
        assert local.path == str(tmp_path / "a")
        local.upload()

    assert (tmp_path / "a").read_text() == "text"


def test_staging_what_is_not_there_fails_at_once(memory, tmp_path):
    for file in (File("memory://a"), File(tmp_path / "a")):
        with pytest.raises(FileNotFoundError):
            file.stage()
        with file.stage(download=False) as local, pytest.raises(FileNotFoundError):
            local.upload()
    assert leftovers() == []


def test_a_staged_file_is_no_value_and_cannot_be_at_a_url(memory):
    File("memory://a").write_text("text")

    with pytest.raises(ValueError, match="memory://b is not local"):
        File("memory://a").stage("memory://b")
    with File("memory://a").stage() as local, pytest.raises(TypeError, match=r"return File.* instead"):
        pickle.dumps(local)


# -- file systems ---------------------------------------------------------------------------------


def test_a_missing_package_is_named_with_what_to_install():
    with pytest.raises(AlonzoError, match=r"smb:// needs a package: pip install smbprotocol"):
        File("smb://host/share/a").read_text()


def test_an_unknown_protocol_is_an_error_that_names_the_nearest():
    with pytest.raises(AlonzoError, match=r"htp:// is no file system that fsspec knows \(did you mean http://\?\)"):
        File("htp://host/a").exists()


@pytest.mark.parametrize("act", ["write_text", "open", "remove", "copy", "mkdir", "remove_dir"])
def test_what_can_only_be_read_says_so_before_anything_is_done(act, tmp_path):
    (tmp_path / "a").touch()
    acts = {
        "write_text": lambda: File("http://host/a").write_text("x"),
        "open": lambda: File("http://host/a").open("w"),
        "remove": lambda: File("http://host/a").remove(),
        "copy": lambda: File(tmp_path / "a").copy_to("http://host/a"),
        "mkdir": lambda: Dir("http://host/a").mkdir(),
        "remove_dir": lambda: Dir("http://host/a").remove(),
    }

    with pytest.raises(AlonzoError, match="files over http:// can only be read"):
        acts[act]()


def test_options_come_from_the_protocol_and_from_the_longest_beginning_of_the_url(monkeypatch):
    from alonzo_files import _filesystem

    configure(
        {
            "s3": {"anon": True, "endpoint_url": "http://one"},
            "s3://other": {"endpoint_url": "http://two"},
            "s3://other/deep": {"endpoint_url": "http://three"},
        }
    )

    def options(url):
        return _filesystem._options(url, "s3")

    assert options("s3://bucket/a") == {"anon": True, "endpoint_url": "http://one"}
    assert options("s3://other/a") == {"anon": True, "endpoint_url": "http://two"}
    assert options("s3://other/deep/a") == {"anon": True, "endpoint_url": "http://three"}
    assert options("s3://others/a") == {"anon": True, "endpoint_url": "http://one"}


def test_wrong_options_are_an_error_that_names_their_table(memory):
    configure({"ftp": {"port": "no number"}})

    with pytest.raises((AlonzoError, OSError), match=r"ftp://127\.0\.0\.1/a|plugins\.files\.storage\.ftp"):
        File("ftp://127.0.0.1/a").read_text()


def test_without_a_runtime_the_settings_around_the_working_directory_hold(tmp_path, monkeypatch):
    from alonzo_files import _filesystem

    (tmp_path / "alonzo.toml").write_text('[plugins.files.storage.s3]\nendpoint_url = "http://here"\n')
    monkeypatch.chdir(tmp_path)
    _filesystem._opened.storage = None

    assert configured() == {"s3": {"endpoint_url": "http://here"}}


def test_one_file_system_serves_a_thread_and_lists_without_a_cache(memory):
    first, path = filesystem_of("memory://a/b")
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(filesystem_of("memory://a/b")[0]))
    thread.start()
    thread.join()

    assert path == "/a/b"
    assert filesystem_of("memory://x")[0] is first
    assert elsewhere[0] is not first
    assert not first.dircache.use_listings_cache


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of POSIX")
def test_a_forked_child_opens_its_own(tmp_path):
    program = """
import os
from alonzo_files._filesystem import filesystem_of

first, _ = filesystem_of("memory://a")
pid = os.fork()
if pid == 0:
    os._exit(0 if filesystem_of("memory://a")[0] is not first else 1)
assert os.waitpid(pid, 0)[1] == 0
assert filesystem_of("memory://a")[0] is first
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


def test_an_error_of_a_file_system_names_the_url(memory, monkeypatch):
    def fail(self, path, **kwargs):
        raise RuntimeError("odd")

    monkeypatch.setattr(type(memory), "info", fail)

    with pytest.raises(AlonzoError, match="memory://a: RuntimeError: odd"):
        info_of("memory://a")
    with pytest.raises(AlonzoError, match="memory://a: RuntimeError: odd"):
        File("memory://a").exists()


def test_local_files_do_not_import_fsspec(tmp_path):
    program = """
import sys
from alonzo import Runtime, task
from alonzo_files import Dir, File, FileSet

@task
def copy(file: File) -> File:
    return file.copy_to("b.txt")

File("a.txt").write_text("text")
with Runtime() as runtime:
    runtime.run(copy(File("a.txt")))
Dir(".").exists(), list(FileSet("*.txt")), list(Dir("."))
assert "fsspec" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)


# -- what is no argument ----------------------------------------------------------------------------


@pytest.fixture
def elsewhere(memory, tmp_path, monkeypatch):
    """An empty working directory, and an empty memory."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", ["a.txt", "memory://a.txt"])
@pytest.mark.parametrize(
    ("act", "problem"),
    [
        (lambda file: file.write_text(3), r"write_text\(\) of File\('.*'\) takes a str, not int"),
        (lambda file: file.write_text(b"x"), r"takes a str, not bytes"),
        (lambda file: file.write_bytes("x"), r"write_bytes\(\) of File\('.*'\) takes bytes, not str"),
        (lambda file: file.write_bytes(3), r"takes bytes, not int"),
        (lambda file: file.open(3), r"a File opens with a mode as str, not 3"),
        (lambda file: file.copy_to(3), r"int"),
        (lambda file: file.stage(3), r"int"),
        (lambda file: file.parent.file(3), r"a name below .* is a str, not int"),
        (lambda file: file.parent.glob(3), r"a name below .* is a str, not int"),
        (lambda file: file.parent.copy_to(None), r"NoneType"),
    ],
)
def test_a_wrong_type_is_a_type_error_and_nothing_is_done(elsewhere, path, act, problem):
    File(path).write_text("old")

    with pytest.raises(TypeError, match=problem):
        act(File(path))

    assert File(path).read_text() == "old"


@pytest.mark.parametrize("path", ["a.txt", "memory://a.txt"])
def test_what_cannot_be_encoded_leaves_the_old_content(elsewhere, path):
    File(path).write_text("old")

    with pytest.raises(UnicodeEncodeError):
        File(path).write_text("é", encoding="ascii")
    with pytest.raises(LookupError):
        File(path).write_text("e", encoding="no such")

    assert File(path).read_text() == "old"
    assert len(list(File(path).parent)) == 1
