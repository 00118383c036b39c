"""What real servers say of files, and that it is said alike however it is asked."""

import pickle

import pytest

import alonzo_files
from alonzo import AlonzoError
from alonzo_files import Dir, File, _inspector_remote
from alonzo_files._filesystem import configured, filesystem_of
from alonzo_files._hashers import Hashers
from alonzo_files._inspector import DirInspector, FileInspector, Files


@pytest.fixture
def files(remote, tmp_path):
    return Files(str(tmp_path), Hashers(alonzo_files.alonzo_file_hashers()), configured())


@pytest.fixture
def digest(files):
    inspector = FileInspector(files)
    return lambda file: inspector.inspect([inspector.place(file)])[0]


def written(remote, name, text, hasher=None):
    file = File(remote.url(name), hasher=hasher)
    file.write_text(text)
    return file


@pytest.mark.parametrize("many", [False, True], ids=["asked one by one", "listed"])
def test_other_content_of_equal_size_is_another_digest_and_equal_content_the_same(remote, digest, many, monkeypatch):
    if many:
        monkeypatch.setattr(_inspector_remote, "_LISTED", 1)
    one, two = written(remote, "a", "one"), written(remote, "b", "two")
    seen = [digest(one), digest(two)]
    written(remote, "b", "one")

    assert None not in seen
    assert seen[0] != seen[1]
    assert digest(two) == digest(one) == seen[0]


@pytest.mark.servers("moto", "rgw", "gcs")
def test_a_listing_says_of_a_file_what_the_server_says_when_asked_for_it(remote, files, monkeypatch):
    names = ["a", "b c", "ü", "d+e%20"]
    places = [written(remote, name, name).path for name in names] + [remote.url("none")]
    alone = files.digests(places)
    monkeypatch.setattr(_inspector_remote, "_LISTED", 1)
    monkeypatch.setattr(filesystem_of(remote.url("x"))[0], "info", None)  # it is not asked for each

    assert files.digests(places) == alone
    assert len(set(alone)) == 5


@pytest.mark.servers("moto", "rgw", "gcs", "azurite")
def test_object_stores_are_not_read_to_tell_what_they_hold(remote, digest, files, monkeypatch):
    file = written(remote, "d/a", "one")
    monkeypatch.setattr(_inspector_remote, "_opened", None)
    inspector = DirInspector(files)

    assert digest(file) is not None
    assert inspector.inspect([inspector.place(Dir(remote.url("d")))]) != [None]


HASHERS = {
    "s3": ["etag", "stat", "path", "content"],
    "gs": ["crc32c", "generation", "md5", "etag", "stat", "path", "content"],
    "abfs": ["md5", "etag", "stat", "path", "content"],
    "ftp": ["path", "content", "stat"],
    "sftp": ["path", "content", "stat"],
}


def test_each_hasher_that_is_for_the_server_says_something_of_its_own(remote, digest):
    seen = [digest(written(remote, "a", "one", hasher)) for hasher in HASHERS[remote.protocol]]

    assert None not in seen
    assert len(set(seen)) == len(seen)


@pytest.mark.servers("moto", "rgw")
def test_a_version_is_told_where_versions_are_kept_and_asked_for_in_vain_elsewhere(remote, digest):
    file = written(remote, "a", "one", "version")

    with pytest.raises(AlonzoError, match='the file hasher "version" can say nothing of it'):
        digest(file)


def test_inspectors_reach_the_server_from_where_they_have_travelled_to(remote, files):
    file = written(remote, "a", "one")
    inspector = FileInspector(files)
    there = pickle.loads(pickle.dumps(inspector))

    assert there.inspect([file.path]) == inspector.inspect([file.path]) != [None]
