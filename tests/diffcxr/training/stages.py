"""Tiny stages, whose lessons can be learnt in seconds."""

from __future__ import annotations

import numpy as np
import torch

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.language.film_encoder import FilmEncoder, small_backbone
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.training.adapter import AdapterData, AdapterMix, AdapterStage, Target
from diffcxr.training.language import LanguageLoss, LanguageStage
from diffcxr.training.text_states import TextStates


def language_stage(squeeze: str = "attention") -> LanguageStage:
    """Eight films, each with one bright quarter-row of its own, and reports whose states say which."""
    torch.manual_seed(0)
    films = np.zeros((8, 32, 32), np.uint8)
    for number in range(8):
        films[number, number * 4 : number * 4 + 4] = 255
    states = torch.eye(8).repeat_interleave(3, dim=0).repeat(1, 48).half()  # three word pieces each
    texts = TextStates(states, np.arange(9) * 3, np.arange(8))
    labels = np.zeros((8, 14), np.int8)
    report_encoder = ReportEncoder(squeeze=squeeze, tokens=4, width=32, depth=1, heads=2)
    film_encoder = FilmEncoder(small_backbone(), width=32)
    return LanguageStage(report_encoder, film_encoder, films, texts, labels, LanguageLoss(shift=0))


def adapter_stage(mix: AdapterMix, target: Target = "film") -> AdapterStage:
    """Films of two kinds; the hint says which, and the report does not."""
    torch.manual_seed(0)
    denoiser = UViT(
        latent_channels=4, latent_size=4, width=32, depth=2, heads=2, context_tokens=4, context_width=32
    )
    random = torch.Generator().manual_seed(3)
    kinds = torch.randn(2, 4, 4, 4, generator=random)
    kind = torch.arange(24) % 2
    context = torch.randn(24, 4, 32, generator=random).half().numpy()
    data = AdapterData(
        latents=kinds[kind].half().numpy(),
        context=context,
        contrary=np.roll(context, 1, axis=0),  # of a film of the other kind
        hints=torch.randn(2, 4, 32, generator=random).half().numpy(),
        hint_of=kind.numpy(),
        denying_hint_of=kind.numpy(),
        contrary_hint_of=1 - kind.numpy(),
        present=kind.numpy()[:, None] == 1,
    )
    return AdapterStage(denoiser, ControlAdapter.attach(denoiser), data, mix=mix, target=target)
