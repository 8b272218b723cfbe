"""Ray's control store (GCS): where it is gone, a session ends in order before Ray ends the process.

Ray's client waits RAY_gcs_rpc_server_reconnect_timeout_s (60) for it to come back, then leaves by _exit(1).
Calls that are under way on workers, `ray.wait`, `ray.kill` and `ray.shutdown` work without it until then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from types import FrameType

from diffcxr.errors import IncompleteError

_RAY_WAITS = "RAY_gcs_rpc_server_reconnect_timeout_s"
_RAY_WAITS_SECONDS = 60.0
_POLL_SECONDS = 1.0
_TIMEOUT = 5.0  # seconds


@contextlib.contextmanager
def watched_store(address: str) -> Iterator[None]:
    """Interrupts the main thread where nobody has listened at `address` (host:port) for half the time that
    Ray waits. In another thread, where Python takes no signals, nothing is watched.

    Raises IncompleteError where it was interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopped, lost = threading.Event(), threading.Event()

    def watch() -> None:
        if _outlasts(address, float(os.environ.get(_RAY_WAITS, _RAY_WAITS_SECONDS)) / 2, stopped):
            lost.set()
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt  # passes whatever catches an Exception to try again

    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=watch, name="control store", daemon=True)
    watcher.start()
    try:
        yield
    except KeyboardInterrupt as interrupted:
        if not lost.is_set():
            raise
        fix = "When the cluster is up again, run the same command again to go on."
        raise IncompleteError("Ray's control store is gone", address, fix) from interrupted
    finally:
        stopped.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def _outlasts(address: str, seconds: float, stopped: threading.Event) -> bool:
    """Whether nobody answered for so long; False once it is stopped."""
    answered = time.monotonic()
    while not stopped.wait(_POLL_SECONDS):
        if _answers(address):
            answered = time.monotonic()
        elif time.monotonic() - answered > seconds:
            return True
    return False


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT).close()
    except OSError:
        return False
    return True
