from __future__ import annotations

import numpy as np
import pytest

from diffcxr.filtering.features import latent_features


def test_features_of_a_film_do_not_depend_on_its_neighbours() -> None:
    latents = np.random.default_rng(0).normal(size=(6, 8, 16, 16)).astype(np.float16)
    assert (latent_features(latents)[2] == latent_features(latents[2:3])[0]).all()


def test_each_channel_has_forty_features() -> None:
    assert latent_features(np.zeros((2, 8, 16, 16), np.float16)).shape == (2, 320)


def test_a_constant_latent_has_finite_features() -> None:
    assert np.isfinite(latent_features(np.zeros((1, 4, 8, 8)))).all()


@pytest.mark.parametrize("side", [4, 10])
def test_latents_without_blocks_are_refused(side: int) -> None:
    with pytest.raises(ValueError, match="blocks"):
        latent_features(np.zeros((1, 4, side, side)))
