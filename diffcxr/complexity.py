"""Complexity: parameters and multiply-accumulates, counted from the built modules while they run.

The modules are built and run on PyTorch's meta device, which has shapes and no numbers: it takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from diffcxr.denoiser.control import ControlAdapter, ZeroLinear
from diffcxr.language.text_encoder import WINDOW
from diffcxr.profile import Profile

# Shapes: C x h x w latents, K context and hint tokens of width E, L word pieces, S width of the text encoder.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One run of a module for one sample; all but the parameters in multiply-accumulates (MACs)."""

    parameters: int
    linear_and_conv: int
    attention: int  # the products of queries, keys and values
    layer_norm: int  # 4 an element, as the paper counts it; nothing but its convention needs it

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            parameters=self.parameters + other.parameters,
            linear_and_conv=self.linear_and_conv + other.linear_and_conv,
            attention=self.attention + other.attention,
            layer_norm=self.layer_norm + other.layer_norm,
        )

    @property
    def products(self) -> int:
        """Every matrix product and convolution."""
        return self.linear_and_conv + self.attention

    @property
    def by_paper(self) -> int:
        """The paper's "GFLOPs": attention's products left out, normalisation counted in."""
        return self.linear_and_conv + self.layer_norm


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """The parts of a model, each run once, and what a film takes."""

    denoiser: Cost
    adapter: Cost
    text: Cost  # text encoder and report encoder on one text that fills the window
    decoder: Cost  # the autoencoder, decoding; its parameters are those of the encoder too
    calls: int  # of denoiser and adapter a film: the sampler's steps, twice with guidance

    @property
    def call(self) -> Cost:
        """The denoiser with its adapter, once."""
        return self.denoiser + self.adapter

    @property
    def film_macs(self) -> int:
        """MACs of a film from its report: the report and its hint encoded, all calls, decoding."""
        return 2 * self.text.products + self.calls * self.call.products + self.decoder.products


@torch.inference_mode()
def measure_complexity(profile: Profile) -> Complexity:
    """The complexity of a profile's model, batch 1."""
    with torch.device("meta"):
        denoiser = profile.denoiser()
        adapter = ControlAdapter.attach(denoiser)
        text_encoder, report_encoder = profile.text_encoder(), profile.report_encoder()
        autoencoder = profile.autoencoder()
        latents_1Chw = torch.empty(1, profile.latent_channels, profile.latent_size, profile.latent_size)
        time_1 = torch.empty(1)
        context_1KE = hint_1KE = torch.empty(1, profile.context_tokens, profile.context_width)
        pieces_1L = torch.empty(1, WINDOW, dtype=torch.long)

        def encode_text() -> Tensor:
            states_1LS = text_encoder(pieces_1L).last_hidden_state
            tokens_1KE: Tensor = report_encoder(states_1LS, torch.ones_like(pieces_1L, dtype=torch.bool))
            return tokens_1KE

        control = adapter(latents_1Chw, time_1, context_1KE, hint_1KE)
        return Complexity(
            denoiser=count(denoiser, lambda: denoiser(latents_1Chw, time_1, context_1KE, control)),
            adapter=count(adapter, lambda: adapter(latents_1Chw, time_1, context_1KE, hint_1KE)),
            text=count(nn.ModuleList([text_encoder, report_encoder]), encode_text),
            decoder=count(autoencoder, lambda: autoencoder.decode(latents_1Chw)),
            calls=profile.steps * (1 if profile.guidance_scale == 1 else 2),
        )


def count(module: nn.Module, run: Callable[[], object]) -> Cost:
    """The cost of `run`, which runs `module`.

    Layers are counted where they are called; attention, which is no layer, is what PyTorch's own counter sees
    of matrix products beyond them.
    """
    linear_and_conv = layer_norm = 0

    def add(layer: nn.Module, given: Any, made: Any) -> None:
        nonlocal linear_and_conv, layer_norm
        if isinstance(layer, nn.Linear | ZeroLinear | nn.Conv1d | nn.Conv2d):
            # Each element of the output is one product of the input with a row (a kernel) of the weight.
            linear_and_conv += made.numel() * layer.weight[0].numel()
        elif isinstance(layer, nn.LayerNorm):
            layer_norm += 4 * made.numel()

    hooks = [layer.register_forward_hook(add) for layer in module.modules()]
    # Of fused attention kernels the counter knows some; the plain one it sees as the two products that it is.
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        run()
    for hook in hooks:
        hook.remove()
    return Cost(
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        linear_and_conv=linear_and_conv,
        attention=counter.get_total_flops() // 2 - linear_and_conv,
        layer_norm=layer_norm,
    )
