"""Stage `denoiser`: the U-ViT, on the autoencoder's latents and the report encoder's tokens."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.denoiser.uvit import UViT
from diffcxr.training.diffusion import Prediction, diffusion_loss

# Shapes: n films, B samples, C x h x w latents, K x E context tokens.


class DenoiserStage:
    """Trains a denoiser on latents (n, C, h, w) and the context tokens (n, K, E) of their reports.

    A share `drop_report` of samples learn without a report, for guidance. Films are drawn in relation to
    `chances` (n,), or all alike.
    """

    def __init__(
        self,
        denoiser: UViT,
        latents: NDArray[np.float16],
        context: NDArray[np.float16],
        prediction: Prediction = "v_prediction",
        drop_report: float = 0.1,
        chances: Tensor | None = None,
    ) -> None:
        self.denoiser, self.latents, self.context = denoiser, latents, context
        self.prediction, self.drop_report, self.chances = prediction, drop_report, chances
        self.modules = nn.ModuleDict({"denoiser": denoiser})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        device = self.denoiser.null_context.device
        rows = self._drawn(batch_size, generator)
        dropped_B = (torch.rand(batch_size, generator=generator) < self.drop_report).to(device)
        context_BKE = torch.from_numpy(self.context[rows]).float().to(device)
        context_BKE = torch.where(dropped_B[:, None, None], self.denoiser.null_context, context_BKE)
        clean_BChw = torch.from_numpy(self.latents[rows]).float().to(device)
        return diffusion_loss(
            lambda noisy_BChw, times_B: self.denoiser(noisy_BChw, times_B, context_BKE),
            clean_BChw,
            self.prediction,
            generator,
        )

    def _drawn(self, batch_size: int, generator: torch.Generator) -> NDArray[np.int64]:
        if self.chances is None:
            return torch.randint(len(self.latents), (batch_size,), generator=generator).numpy()
        return torch.multinomial(self.chances, batch_size, replacement=True, generator=generator).numpy()
