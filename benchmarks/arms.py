"""Arms of the ablation: what is switched on in each, and its steps, so that all take as many operations.

They are floating-point operations, forward and backward, counted from the nano profile's modules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from diffcxr.denoiser.control import ControlAdapter
from diffcxr.denoiser.uvit import UViT
from diffcxr.findings import DIFFCXR_11
from diffcxr.language.film_encoder import FilmEncoder, small_backbone
from diffcxr.profile import NANO
from diffcxr.training.adapter import AdapterData, AdapterMix, AdapterStage
from diffcxr.training.denoiser import DenoiserStage
from diffcxr.training.language import LanguageStage
from diffcxr.training.loop import Stage
from diffcxr.training.text_states import TextStates

RAW = 128  # report tokens that are not squeezed
BATCH, LANGUAGE_BATCH = 32, 64
PIECES = 77  # word pieces of an average report, for counting


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What is switched on."""

    name: str
    filtered: bool = False
    concise: bool = False
    adapter: bool = False


ARMS = (
    Arm(name="text only"),
    Arm(name="+ LNFS", filtered=True),
    Arm(name="+ AVA-TLS", filtered=True, concise=True),
    Arm(name="+ adapter", filtered=True, concise=True, adapter=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is trained and made."""

    films: int
    denoiser_steps: int  # of the first arm; its operations are everyone's budget
    language_steps: int
    adapter_steps: int
    made: int
    seeds: int


def steps_of(arm: Arm, scale: Scale) -> dict[str, int]:
    """Steps of each of an arm's stages, so that all arms take the same operations."""
    budget = scale.denoiser_steps * BATCH * cost("denoiser", concise=False)
    steps: dict[str, int] = {}
    if arm.concise:
        steps["language"] = scale.language_steps
    if arm.adapter:
        steps["adapter"] = scale.adapter_steps
    steps_of_denoiser = (budget - operations(steps)) / (BATCH * cost("denoiser", concise=arm.concise))
    order = ("language", "denoiser", "adapter")
    steps["denoiser"] = round(steps_of_denoiser)
    return {stage: steps[stage] for stage in order if stage in steps}


def operations(steps: Mapping[str, int]) -> float:
    """Floating-point operations of an arm's stages; with a language stage, tokens are the concise ones."""
    total = 0.0
    for stage, count in steps.items():
        batch = LANGUAGE_BATCH if stage == "language" else BATCH
        total += count * batch * cost(stage, concise="language" in steps)
    return total


def cost(stage: str, concise: bool) -> float:
    """Operations of one sample in one training step, counted while one runs."""
    found = _COSTS.get((stage, concise))
    if found is None:
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            loss = _STAGES[stage](concise).loss(0, 2, torch.Generator().manual_seed(0))
            loss.backward()  # type: ignore[no-untyped-call]
        found = _COSTS[stage, concise] = counter.get_total_flops() / 2
    return found


_COSTS: dict[tuple[str, bool], float] = {}


def _denoiser(concise: bool) -> UViT:
    raw = replace(NANO, context_tokens=RAW, context_width=NANO.text().hidden_size)
    return (NANO if concise else raw).denoiser()


def _zeros(*shape: int) -> NDArray[np.float16]:
    return np.zeros(shape, np.float16)


def _context(concise: bool) -> NDArray[np.float16]:
    denoiser = _denoiser(concise)
    return _zeros(4, *denoiser.null_context.shape)


def _language_stage(concise: bool) -> Stage:
    texts = TextStates(torch.zeros(PIECES, 384).half(), np.array([0, PIECES]), np.zeros(4, np.int64))
    encoders = NANO.report_encoder(), FilmEncoder(small_backbone(), NANO.context_width)
    return LanguageStage(*encoders, np.zeros((4, 128, 128), np.uint8), texts, np.zeros((4, 14), np.int8))


def _denoiser_stage(concise: bool) -> Stage:
    return DenoiserStage(_denoiser(concise), _zeros(4, 8, 16, 16), _context(concise))


def _adapter_stage(concise: bool) -> Stage:
    denoiser = _denoiser(concise)
    adapter = ControlAdapter.attach(denoiser)
    context, hint_of = _context(concise), np.zeros(4, np.int64)
    data = AdapterData(
        latents=_zeros(4, 8, 16, 16),
        context=context,
        contrary=context,
        hints=context[:1],
        hint_of=hint_of,
        denying_hint_of=hint_of,
        contrary_hint_of=hint_of,
        present=np.zeros((4, len(DIFFCXR_11)), bool),
    )
    return AdapterStage(denoiser, adapter, data, mix=AdapterMix(contrary_hint=0.0), target="film")


_STAGES: dict[str, Callable[[bool], Stage]] = {
    "language": _language_stage,
    "denoiser": _denoiser_stage,
    "adapter": _adapter_stage,
}
