"""The session: private, quiet, and blind to the folder it is started from."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import ray

from cluster.session import connect
from tests.ray_nodes import ray_nodes

PROBE = """
    import os
    import time
    import ray
    from cluster.session import connect
    from diffcxr.errors import FailingError

    @ray.remote(num_cpus=0.5)
    def worker_sees():
        import cluster.plan, eval.features, jobs.summary, os, sys
        foreign = [m for m in (cluster.plan, eval.features, jobs.summary) if "foreign" in (m.__file__ or "")]
        return foreign, [p for p in sys.path if "foreign" in p], os.environ["RAY_AUTH_MODE"]

    @ray.remote(num_cpus=0.5)
    class Worker:
        def raises(self):
            raise ValueError("words of a report")

        def returns(self):
            return True

    def session():
        with connect(num_cpus=1):
            assert os.getcwd() == home
            foreign, paths, mode = ray.get(worker_sees.remote())
            assert not foreign, foreign
            assert not paths, paths
            assert mode == "token", mode
            worker = Worker.remote()
            raised = worker.raises.remote()
            assert ray.get(worker.returns.remote()), "after it"
            del raised  # nobody fetched it, which Ray notices now
            time.sleep(1)
            yield

    home = os.getcwd()
    said = ""
    for fails in (False, True):
        going = session()
        next(going)
        try:
            going.throw(FailingError("units keep failing", "MemoryError")) if fails else next(going, None)
        except FailingError as error:
            said = str(error)
        assert not ray.is_initialized()
        assert "RAY_AUTH_TOKEN" not in os.environ
        assert "RAY_IGNORE_UNHANDLED_ERRORS" not in os.environ
    print("fine", said)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
def done(folder: Path) -> subprocess.CompletedProcess[str]:
    """Two sessions one after the other, begun from a folder that holds foreign packages."""
    foreign, home, script = folder / "foreign", folder / "home", folder / "probe.py"
    for package in ("eval", "jobs", "cluster"):
        (foreign / package).mkdir(parents=True)
        (foreign / package / "__init__.py").write_text("raise RuntimeError('a foreign package')\n")
    script.write_text(textwrap.dedent(PROBE))
    home.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    environment |= {"HOME": str(home), "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, str(script)],
        cwd=foreign,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_workers_import_our_packages_from_a_folder_that_holds_foreign_ones(
    done: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert done.stdout.startswith("fine"), done.stderr
    assert done.returncode == 0, done.stderr
    assert not list((folder / "home").rglob("*auth_token*")), "Ray wrote a token into the person's home"


def test_where_workers_keep_failing_their_logs_are_kept_where_the_line_says_and_are_the_person_s_alone(
    done: subprocess.CompletedProcess[str], folder: Path
) -> None:
    [kept] = folder.glob("diffcxr-logs-*")
    assert done.stdout.strip().endswith(f"units keep failing: MemoryError. They are kept in {kept}."), (
        done.stderr
    )
    assert list(kept.glob("logs/worker-*")) and kept.stat().st_mode & 0o077 == 0


def test_no_word_of_what_a_worker_raised_unasked_reaches_standard_error(
    done: subprocess.CompletedProcess[str],
) -> None:
    assert done.returncode == 0, done.stderr
    assert "words of a report" not in done.stderr
    assert "Unhandled error" not in done.stderr


def test_workers_of_a_cluster_encrypt_as_their_driver_does_and_are_told_no_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = {
        "AWS_SERVER_SIDE_ENCRYPTION": "aws:kms",
        "AWS_SSE_KMS_KEY_ID": "the-key",
        "AWS_SSE_BUCKET_KEY_ENABLED": "true",
    }
    job = {"runtime_env": {"env_vars": {"AWS_SERVER_SIDE_ENCRYPTION": "AES256", "OF_THE_JOB": "yes"}}}

    def worker_sees() -> dict[str, str]:
        names = (*settings, "AWS_SSE_CUSTOMER_KEY_BASE64", "OF_THE_JOB")
        return {name: os.environ[name] for name in names if name in os.environ}

    with ray_nodes([]) as nodes:
        ray.shutdown()
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SSE_CUSTOMER_KEY_BASE64", "a secret")
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(job))
        with connect(nodes.address):
            assert ray.get(ray.remote(worker_sees).remote()) == settings | {"OF_THE_JOB": "yes"}
