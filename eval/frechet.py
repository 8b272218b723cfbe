"""The Frechet distance between two sets of features: FID, whatever the features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, eigh
from scipy.linalg.lapack import dpstrf

from eval.moments import Moments, fold, pending_rows, result
from eval.triangle import unpack

_TOLERANCE = 1e-10  # most that rounding can do to the distance, as a share of the variance of both
_EPSILON = float(np.finfo(np.float64).eps)
_NOISE = 64 * _EPSILON
"""Of the largest variance, times d: a variance below it is what rounding left of none. With LAPACK's own, a
hundredth of it, distances of duplicated rows hung on how these were sharded in one case of thirty."""


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
    # Fewer vectors than dimensions stay as they are: they are a root of their covariance already.
    real, synthetic = (fold(state) if state.folded else state for state in (real, synthetic))
    shift = _mean(real) - _mean(synthetic)
    spread = _spread_by_eigenvalues(real, synthetic)
    if spread is None:
        spread = _spread_by_singular_values(real, synthetic)
    return float(shift @ shift) + spread


def _spread_by_eigenvalues(real: Moments, synthetic: Moments) -> float | None:
    """Tr(S_r + S_f - 2 (S_r S_f)^1/2), or None where rounding might do more than _TOLERANCE to it.

    Eigenvalues are wrong by a few roundings of the largest at most; their roots, by that over twice the root.
    """
    if min(real.folded, synthetic.folded) <= real.dimension:  # a covariance is singular
        return None
    a, b = (result(state)[2] for state in (real, synthetic))
    try:
        eigenvalues = eigh(a, b, type=2, driver="gv", eigvals_only=True, check_finite=False)
    except LinAlgError:
        return None
    if eigenvalues[0] <= 0:
        return None
    roots, variance = np.sqrt(eigenvalues), np.trace(a) + np.trace(b)
    error = 4 * _EPSILON * eigenvalues[-1] * (1 / roots).sum()
    return float(variance - 2 * roots.sum()) if error <= _TOLERANCE * variance else None


def _spread_by_singular_values(real: Moments, synthetic: Moments) -> float:
    """The same, whatever the covariances."""
    root_r, root_f = _root(real), _root(synthetic)
    cross = np.linalg.svd(root_r.T @ root_f, compute_uv=False).sum()
    return float((root_r**2).sum() + (root_f**2).sum() - 2 * cross)


def _mean(state: Moments) -> NDArray[np.float64]:
    if state.mean is not None:
        return state.mean
    mean: NDArray[np.float64] = pending_rows(state).mean(0)
    return mean


def _root(state: Moments) -> NDArray[np.float64]:
    """L (d, rank) with L L' the covariance."""
    if state.scatter is None:
        rows = pending_rows(state)
        deviations: NDArray[np.float64] = (rows - rows.mean(0)).T / np.sqrt(len(rows) - 1)
        return deviations
    # Cholesky with pivots, an order faster than an eigendecomposition. It stops at the rank: directions
    # without variance are rounding noise, whose root would be 1e8 times larger.
    covariance = unpack(state.scatter, state.dimension) / (state.folded - 1)
    noise = _NOISE * max(state.dimension, 64) * covariance.diagonal().max()
    factor, pivots, rank, _ = dpstrf(covariance, tol=noise, lower=1)
    root = np.empty((state.dimension, rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return root
