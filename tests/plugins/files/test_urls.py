"""The one spelling of paths and URLs, and the places by which a record knows them."""

import os
import sys

import pytest

from alonzo_files import Dir, File, FileSet
from alonzo_files._urls import joined, located, name_of, parent_of, place_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("S3://Bucket/a/b", "s3://Bucket/a/b"),
        ("s3a://bucket/a", "s3://bucket/a"),
        ("gcs://bucket/a", "gs://bucket/a"),
        ("az://box/a", "abfs://box/a"),
        ("abfss://box@account.dfs.core.windows.net/a", "abfs://box@account.dfs.core.windows.net/a"),
        ("ssh://host/a", "sftp://host/a"),
        ("sftp://me@Host:22//a/./b/../c", "sftp://me@host/a/c"),
        ("ftp://host:2121/a", "ftp://host:2121/a"),
        ("http://Host:80/a?b=c#d", "http://host/a?b=c"),
        ("https://host", "https://host/"),
        ("memory:///a//b", "memory://a/b"),
        ("memory://a/b/", "memory://a/b"),
        ("file:///a/./b", os.path.normpath("/a/b")),
        ("local:///a", os.path.normpath("/a")),
    ],
)
def test_a_url_has_one_spelling(given, kept):
    assert File(given).path == kept
    assert File(given) == File(kept)


@pytest.mark.parametrize("key", ["a//b", "a/./b", "a/../b", "é\n?*", "a b"])
def test_a_key_of_an_object_store_is_any_text_and_stays_as_it_is(key):
    assert File(f"s3://bucket/{key}").path == f"s3://bucket/{key}"


def test_only_what_begins_like_a_url_is_one():
    assert File("a://b").is_remote
    assert not File("./a://b").is_remote
    assert not File("1a://b").is_remote
    assert not File("C:/a").is_remote


@pytest.mark.parametrize("kind", [File, Dir, FileSet])
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("", "no file can have the path ''"),
        ("a\0b", "no file can have the path"),
        ("s3://bucket/a\0b", "no file can have the path"),
        ("s3://", "names no host, bucket or container"),
        ("s3:///a", "names no host, bucket or container"),
        ("file://a/b", r"no absolute path: write file:///directory/name"),
        ("zip://a.txt::s3://bucket/x.zip", "is a chain of URLs"),
        ("simplecache::s3://bucket/x", "is a chain of URLs"),
        ("ftp://me:secret@host/a", r"ftp://me:…@host holds a password, .* set it in \[plugins.files.storage.ftp\]"),
        ("s3://key:secret@bucket/a", "holds a password"),
    ],
)
def test_what_cannot_be_named_is_refused_in_one_line(kind, given, problem):
    with pytest.raises(ValueError, match=problem) as refused:
        kind(given)

    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_local_name_with_two_colons_is_a_name():
    assert File("a::b").path == "a::b"


@pytest.mark.parametrize("kind", [File, Dir, FileSet])
@pytest.mark.parametrize("given", [b"a", 3, None])
def test_what_is_no_text_is_a_type_error(kind, given):
    with pytest.raises(TypeError):
        kind(given)


def test_the_hasher_and_keep_have_types():
    with pytest.raises(TypeError, match="hasher= takes the name of a file hasher, not 3"):
        File("a", hasher=3)
    with pytest.raises(TypeError, match="keep= of a File is True or False, not 'no'"):
        File("a", keep="no")


# -- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "parent", "name"),
    [
        ("a/b.txt", "a", "b.txt"),
        ("b.txt", ".", "b.txt"),
        ("/b.txt", "/", "b.txt"),
        ("s3://bucket/a/b.txt", "s3://bucket/a", "b.txt"),
        ("s3://bucket/b.txt", "s3://bucket", "b.txt"),
        ("s3://bucket", "s3://bucket", "bucket"),
        ("http://host/a/b.txt?v=1/2", "http://host/a", "b.txt"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_the_parts_of_a_path(path, parent, name):
    if "?" not in path:
        assert parent_of(path) == parent
    assert name_of(path) == name


def test_a_file_knows_its_name_stem_suffix_and_directory():
    file = File("s3://bucket/a/b.tar.gz")

    assert (file.name, file.stem, file.suffix) == ("b.tar.gz", "b.tar", ".gz")
    assert file.parent == Dir("s3://bucket/a")


def test_joining_stays_below_the_directory():
    assert joined("a", "b/c") == os.path.join("a", "b", "c")
    assert joined(".", "b") == "b"
    assert joined("s3://bucket", "b", "c") == "s3://bucket/b/c"
    assert joined("memory://a", "b") == "memory://a/b"


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../../b", "s3://bucket/a", "a\0"])
@pytest.mark.parametrize("directory", [Dir("d"), Dir("s3://bucket/d")])
def test_a_name_that_leads_elsewhere_is_refused(directory, name):
    for method in (directory.file, directory.dir, directory.glob):
        with pytest.raises(ValueError, match="is no name below"):
            method(name)


# -- places ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_a_place_is_relative_to_the_root_below_it_and_else_absolute(monkeypatch, tmp_path):
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    root = str(tmp_path)

    assert place_of("a", root) == "sub/a"
    assert place_of("../a", root) == "a"
    assert place_of(f"{root}/b/c", root) == "b/c"
    assert place_of("/elsewhere", root) == "/elsewhere"
    assert place_of(f"{root}-other", root) == f"{root}-other"
    assert place_of("s3://bucket/a", root) == "s3://bucket/a"


@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
@pytest.mark.parametrize("path", ["/project/a/b", "/elsewhere", "s3://bucket/a"])
def test_a_place_leads_back_to_the_path(path):
    assert located(place_of(path, "/project"), "/project") == path
