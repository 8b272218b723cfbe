"""The inception score: whether a network is sure what it sees, and sees many different things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from eval.groups import GROUPS
from eval.jackknife import LeftOut
from eval.scores import Score

SPLITS = 10
"""Of Salimans et al. 2016, and of torchmetrics and torch-fidelity."""


@dataclass(frozen=True, slots=True, eq=False)
class ClassSums:
    """A mergeable state of films by jackknife group, or by split; the last row: those at the floor's n."""

    count: NDArray[np.int64]  # (GROUPS + 1,)
    probability: NDArray[np.float64]  # (GROUPS + 1, classes): sums of p
    negentropy: NDArray[np.float64]  # (GROUPS + 1,): sums of p log p

    @classmethod
    def empty(cls, classes: int) -> ClassSums:
        rows = GROUPS + 1
        return cls(np.zeros(rows, np.int64), np.zeros((rows, classes)), np.zeros(rows))

    @property
    def films(self) -> int:
        return int(self.count[:GROUPS].sum())

    @property
    def matched(self) -> int:
        return int(self.count[GROUPS])


def update(
    state: ClassSums,
    logits: NDArray[np.floating],  # (n, classes)
    groups: NDArray[np.int64],
    matched: NDArray[np.bool_],  # (n,): among the floor's n
) -> ClassSums:
    """`state` with films added. Raises ValueError for another number of classes."""
    if logits.ndim != 2 or logits.shape[1] != state.probability.shape[1]:
        raise ValueError(f"logits {logits.shape} are not of {state.probability.shape[1]} classes")
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    p = np.exp(log_p)
    members = np.concatenate([np.eye(GROUPS)[groups], matched[:, None]], axis=1)  # (n, GROUPS + 1)
    return ClassSums(
        state.count + members.sum(0).astype(np.int64),
        state.probability + members.T @ p,
        state.negentropy + members.T @ (p * log_p).sum(1),
    )


def split_edges(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(SPLITS - 1,): the smallest key in each split but the first, of films (n,) in the order of their keys.

    Keys are hashes, so that this is an order drawn at random, which no shard changes; the splits are as large
    as torch.chunk makes them, and torchmetrics with it. The last ones of few films are empty.
    """
    size = max(1, -(-len(keys) // SPLITS))
    first = np.sort(keys)[size::size][: SPLITS - 1]
    edges = np.full(SPLITS - 1, np.iinfo(np.uint64).max)
    edges[: len(first)] = first
    return edges


def splits(keys: NDArray[np.uint64], edges: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The split (n,) of each film."""
    return np.searchsorted(edges, keys, side="right")


def merge(a: ClassSums, b: ClassSums) -> ClassSums:
    """The state of the films of both; order matters only to the last bits."""
    return ClassSums(a.count + b.count, a.probability + b.probability, a.negentropy + b.negentropy)


def result(state: ClassSums) -> float:
    """exp of the mean of KL(p(y|x) || p(y)) over all films, in one split (Salimans et al. 2016).

    The usual ten splits raise it, the more the fewer films are (`inception_score_10`). Raises ValueError
    where there is no film.
    """
    return _score(state.films, state.probability[:GROUPS].sum(0), float(state.negentropy[:GROUPS].sum()))


def left_out(state: ClassSums) -> LeftOut:
    """The score of all films, and without each group's. Raises ValueError where there is no film."""
    scores = np.full(GROUPS, np.nan)
    for gone in range(GROUPS):
        rest = np.delete(np.arange(GROUPS), gone)
        if count := int(state.count[rest].sum()):
            scores[gone] = _score(count, state.probability[rest].sum(0), float(state.negentropy[rest].sum()))
    return LeftOut(result(state), scores, state.count[:GROUPS, None])


def inception_score(
    real: ClassSums, synthetic: ClassSums, *, extractor: str, digest: str, reference: str
) -> Score:
    """The score of all synthetic films, with a delete-group jackknife interval.

    `ceiling` is that of real films at one n, `floor` that of one film again and again. Raises ValueError
    where there is no synthetic film.
    """
    whole = left_out(synthetic)
    low, high = whole.interval()
    n = min(real.matched, synthetic.matched)
    return Score(
        metric="inception_score",
        extractor=extractor,
        value=whole.value,
        low=low,
        high=high,
        floor=1.0,
        ceiling=_matched_score(real) if n else None,
        n_floor=n or None,
        value_at_floor=_matched_score(synthetic) if n else None,
        n_real=real.films,
        n_synthetic=synthetic.films,
        reference=reference,
        digest=digest,
        note="one split; classes of photographs, not of radiographs",
    )


def inception_score_10(
    real: ClassSums, split: ClassSums, *, extractor: str, digest: str, reference: str
) -> Score:
    """The mean over ten splits of the synthetic films, as papers print it; `split` is by split, of `splits`.

    It has no interval: the standard deviation over splits, which the note has, is that of a tenth of the
    films. Raises ValueError where there is no synthetic film.
    """
    rows = [row for row in range(SPLITS) if split.count[row]]
    if not rows:
        raise ValueError("an inception score needs a film")
    scores = [
        _score(int(split.count[row]), split.probability[row], float(split.negentropy[row])) for row in rows
    ]
    return Score(
        metric="inception_score_10",
        extractor=extractor,
        value=float(np.mean(scores)),
        floor=1.0,
        n_real=real.films,
        n_synthetic=split.films,
        reference=reference,
        digest=digest,
        note=f"mean over {len(rows)} splits, standard deviation {np.std(scores):.3g}, which is no interval",
    )


def _matched_score(state: ClassSums) -> float:
    return _score(state.matched, state.probability[GROUPS], float(state.negentropy[GROUPS]))


def _score(count: int, probability: NDArray[np.float64], negentropy: float) -> float:
    if count == 0:
        raise ValueError("an inception score needs a film")
    marginal = probability / count
    known = marginal > 0
    entropy = -(marginal[known] * np.log(marginal[known])).sum()
    return float(np.exp(entropy + negentropy / count))
