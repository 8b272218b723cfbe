"""Stage `adapter`: disease knowledge learns to steer a frozen denoiser."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.training.contrary import contrary_films
from diffcxr.training.diffusion import Prediction, Times, diffusion_loss
from diffcxr.training.rarity import rarity

# Shapes: n films, m different hints, B samples, C x h x w latents, K x E tokens.


@dataclass(frozen=True, kw_only=True)
class AdapterMix:
    """What a sample's hint goes with, as shares of all samples; the rest goes with its own report.

    Beside its own report a hint says nothing new, and an adapter that saw no other case would ignore it.
    """

    nothing: float = 0.1  # neither report nor hint, for guidance
    no_hint: float = 0.05  # the report alone
    no_report: float = 0.2  # the hint alone
    contrary_report: float = 0.4  # the hint is right, and the report, another film's, contradicts it


class AdapterStage:
    """Trains an adapter on latents (n, C, h, w), context tokens (n, K, E) and hint tokens (m, K, E).

    `hint_of` (n,) is the number of each film's hint, and `present` (n, F) says which findings it says are
    there. Films are drawn by their `rarity`, to the power `balance`. The denoiser stays as it is.
    """

    def __init__(
        self,
        denoiser: UViT,
        adapter: ControlAdapter,
        latents: NDArray[np.float16],
        context: NDArray[np.float16],
        hints: NDArray[np.float16],
        hint_of: NDArray[np.int64],
        present: NDArray[np.bool_],
        prediction: Prediction = "v_prediction",
        mix: AdapterMix | None = None,
        balance: float = 1.0,
        times: Times = "middle",
    ) -> None:
        self.denoiser, self.adapter = denoiser.requires_grad_(False), adapter
        self.latents, self.context, self.hints, self.hint_of = latents, context, hints, hint_of
        self.present, self.chances = present, rarity(present, balance)
        self.prediction, self.mix, self.times = prediction, mix or AdapterMix(), times
        self.modules = nn.ModuleDict({"adapter": adapter})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        device = self.denoiser.null_context.device
        rows = torch.multinomial(self.chances, batch_size, replacement=True, generator=generator).numpy()
        others = contrary_films(self.present, rows, generator)
        nothing, no_hint, no_report, contrary = self._cases(batch_size, generator)

        context = torch.from_numpy(self.context[np.where(contrary.numpy(), others, rows)]).float().to(device)
        unsaid = (nothing | no_report).to(device)[:, None, None]
        context_BKE = torch.where(unsaid, self.denoiser.null_context, context)
        hint = torch.from_numpy(self.hints[self.hint_of[rows]]).float().to(device)
        hint_BKE = hint * ~(nothing | no_hint).to(device)[:, None, None]

        def predict(noisy_BChw: Tensor, times_B: Tensor) -> Tensor:
            control = self.adapter(noisy_BChw, times_B, context_BKE, hint_BKE)
            predicted: Tensor = self.denoiser(noisy_BChw, times_B, context_BKE, control)
            return predicted

        clean_BChw = torch.from_numpy(self.latents[rows]).float().to(device)
        return diffusion_loss(predict, clean_BChw, self.prediction, generator, self.times)

    def _cases(self, batch_size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Which samples are which of the four cases; at most one of them each."""
        shares = torch.tensor(
            [self.mix.nothing, self.mix.no_hint, self.mix.no_report, self.mix.contrary_report]
        ).cumsum(0)
        case = torch.searchsorted(shares, torch.rand(batch_size, generator=generator), right=True)
        return case == 0, case == 1, case == 2, case == 3
