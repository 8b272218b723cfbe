"""A submission: one command run as a job on a Ray cluster, followed to its exit code."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shlex
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import requests
from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

from cluster.storage_location import encryption_settings
from diffcxr.errors import IncompleteError, InputError

CONNECT_S = 10.0  # how long a cluster may take to answer at all
PATIENCE_S = 300.0  # how long a cluster that answered may be away while its job is followed
POLL_S = 1.0

_LOST = (RuntimeError, ConnectionError, requests.RequestException, aiohttp.ClientError)
# It reports each closing of its log stream as if that were news.
logging.getLogger("ray.dashboard.modules.job.sdk").setLevel(logging.WARNING)

_TOKEN_FIX = "Set RAY_AUTH_TOKEN, or RAY_AUTH_TOKEN_PATH, to the cluster's token."


@dataclass(frozen=True, slots=True)
class Submission:
    """A job on a cluster."""

    id: str
    found: bool  # it was running already: the same command, submitted before


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended: Ray's word for it, and the exit code to end with."""

    status: str
    exit_code: int


class Cluster:
    """A running Ray cluster, by the address of its dashboard.

    The token is this process's own (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token) and goes into
    the requests only: a job's processes have the cluster's, and a runtime_env would show it on the dashboard.
    """

    def __init__(self, address: str) -> None:
        """Raises InputError where nothing answers at `address`, or where it refuses the token."""
        self.address = (address if "://" in address else f"http://{address}").rstrip("/")
        _check_reachable(self.address)
        with _refusals(self.address), _deaf_to_environment():
            self._client = JobSubmissionClient(self.address, headers=_token_header())

    def submit(self, command: Sequence[str]) -> Submission:
        """Starts `command` on the cluster, or finds it where it is running already.

        So a person whose connection broke follows the same job with the same command, instead of starting a
        second one beside it. It encrypts as this process is told to. Raises InputError.
        """
        settings = encryption_settings()
        fingerprint = hashlib.sha256(json.dumps(list(command)).encode()).hexdigest()[:12]
        with _refusals(self.address):
            earlier = [job for job in self._client.list_jobs() if _mark(job) == fingerprint]
            for job in earlier:
                if not job.status.is_terminal() and job.submission_id:
                    return Submission(job.submission_id, found=True)
            name = f"diffcxr-{fingerprint}-{len(earlier) + 1}"
            submitted: str = self._client.submit_job(
                entrypoint=shlex.join(command),
                submission_id=name,
                metadata={"diffcxr": fingerprint},
                runtime_env={"env_vars": settings} if settings else None,
            )
        return Submission(submitted, found=False)

    def follow(self, submission: str) -> Iterator[str]:
        """Pieces of the job's log until it ends, over connections that break.

        Raises IncompleteError when the cluster stays away or has forgotten the job.
        """
        shown, last = 0, time.monotonic()
        while True:
            try:
                skip = shown
                for piece in self._tail(submission):
                    fresh, skip = piece[skip:], max(0, skip - len(piece))
                    last = time.monotonic()
                    shown += len(fresh)
                    if fresh:
                        yield fresh
                if self._client.get_job_status(submission).is_terminal():
                    return
            except _LOST as error:
                if time.monotonic() - last > PATIENCE_S or "does not exist" in str(error):
                    raise self._gone(submission) from error
            time.sleep(POLL_S)

    def outcome(self, submission: str) -> Outcome:
        """How the job ended. Raises IncompleteError where the cluster has gone."""
        try:
            details = self._client.get_job_info(submission)
        except _LOST as error:
            raise self._gone(submission) from error
        return Outcome(details.status.value, exit_code_of(details.status, details.driver_exit_code))

    def _tail(self, submission: str) -> Iterator[str]:
        pieces = self._client.tail_job_logs(submission)
        with asyncio.Runner() as runner:
            while (piece := runner.run(_next(pieces))) is not None:
                yield piece

    def _gone(self, submission: str) -> IncompleteError:
        fix = "Run the same command again: it follows the job where it still runs, else starts it anew."
        return IncompleteError(f"cluster lost while following {submission}", self.address, fix)


def exit_code_of(status: JobStatus, code: int | None) -> int:
    """The exit code (DESIGN 7) of a job that ended with `status`, its driver's own exit code being `code`.

    A driver that was stopped, killed, or lost with its node is interrupted: 3. A shell that found no
    `diffcxr` (126, 127) is a cluster set up wrongly: 2.
    """
    if status == JobStatus.SUCCEEDED:
        return 0
    if code in (126, 127):
        return InputError.exit_code
    return code if code in (1, 2, 3, 4) else IncompleteError.exit_code


async def _next(pieces: Any) -> str | None:
    async for piece in pieces:
        return str(piece)
    return None


def _mark(job: Any) -> str | None:
    return (job.metadata or {}).get("diffcxr")


def _check_reachable(address: str) -> None:
    # The Jobs client waits for ever on a host that drops packets.
    parts = urlsplit(address)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=CONNECT_S):
            return
    except (OSError, ValueError) as error:
        fix = "Give the dashboard's address, e.g. http://127.0.0.1:8265, and check that the cluster is up."
        raise InputError("no Ray cluster answers", address, fix) from error


def _token_header() -> dict[str, str]:
    if os.environ.get("RAY_AUTH_MODE", "").lower() == "disabled":
        return {}
    token = os.environ.get("RAY_AUTH_TOKEN", "").strip()
    named = os.environ.get("RAY_AUTH_TOKEN_PATH")
    path = Path(named) if named else Path.home() / ".ray" / "auth_token"
    if not token and (named or path.is_file()):
        try:
            token = path.read_text().strip()
        except OSError as error:
            raise InputError("Ray token cannot be read", str(path), _TOKEN_FIX) from error
    return {"Authorization": f"Bearer {token}"} if token else {}


@contextlib.contextmanager
def _refusals(address: str) -> Iterator[None]:
    try:
        yield
    except AuthenticationError as error:
        raise InputError("Ray cluster refuses the token", address, _TOKEN_FIX) from error
    except _LOST as error:
        fix = "Check that this is the dashboard of a Ray cluster, of this version."
        raise InputError("Ray cluster does not take the job", address, fix) from error


@contextlib.contextmanager
def _deaf_to_environment() -> Iterator[None]:
    """Ray lets RAY_ADDRESS win over the address that it is given; a person who names one means that one."""
    names = ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS")
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
