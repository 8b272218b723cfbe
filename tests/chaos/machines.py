"""Machines that are given notice and taken away: nodes of a Ray cluster, each with a metadata server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cluster.preemption import AWS_ENDPOINT, GCP_HOST
from tests.metadata_server import MetadataServer, metadata_server
from tests.ray_nodes import RayNodes, ray_nodes, raylet_of


@dataclass(eq=False, slots=True)
class Machine:
    """A node that is there, or starting."""

    node: Any
    metadata: MetadataServer
    ends: float | None = None  # when it is to be taken away, on the monotonic clock

    @property
    def id(self) -> str:
        """Ray's id of the node."""
        return str(self.node.node_id)

    @property
    def raylet(self) -> int:
        """The process id of its raylet."""
        return raylet_of(self.node)

    def give_notice(self, seconds: float) -> None:
        """Its cloud will take it away in so many seconds."""
        self.metadata.give_spot_notice(seconds)
        self.ends = time.monotonic() + seconds


@dataclass(slots=True)
class Machines:
    """The machines of a cluster whose head does no work."""

    nodes: RayNodes
    stack: contextlib.ExitStack
    here: list[Machine] = field(default_factory=list)

    def add(self) -> Machine:
        """A further machine, which is starting."""
        metadata = self.stack.enter_context(metadata_server())
        environment = {AWS_ENDPOINT: f"http://{metadata.address}", GCP_HOST: "127.0.0.1:9"}
        machine = Machine(self.nodes.add(environment), metadata)
        self.here.append(machine)
        return machine

    def end(self, machine: Machine) -> None:
        """Takes a machine away at once, with whatever runs on it."""
        self.here.remove(machine)
        self.nodes.end(machine.node)

    def with_raylet(self, pid: int) -> Machine | None:
        """The machine whose raylet has that process id."""
        return next((machine for machine in self.here if machine.raylet == pid), None)

    def renew(self) -> None:
        """Ends the machines whose time is up, and puts a new one in the place of each."""
        for machine in [machine for machine in self.here if machine.ends is not None]:
            if machine.ends is not None and time.monotonic() >= machine.ends:
                self.end(machine)
                self.add()


@contextlib.contextmanager
def machines(count: int) -> Iterator[Machines]:
    """A cluster of a head without cores and `count` machines of one core each."""
    with contextlib.ExitStack() as stack, ray_nodes([], head_cores=0) as nodes:
        there = Machines(nodes, stack)
        for _ in range(count):
            there.add()
        nodes.cluster.wait_for_nodes(timeout=240)
        yield there
