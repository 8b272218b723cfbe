"""The small film autoencoder: 8x down, a few channels, latents of unit spread."""

from __future__ import annotations

from typing import Any, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

# Shapes: B films, H x W pixels, C latent channels, h = H/8, w = W/8.


class FilmAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """Grey films to latents and back.

    `encode` and `decode` work on latents that are normalised by each channel's mean and spread over the
    training films: channels of a plain autoencoder differ in spread (1.3 to 3.4 measured), and a diffusion
    model that adds one noise to all of them would learn the loud ones only.

    Args:
        latent_channels: C.
        width: channels at a quarter of the resolution; twice as many at an eighth.
        depth: residual blocks a resolution in the encoder; the decoder has one more.
    """

    config: Any  # the arguments, by ConfigMixin
    config_name = "config.json"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, latent_channels: int = 8, width: int = 64, depth: int = 2) -> None:
        super().__init__()
        wide = 2 * width
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(16, width, 3, padding=1),
            *(ResidualBlock(width) for _ in range(depth)),
            nn.Conv2d(width, wide, 3, stride=2, padding=1),
            *(ResidualBlock(wide) for _ in range(depth)),
            nn.GroupNorm(8, wide),
            nn.SiLU(),
            nn.Conv2d(wide, latent_channels, 3, padding=1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(latent_channels, wide, 3, padding=1),
            *(ResidualBlock(wide) for _ in range(depth + 1)),
            nn.Conv2d(wide, 4 * width, 3, padding=1),
            nn.PixelShuffle(2),
            *(ResidualBlock(width) for _ in range(depth + 1)),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, 16, 3, padding=1),
            nn.PixelShuffle(4),
        )
        self.register_buffer("latent_mean", torch.zeros(latent_channels))
        self.register_buffer("latent_std", torch.ones(latent_channels))

    @property
    def latent_channels(self) -> int:
        """C."""
        return int(self.config.latent_channels)

    def encode(self, films_B1HW: Tensor) -> Tensor:
        """Normalised latents (B, C, H/8, W/8) of films in [0, 1]; H and W are multiples of 8."""
        raw_BChw = cast(Tensor, self.encoder(films_B1HW * 2 - 1))
        return (raw_BChw - self._channels(self.latent_mean)) / self._channels(self.latent_std)

    def decode(self, latents_BChw: Tensor) -> Tensor:
        """Films (B, 1, H, W), about [0, 1] and not clipped, of normalised latents."""
        raw_BChw = latents_BChw * self._channels(self.latent_std) + self._channels(self.latent_mean)
        return (cast(Tensor, self.decoder(raw_BChw)) + 1) / 2

    def set_spread(self, mean_C: Tensor, std_C: Tensor) -> None:
        """Set each channel's mean and spread, measured over the training films before normalising."""
        self.latent_mean.copy_(mean_C)
        self.latent_std.copy_(std_C)

    @staticmethod
    def _channels(values_C: Tensor) -> Tensor:
        return values_C[None, :, None, None]


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, pre-normalised by groups; starts as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(8, width),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        nn.init.zeros_(cast(nn.Conv2d, self.layers[-1]).weight)

    def forward(self, x_BDHW: Tensor) -> Tensor:
        return x_BDHW + cast(Tensor, self.layers(x_BDHW))
