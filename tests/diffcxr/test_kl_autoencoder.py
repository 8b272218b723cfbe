from __future__ import annotations

from pathlib import Path

import pytest
import torch

from diffcxr.errors import InputError
from diffcxr.kl_autoencoder import KLAutoencoder
from diffcxr.pipeline import DiffCXRPipeline
from tests.diffcxr.tiny import tiny_pipeline
from tests.weights_of_others import write_autoencoder


@torch.no_grad()
def test_latents_are_the_scaled_mean_and_films_the_mean_colour(tmp_path: Path) -> None:
    theirs = write_autoencoder(tmp_path)
    ours = KLAutoencoder.from_weights(tmp_path)
    films = torch.rand(2, 1, 32, 48)
    posterior = theirs.encode((2 * films - 1).repeat(1, 3, 1, 1)).latent_dist
    latents = ours.encode(films)
    assert latents.shape == (2, 4, 4, 6) and ours.latent_channels == 4
    torch.testing.assert_close(latents, 0.18215 * posterior.mean)
    colours = theirs.decode(posterior.mean).sample / 2 + 0.5
    torch.testing.assert_close(ours.decode(latents), colours.mean(dim=1, keepdim=True))


def test_a_pipeline_with_it_is_saved_and_loaded(tmp_path: Path) -> None:
    write_autoencoder(tmp_path / "kl")
    pipeline = tiny_pipeline()
    pipeline.register_modules(autoencoder=KLAutoencoder.from_weights(tmp_path / "kl"))
    pipeline.save_pretrained(tmp_path / "model")
    loaded = DiffCXRPipeline.from_pretrained(tmp_path / "model", low_cpu_mem_usage=False)
    loaded.set_progress_bar_config(disable=True)
    films = [
        one(["Clear lungs."], 2, generator=[torch.Generator().manual_seed(1)]).images
        for one in (pipeline, loaded)
    ]
    assert films[0].shape == (1, 32, 32, 1) and (films[0] == films[1]).all()


def test_what_is_no_such_autoencoder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the autoencoder cannot be loaded"):
        KLAutoencoder.from_weights(tmp_path)
    write_autoencoder(tmp_path / "f4", halvings=2)
    with pytest.raises(InputError, match="does not make latents of an eighth"):
        KLAutoencoder.from_weights(tmp_path / "f4")
