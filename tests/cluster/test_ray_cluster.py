"""`ray_cluster.yaml` passes Ray's own checks, and keeps the promises of its comments."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

PATH = Path(__file__).parents[2] / "ray_cluster.yaml"


@pytest.fixture
def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text())
    return loaded


def test_ray_takes_it(cluster: dict[str, Any]) -> None:
    prepared = prepare_config(copy.deepcopy(cluster))
    validate_config(prepared)
    assert prepared["available_node_types"]["gpu_l4"]["max_workers"] == 8


def test_ray_would_not_take_a_wrong_one(cluster: dict[str, Any]) -> None:
    cluster["available_node_types"]["gpu_l4"]["resources"]["CPU"] = 3.5
    with pytest.raises(Exception, match="is not of type 'integer'"):
        validate_config(prepare_config(cluster))


def test_the_head_takes_no_work_and_workers_are_spot_from_none(cluster: dict[str, Any]) -> None:
    kinds = dict(cluster["available_node_types"])
    head = kinds.pop(cluster["head_node_type"])
    assert head["resources"]["CPU"] == 0
    assert "InstanceMarketOptions" not in head["node_config"]
    assert any("GPU" in kind["resources"] for kind in kinds.values())
    for kind in kinds.values():
        assert kind["min_workers"] == 0
        assert kind["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_every_node_asks_for_the_token_of_a_file(cluster: dict[str, Any]) -> None:
    assert cluster["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"
    for commands in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        start = commands[-1]
        assert "RAY_AUTH_MODE=token" in start
        assert "RAY_AUTH_TOKEN_PATH=$HOME/.ray/auth_token" in start
        assert "RAY_AUTH_TOKEN=" not in start


def test_nothing_but_ssh_is_open_to_the_world(cluster: dict[str, Any]) -> None:
    assert "--dashboard-host=127.0.0.1" in cluster["head_start_ray_commands"][-1]
    open_ports = cluster["provider"]["security_group"]["IpPermissions"]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in open_ports] == [(22, 22)]


def test_storage_is_reached_by_role_and_no_key_is_written_down(cluster: dict[str, Any]) -> None:
    for kind in cluster["available_node_types"].values():
        assert kind["node_config"]["IamInstanceProfile"]["Name"].startswith("diffcxr-")
        assert kind["node_config"]["MetadataOptions"]["HttpTokens"] == "required"
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    assert not any(key in json.dumps(cluster) for key in keys)


def test_every_node_knows_the_region_that_it_is_in(cluster: dict[str, Any]) -> None:
    # botocore asks no metadata service for it, and ours would be us-east-1 otherwise.
    for commands in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        assert f"AWS_REGION={cluster['provider']['region']} " in commands[-1]


def test_the_nodes_install_this_checkout_at_its_pinned_versions(cluster: dict[str, Any]) -> None:
    assert any("-c ~/diffcxr/constraints.txt ~/diffcxr" in line for line in cluster["setup_commands"])
    assert cluster["file_mounts"]["~/diffcxr"] == "."
    pinned = (PATH.parent / "constraints.txt").read_text().split()
    assert any(line.startswith("ray==") for line in pinned)
