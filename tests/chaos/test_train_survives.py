"""A training whose workers and driver are killed ends with the weights of an undisturbed one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from cluster.session import connect
from jobs.command import main
from tests.chaos.processes import descendants, is_alive, kill_driver, wait_for

DIFFCXR = Path(sys.executable).with_name("diffcxr")
STEPS = 500


def command(corpus: Path, output: Path) -> list[str]:
    small = ["size=32", "autoencoder.width=8", "autoencoder.depth=1", "autoencoder.batch_size=4"]
    parallel = ["workers=2", "threads=1", "checkpoint_every=1", f"autoencoder.steps={STEPS}"]
    return ["train", "stage=autoencoder", f"data={corpus}", f"output={output}", *small, *parallel]


@pytest.mark.timeout(1800)  # two clusters start, which takes minutes where others need the cores too
def test_a_killed_worker_and_a_killed_driver_change_no_weight(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    corpus, undisturbed, killed = (tmp_path / name for name in ("corpus", "undisturbed", "killed"))
    source = ["source=phantom", "source.rows=40", "source.size=32"]
    assert main(["corpus", *source, "workers=1", f"output={corpus}"]) == 0
    stage = killed / "training/autoencoder"

    def step() -> int:
        path = stage / "progress.json"
        return int(json.loads(path.read_text())["step"]) if path.exists() else 0

    driver = subprocess.Popen([DIFFCXR, *command(corpus, killed)], stderr=subprocess.DEVNULL)
    request.addfinalizer(driver.kill)
    wait_for(lambda: step() > 0 or driver.poll() is not None, seconds=600)
    workers = [pid for pid, name in descendants(driver.pid) if "RayTrainWorker" in name]
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    reached = step()
    wait_for(lambda: step() > reached or driver.poll() is not None, seconds=600)
    assert driver.poll() is None and not is_alive(*workers)
    kill_driver(driver)
    assert reached < step() < STEPS, "the driver was to be killed on the way"

    with connect(num_cpus=2):
        assert main(command(corpus, undisturbed)) == 0
        assert main(command(corpus, killed)) == 0
    name = "autoencoder/diffusion_pytorch_model.safetensors"
    here, there = load_file(killed / name), load_file(undisturbed / name)
    assert all(here[key].equal(there[key]) for key in there)
    log = (stage / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in log] == list(range(50, STEPS + 1, 50))
    assert len(list((stage / "tensorboard").iterdir())) == 3, "an event file each time it was taken up"
