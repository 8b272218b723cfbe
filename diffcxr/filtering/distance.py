"""How far a film lies from the ordinary ones, which must first be found among the others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Shapes: n films, F features, d principal directions, K clusters.

CLIP = 8.0  # robust standard deviations; one absurd feature must not outweigh all others
_CORE = 0.7  # share of films that the first fits trust
_SHARES = (0.9, 0.85, 0.8, 0.75)  # and the later ones: the first share whose clusters hold no heap
_HEAP = 1 / 3  # a cluster with fewer of its films in the core is no kind of film, but a heap of anomalies
_MAX_FITS = 10
_MAX_LLOYD = 50
_LEAST_VARIANCE = 1e-3  # of a direction: copies of one film have none
_MAX_DIRECTIONS = 128
_FILMS_A_DIRECTION = 50
_SPLITS = 3  # K = 2**3 clusters start as the octants of the first three directions
_SMALL = 0.02  # share of ordinary films below which a cluster is left out


@dataclass(frozen=True, eq=False)
class Subspace:
    """The principal directions of some films' standardised features."""

    mean: NDArray[np.float64]  # (F,)
    variances: NDArray[np.float64]  # (F,), largest first
    axes: NDArray[np.float64]  # (F, F), one a column

    def project(self, standard: NDArray[np.float32]) -> NDArray[np.float64]:
        """Coordinates (n, F) of standardised features (n, F)."""
        coordinates: NDArray[np.float64] = (standard - self.mean) @ self.axes
        return coordinates


@dataclass(frozen=True, eq=False)
class Distances:
    """Where each film stands to the ordinary ones."""

    standard: NDArray[np.float32]  # (n, F) features in robust standard deviations of the ordinary films
    squared: NDArray[np.float64]  # (n,)
    ordinary: NDArray[np.intp]  # (kept,) the rows of the smallest distances


def ordinary_distances(features: NDArray[np.float32]) -> Distances:
    """Distances of films with features (n, F) from the ordinary films among them.

    They are the nearest nine in ten, or fewer where more are strange: a share that is too large takes strange
    films in, and where some are of a kind, k-means gives all their kind a centroid. Fits to a core, which
    has no room for them, tell such a heap from a kind of ordinary films. The first choice is of the smallest
    norms: in a fit to all films, the strangest widen the very spread that should expose them.
    """
    n = len(features)
    directions = min(_MAX_DIRECTIONS, max(_SPLITS, n // _FILMS_A_DIRECTION), features.shape[1] // 2)
    start = _nearest(np.square(standardise(features, np.arange(n))).mean(axis=1), _CORE)
    core = _concentrate(features, start, _CORE, directions)
    for share in _SHARES:
        found = _concentrate(features, start, share, directions)
        if not _holds_heap(found, core.ordinary, directions):
            return found
        start = core.ordinary
    return core


def _concentrate(
    features: NDArray[np.float32], ordinary: NDArray[np.intp], share: float, directions: int
) -> Distances:
    """Fits that begin with the rows `ordinary`; each chooses the nearest `share` of films for the next.

    They end when the choice stays the same, as in a minimum covariance determinant (Rousseeuw & Van Driessen,
    1999).
    """
    for _ in range(_MAX_FITS):
        standard = standardise(features, ordinary)
        squared = _cluster_distances(standard, ordinary, directions)
        before, ordinary = ordinary, _nearest(squared, share)
        if np.array_equal(before, ordinary):
            break
    return Distances(standard, squared, ordinary)


def _holds_heap(found: Distances, core: NDArray[np.intp], directions: int) -> bool:
    """Whether a cluster of the ordinary films is one that the core's rows hardly reach."""
    subspace = principal_subspace(found.standard, found.ordinary)
    inside = subspace.project(found.standard[found.ordinary])[:, :directions]
    cluster = _nearest_centroid(inside, _centroids(inside))
    in_core = np.isin(found.ordinary, core)
    return any(in_core[cluster == k].mean() < _HEAP for k in np.unique(cluster))


def standardise(features: NDArray[np.float32], rows: NDArray[np.intp]) -> NDArray[np.float32]:
    """Features (n, F) in robust standard deviations of `rows`, clipped at CLIP."""
    low, middle, high = np.percentile(features[rows], [25, 50, 75], axis=0)
    spread = (high - low) / 1.349 + 1e-6  # the standard deviation, were it a Gaussian
    standard: NDArray[np.float32] = np.clip((features - middle) / spread, -CLIP, CLIP).astype(np.float32)
    return standard


def principal_subspace(standard: NDArray[np.float32], rows: NDArray[np.intp]) -> Subspace:
    """The principal directions of `rows`; exact, with no random start, for F is a few hundred."""
    kept = standard[rows].astype(np.float64)
    mean = kept.mean(axis=0)
    variances, axes = np.linalg.eigh((kept - mean).T @ (kept - mean) / len(rows))
    return Subspace(mean, variances[::-1], axes[:, ::-1])


def _cluster_distances(
    standard: NDArray[np.float32], rows: NDArray[np.intp], directions: int
) -> NDArray[np.float64]:
    """Squared distances (n,) to the own centroid by the cluster's spread, plus what leaves the subspace.

    Clusters are k-means' of the ordinary `rows`; small ones are left out, so that their films are far from
    the centroid that is left to them.
    """
    subspace = principal_subspace(standard, rows)
    noise = max(float(subspace.variances[directions:].mean()), _LEAST_VARIANCE)
    spread = np.maximum(subspace.variances[:directions], _LEAST_VARIANCE)
    coordinates = subspace.project(standard)
    inside, outside = coordinates[:, :directions], coordinates[:, directions:]
    centroids = _centroids(inside[rows])
    cluster = _nearest_centroid(inside, centroids)

    distances: NDArray[np.float64] = np.square(outside).sum(axis=1) / noise
    for k, centroid in enumerate(centroids):
        members = cluster == k
        trusted = inside[rows[members[rows]]] - centroid
        # Shrunk to the spread of all, by as many films as there are directions: a cluster holds few films.
        scatter = trusted.T @ trusted + directions * np.diag(spread)
        offsets = inside[members] - centroid
        solved = np.linalg.solve(scatter / (len(trusted) + directions), offsets.T).T
        distances[members] += (offsets * solved).sum(axis=1)
    return distances


def _centroids(inside: NDArray[np.float64]) -> NDArray[np.float64]:
    """K-means centroids (at most 8, d) of films (n, d), small clusters left out.

    It starts from the octants of the first directions, so that neither chance nor the films' order decides.
    Not scikit-learn's, whose threads add up in the order in which they end.
    """
    cluster = (inside[:, :_SPLITS] > 0) @ (1 << np.arange(_SPLITS))
    for _ in range(_MAX_LLOYD):
        centroids = np.stack([inside[cluster == k].mean(axis=0) for k in np.unique(cluster)])
        before, cluster = cluster, _nearest_centroid(inside, centroids)
        if np.array_equal(before, cluster):
            break
    sizes = np.bincount(cluster, minlength=len(centroids))
    return centroids[sizes >= _SMALL * len(inside)]


def _nearest_centroid(inside: NDArray[np.float64], centroids: NDArray[np.float64]) -> NDArray[np.intp]:
    """The number (n,) of each film's nearest centroid."""
    # Squared distances less the film's own norm, which is the same for all centroids.
    distances = np.square(centroids).sum(axis=1) - 2 * inside @ centroids.T
    nearest: NDArray[np.intp] = distances.argmin(axis=1)
    return nearest


def _nearest(distances: NDArray[np.floating], share: float) -> NDArray[np.intp]:
    """The rows of the smallest `share` of distances, in rising order."""
    count = max(1, int(share * len(distances)))
    return np.sort(np.argsort(distances, kind="stable")[:count])
