"""Stage `denoiser`: the U-ViT, conditioned on what stage `language` has learnt to say of a report."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from cluster.model_parts import read_autoencoder, read_part
from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import TextEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.diffusion import Prediction, make_scheduler
from diffcxr.training.loop import TrainingLoop
from diffcxr.training.rarity import rarity
from jobs.stages.latents import film_latents
from jobs.stages.loop import follow, loop_config
from jobs.stages.parts import fix_for, part_source
from jobs.stages.samples import drawn_films
from jobs.stages.texts import context_tokens, present_findings, read_labels, text_states
from jobs.training_config import Config


def train_denoiser(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes a whole pipeline, without an adapter."""
    options = config.denoiser
    autoencoder = read_autoencoder(part_source(config, "autoencoder"), fix_for("autoencoder"))
    report_encoder = _report_encoder(config)
    torch.manual_seed(config.seed)
    denoiser: UViT = UViT(
        latent_channels=autoencoder.latent_channels,
        latent_size=config.size // 8,
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        context_tokens=report_encoder.config.tokens,
        context_width=report_encoder.config.width,
    )
    prediction = cast(Prediction, options.prediction)
    pipeline = DiffCXRPipeline(autoencoder, denoiser, report_encoder, make_scheduler(prediction))
    pipeline = pipeline.to(worker_device())
    latents = film_latents(autoencoder, data)
    states = text_states(data.texts, report_encoder.text_encoder(), "encode reports")
    context = context_tokens(report_encoder, states, "squeeze reports")
    chances = None
    if options.balance:
        chances = rarity(present_findings(read_labels(data.texts)), options.balance)
    stage = DenoiserStage(denoiser, latents, context, prediction, options.drop_report, chances)
    loop = TrainingLoop(stage, loop_config(options, config.seed))
    follow(loop, run, config.checkpoint_every, partial(drawn_films, pipeline, data, run, config.seed))
    loop.use_average()
    publish(pipeline, run)


def publish(pipeline: Any, run: TrainingRun) -> None:
    """Write a pipeline into the output of a run, in half precision, and end the run."""
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module):
            part.half()
    with tempfile.TemporaryDirectory() as local:
        pipeline.save_pretrained(local)
        run.finish(Path(local))


def _report_encoder(config: Config) -> ReportEncoder:
    tokens, name = config.denoiser.raw_tokens, config.language.text_encoder
    if tokens is None:
        source = part_source(config, "report_encoder")
        trained: ReportEncoder = read_part(source, "report_encoder", ReportEncoder, fix_for("report_encoder"))
        return trained
    text = TextEncoder(name)
    encoder: ReportEncoder = ReportEncoder(
        text_encoder=name,
        text_width=text.width,
        squeeze="none",
        tokens=tokens,
        width=text.width,
        text_digest=text.digest,
    ).eval()
    return encoder
