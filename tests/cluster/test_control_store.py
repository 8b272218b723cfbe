"""The control store goes away: the session's work is interrupted, with a line that says how to go on."""

import contextlib
import socket
import time

import pytest

from cluster import control_store
from cluster.control_store import watched_store
from diffcxr.errors import IncompleteError


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "6")
    monkeypatch.setattr(control_store, "_POLL_SECONDS", 0.05)
    return socket.create_server(("127.0.0.1", 0))


def address_of(store: socket.socket) -> str:
    host, port = store.getsockname()
    return f"{host}:{port}"


def test_work_is_interrupted_where_nobody_listens_any_more(store: socket.socket) -> None:
    address, start = address_of(store), time.monotonic()
    said = pytest.raises(IncompleteError, match=rf"control store is gone: {address}\. .* again to go on")
    with said, watched_store(address), contextlib.suppress(Exception):
        store.close()
        time.sleep(30)
    assert time.monotonic() - start < 25


def test_a_store_that_is_away_for_a_moment_interrupts_nothing(store: socket.socket) -> None:
    address = address_of(store)
    with watched_store(address):
        for _ in range(4):
            port = store.getsockname()[1]
            store.close()
            time.sleep(0.15)
            store = socket.create_server(("127.0.0.1", port))
            time.sleep(0.15)
    store.close()


def test_ctrl_c_stays_ctrl_c(store: socket.socket) -> None:
    with pytest.raises(KeyboardInterrupt), watched_store(address_of(store)):
        raise KeyboardInterrupt
