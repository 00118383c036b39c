"""A server over HTTP that gives ranges and tells no entity tags: a file that is replaced while it is read."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from alonzo_files import File

pytest.importorskip("aiohttp")

OLD, NEW = b"a" * (12 << 20), b"b" * (12 << 20)  # larger than what is asked for at once


class Replaced(BaseHTTPRequestHandler):
    """One file, which is replaced after each request for its content."""

    content = OLD
    asked = 0

    def do_HEAD(self):
        self.begin(200, len(self.content))

    def do_GET(self):
        content = type(self).content
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self.begin(200, len(content))
        else:
            start, end = int(asked[1]), min(int(asked[2]), len(content) - 1)
            self.begin(206, end - start + 1, f"bytes {start}-{end}/{len(content)}")
            content = content[start : end + 1]
        if len(content) > 1:  # whether ranges are to be had is tried with one byte
            type(self).content = NEW
            type(self).asked += 1
        self.wfile.write(content)

    def begin(self, status, length, part=None):
        self.send_response(status)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(length))
        if part is not None:
            self.send_header("Content-Range", part)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def url():
    Replaced.content, Replaced.asked = OLD, 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Replaced) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/a.bin"
        server.shutdown()
        thread.join()


def test_a_file_that_is_read_in_parts_is_of_one_version(url):
    with File(url).open("rb") as file:
        read = file.read(1 << 20) + file.read()

    assert read == OLD
    assert Replaced.asked == 1


def test_it_can_be_read_from_anywhere_and_as_text(url):
    with File(url).open() as file:
        file.seek(5)
        assert file.read(3) == "aaa"
