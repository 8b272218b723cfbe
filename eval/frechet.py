"""The Frechet distance between two sets of features: FID, whatever the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eval.moments import Moments, fold, pending_rows


def frechet_distance(real: Moments, synthetic: Moments) -> float:
    """|mu_r - mu_f|^2 + Tr(S_r + S_f - 2 (S_r S_f)^1/2), covariances with ddof 1 (Heusel et al. 2017).

    With S = L L', the trace of the root is the sum of the singular values of L_r' L_f: exact to 12 digits
    where scipy's sqrtm gives 6, and many times faster. Raises ValueError where a side has fewer than two
    vectors.
    """
    mean_r, root_r = _mean_and_root(real)
    mean_f, root_f = _mean_and_root(synthetic)
    shift = mean_r - mean_f
    cross = np.linalg.svd(root_r.T @ root_f, compute_uv=False).sum()
    return float(shift @ shift + (root_r**2).sum() + (root_f**2).sum() - 2 * cross)


def _mean_and_root(state: Moments) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean (d,) and L (d, rank) with L L' the covariance."""
    if state.count < 2:
        raise ValueError(f"a Frechet distance needs two vectors a side, not {state.count}")
    if state.folded == 0:  # fewer vectors than dimensions: their deviations are a root already
        rows = pending_rows(state)
        mean: NDArray[np.float64] = rows.mean(0)
        return mean, (rows - mean).T / np.sqrt(len(rows) - 1)
    whole = fold(state)
    assert whole.mean is not None and whole.scatter is not None
    values, vectors = np.linalg.eigh(whole.scatter)
    # Directions without variance come out as rounding noise, whose root would be 1e8 times larger.
    keep = values > values[-1] * whole.dimension * np.finfo(np.float64).eps
    return whole.mean, vectors[:, keep] * np.sqrt(values[keep] / (whole.folded - 1))
