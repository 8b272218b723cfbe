"""Calibration: whether a finding that is given a probability p is there p of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from eval.auc import MIN_OF_EACH_CLASS, ScoredFilms, shuffled
from eval.groups import GROUPS, groups
from eval.intervals import balanced_halves, half_sample
from eval.scores import Score

BINS = 15
"""Of equal width; a probability on an edge belongs to the bin below it."""
_EDGES = np.linspace(0, 1, BINS + 1)[1:-1]
NAMES = ("ece", "brier")


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A mergeable state: sums by jackknife group, finding and bin."""

    films: NDArray[np.int64]  # (GROUPS, findings, BINS)
    positive: NDArray[np.int64]  # the same
    probability: NDArray[np.float64]  # the same
    squares: NDArray[np.float64]  # (GROUPS, findings): sums of (p - truth)^2

    @classmethod
    def empty(cls, findings: int) -> Calibration:
        shape = (GROUPS, findings, BINS)
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape[:2]))


def update(state: Calibration, scored: ScoredFilms) -> Calibration:
    """`state` with films added whose scores are logits; unknown truth is left out."""
    members = groups(scored.patients)
    parts = Calibration.empty(scored.scores.shape[1])
    for finding, (logits, truth) in enumerate(zip(scored.scores.T, scored.truth.T, strict=True)):
        known = truth >= 0
        p, there, group = expit(logits[known].astype(np.float64)), truth[known] == 1, members[known]
        place = group * BINS + np.searchsorted(_EDGES, p, side="left")

        def sums(
            weights: NDArray[np.float64] | None, place: NDArray[np.int64] = place
        ) -> NDArray[np.float64]:
            return np.bincount(place, weights, GROUPS * BINS).reshape(GROUPS, BINS).astype(np.float64)

        parts.films[:, finding] = sums(None)
        parts.positive[:, finding] = sums(there.astype(np.float64))
        parts.probability[:, finding] = sums(p)
        parts.squares[:, finding] = np.bincount(group, (p - there) ** 2, GROUPS)
    return merge(state, parts)


def merge(a: Calibration, b: Calibration) -> Calibration:
    """The state of the films of both; order matters only to the last bits."""
    return Calibration(
        a.films + b.films, a.positive + b.positive, a.probability + b.probability, a.squares + b.squares
    )


def result(state: Calibration) -> NDArray[np.float64]:
    """(2, findings): ECE and Brier score, nan for a finding without films.

    The expected calibration error is the mean over films of |share of positives - mean probability| in their
    bin (Naeini et al. 2015); the Brier score the mean of (p - truth)^2.
    """
    return _values(state.films.sum(0), state.positive.sum(0), state.probability.sum(0), state.squares.sum(0))


def groups_of(state: Calibration) -> NDArray[np.int64]:
    """(findings,): how many groups of patients have films."""
    found: NDArray[np.int64] = (state.films.sum(2) > 0).sum(0)
    return found


def half_values(state: Calibration) -> NDArray[np.float64]:
    """(splits, 2, 2, findings): the same of both halves of `eval.intervals.balanced_halves`."""
    splits = balanced_halves()
    parts = state.films, state.positive, state.probability, state.squares
    halves = [_values(*(part[kept].sum(0) for part in parts)) for kept in (*splits, *~splits)]
    return np.stack(np.split(np.stack(halves), 2), axis=1)


def calibration_scores(
    synthetic: ScoredFilms,
    real: ScoredFilms,
    *,
    findings: Sequence[str],
    extractor: str,
    digest: str,
    reference: str,
) -> list[Score]:
    """For ECE and Brier score: the mean over findings with enough films of each class, then each of these.

    Lower is better: `ceiling` is the real films', `floor` takes another patient's labels. Intervals come
    from half-samples of patients.
    """
    nothing = Calibration.empty(len(findings))
    ours, chance, best = (update(nothing, state) for state in (synthetic, shuffled(synthetic), real))
    n_positive, n_known = ours.positive.sum((0, 2)), ours.films.sum((0, 2))
    enough = np.minimum(n_positive, n_known - n_positive) >= MIN_OF_EACH_CLASS
    used: list[int] = np.flatnonzero(enough).tolist()
    values, floors, ceilings = (result(state) for state in (ours, chance, best))
    halves, groups = half_values(ours), groups_of(ours)
    scores = []
    for number, name in enumerate(NAMES):
        row = Score(
            metric=f"{name}_label",
            extractor=extractor,
            value=None,
            n_real=len(real.keys),
            n_synthetic=len(synthetic.keys),
            reference=reference,
            digest=digest,
            note=f"{BINS} bins of equal width" if name == "ece" else None,
        )
        told = tuple(findings[index] for index in used)
        for subset, chosen in [("all", used), *((findings[i], [i]) for i in used)]:
            one = replace(
                row,
                subset=subset,
                findings=told if subset == "all" else None,
                n_positive=None if subset == "all" else int(n_positive[chosen[0]]),
            )
            if len(chosen):
                value, *bounds = (float(of[number, chosen].mean()) for of in (values, floors, ceilings))
                floor, ceiling = (None if np.isnan(bound) else bound for bound in bounds)
                low, high = half_sample(
                    value, halves[:, :, number, chosen].mean(-1), int(groups[chosen].min())
                )
                one = replace(
                    one,
                    value=value,
                    low=None if low is None else max(low, 0.0),
                    high=high,
                    floor=floor,
                    ceiling=ceiling,
                )
            scores.append(one)
    return scores


def _values(
    films: NDArray[np.int64],
    positive: NDArray[np.int64],
    probability: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> NDArray[np.float64]:
    count = films.sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = np.stack(
            [np.abs(positive - probability).sum(-1) / count, squares / count]
        )
    return found
