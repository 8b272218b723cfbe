"""Stage `autoencoder`: films to latents that keep what a finding looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.kl_autoencoder import Autoencoder
from diffcxr.precision import autocast

# Shapes: B films, H x W pixels, C latent channels.


@dataclass(frozen=True, kw_only=True)
class AutoencoderLoss:
    """What a reconstruction is judged by: pixels, and edges at three scales, where thin findings live."""

    edges: float = 2.0
    latent_noise: float = 0.1  # spread of the noise that the decoder must bear
    latent_size: float = 1e-3  # the price of large latents, which would drown that noise


class AutoencoderStage:
    """Trains a FilmAutoencoder on films (n, H, W), uint8."""

    def __init__(
        self, autoencoder: FilmAutoencoder, films: NDArray[np.uint8], loss: AutoencoderLoss | None = None
    ) -> None:
        self.autoencoder, self.films = autoencoder, films
        self.weights = loss or AutoencoderLoss()
        self.modules = nn.ModuleDict({"autoencoder": autoencoder})

    def loss(self, step: int, batch_size: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(self.films), (batch_size,), generator=generator).numpy()
        films = to_unit(self.films[rows]).to(self.autoencoder.device)
        latents = self.autoencoder.encoder(films * 2 - 1)
        noise = torch.randn(latents.shape, generator=generator).to(films.device) * self.weights.latent_noise
        decoded = self.autoencoder.decoder(latents + noise).float()
        target = films * 2 - 1
        pixels = F.l1_loss(decoded, target)
        pairs = zip(edge_maps(decoded), edge_maps(target), strict=True)
        edges = torch.stack([F.l1_loss(fine, wanted) for fine, wanted in pairs]).sum()
        size = latents.float().square().mean()
        return cast(Tensor, pixels + self.weights.edges * edges + self.weights.latent_size * size)

    @torch.inference_mode()
    def measure_spread(self, count: int = 2048, batch_size: int = 64) -> None:
        """Set the autoencoder's normalisation from the raw latents of the first `count` films."""
        raw = torch.cat(
            [
                self.autoencoder.encoder(
                    to_unit(self.films[i : i + batch_size]).to(self.autoencoder.device) * 2 - 1
                )
                for i in range(0, min(count, len(self.films)), batch_size)
            ]
        )
        self.autoencoder.set_spread(raw.mean(dim=(0, 2, 3)), raw.std(dim=(0, 2, 3)))


def to_unit(films: NDArray[np.uint8]) -> Tensor:
    """Films (B, H, W) as float32 (B, 1, H, W) in [0, 1]."""
    return torch.from_numpy(films)[:, None].float() / 255


def edge_maps(films_B1HW: Tensor, scales: int = 3) -> list[Tensor]:
    """Differences to the right and lower neighbour at full, half and quarter size, stacked."""
    maps = []
    for scale in range(scales):
        x = F.avg_pool2d(films_B1HW, 2**scale) if scale else films_B1HW
        right, down = x[..., :-1, 1:] - x[..., :-1, :-1], x[..., 1:, :-1] - x[..., :-1, :-1]
        maps.append(torch.cat([right, down], dim=1))
    return maps


@torch.inference_mode()
def encode_films(
    autoencoder: Autoencoder,
    films: NDArray[np.uint8],
    batch_size: int = 64,
    on_batch: Callable[[int], None] | None = None,
) -> NDArray[np.float16]:
    """Normalised latents (n, C, H/8, W/8) of films (n, H, W), for stages that train on latents.

    `on_batch` is told how many films are done since it was last told.
    """
    device = autoencoder.device
    batches = []
    for i in range(0, len(films), batch_size):
        with autocast(device):
            latents = autoencoder.encode(to_unit(films[i : i + batch_size]).to(device))
        batches.append(cast(NDArray[np.float16], latents.half().cpu().contiguous().numpy()))
        if on_batch:
            on_batch(len(batches[-1]))
    return np.concatenate(batches)
