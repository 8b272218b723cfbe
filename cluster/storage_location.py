"""Where a folder is: a URI or path taken apart, and the connection to the store that holds it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import botocore.session
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from cluster.storage_errors import CredentialsError, explained
from diffcxr.errors import InputError

if TYPE_CHECKING:
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

SCHEMES = ("file", "s3", "gs", "az")
_ATTEMPTS = "metadata_service_num_attempts"  # at a machine's role
_ENCRYPTION = ("AWS_SERVER_SIDE_ENCRYPTION", "AWS_SSE_KMS_KEY_ID", "AWS_SSE_BUCKET_KEY_ENABLED")  # obstore's
_FIX = "Use s3://bucket/path, gs://bucket/path, az://container/path, file:///path or a plain path."

# A wrong endpoint is told in seconds; outages longer than that are the job's to retry.
_RETRIES: RetryConfig = {
    "max_retries": 6,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=4), "base": 2},
}
# obstore asks for credentials again five minutes before this ends, so every minute; botocore then renews
# those that have ten minutes left. With the default of 30 minutes, some would be used when they had expired.
_CREDENTIALS_TTL = timedelta(minutes=6)
_TIMEOUTS: ClientConfig = {
    "connect_timeout": timedelta(seconds=3),
    "timeout": timedelta(seconds=180),  # a shard of 256 MiB at 12 Mbit/s
}


@dataclass(frozen=True, slots=True)
class Location:
    """A folder: `root` is the bucket (empty on the local disk), `key` the path in it."""

    scheme: str
    root: str
    key: str

    @property
    def is_local(self) -> bool:
        return self.scheme == "file"

    @property
    def uri(self) -> str:
        if self.is_local:
            return f"/{self.key}"
        return f"{self.scheme}://{self.root}/{self.key}".rstrip("/")

    def child(self, path: str) -> Location:
        """The location at `path` below this one. Raises InputError for a path that leads outside."""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise InputError("a path that leads out of its folder", path, "Remove the '..'.")
        return Location(self.scheme, self.root, "/".join([self.key, *parts] if self.key else parts))


def parse_location(uri: str) -> Location:
    """The location that a URI or a plain path names. Raises InputError for an unknown scheme or no bucket."""
    if not uri.strip():
        raise InputError("an empty URI", "", _FIX)
    if re.match(r"(?i)(file|s3|gs|az):(?!//)", uri):
        raise InputError("a URI needs two slashes after its scheme", uri, _FIX)
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri):
        return _local(Path(uri).expanduser())
    parts = urlsplit(uri)
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES:
        raise InputError(f"unknown storage scheme '{scheme}'", uri, _FIX)
    if scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise InputError("a file URI needs three slashes", uri, "Write file:///path.")
        return _local(Path(unquote(parts.path)))
    if not re.fullmatch(
        r"[A-Za-z0-9._-]+", parts.netloc
    ):  # also keeps secrets typed as user:password@ out of errors
        raise InputError("no bucket, or not a bucket's name, in the URI", f"{scheme}://", _FIX)
    # Keys are taken as they are typed: '?', '#' and '%' are parts of a key, not of a query.
    key = uri.split("://", 1)[1].partition("/")[2]
    return Location(scheme, parts.netloc, "").child(key)


def connect(location: Location) -> ObjectStore:
    """The store that holds the location, by its root; contacts nobody. Raises InputError for bad settings."""
    if location.is_local:
        return LocalStore()
    with explained(location.uri, "connect to"):
        if location.scheme == "s3":
            return _s3(location.root, location.uri)
        url = f"{location.scheme}://{location.root}"
        store = GCSStore if location.scheme == "gs" else AzureStore
        return store.from_url(url, client_options=_TIMEOUTS, retry_config=_RETRIES)


def encryption_settings() -> dict[str, str]:
    """How this process encrypts what it puts into S3, as far as that is no secret: variables by name."""
    return {name: os.environ[name] for name in _ENCRYPTION if name in os.environ}


def _local(path: Path) -> Location:
    # absolute, not resolved: links stay as the person typed them
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute() keeps '..'
    return Location("file", "", absolute.as_posix().strip("/"))


def _s3(bucket: str, uri: str) -> S3Store:
    """Configured as AWS tools are: environment, then profile files, then the machine's role."""
    session = botocore.session.Session()
    attempts = max(3, session.get_config_variable(_ATTEMPTS))  # one, of a second, a busy machine misses
    session.set_config_variable(_ATTEMPTS, attempts)
    profile = session.get_scoped_config()
    env = os.environ
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or profile.get("endpoint_url")
    config: S3Config = {
        "region": env.get("AWS_REGION") or session.get_config_variable("region") or "us-east-1"
    }
    options: ClientConfig = {**_TIMEOUTS}
    if endpoint:
        if not re.match(r"https?://[^/\s]", endpoint):
            raise InputError("AWS_ENDPOINT_URL is not a URL", endpoint, "Begin it with http:// or https://.")
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        options["allow_http"] = endpoint.startswith("http://")  # spelled out by whoever set the endpoint
    anonymous = env.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true")
    if not anonymous and session.get_credentials() is None:
        fix = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        raise CredentialsError("no AWS credentials", uri, fix)
    return S3Store(
        bucket,
        config=config,
        client_options=options,
        retry_config=_RETRIES,
        credential_provider=None if anonymous else Boto3CredentialProvider(session, ttl=_CREDENTIALS_TTL),
    )
