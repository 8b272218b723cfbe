"""The Frechet distance between two sets of features: FID, whatever the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpstrf

from eval.moments import Moments, fold, pending_rows
from eval.triangle import unpack


def frechet_distance(real: Moments, synthetic: Moments) -> float:
    """|mu_r - mu_f|^2 + Tr(S_r + S_f - 2 (S_r S_f)^1/2), covariances with ddof 1 (Heusel et al. 2017).

    With S = L L', the trace of the root is the sum of the singular values of L_r' L_f: exact to 12 digits for
    singular covariances too, and faster than scipy's sqrtm. Raises ValueError where a side has fewer than two
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
    # Cholesky with pivots, an order faster than an eigendecomposition. It stops at the rank: directions
    # without variance are rounding noise, whose root would be 1e8 times larger.
    factor, pivots, rank, _ = dpstrf(unpack(whole.scatter, whole.dimension) / (whole.folded - 1), lower=1)
    root = np.empty((whole.dimension, rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return whole.mean, root
