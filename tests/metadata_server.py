"""The metadata services of two clouds, played on this machine: what a node hears before it is taken away."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "a-token-of-imdsv2"


@dataclass
class MetadataServer:
    """A running server, and what it answers from now on."""

    address: str = ""  # host:port
    paths: dict[str, str] = field(default_factory=dict)  # all else is 404
    google: bool = False
    token: str = TOKEN
    refused: int = 0  # questions that came without the right token or header

    def give_spot_notice(self, seconds: float) -> None:
        """AWS takes the machine in so many seconds."""
        when = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.paths["spot/instance-action"] = json.dumps({"action": "terminate", "time": when})

    def recommend_rebalance(self) -> None:
        """AWS says that the machine is more likely than others to be taken."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.paths["events/recommendations/rebalance"] = json.dumps({"noticeTime": now})


@contextlib.contextmanager
def metadata_server(google: bool = False) -> Iterator[MetadataServer]:
    """A server on a free port of 127.0.0.1, of AWS or of Google, which has nothing to say yet."""
    state = MetadataServer(google=google)
    if google:
        state.paths = {"preempted": "FALSE", "maintenance-event": "NONE"}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            ttl = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            self._answer(404 if google else 200 if ttl else 400, state.token)

        def do_GET(self) -> None:
            if google:
                prefix = "/computeMetadata/v1/instance/"
                known = self.headers.get("Metadata-Flavor") == "Google"
            else:
                prefix = "/latest/meta-data/"
                known = self.headers.get("X-aws-ec2-metadata-token") == state.token
            if not known:
                state.refused += 1
                self._answer(403 if google else 401, "")
                return
            text = state.paths.get(self.path.removeprefix(prefix))
            self._answer(404 if text is None else 200, text or "")

        def _answer(self, code: int, text: str) -> None:
            self.send_response(code)
            if google:
                self.send_header("Metadata-Flavor", "Google")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
