"""A Ray cluster of several nodes on this machine, each of them with an environment of its own."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from ray.cluster_utils import Cluster

from cluster.session import _authentication, connect


@contextlib.contextmanager
def ray_nodes(environments: Sequence[Mapping[str, str]]) -> Iterator[Cluster]:
    """A head and a node for each environment, of one core each; the caller is connected to the head.

    Ray would note the cluster's address where every user of the machine finds it; here it does not.
    """
    folder = Path(tempfile.mkdtemp(prefix="cxr-", dir="/tmp"))  # short: see tests/ray_head.py
    args: dict[str, Any] = {"temp_dir": str(folder), "include_dashboard": False}
    with _authentication(private=True), patch("ray._private.utils.write_ray_address"):
        cluster = Cluster(initialize_head=True, head_node_args={**args, "num_cpus": 1})
        try:
            for environment in environments:
                cluster.add_node(**args, num_cpus=1, env_vars=dict(environment), wait=False)
            cluster.wait_for_nodes(timeout=240)
            with connect(cluster.address):
                yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)
