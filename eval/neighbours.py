"""Which films are nearer than others, decided by exact distances and found by fast ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.feature_rows import FeatureRows
from eval.groups import GROUPS
from eval.moments import Features

_TILE = 1 << 21  # distances held at once: 16 MiB as float64, so that memory does not grow with the films
_PAIRS = 1 << 17  # features of pairs taken at once for exact distances: 1 MiB, which stays in a cache
_CANDIDATES = 4  # nearest films looked at for each that is asked for and kept, before a whole row is


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Films as points. `exact` decides; `near` are the same points about a centre, in float32."""

    exact: Features  # (n, d)
    near: Features  # (n, d)
    norms: NDArray[np.float64]  # (n,): |near|^2

    @classmethod
    def about(cls, centre: NDArray[np.float64], features: Features) -> Points:
        """Features (n, d) about `centre` (d,), which points that are compared must have in common."""
        near = (features - centre).astype(np.float32)
        return cls(features, near, np.einsum("nd,nd->n", near, near, dtype=np.float64))


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Films as points, by their group."""

    points: Points
    groups: NDArray[np.int64]  # (n,), ascending
    starts: NDArray[np.int64]  # (GROUPS + 1,): where each group begins

    @classmethod
    def of(cls, films: FeatureRows, centre: NDArray[np.float64]) -> Cloud:
        """The films by group, about `centre` (d,)."""
        films = films.take(np.argsort(films.groups, kind="stable"))
        starts = np.searchsorted(films.groups, np.arange(GROUPS + 1))
        return cls(Points.about(centre, films.features), films.groups, starts)

    @property
    def count(self) -> int:
        return len(self.groups)

    def tiles(self, width: int) -> Iterator[slice]:
        """Runs of films of one group each, with at most _TILE distances to `width` others."""
        size = max(1, _TILE // width)
        for start, stop in zip(self.starts[:-1], self.starts[1:], strict=True):
            for at in range(start, stop, size):
                yield slice(at, min(at + size, stop))


def squared(a: Points, i: NDArray[np.int64], b: Points, j: NDArray[np.int64]) -> NDArray[np.float64]:
    """The squared distance of each pair of films (i, j): sums of exact differences, in float64.

    This is the distance that comparisons are defined by. It is the same for equal pairs wherever they stand,
    and zero for equal films, which a distance from norms and products is not.
    """
    found = np.empty(len(i))
    step = max(1, _PAIRS // a.exact.shape[1])
    for at in range(0, len(i), step):
        part = slice(at, at + step)
        differences = a.exact[i[part]].astype(np.float64) - b.exact[j[part]]
        found[part] = (differences * differences).sum(1)
    return found


def lower_bounds(a: Points, films: slice, b: Points) -> NDArray[np.float32]:
    """Lower bounds (t, n) of the squared distances of some films of `a` from `b`, by products of matrices.

    |x|^2 + |y|^2 - 2 x.y in float32 is off by at most `share` of |x|^2 + |y|^2, which is taken off.
    """
    kept = 1 - _share(a)
    lower = a.near[films] @ (b.near * np.float32(-2)).T
    lower += (kept * a.norms[films]).astype(np.float32)[:, None]
    lower += (kept * b.norms).astype(np.float32)
    return lower


def upper_bounds(lower: NDArray[np.float32], a: Points, i: Any, b: Points, j: Any) -> NDArray[np.float64]:
    """Upper bounds of the squared distances of films i of `a` and j of `b`, beside their lower ones."""
    found: NDArray[np.float64] = lower + 2 * _share(a) * (a.norms[i] + b.norms[j])
    return found


def _share(points: Points) -> float:
    """(d + 16) 2^-24: d for the product's sum, the rest for the norms, the centring and the lines above."""
    return float((points.near.shape[1] + 16) * 2.0**-24)


def radii(cloud: Cloud, k: int, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(s, n): each film's squared distance from its k-th neighbour in the groups of each row of `kept`.

    `kept` is (s, GROUPS), the first row all true.
    A film is not its own neighbour, an equal film is one. Infinite where fewer than k are there.
    """
    found = np.empty((len(kept), cloud.count))
    looked_at = min(int(_CANDIDATES * k / kept.mean(1).min()), cloud.count - 1)
    for films in cloud.tiles(cloud.count):
        rows = np.arange(films.start, films.stop)
        lower = lower_bounds(cloud.points, films, cloud.points)
        lower[rows - films.start, rows] = np.inf
        chosen = np.argpartition(lower, looked_at - 1, axis=1)[:, :looked_at]
        beyond = np.take_along_axis(lower, chosen, 1).max(1)  # nothing that was not chosen is nearer
        found[:, films] = _kth(cloud, rows, chosen, k, kept)
        doubtful = np.flatnonzero((found[:, films] > beyond).any(0))
        step = max(1, _TILE // (cloud.count * len(kept)))
        for at in range(0, len(doubtful), step):
            few = rows[doubtful[at : at + step]]
            others = np.arange(cloud.count - 1) + (np.arange(cloud.count - 1) >= few[:, None])
            found[:, few] = _kth(cloud, few, others, k, kept)
    return found


def _kth(
    cloud: Cloud, rows: NDArray[np.int64], others: NDArray[np.int64], k: int, kept: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(s, t): each row's k-th smallest distance from those of its others (t, m) that are kept."""
    points, i = cloud.points, np.repeat(rows, others.shape[1])
    pairs = squared(points, i, points, others.reshape(-1)).reshape(others.shape)
    order = np.argsort(pairs, axis=1, kind="stable")
    distances = np.take_along_axis(pairs, order, 1)
    groups = cloud.groups[np.take_along_axis(others, order, 1)]
    found = np.full((len(kept), len(rows)), np.inf)
    for number, members in enumerate(kept):
        reached = np.cumsum(members[groups], axis=1) >= k
        there = reached.any(1)
        found[number, there] = distances[there, reached[there].argmax(1)]
    return found
