"""A store that fails by a seed, a driver told to stop, a disk that fills up: the same bytes in the end."""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.storage import Storage
from jobs.command import main
from tests.chaos.faulty_proxy import by_seed, faulty_proxy
from tests.chaos.processes import wait_for
from tests.committed import committed_objects
from tests.generated_run import generated_run
from tests.reports_corpus import reports_corpus
from tests.s3_server import S3Server

DIFFCXR = Path(sys.executable).with_name("diffcxr")
SHARE = 0.05  # of the requests
CHOICES = ["model=null", "steps=2", "images_per_shard=2", "batch_size=2", "workers.max=1"]


@pytest.fixture
def seed() -> int:
    """DIFFCXR_CHAOS_SEED, or a drawn one; a failing test shows it."""
    drawn = int(os.environ.get("DIFFCXR_CHAOS_SEED") or random.SystemRandom().randrange(2**32))
    sys.stdout.write(f"DIFFCXR_CHAOS_SEED={drawn}\n")
    return drawn


@pytest.mark.timeout(900)  # two clusters start, which takes minutes where others need the cores
def test_a_store_that_fails_by_a_seed_and_a_driver_that_is_terminated_change_nothing(
    s3: S3Server, s3_uri: str, seed: int
) -> None:
    corpus = reports_corpus(f"{s3_uri}/reports", reports=160, shard_rows=60)
    generated_run(corpus, f"{s3_uri}/undisturbed", images_per_shard=2, batch_size=2)
    disturbed = Storage.at(f"{s3_uri}/disturbed")
    command = [str(DIFFCXR), "generate", f"corpus={corpus.uri}", f"output={disturbed.uri}", *CHOICES]
    with faulty_proxy(s3.endpoint, by_seed(seed, SHARE)) as proxy:
        environment = os.environ | {"AWS_ENDPOINT_URL": proxy.endpoint}
        driver = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        wait_for(lambda: sum(1 for _ in disturbed.list("shards")) >= 20 or driver.poll() is not None)
        driver.send_signal(signal.SIGTERM)
        said, _ = driver.communicate(timeout=300)
        assert driver.returncode == 3, said
        assert said.splitlines()[-1] == "diffcxr generate: interrupted. Run the same command again to go on."
        again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
        assert again.returncode == 0, again.stderr
    assert len(proxy.faults) >= 4 and sum(proxy.faults.values()) >= SHARE / 2 * len(proxy.seen)
    assert committed_objects(disturbed) == committed_objects(f"{s3_uri}/undisturbed")


def test_a_disk_that_fills_up_is_exit_3_in_one_line_and_the_run_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    unshare = shutil.which("unshare")
    assert unshare is not None, "util-linux"
    disk = tmp_path / "disk"
    disk.mkdir()
    corpus = f"{DIFFCXR} corpus source=phantom source.images=false source.rows=120 shard_rows=10 workers=1"
    script = f"""
        mount -t tmpfs -o size=200k none {disk} || exit 99
        {corpus} output={disk}/out; first=$?
        ls {disk}/out
        mount -o remount,size=40m {disk}
        {corpus} output={disk}/out; second=$?
        cp -r {disk}/out {tmp_path}/out
        echo "exits $first $second"
    """
    done = subprocess.run(
        [unshare, "--user", "--map-root-user", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout.splitlines()[-1] == "exits 3 0", done.stdout + done.stderr
    assert "corpus.json" not in done.stdout.partition("rows")[0]
    complaints = [line for line in done.stderr.splitlines() if line.startswith("diffcxr corpus:")]
    assert len(complaints) == 1 and "disk full" in complaints[0] and "same command again" in complaints[0]
    assert main([*corpus.split()[1:], f"output={tmp_path}/undisturbed"]) == 0
    assert committed_objects(tmp_path / "out") == committed_objects(tmp_path / "undisturbed")
