"""`diffcxr train`: one stage of a model, or all of them in order."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cluster.autoencoders import autoencoder_digest, read_autoencoder
from cluster.corpus import Corpus
from cluster.filtering import Removed
from cluster.storage import Storage
from cluster.tensor_cache import cached_tensors
from cluster.training_data import TrainingData, read_training_data
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.errors import RefusedError
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import MINILM, TextEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.autoencoder import AutoencoderStage, encode_films
from diffcxr.training.denoiser import DenoiserStage, TextStates, encode_reports, make_scheduler
from diffcxr.training.loop import LoopConfig, TrainingLoop
from eval.downstream.classifier import fit_classifier
from jobs.command import main
from jobs.filter_stage import run_filter
from jobs.progress import progress
from jobs.summary import Summary
from jobs.training_config import STAGES, Config, check_config

_NO_AUTOENCODER = "Train stage=autoencoder first, or name a model by denoiser.autoencoder=URI."


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
    trainers: dict[str, Callable[[Config, TrainingData, TrainingRun], float]] = {
        "autoencoder": train_autoencoder,
        "denoiser": train_denoiser,
        "classifier": train_classifier,
    }
    begun = {stage: TrainingRun.begun(output, stage) for stage in STAGES}
    if "autoencoder" in stages and begun["denoiser"] and not begun["autoencoder"]:
        what = "the output holds a denoiser that was trained with another autoencoder"
        raise RefusedError(what, output.uri, "Choose a new output.")
    data: TrainingData | None = None
    losses: dict[str, Any] = {}
    for stage in stages:
        settings = _settings(config, corpus, removed, output, stage)
        if data is None and not begun[stage]:  # what the corpus lacks is said before the output is claimed
            data = read_training_data(corpus, config.split, config.size, removed.films)
        one = TrainingRun(output, stage, settings)
        if one.finished:
            losses[stage] = "finished before"
            continue
        if data is None:
            data = read_training_data(corpus, config.split, config.size, removed.films)
        losses[stage] = trainers[stage](config, data, one)
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
    autoencoder = read_autoencoder(_autoencoder_of(config, run.output), _NO_AUTOENCODER)
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


def _settings(
    config: Config, corpus: Corpus, removed: Removed, output: Storage, stage: str
) -> dict[str, Any]:
    """What decides the weights of a stage, and nothing of where or how often."""
    settings = {"corpus": corpus.digest, "split": config.split, "size": config.size, "seed": config.seed}
    settings |= asdict(config)[stage]
    if removed.films:
        settings["removed"] = removed.digest
    if stage == "denoiser":
        settings["autoencoder"] = autoencoder_digest(_autoencoder_of(config, output), _NO_AUTOENCODER)
    return settings


def _autoencoder_of(config: Config, output: Storage) -> Storage:
    """The model folder whose autoencoder the denoiser works with."""
    return Storage.at(config.denoiser.autoencoder) if config.denoiser.autoencoder else output


if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
