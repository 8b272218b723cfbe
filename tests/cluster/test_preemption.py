"""Notices: what two clouds say before they take a machine, from a local server that speaks as they do."""

import time
from collections.abc import Iterator

import pytest

from cluster import preemption
from cluster.preemption import (
    AWS_ENDPOINT,
    GCP_HOST,
    AwsMetadata,
    GcpMetadata,
    Notice,
    await_metadata,
    find_metadata,
    parse_spot,
    wait_for_notice,
)
from tests.metadata_server import MetadataServer, metadata_server


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataServer]:
    with metadata_server() as server:
        monkeypatch.setenv(AWS_ENDPOINT, f"http://{server.address}/")
        monkeypatch.setenv(GCP_HOST, "127.0.0.1:9")  # nobody listens there
        yield server


@pytest.fixture
def gcp(monkeypatch: pytest.MonkeyPatch) -> Iterator[MetadataServer]:
    with metadata_server(google=True) as server:
        monkeypatch.setenv(GCP_HOST, server.address)
        monkeypatch.setenv(AWS_ENDPOINT, "http://127.0.0.1:9")
        yield server


def test_a_spot_notice_says_when_the_machine_ends(aws: MetadataServer) -> None:
    metadata = find_metadata()
    assert isinstance(metadata, AwsMetadata) and metadata.notice() is None
    aws.give_spot_notice(120)
    notice = metadata.notice()
    assert notice is not None and notice.kind == "spot" and notice.is_final
    assert notice.deadline == pytest.approx(time.time() + 120, abs=3)
    assert aws.refused == 0, "every question carries its token"


def test_a_rebalance_recommendation_comes_first_and_is_not_final(
    aws: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preemption, "POLL_SECONDS", 0.01)
    metadata = find_metadata()
    assert metadata is not None
    aws.recommend_rebalance()
    first = wait_for_notice(metadata)
    assert first == Notice("rebalance", None) and not first.is_final
    aws.give_spot_notice(60)
    assert wait_for_notice(metadata, known=first).kind == "spot"


def test_a_token_that_ran_out_is_asked_for_again(aws: MetadataServer) -> None:
    metadata = find_metadata()
    assert metadata is not None
    aws.token = "another"
    aws.give_spot_notice(60)
    notice = metadata.notice()
    assert notice is not None and aws.refused == 1


@pytest.mark.parametrize(
    ("path", "word", "kind"),
    [
        ("preempted", "TRUE", "preempted"),
        ("maintenance-event", "TERMINATE_ON_HOST_MAINTENANCE", "maintenance"),
    ],
)
def test_google_s_words_are_deadlines(gcp: MetadataServer, path: str, word: str, kind: str) -> None:
    metadata = find_metadata()
    assert isinstance(metadata, GcpMetadata) and metadata.notice() is None
    gcp.paths["maintenance-event"] = "MIGRATE_ON_HOST_MAINTENANCE"
    assert metadata.notice() is None, "a machine that moves does not end"
    gcp.paths[path] = word
    notice = metadata.notice()
    assert notice is not None and notice.kind == kind and notice.deadline is not None
    assert 0 < notice.deadline - time.time() <= 60


def test_outside_of_both_clouds_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AWS_ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv(GCP_HOST, "127.0.0.1:9")
    assert find_metadata() is None


def test_a_service_that_comes_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(AWS_ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setenv(GCP_HOST, "127.0.0.1:9")
    waited = []
    with metadata_server() as server:

        def comes_up(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 3:
                monkeypatch.setenv(AWS_ENDPOINT, f"http://{server.address}")

        monkeypatch.setattr(preemption.time, "sleep", comes_up)
        assert isinstance(await_metadata(), AwsMetadata) and len(waited) == 3
        monkeypatch.setenv(AWS_ENDPOINT, "http://127.0.0.1:9")
        assert await_metadata() is None and 30 < sum(waited) < 120


def test_a_service_that_falls_silent_is_asked_again(
    aws: MetadataServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preemption, "POLL_SECONDS", 0.01)
    metadata = find_metadata()
    assert metadata is not None
    aws.paths["spot/instance-action"] = "{"  # cut short
    monkeypatch.setattr(preemption.time, "sleep", lambda _: aws.give_spot_notice(30))
    assert wait_for_notice(metadata).kind == "spot"


@pytest.mark.parametrize("text", ["[]", "{}", '{"time": 3}', '{"time": "soon"}', "x"])
def test_what_is_no_notice_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        parse_spot(text)
