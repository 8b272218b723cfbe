"""Watchers on the nodes of a Ray cluster: a machine that is to be taken away takes no new work."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Any

import ray
from ray._raylet import GcsClient  # type: ignore[attr-defined]
from ray.core.generated import autoscaler_pb2
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.preemption import Metadata, Notice, await_metadata, wait_for_notice

_REASON = "DRAIN_NODE_REASON_PREEMPTION"


class NodeWatcher:
    """An actor that holds no resources and stays on its node."""

    def __init__(self) -> None:
        self._metadata: Metadata | None = None

    def wait(self, known: Notice | None) -> Notice | None:
        """The next notice of this node, once Ray has been told to drain it; None where there is no cloud."""
        self._metadata = self._metadata or await_metadata()
        if self._metadata is None:
            return None
        notice = wait_for_notice(self._metadata, known)
        with contextlib.suppress(RayError):  # the driver's own workers are stopped by the answer
            drain_this_node(notice)
        return notice


def drain_this_node(notice: Notice) -> bool:
    """Whether Ray agreed to schedule nothing more on this node, and to count its end as a preemption."""
    context = ray.get_runtime_context()
    deadline = 0 if notice.deadline is None else math.ceil(notice.deadline * 1000)  # 0: none
    reason = autoscaler_pb2.DrainNodeReason.Value(_REASON)  # type: ignore[attr-defined]
    client = GcsClient(address=context.gcs_address)
    agreed, _ = client.drain_node(context.get_node_id(), reason, notice.kind, deadline)
    return bool(agreed)


@dataclass(slots=True)
class _Watch:
    node: str
    actor: Any
    known: Notice | None = None


class NodeWatch:
    """The watchers of the nodes that a driver's workers are on."""

    def __init__(self) -> None:
        self._actor: Any = ray.remote(num_cpus=0, max_restarts=0)(NodeWatcher)
        self._waiting: dict[Any, _Watch] = {}
        self._nodes: set[str] = set()

    def add(self, node: str) -> None:
        """Watches a node, once."""
        if node in self._nodes:
            return
        self._nodes.add(node)
        here = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        self._ask(_Watch(node, self._actor.options(scheduling_strategy=here).remote()))

    @property
    def references(self) -> list[Any]:
        """What `ray.wait` shall wait for."""
        return list(self._waiting)

    def answer(self, reference: Any) -> tuple[str, Notice] | None:
        """A node and what was said of it; None where the watcher is gone, or the node in no cloud."""
        watch = self._waiting.pop(reference, None)
        if watch is None:
            return None
        try:
            notice: Notice | None = ray.get(reference)
        except RayError:  # it died with its node, or could not be placed there
            return None
        if notice is None:
            self._end(watch)
            return None
        watch.known = notice
        if notice.is_final:
            self._end(watch)
        else:
            self._ask(watch)
        return watch.node, notice

    def release(self, node: str) -> None:
        """Ends a node's watcher: Ray gives no machine back on which an actor lives."""
        self._nodes.discard(node)
        for reference, watch in list(self._waiting.items()):
            if watch.node == node:
                del self._waiting[reference]
                self._end(watch)

    def close(self) -> None:
        """Ends all watchers."""
        for watch in self._waiting.values():
            self._end(watch)
        self._waiting.clear()

    def _ask(self, watch: _Watch) -> None:
        self._waiting[watch.actor.wait.remote(watch.known)] = watch

    def _end(self, watch: _Watch) -> None:
        with contextlib.suppress(RayError):
            ray.kill(watch.actor, no_restart=True)
