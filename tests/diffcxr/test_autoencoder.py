from __future__ import annotations

import torch

from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.training.autoencoder import AutoencoderStage


def test_latents_are_an_eighth_of_the_film_and_decode_to_its_size() -> None:
    autoencoder = FilmAutoencoder(latent_channels=6, width=16, depth=1)
    latents = autoencoder.encode(torch.rand(2, 1, 64, 96))
    assert latents.shape == (2, 6, 8, 12)
    assert autoencoder.decode(latents).shape == (2, 1, 64, 96)


def test_measured_spread_makes_latents_of_unit_spread_and_leaves_the_films() -> None:
    torch.manual_seed(0)
    autoencoder = FilmAutoencoder(latent_channels=4, width=16, depth=1).eval()
    films = torch.randint(0, 256, (40, 32, 32), dtype=torch.uint8).numpy()
    unit = torch.from_numpy(films)[:, None].float() / 255
    before = autoencoder.decode(autoencoder.encode(unit))
    AutoencoderStage(autoencoder, films).measure_spread()
    latents = autoencoder.encode(unit)
    torch.testing.assert_close(latents.mean(dim=(0, 2, 3)), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(latents.std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3, rtol=0)
    torch.testing.assert_close(autoencoder.decode(latents), before, atol=1e-4, rtol=1e-4)
