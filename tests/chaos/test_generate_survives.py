"""Whatever is killed, and however many drivers there are: every sample exactly once, with the same bytes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import ray

from cluster.member import QUEUE
from cluster.pool import Pool, WorkerActor
from cluster.recipe import Ready, Sampler
from cluster.shard import shard_path
from cluster.standing import ATTEMPTS
from jobs.command import main
from tests.chaos.arena import UNITS, Arena, arena
from tests.chaos.chaos_seed import chaos_seed
from tests.chaos.elasticity import grow
from tests.chaos.processes import wait_for
from tests.chaos.rivals import rival
from tests.null_sampler import NULL_SAMPLER
from tests.s3_server import S3Server

IMAGES, SEEDS = 400, 3


@pytest.fixture(scope="module")
def here(s3: S3Server) -> Iterator[Arena]:
    with arena(s3, IMAGES) as running:
        yield running


@pytest.mark.timeout(1800)  # drivers, workers and machines start: minutes where others need the cores too
@pytest.mark.parametrize("number", range(SEEDS))
def test_blows_and_faults_by_a_seed_change_nothing(here: Arena, number: int) -> None:
    outcome = here.face(chaos_seed() + number)
    sys.stdout.write(f"{outcome.log}\n")
    assert not outcome.failure
    assert tuple(hit.blow for hit in outcome.hits) == outcome.drawn, "each blow fell"
    drains = [hit for hit in outcome.hits if hit.blow.moment == "drain"]
    assert drains and all(hit.drained for hit in drains), "on machines that the driver knew to be drained"
    assert outcome.equal
    assert outcome.ledger.granted == {shard_path(unit): 1 for unit in range(UNITS)}
    assert outcome.ledger.redone == 0
    assert max(outcome.ledger.lost.values(), default=0) <= QUEUE, "a killed worker lost what it had in hand"
    assert outcome.share_of_faults >= 0.02


@pytest.mark.timeout(1800)
def test_a_frozen_driver_wakes_up_when_two_others_have_finished(here: Arena) -> None:
    rivalry = rival(here)
    assert rivalry.codes == (0, 0, 0) and rivalry.equal
    assert set(rivalry.ledger.granted.values()) == {1} and rivalry.ledger.redone == 0
    assert main(["verify", f"output={rivalry.output}", f"corpus={here.corpus}"]) == 0


@pytest.mark.timeout(900)
def test_machines_that_die_while_their_workers_load_are_no_fault_of_the_workers(
    here: Arena, tmp_path: Path
) -> None:
    class Loading(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            (tmp_path / str(os.getpid())).touch()
            while not (tmp_path / "go").exists():
                time.sleep(0.1)
            return super().load(sampler)

    workers = ATTEMPTS + 1
    with closing(Pool(NULL_SAMPLER, workers, workers, actor=Loading)) as pool:
        pool.size_to(workers)
        wait_for(lambda: len(list(tmp_path.iterdir())) == workers, seconds=600)
        for machine in list(here.machines.here):
            here.machines.end(machine)
            here.machines.add()
        (tmp_path / "go").touch()
        assert pool.first().film_shape == (128, 128)


@pytest.mark.timeout(900)
def test_workers_are_started_elsewhere_where_one_machine_cannot_start_any(
    here: Arena, tmp_path: Path
) -> None:
    class ThereItFails(WorkerActor):
        def load(self, sampler: Sampler) -> Ready:
            if os.environ.get("BROKEN"):
                (tmp_path / str(os.getpid())).touch()
                raise RuntimeError
            return super().load(sampler)

    nodes = here.machines.nodes
    broken = nodes.add({"BROKEN": "1"})
    nodes.cluster.wait_for_nodes(timeout=240)
    sound = 2 * len(here.machines.here)  # half a core each
    try:
        with closing(Pool(NULL_SAMPLER, sound, sound, actor=ThereItFails)) as pool:
            pool.first()
            wait_for(lambda: welcome_all(pool, sound), seconds=300)
    finally:
        nodes.end(broken)
    assert 1 <= len(list(tmp_path.iterdir())) < 2 * ATTEMPTS


def welcome_all(pool: Pool, count: int) -> bool:
    """Whether there are so many workers that have started; those that have not are given a second."""
    pool.size_to(count)
    loading = {member.loading: member for member in pool.members if member.loading is not None}
    for reference in ray.wait(list(loading), timeout=1)[0] if loading else []:
        pool.welcome(loading[reference])
    return sum(member.ready is not None for member in pool.members) == count


@pytest.mark.timeout(1800)
def test_a_machine_that_joins_takes_work_and_one_that_leaves_costs_nothing_committed(here: Arena) -> None:
    grown = grow(here)
    assert grown.units > 0, "the new machine's workers made some"
    assert grown.equal and grown.ledger.redone == 0
    assert grown.ledger.granted == {shard_path(unit): 1 for unit in range(UNITS)}
    assert grown.released > 0, "idle workers were given back before the last unit was done"
