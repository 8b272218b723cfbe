"""ROC curves of findings with pointwise bands, from the scores that AUCs are taken from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.auc import MIN_OF_EACH_CLASS, ScoredFilms

STEPS = 50
GRID: NDArray[np.float64] = np.arange(STEPS + 1) / STEPS
"""False positive rates at which a curve is told."""
RESAMPLES = 500
BAND = f"95 % at each rate, of {RESAMPLES} resamples of patients, averaged vertically"


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """True positive rates (len(GRID),) at the false positive rates of GRID, and the ends of their band."""

    rates: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def curves(state: ScoredFilms, resamples: int = RESAMPLES, seed: int = 0) -> list[Curve | None]:
    """A curve a finding, in the order of the columns; None where a class has too few films.

    The band is that of vertical averaging (Fawcett 2006, "An introduction to ROC analysis", section 9.1):
    percentiles of the true positive rate at each false positive rate, over resamples of *patients* with all
    their films. It holds the curve at each rate 95 times in 100, not the whole curve at once.
    """
    everybody, patient = np.unique(state.patients, return_inverse=True)
    columns = [_Column.of(s, t) for s, t in zip(state.scores.T, state.truth.T, strict=True)]
    drawn = [np.empty((resamples, len(GRID))) for _ in columns]
    rng = np.random.default_rng(seed)
    for resample in range(resamples if any(columns) else 0):
        counts = np.bincount(rng.integers(len(everybody), size=len(everybody)), minlength=len(everybody))
        weights = counts[patient]
        for column, rates in zip(columns, drawn, strict=True):
            if column is not None:
                rates[resample] = column.rates(weights)
    one = np.ones(len(patient), np.int64)
    return [
        None if column is None else Curve(column.rates(one), *np.nanpercentile(rates, [2.5, 97.5], axis=0))
        for column, rates in zip(columns, drawn, strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    """One finding's known films by falling score, sorted once for all resamples."""

    films: NDArray[np.int64]  # (m,): places in the state
    positive: NDArray[np.int64]  # (m,): 1 or 0
    lasts: NDArray[np.int64]  # the last film of each score: equal scores are one step of the curve

    @classmethod
    def of(cls, scores: NDArray[np.float32], truth: NDArray[np.int8]) -> _Column | None:
        if min((truth == 1).sum(), (truth == 0).sum()) < MIN_OF_EACH_CLASS:
            return None
        known = np.flatnonzero(truth >= 0)
        films = known[np.argsort(-scores[known], kind="stable")]
        lasts = np.append(np.flatnonzero(np.diff(scores[films])), len(films) - 1)
        return cls(films, (truth[films] == 1).astype(np.int64), lasts)

    def rates(self, weights: NDArray[np.int64]) -> NDArray[np.float64]:
        """True positive rates at GRID, film i counting weights[i] times; nan where a class weighs nothing.

        Where the curve rises upright it is told by its upper end, and between its corners by the straight
        line that ties stand for.
        """
        weighed = weights[self.films]
        of_positive = weighed * self.positive
        hits = np.append(0, np.cumsum(of_positive)[self.lasts])
        alarms = np.append(0, np.cumsum(weighed - of_positive)[self.lasts])
        if not hits[-1] or not alarms[-1]:
            return np.full(len(GRID), np.nan)
        at = np.arange(STEPS + 1) * alarms[-1] / STEPS  # whole where a corner is, as GRID * alarms is not
        before = np.searchsorted(alarms, at, "right") - 1
        after = np.minimum(before + 1, len(alarms) - 1)
        run = np.maximum(alarms[after] - alarms[before], 1)
        share = (at - alarms[before]) / run
        rates: NDArray[np.float64] = (hits[before] + (hits[after] - hits[before]) * share) / hits[-1]
        return rates
