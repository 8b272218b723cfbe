"""What Ray knows of its machines, and of the actors that were on them."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray._private import state as ray_state
from ray.core.generated import common_pb2

_VERDICT_SECONDS = 20.0
"""Ray takes so long at most to find out that a node is dead."""


def living_nodes(resource: str | None = None) -> set[str]:
    """Ids of the nodes that are alive, and have `resource` at all where one is named."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return {
        node["NodeID"]
        for node in nodes
        if node["Alive"] and (resource is None or node["Resources"].get(resource, 0) > 0)
    }


def cores_of_nodes() -> list[int]:
    """Cores of each node that is alive and has any."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    cores = (int(node["Resources"].get("CPU", 0)) for node in nodes if node["Alive"])
    return [count for count in cores if count]


def node_of(actor: Any) -> str:
    """The node that an actor is or was on; "" where it never had one."""
    known = _known(actor)
    return str(known["Address"]["NodeID"]) if known["Pid"] else ""  # its owner's, while it has none


def died_with_its_node(actor: Any) -> bool:
    """What Ray knows of a dead actor's end; one that was still loading has told of no node.

    An actor that cannot be reached may not be known to be dead yet: Ray looks after its nodes now and then.
    """
    end = time.monotonic() + _VERDICT_SECONDS
    while (known := _known(actor))["State"] != "DEAD" and time.monotonic() < end:
        time.sleep(0.1)
    reasons = common_pb2.ActorDiedErrorContext.Reason  # type: ignore[attr-defined]
    return bool(known["DeathCause"].actor_died_error_context.reason == reasons.Value("NODE_DIED"))


def _known(actor: Any) -> dict[str, Any]:
    known: dict[str, Any] = ray_state.actors(actor._actor_id.hex())
    return known
