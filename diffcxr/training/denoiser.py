"""Stage `denoiser`: the U-ViT and the report encoder, together, on the autoencoder's latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.denoiser.uvit import UViT
from diffcxr.language.report_encoder import ReportEncoder
from diffcxr.language.text_encoder import TextEncoder

# Shapes: B samples, C x h x w latents, L word pieces, E text width, K x D context tokens.


@dataclass(frozen=True, kw_only=True)
class DenoiserLoss:
    """The diffusion loss and its helper."""

    drop_report: float = 0.1  # share of samples that learn without a report, for guidance
    max_weight: float = 5.0  # of the error in the clean latent, which weighs SNR + 1 below that
    findings: float = 0.1  # weight of reading the findings off the context tokens: they are informative early


def make_scheduler() -> DPMSolverMultistepScheduler:
    """Stable Diffusion's noise schedule, with velocity prediction, sampled by DPM-Solver++ (2M)."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        solver_order=2,
        timestep_spacing="trailing",
    )


@dataclass(frozen=True, slots=True)
class TextStates:
    """A frozen text encoder's states of n reports, end to end, in half precision."""

    states: Tensor  # (sum of lengths, E) float16
    starts: NDArray[np.int64]  # n + 1 offsets into them

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """States (B, L, E), padded to the longest, and their mask (B, L)."""
        parts = [self.states[self.starts[row] : self.starts[row + 1]] for row in rows]
        lengths = torch.tensor([len(part) for part in parts])
        padded = nn.utils.rnn.pad_sequence(parts, batch_first=True).float()
        return padded, torch.arange(padded.shape[1])[None] < lengths[:, None]


def encode_reports(
    encoder: TextEncoder,
    reports: list[str],
    batch_size: int = 32,
    on_batch: Callable[[int], None] | None = None,
) -> TextStates:
    """The states of all reports, made once: the text encoder is frozen. Similar lengths go together.

    `on_batch` is told how many reports each batch held.
    """
    order = sorted(range(len(reports)), key=lambda row: len(reports[row]))
    states: list[Tensor] = [torch.empty(0)] * len(reports)
    for i in range(0, len(order), batch_size):
        rows = order[i : i + batch_size]
        with torch.autocast("cpu", torch.bfloat16):
            batch, mask = encoder([reports[row] for row in rows])
        for row, state, seen in zip(rows, batch, mask, strict=True):
            states[row] = state[seen].half()
        if on_batch:
            on_batch(len(rows))
    starts = np.cumsum([0, *(len(state) for state in states)])
    return TextStates(torch.cat(states), starts)


class DenoiserStage:
    """Trains denoiser and report encoder on latents (n, C, h, w), text states and labels (n, 14).

    Labels are 1, 0 and -1 (not counted), and serve the helper loss only.
    """

    def __init__(
        self,
        denoiser: UViT,
        report_encoder: ReportEncoder,
        latents: NDArray[np.float16],
        texts: TextStates,
        labels: NDArray[np.int8],
        loss: DenoiserLoss | None = None,
    ) -> None:
        self.denoiser, self.report_encoder = denoiser, report_encoder
        self.latents, self.texts, self.labels = latents, texts, labels
        self.weights = loss or DenoiserLoss()
        self.label_head = nn.Linear(report_encoder.config.width, labels.shape[1])
        self.modules = nn.ModuleDict(
            {"denoiser": denoiser, "report_encoder": report_encoder, "label_head": self.label_head}
        )
        self.alphas_cumprod = make_scheduler().alphas_cumprod

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(self.latents), (batch_size,), generator=generator).numpy()
        context_BKD = self.report_encoder(*self.texts.batch(rows))
        labels = torch.from_numpy(self.labels[rows]).float()
        finding_loss = self._finding_loss(context_BKD, labels)

        dropped = torch.rand(batch_size, generator=generator) < self.weights.drop_report
        context_BKD = torch.where(
            dropped[:, None, None], self.denoiser.null_context.to(context_BKD.dtype), context_BKD
        )

        # Times stratified over the batch: the same distribution, a quieter loss.
        times = (torch.arange(batch_size) + torch.rand(batch_size, generator=generator)) / batch_size * 1000
        times = times.long().clamp_max(999)
        clean = torch.from_numpy(self.latents[rows]).float()
        noise = torch.randn(clean.shape, generator=generator)
        alpha = self.alphas_cumprod[times][:, None, None, None]
        noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
        velocity = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean

        predicted = self.denoiser(noisy, times, context_BKD).float()
        # Min-SNR (Hang et al., ICCV 2023) with SNR + 1, velocity's own weight, in the place of SNR, by which
        # the noisiest times, where the report decides what will be on the film, would weigh next to nothing.
        weight = (1 / (1 - alpha)).flatten()  # SNR + 1
        weight = weight.clamp_max(self.weights.max_weight) / weight
        error = F.mse_loss(predicted, velocity, reduction="none").mean(dim=(1, 2, 3))
        diffusion_loss = (weight * error).mean() / weight.mean()
        return cast(Tensor, diffusion_loss + self.weights.findings * finding_loss)

    def _finding_loss(self, context_BKD: Tensor, labels: Tensor) -> Tensor:
        logits = self.label_head(context_BKD.mean(dim=1)).float()
        counted = labels >= 0
        loss = F.binary_cross_entropy_with_logits(logits, labels.clamp_min(0), reduction="none")
        return (loss * counted).sum() / counted.sum().clamp_min(1)
