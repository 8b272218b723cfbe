"""A pipeline with the shape of the mini profile, small and untrained: what tests of its mechanics need."""

from __future__ import annotations

import torch

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.training.diffusion import make_scheduler


def tiny_pipeline(seed: int = 0, adapter: bool = False) -> DiffCXRPipeline:
    """Films of 32 pixels from four report tokens, with or without an adapter."""
    torch.manual_seed(seed)
    autoencoder = FilmAutoencoder(latent_channels=4, width=16, depth=1)
    denoiser = UViT(
        latent_channels=4,
        latent_size=4,
        patch_size=2,
        width=32,
        depth=2,
        heads=2,
        context_tokens=4,
        context_width=32,
    )
    report_encoder = ReportEncoder(tokens=4, width=32, depth=1, heads=2)
    control = ControlAdapter.attach(denoiser) if adapter else None
    for module in (autoencoder, denoiser, report_encoder, *([control] if control else [])):
        for (
            parameter
        ) in module.eval().parameters():  # no zero-initialised layer may hide what flows through it
            torch.nn.init.normal_(parameter, std=0.2)
    pipeline = DiffCXRPipeline(autoencoder, denoiser, report_encoder, make_scheduler(), control)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
