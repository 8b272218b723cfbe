"""What many tests need: a real S3 server, a fresh place on it or on the disk, the shared real data."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray.cloudpickle
from hypothesis import settings

import tests
from tests.ray_head import RayHead, ray_head
from tests.s3_server import S3Server, s3_server

# Time limits of single examples fail on a busy machine; `timeout` in pyproject.toml bounds each test.
settings.register_profile("diffcxr", deadline=None)
settings.load_profile("diffcxr")

# Workers are handed the tests' own actors whole: by name they might find another package's `tests`.
ray.cloudpickle.register_pickle_by_value(tests)

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A running S3 server with credentials, one for the whole session, started when first asked for."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3_uri(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """An unused s3:// folder; the environment reaches it as the admin until the test ends."""
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    return f"s3://{s3.bucket}/{uuid.uuid4().hex}"


@pytest.fixture(params=["file", "s3"])
def uri(request: pytest.FixtureRequest) -> str:
    """An unused folder, on the disk and in a bucket: the test runs on both."""
    if request.param == "s3":
        return str(request.getfixturevalue("s3_uri"))
    return str(request.getfixturevalue("tmp_path") / "corpus")


@pytest.fixture(scope="session")
def head() -> Iterator[RayHead]:
    """A running Ray head that asks for a token, one for the whole session, started when first asked for."""
    with ray_head() as running:
        yield running


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the repository; tests that ask for it carry `@pytest.mark.shared`."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real data at {SHARED_DATA}")
    return SHARED_DATA
