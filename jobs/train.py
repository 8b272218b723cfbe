"""`diffcxr train`: one stage of a model, or all of them in order."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from cluster.autoencoders import read_autoencoder
from cluster.corpus import Corpus
from cluster.filtering import Removed
from cluster.storage import Storage
from cluster.tensor_cache import cached_tensors
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.errors import InputError
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import MINILM, TextEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.autoencoder import AutoencoderStage, encode_films
from diffcxr.training.denoiser import DenoiserStage, TextStates, encode_reports, make_scheduler
from diffcxr.training.loop import LoopConfig, TrainingLoop
from eval.downstream.classifier import fit_classifier
from jobs.command import main
from jobs.filter_stage import run_filter
from jobs.options import nested, option, required
from jobs.progress import progress
from jobs.summary import Summary

STAGES = ("autoencoder", "denoiser", "classifier")


@dataclass(kw_only=True)
class AutoencoderOptions:
    steps: int = option(16_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(1e-3, help="peak learning rate of AdamW", min=0)
    latent_channels: int = option(8, help="channels of a latent", min=1)
    width: int = option(64, help="channels at a quarter of the resolution", min=8)
    depth: int = option(2, help="residual blocks a resolution", min=1)


@dataclass(kw_only=True)
class DenoiserOptions:
    steps: int = option(8_000, help="optimiser steps", min=1)
    batch_size: int = option(32, help="films a step", min=1)
    learning_rate: float = option(8e-4, help="peak learning rate of AdamW", min=0)
    width: int = option(256, help="width of a token", min=8)
    depth: int = option(6, help="U-ViT blocks beside the middle one", min=2)
    heads: int = option(4, help="attention heads", min=1)
    tokens: int = option(16, help="report tokens", min=1)
    autoencoder: str | None = option(
        None, help="model folder or URI that holds the autoencoder; default: the output"
    )


@dataclass(kw_only=True)
class ClassifierOptions:
    epochs: int = option(12, help="passes over the films", min=1)
    batch_size: int = option(64, help="films a step", min=2)
    learning_rate: float = option(2e-3, help="peak learning rate of AdamW", min=0)


@dataclass(kw_only=True)
class FilterOptions:
    name: str | None = option(
        None, help="URI of a finished stage=filter, whose removed films the other stages leave out"
    )
    autoencoder: str | None = option(
        None, help="model folder or URI whose autoencoder stage=filter looks through; default: mini"
    )


@dataclass(kw_only=True)
class Config:
    """Train a stage on a corpus of films; the same command again goes on from the last checkpoint."""

    stage: str = required(help="what to train", choices=("filter", *STAGES, "all"))
    data: str = required(help="URI of a corpus with films")
    output: str = required(help="URI of the model folder to write")
    split: str | None = option("train", help="which rows to train on; null: all, as stage=filter always does")
    size: int = option(128, help="pixels a side; other films are resized", min=32)
    seed: int = option(0, help="seed of weights, batches and noise", min=0)
    checkpoint_every: float = option(120.0, help="seconds between checkpoints", min=1)
    threads: int | None = option(None, help="CPU threads; default: PyTorch's own choice", min=1)
    filter: FilterOptions = nested(FilterOptions, help="stage=filter, and its result")
    autoencoder: AutoencoderOptions = nested(AutoencoderOptions, help="stage=autoencoder")
    denoiser: DenoiserOptions = nested(DenoiserOptions, help="stage=denoiser")
    classifier: ClassifierOptions = nested(ClassifierOptions, help="stage=classifier")


def run(config: Config) -> Summary:
    """Train; returns each stage's last loss. Raises InputError, and RefusedError on another run's output."""
    if config.size % 8:
        raise InputError(
            f"size={config.size} is no multiple of 8", "size", "The autoencoder halves it three times."
        )
    corpus, output = Corpus.open(config.data), Storage.at(config.output)
    output.check_writable()
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.stage == "filter":
        return run_filter(corpus, output, config.filter.autoencoder, config.size)
    removed = Removed.read(Storage.at(config.filter.name)) if config.filter.name else Removed.nothing()
    stages = STAGES if config.stage == "all" else (config.stage,)
    trainers: dict[str, Callable[[Config, TrainingData, TrainingRun], float]] = {
        "autoencoder": train_autoencoder,
        "denoiser": train_denoiser,
        "classifier": train_classifier,
    }
    runs = [TrainingRun(output, stage, _settings(config, corpus, removed, stage)) for stage in stages]
    waiting = [one for one in runs if not one.finished]
    losses: dict[str, Any] = {one.stage: "finished before" for one in runs if one.finished}
    data = read_training_data(corpus, config.split, config.size, removed.films) if waiting else None
    for one in waiting:
        assert data is not None
        losses[one.stage] = trainers[one.stage](config, data, one)
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


def train_autoencoder(config: Config, data: TrainingData, run: TrainingRun) -> float:
    """Stage `autoencoder`; the last loss."""
    options = config.autoencoder
    torch.manual_seed(config.seed)
    autoencoder = FilmAutoencoder(options.latent_channels, options.width, options.depth)
    stage = AutoencoderStage(autoencoder, data.films)
    loop = TrainingLoop(stage, _loop_config(config, options.steps, options.batch_size, options.learning_rate))
    loss = _follow(loop, run, config.checkpoint_every)
    loop.use_average()
    stage.measure_spread()
    with tempfile.TemporaryDirectory() as folder:
        autoencoder.half().save_pretrained(Path(folder, "autoencoder"))
        run.finish(Path(folder))
    return loss


def train_denoiser(config: Config, data: TrainingData, run: TrainingRun) -> float:
    """Stage `denoiser`, with the report encoder; writes the whole pipeline; the last loss."""
    options = config.denoiser
    model = Storage.at(options.autoencoder) if options.autoencoder else run.output
    fix = "Train stage=autoencoder first, or name a model by denoiser.autoencoder=URI."
    autoencoder = read_autoencoder(model, fix)
    torch.manual_seed(config.seed)
    report_encoder = ReportEncoder(tokens=options.tokens, width=options.width, heads=options.heads)
    denoiser = UViT(
        latent_channels=autoencoder.config.latent_channels,
        latent_size=config.size // 8,
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        context_tokens=options.tokens,
        context_width=options.width,
    )
    latents = encode_films(autoencoder, data.films)
    stage = DenoiserStage(denoiser, report_encoder, latents, _text_states(data.texts), data.labels)
    loop = TrainingLoop(stage, _loop_config(config, options.steps, options.batch_size, options.learning_rate))
    loss = _follow(loop, run, config.checkpoint_every)
    loop.use_average()
    pipeline = DiffCXRPipeline(autoencoder.half(), denoiser.half(), report_encoder.half(), make_scheduler())
    with tempfile.TemporaryDirectory() as local:
        pipeline.save_pretrained(local)
        run.finish(Path(local))
    return loss


def train_classifier(config: Config, data: TrainingData, run: TrainingRun) -> float:
    """Stage `classifier`, the judge of mAUC; the last loss."""
    options = config.classifier
    state = run.load()
    epochs = fit_classifier(
        data.films,
        data.labels,
        epochs=options.epochs,
        seed=config.seed,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        state=state,
    )
    done = int(state["epoch"]) if state else 0
    with progress(total=options.epochs, unit="epoch", desc="train classifier", initial=done) as bar:
        for epoch in epochs:
            run.record(epoch=epoch.epoch, loss=epoch.loss, films_per_second=epoch.films_per_second)
            if epoch.epoch < options.epochs:
                run.save(epoch.state)
            bar.note(f"loss {epoch.loss:.4f}")
            bar.update()
    with tempfile.TemporaryDirectory() as folder:
        epoch.model.save_pretrained(Path(folder, "classifier"))
        run.finish(Path(folder))
    return epoch.loss


def _follow(loop: TrainingLoop, run: TrainingRun, checkpoint_every: float) -> float:
    """Run a loop to its end from its last checkpoint, with progress and checkpoints; the last loss."""
    state = run.load()
    if state:
        loop.load_state_dict(state)
    saved = time.monotonic()
    with progress(total=loop.config.steps, unit="step", desc=f"train {run.stage}", initial=loop.step) as bar:
        done = loop.step
        for step in loop.run():
            run.record(step=step.step, loss=step.loss, samples_per_second=step.samples_per_second)
            bar.note(f"loss {step.loss:.4f}")
            bar.update(step.step - done)
            done = step.step
            if time.monotonic() - saved > checkpoint_every or step.step == loop.config.steps:
                run.save(loop.state_dict())
                saved = time.monotonic()
    return run.last_loss


def _text_states(texts: list[str]) -> TextStates:
    """The frozen text encoder's states, which take minutes, from the node's cache where they are there."""
    digest = hashlib.sha256("\0".join(texts).encode()).hexdigest()

    def encode() -> dict[str, torch.Tensor]:
        with progress(total=len(texts), unit="report", desc="encode reports") as bar:
            made = encode_reports(TextEncoder(), texts, on_batch=bar.update)
        return {"states": made.states, "starts": torch.from_numpy(made.starts)}

    tensors = cached_tensors({"texts": digest, "encoder": MINILM}, encode)
    return TextStates(tensors["states"], tensors["starts"].numpy())


def _loop_config(config: Config, steps: int, batch_size: int, learning_rate: float) -> LoopConfig:
    warmup = min(500, steps // 10)
    return LoopConfig(
        steps=steps, batch_size=batch_size, learning_rate=learning_rate, warmup=warmup, seed=config.seed
    )


def _settings(config: Config, corpus: Corpus, removed: Removed, stage: str) -> dict[str, Any]:
    """What decides the weights of a stage, and nothing of where or how often."""
    options = asdict(config)[stage]
    shared = {"corpus": corpus.digest, "split": config.split, "size": config.size, "seed": config.seed}
    if removed.films:
        shared["removed"] = removed.digest
    return {**shared, **{name: value for name, value in options.items() if name != "autoencoder"}}


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
