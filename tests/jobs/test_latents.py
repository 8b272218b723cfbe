from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.training_data import read_training_data
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.kl_autoencoder import KLAutoencoder
from diffcxr.training.autoencoder import encode_films
from jobs.stages.latents import film_latents
from tests.cluster.films import film_rows, write_films
from tests.weights_of_others import write_autoencoder


def test_latents_that_are_kept_need_no_pixel_of_their_films(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    torch.manual_seed(0)
    autoencoder = FilmAutoencoder(latent_channels=2, width=8, depth=1)
    rows = [replace(row, text=row.text if n % 3 else "") for n, row in enumerate(film_rows(6, seed=1))]
    data = read_training_data(write_films(tmp_path / "corpus", rows), None, 16)
    latents = film_latents(autoencoder, data)
    np.testing.assert_array_equal(latents, encode_films(autoencoder, data.films))
    black = np.zeros_like(data.films)
    np.testing.assert_array_equal(film_latents(autoencoder, replace(data, films=black)), latents)
    with_texts = data.with_texts("here")
    np.testing.assert_array_equal(
        film_latents(autoencoder, with_texts), encode_films(autoencoder, with_texts.films)
    )


def test_latents_are_those_of_the_scale_that_the_autoencoder_came_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = read_training_data(write_films(tmp_path / "corpus", film_rows(3, seed=1)), None, 16)
    write_autoencoder(tmp_path / "weights")
    latents = film_latents(KLAutoencoder.from_weights(tmp_path / "weights"), data)
    config = tmp_path / "weights/config.json"
    config.write_text(config.read_text().replace('"scaling_factor": 0.18215', '"scaling_factor": 0.3643'))
    other = film_latents(KLAutoencoder.from_weights(tmp_path / "weights"), data)
    np.testing.assert_allclose(other, 2 * latents.astype(np.float32), rtol=2e-3)
