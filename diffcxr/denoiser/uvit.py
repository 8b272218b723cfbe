"""U-ViT: every input is a token, and long skips join shallow blocks to deep ones.

Source: Bao et al., "All are Worth Words: A ViT Backbone for Diffusion Models", CVPR 2023, in the form that
Diff-CXR uses: time, context and patch tokens in one sequence, skips through Linear(2 width -> width).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

# Shapes: B samples, C latent channels, h x w latent pixels, K context tokens of width E, P patches,
# T = 1 + K + P tokens, D width, N heads.


@dataclass(frozen=True, slots=True)
class Encoding:
    """What the first half of a U-ViT hands to its second."""

    skips: list[Tensor]  # (B, T, D), one an in-block
    middle: Tensor  # (B, T, D)

    def plus(self, control: Encoding) -> Encoding:
        """This encoding, steered by what a control adapter says of it."""
        pairs = zip(self.skips, control.skips, strict=True)
        return Encoding([skip + added for skip, added in pairs], self.middle + control.middle)


class UViTEncoder(nn.Module):
    """The first half of a U-ViT: everything to one sequence of tokens, the in-blocks, the middle block.

    The denoiser begins with one, and its control adapter is a trainable copy of that.

    Args: as those of UViT. Raises ValueError where the shape does not divide.
    """

    def __init__(
        self,
        latent_channels: int,
        latent_size: int,
        patch_size: int,
        width: int,
        depth: int,
        heads: int,
        context_tokens: int,
        context_width: int,
    ) -> None:
        super().__init__()
        if depth % 2 or width % heads or latent_size % patch_size:
            raise ValueError("depth must be even, width a multiple of heads, latent_size of patch_size")
        self.patches = (latent_size // patch_size) ** 2
        self.patch_in = nn.Conv2d(latent_channels, width, patch_size, stride=patch_size)
        self.context_in = nn.Linear(context_width, width)
        self.position = nn.Parameter(torch.zeros(1, 1 + context_tokens + self.patches, width))
        self.in_blocks = nn.ModuleList(Block(width, heads) for _ in range(depth // 2))
        self.middle = Block(width, heads)

    def tokens(self, latents_BChw: Tensor, time_B: Tensor, context_BKE: Tensor) -> Tensor:
        """Time, context and patches as one sequence (B, T, D)."""
        patches_BPD = self.patch_in(latents_BChw).flatten(2).transpose(1, 2)
        time_B1D = sinusoid(time_B, self.position.shape[-1]).to(patches_BPD.dtype)[:, None]
        return torch.cat([time_B1D, self.context_in(context_BKE), patches_BPD], dim=1) + self.position

    def encode(self, x_BTD: Tensor) -> Encoding:
        """The output of each in-block and of the middle one."""
        skips: list[Tensor] = []
        for block in self.in_blocks:
            x_BTD = block(x_BTD)
            skips.append(x_BTD)
        return Encoding(skips, self.middle(x_BTD))


class UViT(UViTEncoder, ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """Predicts what its training asked for (noise or velocity) from noisy latents, time and context tokens.

    Args:
        latent_channels: C.
        latent_size: h = w.
        patch_size: side of a patch in latent pixels.
        width: D.
        depth: blocks beside the middle one, half of them before it; even.
        heads: N.
        context_tokens: K.
        context_width: E, width of a context token.
    """

    config: Any  # the arguments, by ConfigMixin
    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 8,
        latent_size: int = 16,
        patch_size: int = 2,
        width: int = 256,
        depth: int = 6,
        heads: int = 4,
        context_tokens: int = 16,
        context_width: int = 256,
    ) -> None:
        super().__init__(
            latent_channels, latent_size, patch_size, width, depth, heads, context_tokens, context_width
        )
        self.null_context = nn.Parameter(torch.zeros(context_tokens, context_width))
        self.out_blocks = nn.ModuleList(Block(width, heads, skip=True) for _ in range(depth // 2))
        self.norm = nn.LayerNorm(width)
        self.patch_out = nn.Linear(width, patch_size**2 * latent_channels)
        self.smooth_out = nn.Conv2d(latent_channels, latent_channels, 3, padding=1)
        self._initialise()

    def forward(
        self, latents_BChw: Tensor, time_B: Tensor, context_BKE: Tensor, control: Encoding | None = None
    ) -> Tensor:
        """The prediction (B, C, h, w).

        Args:
            latents_BChw: noisy latents.
            time_B: scheduler steps, 0 (clean) to 999 (noise).
            context_BKE: what the report says.
            control: what a ControlAdapter adds to the first half's outputs; None is without one.
        """
        encoding = self.encode(self.tokens(latents_BChw, time_B, context_BKE))
        if control is not None:
            encoding = encoding.plus(control)
        x_BTD = encoding.middle
        for block, skip_BTD in zip(self.out_blocks, reversed(encoding.skips), strict=True):
            x_BTD = block(x_BTD, skip_BTD)
        return self.latents(x_BTD, latents_BChw.shape[-2])

    def latents(self, x_BTD: Tensor, height: int) -> Tensor:
        """Latents (B, C, h, w) of the last tokens; `height` is h."""
        size = self.config.patch_size
        rows = height // size
        # Over all tokens, as in the released model, although only the patches are read.
        patches_BPO = self.patch_out(self.norm(x_BTD))[:, -self.patches :]
        # B, rows, columns, y, x, C
        grid = patches_BPO.unflatten(1, (rows, -1)).unflatten(-1, (size, size, -1))
        return cast(Tensor, self.smooth_out(grid.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        nn.init.trunc_normal_(self.position, std=0.02)
        nn.init.trunc_normal_(self.null_context, std=0.02)


class Block(nn.Module):
    """Pre-norm attention and MLP; with `skip`, joined first to the block that mirrors it."""

    def __init__(self, width: int, heads: int, skip: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.skip = nn.Linear(2 * width, width) if skip else None
        self.norm_attention = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.projection = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x_BTD: Tensor, skip_BTD: Tensor | None = None) -> Tensor:
        if self.skip is not None and skip_BTD is not None:
            x_BTD = self.skip(torch.cat([x_BTD, skip_BTD], dim=-1))
        x_BTD = x_BTD + self._attention(self.norm_attention(x_BTD))
        return x_BTD + cast(Tensor, self.mlp(self.norm_mlp(x_BTD)))

    def _attention(self, x_BTD: Tensor) -> Tensor:
        q_BNTd, k_BNTd, v_BNTd = self.qkv(x_BTD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed_BNTd = F.scaled_dot_product_attention(q_BNTd, k_BNTd, v_BNTd)
        return cast(Tensor, self.projection(mixed_BNTd.transpose(1, 2).flatten(2)))


def sinusoid(time_B: Tensor, width: int) -> Tensor:
    """Sinusoidal embedding (B, width) of times, in float32."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=time_B.device) / half)
    angles = time_B.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
