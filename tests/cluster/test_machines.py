"""Workers on machines of a real Ray cluster: where they are put, and what becomes of them with one."""

import time
from contextlib import closing

import pytest
import ray
from ray.exceptions import RayError

from cluster.pool import Pool, WorkerActor
from tests.null_sampler import NULL_SAMPLER
from tests.ray_nodes import START_S, ray_nodes


class Sleeper(WorkerActor):
    def sleep(self) -> None:
        time.sleep(3600)


@pytest.mark.timeout(900)  # a cluster of three nodes starts, which takes minutes where others need the cores
def test_workers_are_spread_over_machines_and_one_whose_machine_dies_unannounced_is_lost_with_it() -> None:
    with ray_nodes([], head_cores=0) as nodes:
        machines = {node.node_id: node for node in (nodes.add({}, cores=4) for _ in range(2))}
        nodes.cluster.wait_for_nodes(timeout=START_S)
        with closing(Pool(NULL_SAMPLER, smallest=2, largest=2, actor=Sleeper)) as pool:
            pool.first()
            pool.size_to(2)
            pool.welcome(pool.members[1])
            assert {member.ready.node for member in pool.members if member.ready} == machines.keys()

            member = pool.members[1]
            assert member.ready is not None
            sleeping = member.actor.sleep.remote()
            nodes.end(machines[member.ready.node])
            with pytest.raises(RayError) as ended:
                ray.get(sleeping)
            assert pool.fail(member, ended.value), "the unit is not to blame"
