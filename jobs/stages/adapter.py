"""Stage `adapter`: disease knowledge, as hints, steers the denoiser that stage `denoiser` has left."""

from __future__ import annotations

import json
from functools import partial
from typing import cast

import torch
from diffusers import DPMSolverMultistepScheduler

from cluster.model_parts import part_digest
from cluster.storage import Storage
from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.hint import make_hint
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.reports.labeler import label_report
from diffcxr.training.adapter import AdapterStage
from diffcxr.training.loop import TrainingLoop
from jobs.stages.denoiser import fix_for, publish, read
from jobs.stages.latents import film_latents
from jobs.stages.loop import follow, loop_config
from jobs.stages.samples import drawn_films
from jobs.stages.texts import context_tokens, text_states
from jobs.training_config import Config, model_with

_PARTS = ("autoencoder", "report_encoder", "denoiser")


def adapter_parts(config: Config) -> dict[str, str]:
    """Digests of the parts that it is trained with. Raises InputError where one is missing."""
    return {name: part_digest(model_with(config, name), name, fix_for(name)) for name in _PARTS}


def train_adapter(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes the whole pipeline with its adapter."""
    autoencoder = read(config, "autoencoder", FilmAutoencoder)
    report_encoder = read(config, "report_encoder", ReportEncoder)
    denoiser = read(config, "denoiser", UViT)
    scheduler = _read_scheduler(model_with(config, "denoiser"))
    torch.manual_seed(config.seed)
    adapter = ControlAdapter.attach(denoiser)
    pipeline = DiffCXRPipeline(autoencoder, denoiser, report_encoder, scheduler, adapter).to(worker_device())

    encoder = report_encoder.config.text_encoder
    # As when films are made: what the labeler reads in the text, not what the corpus knows of the film.
    hints = text_states([make_hint(label_report(text)) for text in data.texts], encoder, "encode hints")
    stage = AdapterStage(
        denoiser,
        adapter,
        film_latents(autoencoder, data.films),
        context_tokens(report_encoder, text_states(data.texts, encoder, "encode reports")),
        context_tokens(report_encoder, hints.different()),
        hints.which,
        prediction=scheduler.config.prediction_type,
    )
    loop = TrainingLoop(stage, loop_config(config.adapter, config.seed))
    follow(loop, run, config.checkpoint_every, partial(drawn_films, pipeline, data, run, config.seed))
    loop.use_average()
    publish(pipeline, run)


def _read_scheduler(model: Storage) -> DPMSolverMultistepScheduler:
    config = json.loads(model.child("scheduler").read("scheduler_config.json"))
    return cast(DPMSolverMultistepScheduler, DPMSolverMultistepScheduler.from_config(config))
