"""A training in this process, as a worker of Ray Train does it: what most tests of stages need."""

from __future__ import annotations

from jobs.command import main
from jobs.overrides import compose_config
from jobs.stages.filter import encode_shards
from jobs.stages.sequence import Sequence, train_stages
from jobs.train import Config
from jobs.training_config import STAGES, check_config, with_absolute_paths


def train_here(command: list[str]) -> None:
    """`command` is that of `jobs.command.main`, with absolute paths."""
    config: Config = compose_config("train", Config, command[1:])
    check_config(config)
    train_stages(Sequence(config, STAGES if config.stage == "all" else (config.stage,)))


def encode_here(command: list[str]) -> None:
    """Stage filter until the features of all films are kept."""
    config: Config = compose_config("train", Config, command[1:])
    check_config(config)
    encode_shards(with_absolute_paths(config))


def filter_here(command: list[str]) -> int:
    """Stage filter; the exit code of its driver, which finds nothing left for workers to do."""
    encode_here(command)
    return main(command)
