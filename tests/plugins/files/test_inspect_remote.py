"""Remote files: what servers say of them, in how many requests, and what becomes of errors."""

import hashlib
import http.server
import io
import os
import threading

import pytest

import alonzo_files
from alonzo import AlonzoError
from alonzo_files import Dir, File, _inspector_remote
from alonzo_files._hashers import Hashers
from alonzo_files._inspector import DirInspector, FileInspector, Files


def blake(content):
    return hashlib.blake2b(content, digest_size=16).digest()


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Files(str(tmp_path), Hashers(alonzo_files.alonzo_file_hashers()), {})


@pytest.fixture
def digest(files):
    inspector = FileInspector(files)
    return lambda url, hasher=None: inspector.inspect([inspector.place(File(url, hasher=hasher))])[0]


class Bucket:
    """An object store that counts what it is asked."""

    def __init__(self):
        self.objects = {}
        self.asked = []
        self.lock = threading.Lock()

    def put(self, name, **info):
        self.objects[name] = {"name": name, "type": "file", "size": 1, **info}

    def _ask(self, what):
        with self.lock:
            self.asked.append(what)

    def info(self, name):
        self._ask("info")
        if isinstance(found := self.objects.get(name), Exception):
            raise found
        if found is None:
            raise FileNotFoundError(name)
        return found

    def ls(self, name, detail):
        self._ask("ls")
        return [info for key, info in self.objects.items() if key.rpartition("/")[0] == name]

    def open(self, name, mode, block_size):
        self._ask("open")
        return io.BytesIO(self.objects[name]["content"])


@pytest.fixture
def bucket(monkeypatch):
    bucket = Bucket()
    monkeypatch.setattr(_inspector_remote, "filesystem_of", lambda url: (bucket, url.partition("://")[2]))
    return bucket


# -- what is asked ----------------------------------------------------------------------------------


def test_an_object_is_digested_by_its_etag_and_not_read(bucket, digest):
    bucket.put("b/k", ETag='"1"')
    before = digest("s3://b/k")
    bucket.put("b/k", ETag='"2"')

    assert digest("s3://b/k") not in (before, None)
    assert bucket.asked == ["info", "info"]


def test_what_is_asked_for_by_content_is_read(bucket, digest):
    bucket.put("b/k", ETag='"1"', content=b"text", size=4)

    assert digest("s3://b/k", "content") == blake(b"text")
    assert bucket.asked == ["info", "open"]


def test_where_the_server_says_nothing_the_content_is_read(bucket, digest):
    bucket.put("b/k", content=b"text", size=4)

    assert digest("s3://b/k") == digest("gs://b/k") == digest("abfs://b/k") == blake(b"text")


def test_what_the_server_says_is_never_taken_for_what_another_hasher_goes_by(bucket, digest):
    bucket.put("b/k", ETag='"same"', generation="same", crc32c="same", md5Hash="same", VersionId="same")

    said = [digest("gs://b/k", name) for name in ["etag", "generation", "crc32c", "md5"]]
    assert len(set(said)) == 4
    assert digest("gs://b/k") == digest("gs://b/k", "crc32c")


def test_a_hasher_that_was_chosen_and_can_say_nothing_is_an_error(bucket, digest):
    bucket.put("b/k", ETag='"1"', VersionId="null")

    with pytest.raises(AlonzoError, match=r's3://b/k: the file hasher "version" can say nothing of it: no version'):
        digest("s3://b/k", "version")


def test_an_object_that_is_not_there_is_none(bucket, digest):
    assert digest("s3://b/none") is None


def test_a_directory_is_an_error_that_names_it(bucket, digest):
    bucket.put("b/d", type="directory")

    with pytest.raises(AlonzoError, match="s3://b/d is a directory"):
        digest("s3://b/d")


def test_what_goes_wrong_is_an_error_that_names_the_url(bucket, digest):
    bucket.objects["b/k"] = PermissionError(13, "Forbidden")
    with pytest.raises(AlonzoError, match="s3://b/k cannot be inspected: Forbidden"):
        digest("s3://b/k")
    bucket.objects["b/k"] = RuntimeError("throttled")
    with pytest.raises(AlonzoError, match="s3://b/k: RuntimeError: throttled"):
        digest("s3://b/k")


def test_an_object_that_goes_between_the_question_and_the_reading_is_none(bucket, digest, monkeypatch):
    bucket.put("b/k", size=4)

    def gone(*args, **kwargs):
        raise FileNotFoundError("b/k")

    monkeypatch.setattr(bucket, "open", gone)

    assert digest("s3://b/k", "content") is None


def test_content_that_ends_too_soon_is_an_error_and_never_taken_for_the_whole(bucket, digest):
    bucket.put("b/k", content=b"te", size=4)

    with pytest.raises(AlonzoError, match="s3://b/k cannot be inspected: it ended after 2 of 4 bytes"):
        digest("s3://b/k", "content")


# -- batches ----------------------------------------------------------------------------------------


def test_a_batch_of_local_and_remote_files_is_answered_in_order(bucket, files, tmp_path):
    (tmp_path / "a.txt").write_bytes(b"text")
    (tmp_path / "b.txt").write_bytes(b"next")
    bucket.put("b/k", content=b"far", size=3)

    digests = files.digests(["a.txt", "[content]s3://b/k", "missing", "s3://b/none", "b.txt"])

    assert digests == [blake(b"text"), blake(b"far"), None, None, blake(b"next")]


def test_few_files_are_asked_for_one_by_one_and_many_siblings_by_one_listing(bucket, files):
    for number in range(300):
        bucket.put(f"b/d/{number}", ETag=str(number))
    urls = [f"s3://b/d/{number}" for number in range(300)]

    alone = files.digests(urls[:150]) + files.digests(urls[150:])
    assert bucket.asked == ["info"] * 300
    bucket.asked.clear()
    together = files.digests([*urls, "s3://b/d/none", "s3://b/other/none"])

    assert together == [*alone, None, None]
    assert sorted(bucket.asked) == ["info", "ls"]
    assert len(set(alone)) == 300


def test_a_directory_is_not_listed_again_when_it_holds_far_more_than_is_wanted(bucket, files, monkeypatch):
    monkeypatch.setattr(_inspector_remote, "_WORTH", 2)
    for number in range(450):
        bucket.put(f"b/d/{number}", ETag=str(number))
    urls = [f"s3://b/d/{number}" for number in range(200)]

    first = files.digests(urls)
    assert bucket.asked == ["ls"]
    assert files.digests(urls) == first
    assert bucket.asked == ["ls"] + ["info"] * 200


def test_the_same_url_twice_is_answered_twice(bucket, files):
    bucket.put("b/k", ETag="1")
    one, two = files.digests(["s3://b/k", "s3://b/k"])

    assert one == two != None  # noqa: E711


# -- a real server ----------------------------------------------------------------------------------


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, headers, body = self.server.pages.get(self.path, (404, {}, b""))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.server.read.append(self.path)
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    pytest.importorskip("aiohttp")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.pages, server.read = {}, []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_over_http_an_etag_counts_then_the_time_then_the_content(server, digest):
    url = f"{server.url}/file"
    seen = []
    for headers in [
        {"ETag": '"1"', "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"ETag": '"2"', "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Last-Modified": "Thu, 01 Jan 1970 00:00:01 GMT"},
    ]:
        server.pages["/file"] = (200, headers, b"text")
        seen.append(digest(url))
    assert server.read == []
    server.pages["/file"] = (200, {}, b"text")
    seen.append(digest(url))

    assert len(set(seen)) == 5
    assert seen[-1] == blake(b"text")


def test_over_http_a_file_that_is_not_there_is_none(server, digest):
    server.pages["/gone"] = (410, {}, b"")

    assert digest(f"{server.url}/none") is None
    assert digest(f"{server.url}/gone") is None


@pytest.mark.parametrize("status", [403, 500, 503])
def test_over_http_an_error_is_not_taken_for_a_file_that_is_not_there(server, digest, status):
    server.pages["/file"] = (status, {}, b"")

    with pytest.raises(AlonzoError, match=f"/file cannot be inspected: {status}"):
        digest(f"{server.url}/file")


def test_over_http_a_server_that_does_not_answer_is_an_error(digest):
    pytest.importorskip("aiohttp")
    with pytest.raises(AlonzoError, match=r"http://127\.0\.0\.1:1/file cannot be inspected"):
        digest("http://127.0.0.1:1/file")


def test_over_http_large_content_is_read_in_pieces(server, digest):
    content = os.urandom(3_000_001)
    server.pages["/file"] = (200, {}, content)

    assert digest(f"{server.url}/file") == blake(content)


# -- directories ------------------------------------------------------------------------------------


def test_a_remote_directory_of_memory_travels_by_its_name(files):
    import fsspec

    fsspec.filesystem("memory").pipe("/inspect-remote/a.txt", b"a")
    inspector = DirInspector(files)
    place = inspector.place(Dir("memory://inspect-remote"))

    assert place == "memory://inspect-remote"
    assert inspector.inspect([place]) != [None]
