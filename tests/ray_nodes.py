"""A Ray cluster of several nodes on this machine, each of them with an environment of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ray.cluster_utils import Cluster

from cluster.session import _authentication, connect
from tests.chaos.processes import descendants

START_S = 240.0
_STARTS = 3  # where others need the cores, a node starts in more than the 15 to 30 s that Ray gives it


@dataclass(frozen=True, slots=True)
class RayNodes:
    """A running cluster, whose nodes come and go."""

    cluster: Cluster
    folder: Path

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def add(self, environment: Mapping[str, str], cores: int = 1) -> Any:
        """A further node, which is starting."""
        return self._start(num_cpus=cores, env_vars=dict(environment), wait=False)

    def _start(self, **args: Any) -> Any:
        before = {pid for pid, _ in descendants(os.getpid())}
        for left in reversed(range(_STARTS)):
            try:
                return self.cluster.add_node(temp_dir=str(self.folder), include_dashboard=False, **args)
            except Exception as error:  # Ray raises Exception itself
                for pid in {pid for pid, _ in descendants(os.getpid())} - before:
                    _kill(pid)
                if "timed out during startup" not in str(error) or not left:
                    raise
        raise AssertionError

    def end(self, node: Any) -> None:
        """Ends all that is left of a node at once, as a machine that is switched off."""
        _kill(raylet_of(node))
        self.cluster.remove_node(node, allow_graceful=False)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def raylet_of(node: Any) -> int:
    """The process id of a node's raylet, the parent of the workers on it."""
    return int(node.all_processes["raylet"][0].process.pid)


@contextlib.contextmanager
def ray_nodes(environments: Sequence[Mapping[str, str]], head_cores: int = 1) -> Iterator[RayNodes]:
    """A head and a node for each environment, of one core each; the caller is connected to the head.

    Ray would note the cluster's address where every user of the machine finds it; here it does not. Nodes run
    the agents that Ray has where its dashboard is not installed: the others take most of a node's start.
    """
    folder = Path(tempfile.mkdtemp(prefix="cxr-", dir="/tmp"))  # short: see tests/ray_head.py
    with (
        _authentication(private=True),
        patch("ray._private.utils.write_ray_address"),
        patch("ray._private.utils.get_dashboard_dependency_error", return_value="not wanted"),
    ):
        cluster = Cluster()
        nodes = RayNodes(cluster, folder)
        try:
            nodes._start(num_cpus=head_cores)
            for environment in environments:
                nodes.add(environment)
            cluster.wait_for_nodes(timeout=START_S)
            with connect(cluster.address):
                yield nodes
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
