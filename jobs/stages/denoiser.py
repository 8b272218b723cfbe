"""Stage `denoiser`: the U-ViT, conditioned on what stage `language` has learnt to say of a report."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch

from cluster.model_parts import Part, part_digest, read_part
from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import MINILM, TextEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.diffusion import make_scheduler
from diffcxr.training.loop import TrainingLoop
from jobs.stages.latents import film_latents
from jobs.stages.loop import follow, loop_config
from jobs.stages.samples import drawn_films
from jobs.stages.texts import context_tokens, text_states
from jobs.training_config import Config, model_with

_FIX = "Train stage={} first, or name a model that has it by base=URI."


def denoiser_parts(config: Config) -> dict[str, str]:
    """Digests of the parts that it is trained with. Raises InputError where one is missing."""
    names = ["autoencoder"] if config.denoiser.raw_tokens else ["autoencoder", "report_encoder"]
    return {name: part_digest(model_with(config, name), name, fix_for(name)) for name in names}


def train_denoiser(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes a whole pipeline, without an adapter."""
    options = config.denoiser
    autoencoder = read(config, "autoencoder", FilmAutoencoder)
    report_encoder = _report_encoder(config)
    torch.manual_seed(config.seed)
    denoiser: UViT = UViT(
        latent_channels=autoencoder.config.latent_channels,
        latent_size=config.size // 8,
        width=options.width,
        depth=options.depth,
        heads=options.heads,
        context_tokens=report_encoder.config.tokens,
        context_width=report_encoder.config.width,
    )
    pipeline = DiffCXRPipeline(autoencoder, denoiser, report_encoder, make_scheduler()).to(worker_device())
    latents = film_latents(autoencoder, data.films)
    context = context_tokens(report_encoder, text_states(data.texts, MINILM, "encode reports"))
    stage = DenoiserStage(denoiser, latents, context)
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


def read(config: Config, part: str, kind: type[Part]) -> Part:
    """A part that the stage builds on. Raises InputError where it is missing or damaged."""
    return read_part(model_with(config, part), part, kind, fix_for(part))


def fix_for(part: str) -> str:
    """What to do where a part is missing."""
    return _FIX.format({"report_encoder": "language"}.get(part, part))


def _report_encoder(config: Config) -> ReportEncoder:
    raw_tokens = config.denoiser.raw_tokens
    if raw_tokens is None:
        trained: ReportEncoder = read(config, "report_encoder", ReportEncoder)
        return trained
    width = TextEncoder(MINILM).width
    encoder: ReportEncoder = ReportEncoder(
        text_width=width, squeeze="none", tokens=raw_tokens, width=width
    ).eval()
    return encoder
