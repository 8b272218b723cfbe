"""Diffusion: how latents are noised, what is predicted of them, and how its error is weighed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import torch
import torch.nn.functional as F
from diffusers import DPMSolverMultistepScheduler
from torch import Tensor

Prediction = Literal["v_prediction", "epsilon"]
"""Velocity, or the noise, as diffusers spells them."""

Times = Literal["uniform", "middle"]
"""Which times are drawn: all alike, or those about the middle more often, where what is on a film is decided.

"middle" is the logit-normal distribution (Esser et al., ICML 2024) with its median at 550 of 1,000 times.
"""

Teacher = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From noisy latents and times, what is to be predicted (B, C, h, w) and how much each error weighs (B,)."""

TIMES = 1000
_MIDDLE = 0.2  # of the logit: films and their findings take shape where the signal is a quarter of the noise
MAX_WEIGHT = 5.0
"""Of the error in the clean latent, which weighs SNR + 1 below that."""

# Shapes: B samples, C x h x w latents.


def make_scheduler(prediction: Prediction = "v_prediction") -> DPMSolverMultistepScheduler:
    """Stable Diffusion's noise schedule, sampled by DPM-Solver++ (2M)."""
    return DPMSolverMultistepScheduler(
        num_train_timesteps=TIMES,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type=prediction,
        solver_order=2,
        timestep_spacing="trailing",
    )


def diffusion_loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    clean_BChw: Tensor,
    prediction: Prediction,
    generator: torch.Generator,
    times: Times = "uniform",
    teacher: Teacher | None = None,
) -> Tensor:
    """The mean squared error of `predict(noisy latents, times)` over one draw of noise and times.

    Its target is what was added to the latents, or what a teacher wants predicted, with errors weighed as it
    says.

    For velocity it is weighed by min-SNR (Hang et al., ICCV 2023) with SNR + 1, velocity's own weight, in the
    place of SNR, by which the noisiest times, where the report decides what will be on the film, would weigh
    next to nothing.
    """
    batch_size, device = len(clean_BChw), clean_BChw.device
    # Times stratified over the batch: the same distribution, a quieter loss.
    shares = (torch.arange(batch_size) + torch.rand(batch_size, generator=generator)) / batch_size
    if times == "middle":
        shares = torch.sigmoid(_MIDDLE + torch.special.ndtri(shares))
    times_B = (shares * TIMES).long().clamp_max(TIMES - 1)
    noise_BChw = torch.randn(clean_BChw.shape, generator=generator).to(device)
    alpha = make_scheduler().alphas_cumprod[times_B].to(device)[:, None, None, None]
    noisy_BChw = alpha.sqrt() * clean_BChw + (1 - alpha).sqrt() * noise_BChw
    predicted_BChw = predict(noisy_BChw, times_B.to(device)).float()
    importance_B = torch.ones(batch_size, device=device)
    if teacher is not None:
        with torch.no_grad():
            target_BChw, importance_B = teacher(noisy_BChw, times_B.to(device))
    elif prediction == "epsilon":
        target_BChw = noise_BChw
    else:
        target_BChw = alpha.sqrt() * noise_BChw - (1 - alpha).sqrt() * clean_BChw
    error_B = F.mse_loss(predicted_BChw, target_BChw.float(), reduction="none").mean(dim=(1, 2, 3))
    error_B = importance_B * error_B
    if prediction == "epsilon":
        return error_B.mean()
    weight_B = (1 / (1 - alpha)).flatten()  # SNR + 1
    weight_B = weight_B.clamp_max(MAX_WEIGHT) / weight_B
    return cast(Tensor, (weight_B * error_B).mean() / weight_B.mean())
