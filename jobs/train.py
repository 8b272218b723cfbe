"""`diffcxr train`: one stage of a model, or all of them in order."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from cluster.corpus import Corpus
from cluster.filtering import Removed
from cluster.storage import Storage
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.errors import RefusedError
from jobs.command import main
from jobs.stages.adapter import adapter_parts, train_adapter
from jobs.stages.autoencoder import train_autoencoder
from jobs.stages.classifier import train_classifier
from jobs.stages.denoiser import denoiser_parts, train_denoiser
from jobs.stages.filter import run_filter
from jobs.stages.language import train_language
from jobs.summary import Summary
from jobs.training_config import STAGES, Config, check_config

TRAINERS: dict[str, Callable[[Config, TrainingData, TrainingRun], float]] = {
    "autoencoder": train_autoencoder,
    "language": train_language,
    "denoiser": train_denoiser,
    "adapter": train_adapter,
    "classifier": train_classifier,
}
PARTS: dict[str, Callable[[Config], dict[str, str]]] = {"denoiser": denoiser_parts, "adapter": adapter_parts}
"""The stages that build on parts of others, and the digests of those parts."""

_LATER = {
    "autoencoder": ("denoiser", "adapter"),
    "language": ("denoiser", "adapter"),
    "denoiser": ("adapter",),
}
"""The stages that build on a stage."""


def run(config: Config) -> Summary:
    """Train; returns each stage's last loss. Raises InputError, and RefusedError on another run's output."""
    check_config(config)
    corpus, output = Corpus.open(config.data), Storage.at(config.output)
    output.check_writable()
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.stage == "filter":
        return run_filter(corpus, output, config.filter.autoencoder, config.size)
    removed = Removed.nothing()
    if config.filter.name:
        removed = Removed.read(Storage.at(config.filter.name), corpus)
    stages = STAGES if config.stage == "all" else (config.stage,)
    begun = {stage: TrainingRun.begun(output, stage) for stage in STAGES}
    _check_order(stages, begun, output)
    data: TrainingData | None = None
    losses: dict[str, Any] = {}
    for stage in stages:
        settings = _settings(config, corpus, removed, stage)
        if data is None and not begun[stage]:  # what the corpus lacks is said before the output is claimed
            data = read_training_data(corpus, config.split, config.size, removed.films)
        one = TrainingRun(output, stage, settings)
        if one.finished:
            losses[stage] = "finished before"
            continue
        if data is None:
            data = read_training_data(corpus, config.split, config.size, removed.films)
        losses[stage] = TRAINERS[stage](config, data, one)
    films = len(data.films) if data else 0
    values = {
        "stages": list(stages),
        "corpus": corpus.digest,
        "films": films,
        "loss": losses,
        "output": output.uri,
    }
    table = [("stage", "loss"), *losses.items(), ("films", films), ("model", output.uri)]
    return Summary(values=values, table=table, output=str(Storage.at(config.output).child("training").uri))


def _check_order(stages: tuple[str, ...], begun: dict[str, bool], output: Storage) -> None:
    """Raises RefusedError where a stage would replace a part that a later one was trained with."""
    for stage in stages:
        later = next((one for one in _LATER.get(stage, ()) if begun[one]), None)
        if later and not begun[stage]:
            what = f"the output holds stage {later}, trained with another {stage}"
            raise RefusedError(what, output.uri, "Choose a new output.")


def _settings(config: Config, corpus: Corpus, removed: Removed, stage: str) -> dict[str, Any]:
    """What decides the weights of a stage, and nothing of where or how often."""
    settings: dict[str, Any]
    settings = {"corpus": corpus.digest, "split": config.split, "size": config.size, "seed": config.seed}
    settings |= asdict(config)[stage]
    if removed.films:
        settings["removed"] = removed.digest
    if stage in PARTS:
        settings["parts"] = PARTS[stage](config)
    return settings


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
