"""Each film's nearest films of a corpus, however large: one pass over it, and a state that does not grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.feature_rows import FeatureRows
from eval.neighbours import Points, lower_bounds, squared, upper_bounds

# Shapes: q films whose neighbours are looked for, n films to look among, k neighbours.


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """A mergeable state: the k films that are nearest so far to each of q films, the nearest first.

    Of equal distances the smaller key is the nearer, so that the state does not depend on shards or order.
    """

    distances: NDArray[np.float64]  # (q, k), squared; infinite where fewer than k were seen
    keys: NDArray[np.uint64]  # (q, k)

    @classmethod
    def empty(cls, films: int, k: int) -> Nearest:
        return cls(np.full((films, k), np.inf), np.zeros((films, k), np.uint64))


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Films (q,) whose neighbours are looked for; `own_patients`: also among films of their own patients, as
    for a copy, which has the key of what it is a copy of where reports are the same.
    """

    films: FeatureRows
    own_patients: bool
    centre: NDArray[np.float64]  # (d,)
    points: Points

    @classmethod
    def of(cls, films: FeatureRows, own_patients: bool) -> Search:
        """Raises ValueError where there is no film."""
        if not films.count:
            raise ValueError("a search needs a film")
        centre = films.features.mean(0, np.float64)
        return cls(films, own_patients, centre, Points.about(centre, films.features))

    def update(self, state: Nearest, among: FeatureRows) -> Nearest:
        """`state` with films (n, d) to look among added.

        Distances are sums of exact differences in float64 (`eval.neighbours.squared`); products of matrices
        only leave out what cannot be among the k nearest.
        """
        if not among.count:
            return state
        k = state.distances.shape[1]
        theirs = Points.about(self.centre, among.features)
        lower = lower_bounds(self.points, slice(None), theirs)
        if not self.own_patients:
            lower[self.films.patients[:, None] == among.patients] = np.inf
        upper = upper_bounds(lower, self.points, np.s_[:, None], theirs, np.s_[:])
        reach = state.distances[:, -1]
        if among.count >= k:
            reach = np.minimum(reach, np.partition(upper, k - 1, axis=1)[:, k - 1])
        i, j = np.nonzero((lower <= reach[:, None]) & np.isfinite(lower))
        found = _ranked(i, squared(self.points, i, theirs, j), among.keys[j], self.films.count, k)
        return merge(state, found)


def merge(a: Nearest, b: Nearest) -> Nearest:
    """The nearest of both. They must be of the same films, and have seen different ones."""
    films, k = a.distances.shape
    distances = np.concatenate([a.distances, b.distances], axis=1).reshape(-1)
    keys = np.concatenate([a.keys, b.keys], axis=1).reshape(-1)
    return _ranked(np.repeat(np.arange(films), 2 * k), distances, keys, films, k)


def _ranked(
    i: NDArray[np.int64], distances: NDArray[np.float64], keys: NDArray[np.uint64], films: int, k: int
) -> Nearest:
    """The k nearest of pairs (m,) of a film and one with a key."""
    order = np.lexsort((keys, distances, i))
    i, distances, keys = i[order], distances[order], keys[order]
    rank = np.arange(len(i)) - np.searchsorted(i, i)
    found, first = Nearest.empty(films, k), rank < k
    found.distances[i[first], rank[first]] = distances[first]
    found.keys[i[first], rank[first]] = keys[first]
    return found
