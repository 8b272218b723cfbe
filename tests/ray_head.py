"""A Ray head of a test's own: own ports, folder and token; ended by process id, never by `ray stop`."""

from __future__ import annotations

import contextlib
import os
import secrets
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

START_S = 120.0


@dataclass(frozen=True, slots=True)
class RayHead:
    """A running head: the address of its dashboard, and the token that it asks for."""

    address: str
    token: str


@contextlib.contextmanager
def ray_head(num_cpus: int = 2) -> Iterator[RayHead]:
    """A head that asks for a token of its own; it is gone afterwards, with all its processes."""
    token = secrets.token_hex(32)
    # Not pytest's tmp_path: the path of a Unix socket has 107 characters, and Ray adds some 65.
    folder = Path(tempfile.mkdtemp(prefix="cxr-head-", dir="/tmp"))
    gcs, dashboard, agent, agent_grpc, client, metrics = _free_ports(6)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token, "RAY_USAGE_STATS_ENABLED": "0"}
    binaries = Path(sys.executable).parent
    environment["PATH"] = f"{binaries}{os.pathsep}{environment['PATH']}"  # jobs find `diffcxr` there
    command = [str(binaries / "ray"), "start", "--head", "--block", f"--num-cpus={num_cpus}"]
    command += [f"--port={gcs}", f"--dashboard-port={dashboard}", "--dashboard-host=127.0.0.1"]
    command += ["--node-ip-address=127.0.0.1", f"--dashboard-agent-listen-port={agent}"]
    command += [f"--dashboard-agent-grpc-port={agent_grpc}", f"--ray-client-server-port={client}"]
    command += [f"--metrics-export-port={metrics}", f"--temp-dir={folder}", "--disable-usage-stats"]
    address = f"http://127.0.0.1:{dashboard}"
    with (folder / "head.log").open("w") as log:
        head = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _await(address, token, head, folder / "head.log")
        yield RayHead(address, token)
    finally:
        head.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            head.wait(30)
        for process in _processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        head.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _await(address: str, token: str, head: subprocess.Popen[bytes], log: Path) -> None:
    request = urllib.request.Request(f"{address}/api/version", headers={"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and head.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(request, timeout=5).close()
            return
        time.sleep(0.5)
    raise AssertionError(f"the Ray head did not start:\n{log.read_text()}")


def _processes_of(folder: Path) -> list[int]:
    """Processes whose command line names `folder`, which only this head's do."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
