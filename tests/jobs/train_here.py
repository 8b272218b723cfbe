"""A training in this process, as a worker of Ray Train does it: what most tests of stages need."""

from __future__ import annotations

from jobs.overrides import compose_config
from jobs.stages.sequence import Sequence, train_stages
from jobs.train import Config
from jobs.training_config import STAGES, check_config


def train_here(command: list[str]) -> None:
    """`command` is that of `jobs.command.main`, with absolute paths."""
    config: Config = compose_config("train", Config, command[1:])
    check_config(config)
    train_stages(Sequence(config, STAGES if config.stage == "all" else (config.stage,)))
