"""A store that fails as stores do: what was asked is done once, or told in one line."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from cluster import storage_location
from cluster.schema import table_from_rows
from cluster.shard import commit_shard, encode_shard, read_footer, shard_path
from cluster.storage import Storage
from cluster.storage_errors import BrokenOffError, CredentialsError
from diffcxr.errors import InputError
from tests.chaos.faulty_proxy import FAULTS, STALL_SECONDS, FaultyProxy, faulty_proxy, no_faults
from tests.s3_server import S3Server

QUICK = [fault for fault in FAULTS if fault != "stall"]
CALLS: dict[str, Callable[[Storage], object]] = {
    "create": lambda storage: storage.create("new", b"new"),
    "replace": lambda storage: storage.replace("view", b"new"),
    "read": lambda storage: storage.read("there"),
    "range": lambda storage: storage.read_range("there", -3, 3),
    "size": lambda storage: storage.size("there"),
    "list": lambda storage: [stored.path for stored in storage.list()],
    "delete": lambda storage: storage.delete("there"),
}
FIRST = {"read": b"x" * 5000, "range": b"xxx", "size": 5000, "list": ["there"]}


@pytest.fixture
def proxy(s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with faulty_proxy(s3.endpoint, no_faults) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint)
        yield running


def one(fault: str) -> Callable[[str, str, Mapping[str, str], int], str]:
    """This fault for the first request, and none for those after it."""
    left = [fault]
    return lambda method, path, headers, times: left.pop() if left else ""


@pytest.mark.parametrize("call", CALLS)
def test_one_fault_of_any_kind_changes_nothing_of_what_a_call_does(
    proxy: FaultyProxy, s3_uri: str, call: str
) -> None:
    for fault in QUICK:
        if fault == "conflict" and call != "create":
            continue  # S3 says it of conditional puts alone
        proxy.chooser = no_faults
        storage = Storage.at(f"{s3_uri}/{fault.replace(' ', '-')}")
        storage.create("there", b"x" * 5000)
        proxy.chooser = one(fault)
        found = CALLS[call](storage)
        assert call not in FIRST or found == FIRST[call]
        left = {stored.path: storage.read(stored.path) for stored in storage.list()}
        there = {} if call == "delete" else {"there": b"x" * 5000}
        assert left == there | {"create": {"new": b"new"}, "replace": {"view": b"new"}}.get(call, {})
        assert proxy.faults[fault] == 1


@pytest.mark.parametrize("call", ["create", "replace", "delete"])
def test_a_connection_that_breaks_after_a_refusal_is_no_reason_to_give_up(
    proxy: FaultyProxy, s3_uri: str, call: str
) -> None:
    storage = Storage.at(s3_uri)
    storage.create("there", b"x")
    left = ["reset", "slow down"]
    proxy.chooser = lambda method, path, headers, times: left.pop() if left else ""
    CALLS[call](storage)
    assert proxy.faults == {"slow down": 1, "reset": 1}


def test_a_create_whose_answer_was_lost_is_there_once_and_known_as_the_unit_s_own(
    proxy: FaultyProxy, s3_uri: str
) -> None:
    storage = Storage.at(s3_uri)
    data = encode_shard(table_from_rows([]), "plan", 3)
    proxy.chooser = one("answer lost")
    assert commit_shard(storage, 3, data) is False, "whose it is cannot be told, and need not be"
    assert read_footer(storage, shard_path(3)).plan_hash == "plan"
    assert [stored.path for stored in storage.list()] == [shard_path(3)]


def test_a_put_that_hangs_is_given_up_after_the_timeout_and_sent_again(
    proxy: FaultyProxy, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(storage_location._TIMEOUTS, "timeout", timedelta(seconds=1))
    storage = Storage.at(s3_uri)
    proxy.chooser = one("stall")
    begun = time.monotonic()
    assert storage.create("a", b"x") and storage.read("a") == b"x"
    assert 1 <= time.monotonic() - begun < STALL_SECONDS and proxy.faults == {"stall": 1}


def test_a_store_that_breaks_off_every_answer_is_told_in_the_end(
    proxy: FaultyProxy, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.storage_connection._WAITS", (0.0, 0.0))
    storage = Storage.at(s3_uri)
    proxy.chooser = lambda method, *_: "conflict" if method == "PUT" else ""
    with pytest.raises(BrokenOffError, match="another write is under way"):
        storage.create("a", b"x")
    assert len(proxy.seen) == 3 and storage.size("a") is None


@pytest.mark.parametrize("call", ["create", "size"])
def test_keys_that_expired_are_asked_for_again_where_they_come_from(
    s3: S3Server, s3_uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    env = s3.environment()
    Storage.at(s3_uri).create("there", b"x" * 5000)
    keys = '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}'
    right = keys % (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
    (tmp_path / "right").write_text(right)
    (tmp_path / "keys").write_text(keys % (env["AWS_ACCESS_KEY_ID"], "of-yesterday"))
    (tmp_path / "config").write_text(f"[profile lab]\ncredential_process = cat {tmp_path}/keys\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "lab")
    storage = Storage.at(s3_uri)
    with pytest.raises(CredentialsError):
        CALLS[call](storage)
    (tmp_path / "right").rename(tmp_path / "keys")
    assert CALLS[call](storage) == {"create": True, "size": 5000}[call], (
        "the same storage, with the keys of now"
    )


def test_credentials_are_asked_for_before_botocore_s_own_can_expire(
    s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    provider = storage_location.Boto3CredentialProvider
    monkeypatch.setattr(provider, "__call__", _counted(provider.__call__, asked))
    for _ in range(3):
        Storage.at(s3_uri).size("a")
    assert (
        asked == [360.0] * 3
    )  # obstore asks five minutes before: after 60 s, and botocore renews 600 s before


def test_encryption_settings_go_with_every_put(
    proxy: FaultyProxy, s3_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", "the-key")
    monkeypatch.setenv("AWS_SSE_BUCKET_KEY_ENABLED", "true")
    storage = Storage.at(s3_uri)
    proxy.chooser = lambda *_: "expired"  # SeaweedFS has no KMS: it is the request that counts
    for put in (
        lambda: storage.create("a", b"x"),
        lambda: storage.replace("a", b"x"),
        storage.check_writable,
    ):
        proxy.seen.clear()
        with pytest.raises(InputError):
            put()
        headers = {name.lower(): value for name, value in proxy.seen[0].headers.items()}
        assert proxy.seen[0].method == "PUT"
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "the-key"
        assert headers["x-amz-server-side-encryption-bucket-key-enabled"] == "true"


def _counted(call: Callable[..., dict[str, object]], asked: list[float]) -> Callable[..., object]:
    def counting(self: storage_location.Boto3CredentialProvider) -> object:
        asked.append(self.ttl.total_seconds())
        return call(self)

    return counting
