"""Stage `adapter`: disease knowledge learns to steer a frozen denoiser."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.training.diffusion import Prediction, Times, diffusion_loss
from diffcxr.training.rarity import rarity

# Shapes: n films, m different hints, B samples, C x h x w latents, K x E tokens, F findings.

Target = Literal["film", "denoiser"]
"""What the steered denoiser is to predict: the film's own noise, or what the denoiser by itself predicts from
a report that says the truth. The second is free of what no report foretells, so that hints are learnt much
faster, and it says what a film would be that nobody has taken; but no adapter learns more by it than the
denoiser knows."""

_OVERDRAWN = 0.5
"""By so much more than a true report changes what is predicted shall the hint change it beside a report that
contradicts it, as guidance overdraws what a report changes."""

_HALF_WEIGHT = 0.02
"""The mean squared change of a prediction by its true report at which an error weighs half. Findings that
change a whole film would else drown those that change a spot of it."""


@dataclass(frozen=True, kw_only=True)
class AdapterMix:
    """What a sample's hint goes with, as shares of all samples; the rest goes with its own report.

    Beside its own report a hint says nothing new, and an adapter that saw no other case would ignore it.
    """

    nothing: float = 0.05  # neither report nor hint, for guidance
    no_hint: float = 0.05  # the report alone
    no_report: float = 0.1  # the hint alone
    contrary_report: float = 0.15  # the hint is right of the film, and the report contradicts it
    contrary_hint: float = 0.45  # the report is right of the film, and the hint contradicts it


@dataclass(frozen=True, kw_only=True)
class AdapterData:
    """n films as the stage needs them."""

    latents: NDArray[np.float16]  # (n, C, h, w)
    context: NDArray[np.float16]  # (n, K, E), tokens of the reports
    contrary: NDArray[np.float16]  # (n, K, E), of reports that contradict them; (0, K, E) where none is drawn
    hints: NDArray[np.float16]  # (m, K, E), tokens of hints
    hint_of: NDArray[np.int64]  # (n,), the number of each film's hint
    denying_hint_of: NDArray[np.int64]  # (n,), of that which denies what the contrary report says
    contrary_hint_of: NDArray[np.int64]  # (n,), of that which says what the contrary report says
    present: NDArray[np.bool_]  # (n, F), which findings the reports say are there


class AdapterStage:
    """Trains an adapter; the denoiser stays as it is.

    Films are drawn by their `rarity`, to the power `balance`. A hint that contradicts a film can be taught by
    the denoiser alone.
    """

    def __init__(
        self,
        denoiser: UViT,
        adapter: ControlAdapter,
        data: AdapterData,
        prediction: Prediction = "v_prediction",
        mix: AdapterMix | None = None,
        balance: float = 1.0,
        times: Times = "middle",
        target: Target = "denoiser",
    ) -> None:
        mix = mix or AdapterMix()
        if target == "film" and mix.contrary_hint:
            raise ValueError("a film does not show what a contrary hint says")
        self.denoiser, self.adapter, self.data = denoiser.requires_grad_(False), adapter, data
        self.chances = rarity(data.present, balance)
        self.prediction, self.mix, self.times, self.target = prediction, mix, times, target
        self.modules = nn.ModuleDict({"adapter": adapter})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        device, data = self.denoiser.null_context.device, self.data
        rows = torch.multinomial(self.chances, batch_size, replacement=True, generator=generator)
        nothing, no_hint, no_report, contrary_report, contrary_hint = self._cases(batch_size, generator)
        contrary, films = contrary_report | contrary_hint, rows.numpy()
        said_BKE = true_BKE = torch.from_numpy(data.context[films])
        hint_B = torch.from_numpy(data.hint_of[films])
        if contrary.any():
            other_BKE = torch.from_numpy(data.contrary[films])
            said_BKE = torch.where(contrary_report[:, None, None], other_BKE, said_BKE)
            true_BKE = torch.where(contrary_hint[:, None, None], other_BKE, true_BKE)
            hint_B = torch.where(contrary_report, torch.from_numpy(data.denying_hint_of[films]), hint_B)
            hint_B = torch.where(contrary_hint, torch.from_numpy(data.contrary_hint_of[films]), hint_B)

        said_BKE = self._context(said_BKE, nothing | no_report)
        true_BKE = self._context(true_BKE, nothing)
        hint_BKE = torch.from_numpy(data.hints[hint_B.numpy()]).float()
        hint_BKE = (hint_BKE * ~(nothing | no_hint)[:, None, None]).to(device)

        def predict(noisy_BChw: Tensor, times_B: Tensor) -> Tensor:
            control = self.adapter(noisy_BChw, times_B, said_BKE, hint_BKE)
            return cast(Tensor, self.denoiser(noisy_BChw, times_B, said_BKE, control))

        def teach(noisy_BChw: Tensor, times_B: Tensor) -> tuple[Tensor, Tensor]:
            true_BChw = self.denoiser(noisy_BChw, times_B, true_BKE).float()
            change_BChw = true_BChw - self.denoiser(noisy_BChw, times_B, said_BKE).float()
            overdrawn_B = _OVERDRAWN * contrary.to(device)
            size_B = change_BChw.square().mean(dim=(1, 2, 3))
            wanted_BChw = true_BChw + overdrawn_B[:, None, None, None] * change_BChw
            return wanted_BChw, _HALF_WEIGHT / (_HALF_WEIGHT + size_B)

        clean_BChw = torch.from_numpy(data.latents[films]).float().to(device)
        teacher = teach if self.target == "denoiser" else None
        return diffusion_loss(predict, clean_BChw, self.prediction, generator, self.times, teacher)

    def _context(self, tokens_BKE: Tensor, unsaid_B: Tensor) -> Tensor:
        """What the denoiser is told: tokens of reports, but of no report where they are unsaid."""
        null_KE = self.denoiser.null_context
        unsaid_B11 = unsaid_B.to(null_KE.device)[:, None, None]
        return torch.where(unsaid_B11, null_KE, tokens_BKE.float().to(null_KE.device))

    def _cases(self, batch_size: int, generator: torch.Generator) -> list[Tensor]:
        """Which samples are which of the mix's cases; at most one of them each."""
        shares = [getattr(self.mix, field.name) for field in fields(self.mix)]
        drawn = torch.rand(batch_size, generator=generator)
        case = torch.searchsorted(torch.tensor(shares).cumsum(0), drawn, right=True)
        return [case == number for number in range(len(shares))]
