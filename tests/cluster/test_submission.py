"""Commands run as jobs on a real, token-authenticated Ray head."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.job_submission import JobStatus

from cluster.submission import Cluster, exit_code_of
from diffcxr.errors import InputError
from tests.ray_head import RayHead


@pytest.fixture(autouse=True)
def no_other_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "RAY_ADDRESS",
        "RAY_API_SERVER_ADDRESS",
        "RAY_AUTH_MODE",
        "RAY_AUTH_TOKEN",
        "RAY_AUTH_TOKEN_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def cluster(head: RayHead, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    return Cluster(head.address)


def test_a_job_ends_with_its_own_exit_code_and_whole_log(cluster: Cluster) -> None:
    submission = cluster.submit(["sh", "-c", "echo first; sleep 1; echo 'a b  c'; exit 4"])
    log = "".join(cluster.follow(submission.id))
    assert "first\n" in log
    assert "a b  c\n" in log
    assert cluster.outcome(submission.id).exit_code == 4


def test_the_same_command_finds_its_running_job_and_starts_anew_when_it_has_ended(cluster: Cluster) -> None:
    command = ["sh", "-c", "sleep 5; echo ended"]
    first = cluster.submit(command)
    second = cluster.submit(command)
    assert second.id == first.id
    assert (first.found, second.found) == (False, True)
    assert "".join(cluster.follow(second.id)).count("ended\n") == 1
    third = cluster.submit(command)
    assert third.id != first.id
    assert not third.found


def test_no_token_of_ours_is_sent_with_the_job(cluster: Cluster, head: RayHead) -> None:
    submission = cluster.submit(["true"])
    "".join(cluster.follow(submission.id))
    details = cluster._client.get_job_info(submission.id)
    assert not (details.runtime_env or {}).get("env_vars")
    assert head.token not in str(details)


def test_a_job_encrypts_as_its_submitter_is_told_to(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_CUSTOMER_KEY_BASE64", "a secret")
    submission = cluster.submit(["printenv", "AWS_SERVER_SIDE_ENCRYPTION"])
    assert "aws:kms\n" in "".join(cluster.follow(submission.id))
    assert "a secret" not in str(cluster._client.get_job_info(submission.id))


def test_a_token_in_a_file_is_enough(head: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(head.token + "\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert Cluster(head.address).address == head.address


def test_another_address_in_the_environment_does_not_win(
    head: RayHead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", head.token)
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    assert Cluster(head.address.removeprefix("http://")).address == head.address


@pytest.mark.parametrize("token", ["", "0" * 64])
def test_a_wrong_token_or_none_is_refused_in_one_line(
    head: RayHead, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", token)
    with pytest.raises(InputError, match=f"refuses the token: {head.address}. Set RAY_AUTH_TOKEN"):
        Cluster(head.address)


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, but nobody listens
        yield closed.getsockname()[1]


def test_an_address_where_nothing_answers_is_said_in_one_line(silent_port: int) -> None:
    with pytest.raises(InputError, match="no Ray cluster answers"):
        Cluster(f"http://127.0.0.1:{silent_port}")


def test_an_address_that_is_none_is_said_in_one_line() -> None:
    with pytest.raises(InputError, match="no Ray cluster answers"):
        Cluster("http://127.0.0.1:notaport")


def test_a_missing_token_file_is_said_in_one_line(
    head: RayHead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="Ray token cannot be read"):
        Cluster(head.address)


@pytest.mark.parametrize(
    ("status", "driver", "ours"),
    [
        (JobStatus.SUCCEEDED, 0, 0),
        (JobStatus.FAILED, 2, 2),
        (JobStatus.FAILED, 4, 4),
        (JobStatus.FAILED, 1, 1),
        (JobStatus.FAILED, 137, 3),  # killed for memory
        (JobStatus.FAILED, None, 3),  # lost with its node
        (JobStatus.FAILED, 127, 2),  # no diffcxr there
        (JobStatus.STOPPED, -15, 3),
    ],
)
def test_ends_become_the_exit_codes_of_the_design(status: JobStatus, driver: int | None, ours: int) -> None:
    assert exit_code_of(status, driver) == ours
