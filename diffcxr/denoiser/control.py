"""The control adapter: disease knowledge steers a frozen denoiser.

Source: Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models" (ControlNet), ICCV 2023,
on a U-ViT as Diff-CXR (arXiv 2410.20165) has it: hint tokens join the context tokens of a trainable copy.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from diffcxr.denoiser.uvit import Encoding, UViT, UViTEncoder

# Shapes: B samples, C latent channels, h x w latent pixels, K context and hint tokens of width E, T tokens
# in all, D width.


class ControlAdapter(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """A trainable copy of a U-ViT's first half, whose outputs are added to the frozen one's.

    Every way in for the hint and every way out to the denoiser is a ZeroLinear, so that an untrained adapter
    changes nothing.

    Args:
        denoiser: the configuration of the UViT that it steers.
    """

    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, denoiser: dict[str, int]) -> None:
        super().__init__()
        width, depth = denoiser["width"], denoiser["depth"]
        self.encoder = UViTEncoder(**denoiser)
        self.hint_in = ZeroLinear(denoiser["context_width"], width)
        self.skips_out = nn.ModuleList(ZeroLinear(width, width) for _ in range(depth // 2))
        self.middle_out = ZeroLinear(width, width)

    @classmethod
    def attach(cls, denoiser: UViT) -> ControlAdapter:
        """A new adapter that starts from the denoiser's weights; the denoiser is frozen from here on."""
        shape = {name: value for name, value in denoiser.config.items() if not name.startswith("_")}
        adapter: ControlAdapter = cls(denoiser=shape)
        weights = denoiser.state_dict()
        adapter.encoder.load_state_dict({name: weights[name] for name in adapter.encoder.state_dict()})
        denoiser.requires_grad_(False)
        return adapter

    def forward(
        self, latents_BChw: Tensor, time_B: Tensor, context_BKE: Tensor, hint_BKE: Tensor
    ) -> Encoding:
        """What to add to the denoiser's encoding, for `UViT(..., control=)`.

        Args:
            latents_BChw, time_B, context_BKE: as the denoiser is given them.
            hint_BKE: tokens of the knowledge hint; zeros say nothing, for guidance without a report.
        """
        x_BTD = self.encoder.tokens(latents_BChw, time_B, context_BKE)
        # The context stands after the time token and before the patches.
        x_BTD = x_BTD + F.pad(self.hint_in(hint_BKE), (0, 0, 1, self.encoder.patches))
        encoding = self.encoder.encode(x_BTD)
        skips = [out(skip_BTD) for out, skip_BTD in zip(self.skips_out, encoding.skips, strict=True)]
        return Encoding(skips, cast(Tensor, self.middle_out(encoding.middle)))


class ZeroLinear(nn.Module):
    """A Linear that starts at zero and opens as it is trained.

    On purpose no nn.Linear: an initialisation that walks over a model's Linears, whenever it runs, would fill
    it with noise, and the adapter would break the denoiser before its first step, as in Diff-CXR's own code.
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width_out, width_in))
        self.bias = nn.Parameter(torch.zeros(width_out))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias)
