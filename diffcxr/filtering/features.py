"""What a latent looks like, place by place: level, spread, gradients and spectrum."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

# Shapes: n films, C latent channels, h x w latent pixels, F features.

GRID = 4  # blocks a side
_RINGS = (0.0, 0.01, 0.1, 0.2, 0.3, 0.4, 0.8)  # cycles a latent pixel; the first ring is the mean alone
_FLOOR = 1e-3  # of spreads and gradients: a blank film has none, and its logarithm must stay finite


def latent_features(latents: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features (n, F) of latents (n, C, h, w): F = 2 * 16 C + 8 C.

    A distance between raw latents is blind to films that are too smooth: a blank film lies nearer to the
    mean than any chest does. By the logarithms of local spread, gradients and spectrum, too little is as odd
    as too much.

    Raises ValueError where h or w is no multiple of 4, or below 8: a block of one pixel has no spread.
    """
    x_nChw = np.asarray(latents, np.float32)
    n, channels, height, width = x_nChw.shape
    if height % GRID or width % GRID or min(height, width) < 2 * GRID:
        raise ValueError(f"latents of {height} x {width} do not divide into {GRID} x {GRID} blocks of pixels")
    blocks = x_nChw.reshape(n, channels, GRID, height // GRID, GRID, width // GRID)
    parts = [
        blocks.mean((3, 5)),
        np.log(blocks.std((3, 5)) + _FLOOR),
        np.log(np.abs(np.diff(x_nChw, axis=2)).mean((2, 3)) + _FLOOR),
        np.log(np.abs(np.diff(x_nChw, axis=3)).mean((2, 3)) + _FLOOR),
        _log_spectrum(x_nChw),
    ]
    return np.concatenate([part.reshape(n, -1) for part in parts], axis=1).astype(np.float32)


def _log_spectrum(x_nChw: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log mean power (n, C, rings) of each channel by radial frequency."""
    power = np.square(np.abs(np.fft.fft2(x_nChw)))
    rows, columns = (np.fft.fftfreq(side) for side in x_nChw.shape[2:])
    radius = np.hypot(rows[:, None], columns[None, :])
    rings = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(_RINGS)]
    # 16 x 16 latents have frequencies in each ring; smaller ones leave the low rings empty.
    means = [power[:, :, ring].mean(-1) for ring in rings if ring.any()]
    return np.log(np.stack(means, axis=-1) + 10 * _FLOOR).astype(np.float32)
