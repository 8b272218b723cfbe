"""A proxy before a real S3 server that fails as such services fail, by a seed, so that it can be replayed.

Requests are passed on as they are signed: the server checks them as if it had been asked itself. What fails
is drawn for each request from (seed, method, path, how often it was asked), so that it does not depend on how
the requests of several processes interleave. It knows which process asks, and whoever watches it may do what
they like while a request is unanswered.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.chaos.processes import owner_of_port

FAULTS = ("slow down", "internal", "reset", "answer lost", "cut", "conflict", "stall", "expired")
"""503 and 500 without a look at the request; a connection that is reset before it, or after it was carried
out; an answer cut in half; 409 to a conditional put; silence; keys that have expired."""

_ERRORS = {
    "slow down": (503, "SlowDown"),
    "internal": (500, "InternalError"),
    "conflict": (409, "ConditionalRequestConflict"),
    "expired": (400, "ExpiredToken"),
}
STALL_SECONDS = 3.0
TELL = "TELL"
"""A method of our own: a process says at what it is, in the path, and waits for leave to go on."""


@dataclass(slots=True)
class Seen:
    """A request, and what it met."""

    method: str
    path: str
    headers: Mapping[str, str]
    fault: str  # "" for none
    pid: int  # of the process that asked; 0 where it is gone
    asked: float  # when, on the monotonic clock
    answered: float = 0.0  # when the server had carried it out; the client may know nothing of it
    status: int = 0  # what the server said; 0 while it has not been asked


Chooser = Callable[[str, str, Mapping[str, str], int], str]
"""(method, path, headers, how often it was asked before) -> one of FAULTS, or ""."""

Watcher = Callable[[Seen], None]
"""Called while a request is unanswered: once before the server is asked, and once when it has answered."""


@dataclass
class FaultyProxy:
    """A running proxy."""

    endpoint: str
    chooser: Chooser
    seen: list[Seen] = field(default_factory=list)
    watcher: Watcher = lambda _: None

    @property
    def faults(self) -> Counter[str]:
        return Counter(seen.fault for seen in self.seen if seen.fault)


def no_faults(method: str, path: str, headers: Mapping[str, str], times: int) -> str:
    """The chooser of a store that does not fail."""
    return ""


def by_seed(seed: int, share: float, faults: tuple[str, ...] = FAULTS[:6]) -> Chooser:
    """Faults for a share of the requests; a fault that cannot befall a request is none."""

    def choose(method: str, path: str, headers: Mapping[str, str], times: int) -> str:
        key = hashlib.sha256(f"{seed}\0{method}\0{path}\0{times}".encode()).digest()
        draw = random.Random(key)
        if draw.random() >= share:
            return ""
        fault = draw.choice(faults)
        conditional = method == "PUT" and "if-none-match" in {name.lower() for name in headers}
        possible = {"conflict": conditional, "cut": method == "GET"}
        return fault if possible.get(fault, True) else ""

    return choose


@contextlib.contextmanager
def faulty_proxy(upstream: str, chooser: Chooser) -> Iterator[FaultyProxy]:
    """A proxy on a free port of 127.0.0.1 before the server at `upstream`."""
    target = urlsplit(upstream).netloc
    asked: Counter[tuple[str, str]] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # or each answer, being two writes, waits for the other side's delay
        pid = 0

        def setup(self) -> None:
            super().setup()
            self.pid = owner_of_port(self.client_address[1])

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                times = asked[self.command, self.path]
                asked[self.command, self.path] += 1
                headers = dict(self.headers.items())
                fault = proxy.chooser(self.command, self.path, headers, times)
                seen = Seen(self.command, self.path, headers, fault, self.pid, time.monotonic())
                proxy.seen.append(seen)
            proxy.watcher(seen)
            if fault in _ERRORS:
                self._refuse(*_ERRORS[fault])
            elif fault == "reset":
                self._reset()
            elif fault == "stall":
                time.sleep(STALL_SECONDS)
                self._reset()
            else:
                answer = self._ask(body)
                seen.answered, seen.status = time.monotonic(), answer[0]
                proxy.watcher(seen)
                if fault == "answer lost":
                    self._reset()
                else:
                    self._give(*answer, cut=fault == "cut")

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass

        def do_TELL(self) -> None:
            proxy.watcher(Seen(TELL, self.path, {}, "", self.pid, time.monotonic()))
            self._give(204, [], b"", cut=False)

        def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(target, timeout=60)
            try:
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body or None)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            finally:
                connection.close()

        def _give(self, status: int, headers: list[tuple[str, str]], body: bytes, cut: bool) -> None:
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            length = dict((name.lower(), value) for name, value in headers).get("content-length")
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            if cut:
                self._reset()

        def _refuse(self, status: int, code: str) -> None:
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>"
            self.send_response_only(status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text.encode())

        def _reset(self) -> None:
            self.wfile.flush()
            self.close_connection = True
            linger = struct.pack("ii", 1, 0)  # close by RST
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
            if isinstance(request, socket.socket):
                request.close()  # without the polite shutdown, which would send FIN before RST

        def handle_error(self, *_: object) -> None:
            pass  # a client that went away

    server = Server(("127.0.0.1", 0), Handler)
    proxy = FaultyProxy(f"http://127.0.0.1:{server.server_port}", chooser)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
