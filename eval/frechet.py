"""The Frechet distance between two sets of features: FID, whatever the features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs, dpstrf, dsygst

from eval.moments import Moments, fold, pending_rows, result
from eval.triangle import unpack

_TOLERANCE = 1e-10  # most that rounding can do to the distance, as a share of the variance of both
_STEPS = 6  # of power iteration
_SUSPECT = 1e3  # between the largest and the smallest of a root's diagonal: a condition of 1e6 at least
_EPSILON = float(np.finfo(np.float64).eps)
_NOISE = 64 * _EPSILON
"""Of the largest variance, times d: a variance below it is what rounding left of none. With LAPACK's own, a
hundredth of it, distances of duplicated rows hung on how these were sharded in one case of thirty."""


def frechet_distance(real: Moments, synthetic: Moments) -> float:
    """|mu_r - mu_f|^2 + Tr(S_r + S_f - 2 (S_r S_f)^1/2), covariances with ddof 1 (Heusel et al. 2017).

    The trace of the root is the sum of the singular values of L_r' L_f with S = L L'. Where their conditions
    (up to about 1e6) let that be exact, they are taken as the roots of the eigenvalues of S_r S_f, or of
    L_r' L_f times its transpose where covariances are singular: a third of the time of singular values, whose
    error does not grow with the condition. Raises ValueError where a side has fewer than two vectors.
    """
    for state in (real, synthetic):
        if state.count < 2:
            raise ValueError(f"a Frechet distance needs two vectors a side, not {state.count}")
    # Fewer vectors than dimensions stay as they are: they are a root of their covariance already.
    real, synthetic = (fold(state) if state.folded else state for state in (real, synthetic))
    shift = _mean(real) - _mean(synthetic)
    spread = _spread_of_full_ranks(real, synthetic)
    if spread is None:
        spread = _spread_of_roots(_root(real), _root(synthetic))
    return float(shift @ shift) + spread


def _spread_of_full_ranks(real: Moments, synthetic: Moments) -> float | None:
    """Tr(S_r + S_f - 2 (S_r S_f)^1/2), or None where rounding might do more than _TOLERANCE to it."""
    if min(real.folded, synthetic.folded) <= real.dimension:  # a covariance is singular
        return None
    a, b = (result(state)[2] for state in (real, synthetic))
    variance = float(np.trace(a) + np.trace(b))
    factor, failed = dpotrf(b.T, lower=1)
    if failed:
        return None
    half, _ = dsygst(a.T, factor, itype=2, lower=1)  # L' S_r L, whose eigenvalues are those of S_r S_f
    diagonal = factor.diagonal()
    if diagonal.max() > _SUSPECT * diagonal.min() and _is_hopeless(
        np.tril(half) + np.tril(half, -1).T, variance
    ):
        return None
    total = _sum_of_roots(half, variance)
    return None if total is None else variance - 2 * total


def _spread_of_roots(root_r: NDArray[np.float64], root_f: NDArray[np.float64]) -> float:
    """The same of roots (d, rank) of any covariances."""
    variance, cross = float((root_r**2).sum() + (root_f**2).sum()), root_r.T @ root_f
    total = None
    if 0 < min(cross.shape) < len(root_r):  # of full ranks these are the eigenvalues that were not exact
        square = cross @ cross.T if cross.shape[0] <= cross.shape[1] else cross.T @ cross
        total = None if _is_hopeless(square, variance) else _sum_of_roots(square, variance)
    if total is None:
        total = float(np.linalg.svd(cross, compute_uv=False).sum())
    return variance - 2 * total


def _sum_of_roots(lower: NDArray[np.float64], variance: float) -> float | None:
    """The sum of the roots of the eigenvalues of a symmetric matrix, or None where it might not be exact.

    Eigenvalues are wrong by a few roundings of the largest at most; their roots, by that over twice the root.
    """
    eigenvalues = np.linalg.eigvalsh(lower)
    if eigenvalues[0] <= 0:
        return None
    roots = np.sqrt(eigenvalues)
    return float(roots.sum()) if eigenvalues[-1] * (1 / roots).sum() <= _allowed(variance) else None


def _is_hopeless(matrix: NDArray[np.float64], variance: float) -> bool:
    """Whether `_sum_of_roots` can only be None, told in a tenth of its time: a few steps of power iteration
    either way bound its error from below.
    """
    factor, failed = dpotrf(matrix.T, lower=1)
    if failed:
        return True
    largest = _quotient(matrix, lambda x: matrix @ x)
    smallest = _quotient(matrix, lambda x: dpotrs(factor, x, 1)[0])
    return smallest <= 0 or bool(largest / np.sqrt(smallest) > _allowed(variance))


def _allowed(variance: float) -> float:
    """What the largest eigenvalue times the sum of 1 / root may be."""
    return _TOLERANCE * variance / (4 * _EPSILON)


def _quotient(
    matrix: NDArray[np.float64], step: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    """x' M x of a unit vector x after some steps: no larger than the largest eigenvalue, no smaller than the
    smallest one.
    """
    x = np.linspace(1, 2, len(matrix))
    for _ in range(_STEPS):
        x = step(x / np.linalg.norm(x))
    x /= np.linalg.norm(x)
    return float(x @ matrix @ x)


def _mean(state: Moments) -> NDArray[np.float64]:
    if state.mean is not None:
        return state.mean
    mean: NDArray[np.float64] = pending_rows(state).mean(0)
    return mean


def _root(state: Moments) -> NDArray[np.float64]:
    """L (d, rank) with L L' the covariance."""
    if state.scatter is None:
        rows = pending_rows(state)
        deviations: NDArray[np.float64] = (rows - rows.mean(0)) / np.sqrt(len(rows) - 1)
        # They add up to nothing. Mirrored so that this is their first row, the others are of full rank.
        mirror = np.full(len(rows), len(rows) ** -0.5)
        mirror[0] += 1
        deviations -= np.outer(mirror / mirror[0], mirror @ deviations)
        return deviations[1:].T
    # Cholesky with pivots, an order faster than an eigendecomposition. It stops at the rank: directions
    # without variance are rounding noise, whose root would be 1e8 times larger.
    covariance = unpack(state.scatter, state.dimension) / (state.folded - 1)
    noise = _NOISE * max(state.dimension, 64) * covariance.diagonal().max()
    factor, pivots, rank, _ = dpstrf(covariance, tol=noise, lower=1)
    root = np.empty((state.dimension, rank))
    root[pivots - 1] = np.tril(factor)[:, :rank]
    return root
