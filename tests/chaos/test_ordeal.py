"""A blow counts where it hit: a machine is being drained only once the driver knows."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from tests.chaos import ordeal
from tests.chaos.blows import Blow
from tests.chaos.faulty_proxy import FaultyProxy, Seen, no_faults
from tests.chaos.machines import Machine, Machines
from tests.chaos.ordeal import Driver, Ordeal
from tests.chaos.processes import descendants, is_alive, wait_for
from tests.metadata_server import MetadataServer, metadata_server

TOLD = '{"time": "now", "event": "node drained", "node": "%s"}'
BLOW = Blow("drain", "worker", signal.SIGKILL, after=1)


@pytest.fixture
def raylet() -> Iterator[subprocess.Popen[bytes]]:
    """A process with one below it, as a raylet has its worker."""
    with subprocess.Popen(["/bin/sh", "-c", "sleep 60; true"]) as parent:
        wait_for(lambda: bool(list(descendants(parent.pid))))
        below = [pid for pid, _ in descendants(parent.pid)]
        yield parent
        parent.kill()
        for pid in below:
            if is_alive(pid):
                ordeal.os.kill(pid, signal.SIGKILL)


@pytest.fixture
def metadata() -> Iterator[MetadataServer]:
    with metadata_server() as server:
        yield server


@pytest.mark.parametrize("told", [False, True])
def test_a_blow_to_a_machine_of_whose_end_the_driver_was_not_told_does_not_count(
    raylet: subprocess.Popen[bytes], metadata: MetadataServer, monkeypatch: pytest.MonkeyPatch, told: bool
) -> None:
    monkeypatch.setattr(ordeal, "NOTICE_S", 60.0 if told else 1.0)  # the driver must have begun to say it
    monkeypatch.setattr(ordeal, "PATIENCE_S", 2.0)
    [(worker, _)] = descendants(raylet.pid)
    node = SimpleNamespace(node_id="n1", all_processes={"raylet": [SimpleNamespace(process=raylet)]})
    machine = Machine(node, metadata)
    machines = Machines(SimpleNamespace(), ExitStack(), [machine])  # type: ignore[arg-type]
    says = f"import time; print('{TOLD % ('n1' if told else 'another')}', flush=True); time.sleep(60)"
    driver = Driver(subprocess.Popen([sys.executable, "-c", says], stdout=subprocess.PIPE, text=True))
    course = Ordeal(machines, FaultyProxy("", no_faults), "s3://bucket/out", (BLOW,))
    seen = Seen("PUT", "/bucket/out/shards/00000.parquet", {}, "", worker, 0.0)
    try:
        fell = course._strike(BLOW, seen, driver)
    finally:
        driver.process.kill()
        driver.process.wait()
    assert "spot/instance-action" in metadata.paths, "the notice was given"
    assert fell == told == bool(course.hits)
    assert not told or course.hits[0].drained == "n1"
    assert is_alive(worker) != told
