"""The count, mean and scatter of feature vectors, from any number of parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from eval.triangle import Triangle, add_outer, pack, unpack

Features = NDArray[np.float32]  # (n, d)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """A mergeable state of n vectors of dimension d.

    `pending` vectors are kept as they are until there are d of them, and then folded into `mean` and
    `scatter`, the sum of the outer products of the deviations from the mean. So a block's state is no larger
    than its features, a corpus's is a triangle and d vectors at most, and fewer than d vectors keep their
    full precision (`eval.frechet`).
    """

    dimension: int
    folded: int = 0  # how many vectors `mean` and `scatter` hold
    mean: NDArray[np.float64] | None = None  # (d,)
    scatter: Triangle | None = None  # of a (d, d) matrix
    pending: tuple[Features, ...] = field(default=())

    @property
    def count(self) -> int:
        return self.folded + sum(len(rows) for rows in self.pending)


def update(state: Moments, features: Features) -> Moments:
    """`state` with the vectors (n, d) added."""
    if features.ndim != 2 or features.shape[1] != state.dimension:
        raise ValueError(f"features {features.shape} do not have dimension {state.dimension}")
    if len(features) == 0:
        return state
    return merge(state, Moments(state.dimension, pending=(features,)))


def merge(a: Moments, b: Moments) -> Moments:
    """The state of the vectors of both; order matters only to the last bits."""
    if a.dimension != b.dimension:
        raise ValueError(f"states of dimension {a.dimension} and {b.dimension} cannot be merged")
    folded, mean, scatter = _merge_folded(a, b)
    state = Moments(a.dimension, folded, mean, scatter, (*a.pending, *b.pending))
    return fold(state) if state.count - state.folded >= state.dimension else state


def merge_all(states: Iterable[Moments], dimension: int) -> Moments:
    return reduce(merge, states, Moments(dimension))


def fold(state: Moments) -> Moments:
    """The same state with nothing pending."""
    if not state.pending:
        return state
    rows = pending_rows(state)
    mean = rows.mean(0)
    deviations = rows - mean
    deviations -= deviations.mean(0)  # what rounding left of the mean; matters far from the origin
    part = Moments(state.dimension, len(rows), mean, pack(deviations.T @ deviations))
    folded, mean_, scatter = _merge_folded(state, part)
    return Moments(state.dimension, folded, mean_, scatter)


def pending_rows(state: Moments) -> NDArray[np.float64]:
    """The vectors (n, d) not folded yet, as float64."""
    return (
        np.concatenate(state.pending).astype(np.float64) if state.pending else np.empty((0, state.dimension))
    )


def result(state: Moments) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
    """Count, mean (d,) and covariance (d, d) with ddof 1. Raises ValueError below two vectors."""
    whole = fold(state)
    if whole.folded < 2 or whole.mean is None or whole.scatter is None:
        raise ValueError(f"a covariance needs two vectors, not {whole.folded}")
    return whole.folded, whole.mean, unpack(whole.scatter, state.dimension) / (whole.folded - 1)


def _merge_folded(a: Moments, b: Moments) -> tuple[int, NDArray[np.float64] | None, Triangle | None]:
    """Chan, Golub and LeVeque (1979): the pairwise update, stable where sums of squares are not."""
    if a.mean is None or a.scatter is None:
        return b.folded, b.mean, b.scatter
    if b.mean is None or b.scatter is None:
        return a.folded, a.mean, a.scatter
    count = a.folded + b.folded
    shift = b.mean - a.mean
    mean = a.mean + shift * (b.folded / count)
    scatter = a.scatter + b.scatter
    add_outer(scatter, shift, a.folded * b.folded / count)
    return count, mean, scatter
