"""The Frechet distance between two sets of features: FID, whatever the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, eigh
from scipy.linalg.lapack import dpstrf

from eval.moments import Moments, fold, pending_rows, result
from eval.triangle import unpack

_Matrix = NDArray[np.float64]
_TOLERANCE = 1e-10  # most that rounding can do to the distance, as a share of the variance of both
_EPSILON = float(np.finfo(np.float64).eps)


def frechet_distance(real: Moments, synthetic: Moments) -> float:
    """|mu_r - mu_f|^2 + Tr(S_r + S_f - 2 (S_r S_f)^1/2), covariances with ddof 1 (Heusel et al. 2017).

    The trace of the root is the sum of the roots of the eigenvalues of S_r S_f, where their conditions (up to
    about 1e6) let that be exact. Elsewhere, as for singular covariances, it is the sum of the singular values
    of L_r' L_f with S = L L', three times slower, whose error does not grow with the condition. Raises
    ValueError where a side has fewer than two vectors.
    """
    for state in (real, synthetic):
        if state.count < 2:
            raise ValueError(f"a Frechet distance needs two vectors a side, not {state.count}")
    (_, mean_r, covariance_r), (_, mean_f, covariance_f) = result(real), result(synthetic)
    shift = mean_r - mean_f
    variance = float(np.trace(covariance_r) + np.trace(covariance_f))
    cross = None
    if min(real.count, synthetic.count) > real.dimension:
        cross = _trace_of_root(covariance_r, covariance_f, _TOLERANCE * variance)
    if cross is None:
        cross = np.linalg.svd(_root(real).T @ _root(synthetic), compute_uv=False).sum()
    return float(shift @ shift + variance - 2 * cross)


def _trace_of_root(a: _Matrix, b: _Matrix, tolerance: float) -> float | None:
    """Tr (a b)^1/2 of positive definite matrices, or None where its error might be above `tolerance`.

    Eigenvalues are wrong by a few roundings of the largest at most; their roots, by that over twice the root.
    """
    try:
        eigenvalues = eigh(a, b, type=2, driver="gv", eigvals_only=True, check_finite=False)
    except LinAlgError:  # b is singular
        return None
    if eigenvalues[0] <= 0:
        return None
    roots = np.sqrt(eigenvalues)
    error = 4 * _EPSILON * eigenvalues[-1] * (1 / roots).sum()
    return float(roots.sum()) if error <= tolerance else None


def _root(state: Moments) -> _Matrix:
    """L (d, rank) with L L' the covariance."""
    if state.folded == 0:  # fewer vectors than dimensions: their deviations are a root already
        rows = pending_rows(state)
        root: _Matrix = (rows - rows.mean(0)).T / np.sqrt(len(rows) - 1)
        return root
    whole = fold(state)
    assert whole.scatter is not None
    # Cholesky with pivots, an order faster than an eigendecomposition. It stops at the rank: directions
    # without variance are rounding noise, whose root would be 1e8 times larger.
    factor, pivots, rank, _ = dpstrf(unpack(whole.scatter, whole.dimension) / (whole.folded - 1), lower=1)
    root = np.empty((whole.dimension, rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return root
