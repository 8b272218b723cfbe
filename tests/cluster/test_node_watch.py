"""Machines of a cluster are to be taken away: they take no new unit, and nothing is lost."""

import contextlib
import logging
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from cluster.dispatch import Lost, dispatch
from cluster.events import EVENTS
from cluster.member import QUEUE
from cluster.plan import plan_units
from cluster.pool import Pool, WorkerActor
from cluster.preemption import AWS_ENDPOINT, GCP_HOST
from cluster.recipe import Receipt, Recipe, Task
from cluster.reports import count_reports
from cluster.shard import shard_path
from cluster.storage import Storage
from tests.metadata_server import MetadataServer, metadata_server
from tests.null_sampler import NULL_SAMPLER
from tests.ray_nodes import ray_nodes
from tests.reports_corpus import reports_corpus

SECONDS = {
    True: 0.4,
    False: 3.0,
}  # that a unit takes where there is somebody to ask for notices, and elsewhere


class SlowActor(WorkerActor):
    """Takes its time, and notes when and where it began a unit, and whom its node asks for notices."""

    def run(self, task: Task) -> Receipt:
        node = ray.get_runtime_context().get_node_id()
        asks = os.environ.get(AWS_ENDPOINT, "").rpartition(":")[2]
        Storage.at(task.recipe.output).create(f"begun/{time.time():.3f}-{node}-{asks}", b"")
        time.sleep(SECONDS[bool(asks)])
        return super().run(task)


def begun(output: Storage) -> tuple[dict[str, list[float]], dict[str, str]]:
    """When each node began units, and the port that it asks for notices."""
    times, ports = defaultdict(list), {}
    for stored in output.list("begun"):
        when, node, ports[node] = Path(stored.path).name.split("-")
        times[node].append(float(when))
    return times, ports


@contextlib.contextmanager
def three_nodes() -> Iterator[dict[str, MetadataServer]]:
    """The driver's own, and two that may be taken away; the servers of these by their ports."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(metadata_server()) for _ in range(2)]
        environments = [
            {AWS_ENDPOINT: f"http://{server.address}", GCP_HOST: "127.0.0.1:9"} for server in servers
        ]
        stack.enter_context(ray_nodes(environments))
        yield {server.address.rpartition(":")[2]: server for server in servers}


@pytest.mark.timeout(900)  # a cluster of three nodes starts, which takes minutes where others need the cores
def test_a_node_with_notice_takes_no_new_unit_and_one_that_ends_at_once_gives_its_units_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corpus = reports_corpus(tmp_path / "corpus", reports=120, shard_rows=60)
    recipe = Recipe(
        corpus=corpus.uri,
        corpus_digest=corpus.digest,
        output=str(tmp_path / "out"),
        plan_hash="a-plan",
        prompt="{text}",
        seed=5,
        image_format="png",
        model_digest="null",
    )
    plan = plan_units(count_reports(corpus, None), images_per_shard=2)
    output = Storage.at(recipe.output)
    caplog.set_level(logging.INFO, EVENTS.name)
    with three_nodes() as servers, contextlib.closing(Pool(NULL_SAMPLER, 3, 3, actor=SlowActor)) as pool:
        answers, warned = [], []
        for answer in dispatch(pool, recipe, plan, range(len(plan))):
            answers.append(answer)
            times, ports = begun(output)
            there = [node for node, port in ports.items() if port and node not in warned]
            if there and not warned:
                warned.append(there[0])
                servers[ports[warned[0]]].give_spot_notice(seconds=60)
            elif there and len(warned) == 1:
                warned.append(there[0])
                servers[ports[warned[1]]].give_spot_notice(seconds=3)
    lost = [answer for answer in answers if isinstance(answer, Lost)]
    receipts = [answer for answer in answers if isinstance(answer, Receipt)]
    assert sorted(receipt.unit for receipt in receipts) == list(range(len(plan)))
    assert {stored.path for stored in output.list("shards")} == set(map(shard_path, range(len(plan))))
    drained = drained_at(caplog)
    assert drained.keys() == set(warned) and len(warned) == 2, "the first one's worker was replaced"
    times, _ = begun(output)
    after = [when for when in times[warned[0]] if when > drained[warned[0]]]
    assert len(after) <= QUEUE, "what was queued at its worker is made; then it is empty, and given back"
    assert max(max(some) for some in times.values()) > drained[warned[0]], "others went on"
    assert {answer.error for answer in lost} <= {"Preempted"}, "the first machine's worker finished its units"
    assert len(lost) <= 1


def drained_at(caplog: pytest.LogCaptureFixture) -> dict[str, float]:
    """When each node was found to be drained, in that order."""
    return {
        record.facts["node"]: record.created  # type: ignore[attr-defined]
        for record in caplog.records
        if record.msg == "node drained"
    }
