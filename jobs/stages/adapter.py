"""Stage `adapter`: disease knowledge, as hints, steers the denoiser that stage `denoiser` has left."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import cast

import torch
from diffusers import DPMSolverMultistepScheduler

from cluster.model_parts import read_autoencoder, read_part
from cluster.storage import Storage
from cluster.training import worker_device
from cluster.training_data import TrainingData
from cluster.training_run import TrainingRun
from diffcxr.denoiser.contradiction import Contradiction, contradictions
from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.hint import make_hint
from diffcxr.denoiser.uvit import UViT
from diffcxr.kl_autoencoder import Autoencoder
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.adapter import AdapterData, AdapterMix, AdapterStage, Target
from diffcxr.training.diffusion import Times
from diffcxr.training.loop import TrainingLoop
from jobs.stages.denoiser import publish
from jobs.stages.latents import film_latents
from jobs.stages.loop import follow, loop_config
from jobs.stages.parts import begun_adapter_source, fix_for, pipeline_source
from jobs.stages.relay import Relay
from jobs.stages.samples import drawn_films
from jobs.stages.texts import context_tokens, present_findings, read_labels, text_states
from jobs.training_config import Config


def train_adapter(config: Config, data: TrainingData, run: TrainingRun) -> None:
    """Writes the whole pipeline with its adapter."""
    source = pipeline_source(config)
    autoencoder = read_autoencoder(source, fix_for("autoencoder"))
    report_encoder = read_part(source, "report_encoder", ReportEncoder, fix_for("report_encoder"))
    denoiser = read_part(source, "denoiser", UViT, fix_for("denoiser"))
    scheduler = _read_scheduler(source)
    torch.manual_seed(config.seed)
    adapter = ControlAdapter.attach(denoiser)
    if config.adapter.start == "base":
        begun = read_part(begun_adapter_source(config), "adapter", ControlAdapter, fix_for("adapter"))
        adapter.load_state_dict(begun.state_dict())
    pipeline = DiffCXRPipeline(autoencoder, denoiser, report_encoder, scheduler, adapter).to(worker_device())

    stage = AdapterStage(
        denoiser,
        adapter,
        _adapter_data(config, data, autoencoder, report_encoder),
        prediction=scheduler.config.prediction_type,
        mix=AdapterMix(**asdict(config.adapter.mix)),
        balance=config.adapter.balance,
        times=cast(Times, config.adapter.times),
        target=cast(Target, config.adapter.target),
    )
    loop = TrainingLoop(stage, loop_config(config.adapter, config.seed))
    follow(loop, run, config.checkpoint_every, partial(drawn_films, pipeline, data, run, config.seed))
    loop.use_average()
    publish(pipeline, run)


def _adapter_data(
    config: Config, data: TrainingData, autoencoder: Autoencoder, report_encoder: ReportEncoder
) -> AdapterData:
    encoder, count = report_encoder.text_encoder(), len(data.texts)
    # As when films are made: what the labeler reads in the text, not what the corpus knows of the film.
    labels = read_labels(data.texts)
    contrary: list[Contradiction] = []
    if config.adapter.mix.contrary_report or config.adapter.mix.contrary_hint:
        with Relay(total=count, unit="text", desc="contradict reports") as bar:
            contrary = contradictions(data.texts, labels, on_text=bar.update)
    said = [*labels, *(one.before for one in contrary), *(one.after for one in contrary)]
    hints = text_states([make_hint(one) for one in said], encoder, "encode hints")
    states = text_states(data.texts, encoder, "encode reports")  # as the stages before have left them
    context = context_tokens(report_encoder, states, "squeeze reports")
    contrary_context = context[:0]
    if contrary:
        others = text_states([one.text for one in contrary], encoder, "encode contrary reports")
        contrary_context = context_tokens(report_encoder, others, "squeeze contrary reports")
    return AdapterData(
        latents=film_latents(autoencoder, data),
        context=context,
        contrary=contrary_context,
        hints=context_tokens(report_encoder, hints.different(), "squeeze hints"),
        hint_of=hints.which[:count],
        denying_hint_of=hints.which[count : count + len(contrary)],
        contrary_hint_of=hints.which[count + len(contrary) :],
        present=present_findings(labels),
    )


def _read_scheduler(model: Storage) -> DPMSolverMultistepScheduler:
    config = json.loads(model.child("scheduler").read("scheduler_config.json"))
    return cast(DPMSolverMultistepScheduler, DPMSolverMultistepScheduler.from_config(config))
