"""Latents of the shape of mini's: smooth anatomy with grain, and artefacts of three kinds among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

KINDS = ("ordinary", "blank", "rotated", "inverted")


def planted_latents(
    films: int, share: float, seed: int, only: str | None = None, strength: float = 1.0
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Latents (films, 4, 16, 16), a `share` of them artefacts, and the number of each one's kind (films,).

    The artefacts are of all kinds, or of the kind `only`, and mixed with ordinary films where `strength` < 1.
    """
    rng = np.random.default_rng(seed)
    anatomy = gaussian_filter(np.random.default_rng(0).normal(size=(4, 16, 16)), (0, 3, 3))
    anatomy /= anatomy.std()
    patients = 0.6 * gaussian_filter(rng.normal(size=(films, 4, 16, 16)), (0, 0, 2, 2)) / 0.14
    latents = anatomy + patients + 0.3 * rng.normal(size=patients.shape)
    kinds = np.where(rng.random(films) < share, rng.integers(1, len(KINDS), films), 0)
    if only is not None:
        kinds[kinds > 0] = KINDS.index(only)
    blank = kinds == 1
    latents[blank] = 0.1 * anatomy.mean() + 0.02 * rng.normal(size=latents[blank].shape)
    latents[kinds == 2] = np.rot90(latents[kinds == 2], axes=(2, 3))
    latents[kinds == 3] *= -1
    if strength < 1:
        ordinary, _ = planted_latents(films, 0.0, seed + 1)
        latents[kinds > 0] = strength * latents[kinds > 0] + (1 - strength) * ordinary[kinds > 0]
    return latents.astype(np.float32), kinds
