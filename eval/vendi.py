"""The Vendi score: how many different films a set is worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from eval.groups import GROUPS
from eval.jackknife import LeftOut, leave_one_out
from eval.moments import Features
from eval.scores import Score
from eval.triangle import Triangle, pack, unpack


@dataclass(frozen=True, slots=True, eq=False)
class SecondMoment:
    """A mergeable state of n vectors of dimension d: the sum of x x' over them, each at length 1.

    `pending` vectors are kept as they are until there are d of them: fewer have no smaller state. A vector of
    zeros has no direction: it is unlike every other, and the kernel of it with itself is 0.
    """

    dimension: int
    folded: int = 0
    total: Triangle | None = None  # of a (d, d) matrix
    pending: tuple[Features, ...] = ()

    @property
    def count(self) -> int:
        return self.folded + sum(map(len, self.pending))


def update(state: SecondMoment, features: Features) -> SecondMoment:
    """`state` with the vectors (n, d) added. Raises ValueError for another dimension."""
    if features.ndim != 2 or features.shape[1] != state.dimension:
        raise ValueError(f"features {features.shape} do not have dimension {state.dimension}")
    return merge(state, SecondMoment(state.dimension, pending=(features,))) if len(features) else state


def merge(a: SecondMoment, b: SecondMoment) -> SecondMoment:
    """The state of the vectors of both; order matters only to the last bits."""
    if a.dimension != b.dimension:
        raise ValueError(f"states of dimension {a.dimension} and {b.dimension} cannot be merged")
    totals = [part.total for part in (a, b) if part.total is not None]
    total = sum(totals[1:], totals[0]) if totals else None
    state = SecondMoment(a.dimension, a.folded + b.folded, total, (*a.pending, *b.pending))
    return fold(state) if state.count - state.folded >= state.dimension else state


def fold(state: SecondMoment) -> SecondMoment:
    """The same state with nothing pending."""
    if not state.pending:
        return state
    rows = _directions(state)
    total = pack(rows.T @ rows)
    return SecondMoment(state.dimension, state.count, total if state.total is None else state.total + total)


def result(state: SecondMoment) -> float:
    """exp(-sum l log l), l the eigenvalues of K / n with the cosine kernel K (Friedman and Dieng 2023).

    K / n and the second moment of the directions have the same ones beside zeros: whichever is the smaller
    matrix is taken. 1 where all films are alike, n where all are orthogonal. Raises ValueError for no vector.
    """
    if state.count == 0:
        raise ValueError("a Vendi score needs a film")
    if state.total is None:
        rows = _directions(state)
        return _from_matrix(rows @ rows.T / state.count)
    total = fold(state).total
    assert total is not None
    return _from_matrix(unpack(total, state.dimension) / state.count)


@dataclass(frozen=True, slots=True, eq=False)
class Variety:
    """A mergeable state of one corpus: second moments by jackknife group, and of films at the floor's n."""

    groups: tuple[SecondMoment, ...]  # GROUPS of them
    matched: SecondMoment

    @classmethod
    def empty(cls, dimension: int) -> Variety:
        return cls((SecondMoment(dimension),) * GROUPS, SecondMoment(dimension))

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def films(self) -> NDArray[np.int64]:
        """(GROUPS, 1): how many each group has."""
        return np.array([[group.count] for group in self.groups], np.int64)


def update_variety(
    state: Variety, features: Features, groups: NDArray[np.int64], matched: NDArray[np.bool_]
) -> Variety:
    """`state` with films (n, d) added: the group of each, and whether it is among the floor's n."""
    return Variety(
        tuple(update(part, features[groups == number]) for number, part in enumerate(state.groups)),
        update(state.matched, features[matched]),
    )


def merge_varieties(a: Variety, b: Variety) -> Variety:
    return Variety(
        tuple(merge(x, y) for x, y in zip(a.groups, b.groups, strict=True)), merge(a.matched, b.matched)
    )


def left_out(state: Variety, follow: Callable[[Iterator[float]], Iterator[float]] = iter) -> LeftOut:
    """The score of all films, and without each group's. Raises ValueError where there is no film."""
    rests = leave_one_out(state.groups, SecondMoment(state.matched.dimension), merge)
    scores = follow(result(rest) if rest.count else float("nan") for rest in rests)
    return LeftOut(result(reduce(merge, state.groups)), np.array(list(scores)), state.films)


def vendi_score(
    real: SecondMoment,  # of as many real films as there are matched synthetic ones
    synthetic: Variety,
    *,
    n_real: int,
    extractor: str,
    digest: str,
    reference: str,
    follow: Callable[[Iterator[float]], Iterator[float]] = iter,  # shows the progress of the jackknife
) -> Score:
    """The score of all synthetic films, with a delete-group jackknife interval.

    `ceiling` is that of real films at one n, since it grows with n; `floor` that of one film again and again.
    Raises ValueError where there is no synthetic film.
    """
    whole = left_out(synthetic, follow)
    low, high = whole.interval()
    n = min(real.count, synthetic.matched.count)
    return Score(
        metric="vendi",
        extractor=extractor,
        value=whole.value,
        low=low,
        high=high,
        floor=1.0,
        ceiling=result(real) if n else None,
        n_floor=n or None,
        value_at_floor=result(synthetic.matched) if n else None,
        n_real=n_real,
        n_synthetic=synthetic.count,
        reference=reference,
        digest=digest,
    )


def _directions(state: SecondMoment) -> NDArray[np.float64]:
    """The pending vectors (n, d), each at length 1."""
    rows = np.concatenate(state.pending).astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    directions: NDArray[np.float64] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return directions


def _from_matrix(matrix: NDArray[np.float64]) -> float:
    found = np.linalg.eigvalsh(matrix)
    found = found[found > 0]
    return float(np.exp(-(found * np.log(found)).sum()))
