"""Ray's control store is killed under a run: exit 3 and one line, before Ray would end the process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.processes import descendants, wait_for
from tests.reports_corpus import reports_corpus

RAY_WAITS = "RAY_gcs_rpc_server_reconnect_timeout_s"


@pytest.mark.timeout(600)  # a session starts, which takes a minute where others need the cores
def test_a_run_whose_control_store_is_killed_ends_with_exit_3(tmp_path: Path) -> None:
    corpus = reports_corpus(tmp_path / "corpus", reports=20_000, shard_rows=5000)
    output = tmp_path / "out"
    options = ["model=null", "samples_per_report=5", "images_per_shard=10", "workers.max=1", "log=json"]
    driver = subprocess.Popen(
        [sys.executable, "-m", "jobs.generate", f"corpus={corpus.uri}", f"output={output}", *options],
        env={**os.environ, RAY_WAITS: "20"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: (output / "shards").is_dir() or driver.poll() is not None)
        [store] = [pid for pid, command in descendants(driver.pid) if "gcs_server" in command]
        os.kill(store, signal.SIGKILL)
        _, said = driver.communicate(timeout=300)
    finally:
        driver.kill()
        driver.wait()
    last = said.splitlines()[-1]
    assert driver.returncode == 3, last
    assert last.startswith("diffcxr generate: Ray's control store is gone: ")
    assert last.endswith("run the same command again to go on.")
