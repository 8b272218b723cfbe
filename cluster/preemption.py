"""A cloud's notice that it will take a machine away, read on that machine, and what Ray is told of it.

Sources: AWS, "Spot Instance interruption notices" and "EC2 instance rebalance recommendations" (IMDSv2);
Google Cloud, "Preemptible VM instances" and "Query for maintenance events". Ray itself reads neither (2.60).
Their addresses may be set as for the clouds' own tools: AWS_EC2_METADATA_SERVICE_ENDPOINT, GCE_METADATA_HOST.
"""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

AWS_ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
GCP_HOST = "GCE_METADATA_HOST"
POLL_SECONDS = 2.0  # Google gives 30 s in all

_TIMEOUT = 1.0  # the answer comes from the machine's own hypervisor, or not at all
_WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before a cloud is looked for again
_AWS_TOKEN_SECONDS = 6 * 3600
_GCP_NOTICE_SECONDS = 30.0
_GCP_MAINTENANCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Notice:
    """What a cloud has said of a machine."""

    kind: str  # "spot", "rebalance", "preempted", "maintenance"
    deadline: float | None  # the machine is gone then, in seconds since the epoch; None: some time

    @property
    def is_final(self) -> bool:
        return self.deadline is not None


class Metadata(Protocol):
    """A cloud's metadata service, as this machine sees it."""

    def notice(self) -> Notice | None:
        """The gravest notice that stands; raises OSError where the service does not answer."""


class AwsMetadata:
    """IMDSv2: every question carries a token, which is asked for first."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._token = ""

    def notice(self) -> Notice | None:
        spot = self._ask("spot/instance-action")
        if spot is not None:
            return parse_spot(spot)
        return None if self._ask("events/recommendations/rebalance") is None else Notice("rebalance", None)

    def renew_token(self) -> None:
        """Raises OSError where this is no AWS machine."""
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(_AWS_TOKEN_SECONDS)}
        self._token = _http("PUT", f"{self._endpoint}/latest/api/token", headers)[0]

    def _ask(self, path: str) -> str | None:
        url = f"{self._endpoint}/latest/meta-data/{path}"
        for attempt in range(2):
            try:
                return _http("GET", url, {"X-aws-ec2-metadata-token": self._token})[0]
            except urllib.error.HTTPError as error:
                if error.code == 404:  # nothing is planned
                    return None
                if error.code != 401 or attempt:
                    raise
                self.renew_token()
        return None


class GcpMetadata:
    """Google's service: words instead of times."""

    def __init__(self, host: str) -> None:
        self._root = f"http://{host}/computeMetadata/v1/instance"

    def notice(self) -> Notice | None:
        if self.ask("preempted") == "TRUE":
            return Notice("preempted", time.time() + _GCP_NOTICE_SECONDS)
        if self.ask("maintenance-event") == "TERMINATE_ON_HOST_MAINTENANCE":
            return Notice("maintenance", time.time() + _GCP_MAINTENANCE_SECONDS)
        return None

    def ask(self, path: str) -> str:
        """Raises OSError where this is no Google machine."""
        text, headers = _http("GET", f"{self._root}/{path}", {"Metadata-Flavor": "Google"})
        if headers.get("Metadata-Flavor") != "Google":
            raise OSError("the answer is not Google's")
        return text.strip()


def find_metadata() -> Metadata | None:
    """The metadata service of the cloud that this machine runs in; None elsewhere."""
    google = GcpMetadata(os.environ.get(GCP_HOST, "metadata.google.internal"))
    try:
        google.ask("preempted")
    except (OSError, ValueError):
        pass
    else:
        return google
    amazon = AwsMetadata(os.environ.get(AWS_ENDPOINT) or "http://169.254.169.254")
    try:
        amazon.renew_token()
    except (OSError, ValueError):
        return None
    return amazon


def await_metadata() -> Metadata | None:
    """`find_metadata`, which may answer some seconds after the machine began to work: asked for a minute."""
    for seconds in _WAITS:
        found = find_metadata()
        if found is not None:
            return found
        time.sleep(seconds)
    return find_metadata()


def wait_for_notice(metadata: Metadata, known: Notice | None = None) -> Notice:
    """Returns when there is a notice graver than the `known` one. A service that is silent is asked again."""
    while True:
        try:
            notice = metadata.notice()
        except (OSError, ValueError):
            notice = None
        if notice is not None and (known is None or (notice.is_final and not known.is_final)):
            return notice
        time.sleep(POLL_SECONDS)


def parse_spot(text: str) -> Notice:
    """The notice of AWS's `spot/instance-action`. Raises ValueError where it is none."""
    found = json.loads(text)
    if not isinstance(found, dict) or not isinstance(found.get("time"), str):
        raise ValueError("not an instance action")
    return Notice("spot", datetime.fromisoformat(found["time"]).timestamp())


def _http(method: str, url: str, headers: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    request = urllib.request.Request(url, method=method, headers=dict(headers))
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy would ask its own machine
    with direct.open(request, timeout=_TIMEOUT) as answer:
        return answer.read(64 << 10).decode(), answer.headers
