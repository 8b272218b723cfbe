"""Whatever is killed, and however many drivers there are: every sample exactly once, with the same bytes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.run_record import read_record
from cluster.shard import shard_path
from cluster.storage import Storage
from jobs.command import main
from tests.chaos.processes import descendants, is_alive, wait_for
from tests.committed import committed_objects
from tests.reports_corpus import reports_corpus

DIFFCXR = Path(sys.executable).with_name("diffcxr")
REPORTS, UNITS = 400, 200


def start(corpus: str, output: str, workers: int) -> subprocess.Popen[str]:
    choices = ["model=null", "images_per_shard=2", "batch_size=2", f"workers.max={workers}"]
    command = [str(DIFFCXR), "generate", f"corpus={corpus}", f"output={output}", *choices]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def shards(output: Storage) -> int:
    return sum(1 for _ in output.list("shards"))


@pytest.mark.timeout(1200)  # four clusters start, which takes minutes where others need the cores too
def test_killed_workers_killed_drivers_and_two_drivers_at_once_change_nothing(s3_uri: str) -> None:
    corpus = reports_corpus(f"{s3_uri}/reports", reports=REPORTS, shard_rows=100).uri
    undisturbed, disturbed = Storage.at(f"{s3_uri}/undisturbed"), Storage.at(f"{s3_uri}/disturbed")
    quiet = start(corpus, undisturbed.uri, workers=1)
    said, _ = quiet.communicate(timeout=500)
    assert quiet.returncode == 0, said

    driver = start(corpus, disturbed.uri, workers=2)
    wait_for(lambda: shards(disturbed) >= 5)
    workers = [pid for pid, command in descendants(driver.pid) if "WorkerActor" in command]
    os.kill(workers[0], signal.SIGKILL)
    reached = shards(disturbed)
    wait_for(lambda: shards(disturbed) >= reached + 5)
    family = [pid for pid, _ in descendants(driver.pid)]
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    wait_for(lambda: not any(is_alive(pid) for pid in family))
    left = shards(disturbed)
    assert reached < left < UNITS, "the driver was to be killed on the way"
    assert read_record(disturbed) == read_record(undisturbed)

    committed = {stored.path: stored.modified for stored in disturbed.list("shards")}
    drivers = [start(corpus, disturbed.uri, workers=1) for _ in range(2)]
    for one in drivers:
        said, _ = one.communicate(timeout=500)
        assert one.returncode == 0, said

    assert committed_objects(disturbed) == committed_objects(undisturbed)
    assert set(committed_objects(disturbed)) == {
        "run.json",
        "README.md",
        "corpus.json",
        *map(shard_path, range(UNITS)),
    }
    now = {stored.path: stored.modified for stored in disturbed.list("shards")}
    assert {path: now[path] for path in committed} == committed, "what was committed is never written again"
    assert main(["verify", f"output={disturbed.uri}", f"corpus={corpus}"]) == 0
