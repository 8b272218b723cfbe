"""The plane in which two corpora's features spread the most: principal axes of both, from their moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from eval.moments import Features, Moments, result


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Two principal axes, and what share of the features' variance lies along each."""

    centre: NDArray[np.float64]  # (d,)
    axes: NDArray[np.float64]  # (d, 2), orthonormal, by falling share
    shares: tuple[float, float]

    def place(self, features: Features) -> NDArray[np.float64]:
        """Where features (n, d) lie in the plane: (n, 2)."""
        return (features - self.centre) @ self.axes


def principal_plane(real: Moments, synthetic: Moments) -> Plane:
    """The first two principal components of all films of both sides, each side counting half.

    Exact whatever the number of films: the covariance of the mixture is (S_r + S_f) / 2 + d d' / 4, d the
    difference of the means. An axis points to where its largest entry is positive, so that it is the same on
    any machine. Raises ValueError where a side has fewer than two films, or features have fewer than two
    dimensions.
    """
    if real.dimension < 2:
        raise ValueError("a plane needs two dimensions")
    (_, mean_r, covariance_r), (_, mean_f, covariance_f) = result(real), result(synthetic)
    shift = mean_r - mean_f
    covariance = (covariance_r + covariance_f) / 2 + np.outer(shift, shift) / 4
    last = real.dimension - 1
    variances, axes = eigh(covariance, subset_by_index=(last - 1, last))
    axes = axes[:, ::-1] * np.sign(axes[np.abs(axes).argmax(0), [0, 1]])[::-1]
    total = float(np.trace(covariance))
    first, second = (float(max(v, 0.0)) / total if total else 0.0 for v in variances[::-1])
    return Plane((mean_r + mean_f) / 2, axes, (first, second))
