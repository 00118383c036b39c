"""An HTTP proxy in front of one server that spoils what it is told to spoil, over the wire.

    with faulty(backend.port) as proxy:
        proxy.spoil(status(503, SLOW_DOWN), method="GET", times=2)

The proxy is our own: no real server can be told to fail at a certain request.
"""

import contextlib
import http.client
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define, field

SLOW_DOWN = (
    b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
INTERNAL = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@define
class Answer:
    """What the server said; `truncated` is how many bytes of the body get through, None for all."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    truncated: int | None = None
    dropped: bool = False


Fault = Callable[[Answer], Answer]


@define
class Rule:
    fault: Fault
    method: str
    within: str
    left: int
    hits: int = 0


@define
class Proxy:
    port: int
    requests: list[tuple[str, str]] = field(factory=list)  # method and target of each that came
    rules: list[Rule] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)

    def spoil(self, fault: Fault, method: str = "", within: str = "", times: int = 1_000_000) -> Rule:
        """Apply the fault to the answers to requests of that method whose target contains `within`."""
        rule = Rule(fault, method, within, times)
        with self.lock:
            self.rules.append(rule)
        return rule

    def count(self, method: str, within: str = "") -> int:
        with self.lock:
            return sum(found == method and within in target for found, target in self.requests)

    def fault_for(self, method: str, target: str) -> Fault | None:
        with self.lock:
            self.requests.append((method, target))
            for rule in self.rules:
                if rule.left and rule.method in {"", method} and rule.within in target:
                    rule.left -= 1
                    rule.hits += 1
                    return rule.fault
        return None


def status(code: int, body: bytes = INTERNAL, kind: str = "application/xml") -> Fault:
    """Answer with this instead; the server is not asked."""
    answer = Answer(code, [("Content-Type", kind), ("Content-Length", str(len(body)))], body)

    def fault(given: Answer) -> Answer:
        return answer

    fault.instead = True
    return fault


def truncated(size: int) -> Fault:
    """Announce the whole body, send the first `size` bytes and close."""

    def fault(given: Answer) -> Answer:
        return Answer(given.status, given.headers, given.body, truncated=size)

    return fault


def dropped(given: Answer) -> Answer:
    """Do as asked, and close without an answer: nobody knows whether it was done."""
    return Answer(given.status, given.headers, given.body, dropped=True)


def afterwards(action: Callable[[], Any]) -> Fault:
    """Do something when the server has answered and the client has not yet heard it."""

    def fault(given: Answer) -> Answer:
        action()
        return given

    return fault


@contextlib.contextmanager
def faulty(port: int):
    """Run a proxy in front of the HTTP server at the port."""

    class Handler(_Handler):
        upstream = port

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    proxy = server.proxy = Proxy(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=[0.02], daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@define
class Relay:
    """A port that leads to another one, until `cut` closes all connections; later ones are relayed again."""

    port: int
    sockets: list[socket.socket] = field(factory=list)

    def cut(self) -> None:
        for found in self.sockets:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()


@contextlib.contextmanager
def relayed(port: int):
    """Relay connections to the server at the port, whatever it speaks."""
    listener = socket.create_server(("127.0.0.1", 0))
    relay = Relay(listener.getsockname()[1])

    def accept() -> None:
        with contextlib.suppress(OSError):  # the listener is closed in the end
            while True:
                ends = listener.accept()[0], socket.create_connection(("127.0.0.1", port))
                relay.sockets.extend(ends)
                for source, target in [ends, ends[::-1]]:
                    threading.Thread(target=pump, args=[source, target], daemon=True).start()

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError), source:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        relay.cut()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream = 0
    timeout = 60

    def handle_any(self) -> None:
        body = self._body()
        fault = self.server.proxy.fault_for(self.command, self.path)
        if fault is not None and hasattr(fault, "instead"):
            answer = fault(None)
        else:
            answer = self._ask(body)
            answer = fault(answer) if fault else answer
        if answer.dropped:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: answer.truncated])
        if answer.truncated is not None and answer.truncated < len(answer.body):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = handle_any

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _ask(self, body: bytes) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=60)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP | {"content-length", "expect"}:
                connection.putheader(name, value)
        if body or self.command in {"PUT", "POST"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        given = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
        if self.command != "HEAD" and response.status != 204:
            given = [(name, value) for name, value in given if name.lower() != "content-length"]
            given.append(("Content-Length", str(len(content))))
        return Answer(response.status, given, content)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
