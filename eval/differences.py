"""How much a measure of one corpus exceeds that of its rival, with a 95 % interval and a p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.groups import GROUPS
from eval.intervals import half_sample_error
from eval.jackknife import LeftOut
from eval.student import margin, p_value


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of one corpus less that of its rival.

    `p` is two-sided, for no difference, and below 0.05 where the interval leaves 0 out. None three times
    where there are too few patients to tell.
    """

    value: float
    rival: float  # the rival's own
    low: float | None  # 95 %
    high: float | None
    p: float | None
    how: str  # the interval and the p-value were found


def by_error(value: float, rival: float, error: float, how: str, degrees: float = float("inf")) -> Difference:
    """From a standard error with Student's t of so many degrees of freedom; infinitely many are a normal."""
    if error == 0:  # nothing differs, whoever is left out
        return Difference(value, rival, value, value, 1.0 if value == 0 else 0.0, how)
    half = margin(error, degrees)
    return Difference(value, rival, value - half, value + half, p_value(value / error, degrees), how)


def by_jackknife(difference: LeftOut, rival: float) -> Difference:
    """From the difference, and what it is without each group of patients.

    They are left out of both corpora, and of the real one, at once: what these share cancels out.
    """
    how = f"jackknife over {difference.groups} groups of patients"
    error, degrees = difference.error()
    if not degrees:
        return Difference(difference.value, rival, None, None, None, how)
    return by_error(difference.value, rival, error, how, degrees)


def by_halves(
    value: float, rival: float, halves: NDArray[np.float64], groups: int, least: float = 0.0
) -> Difference:
    """From the differences (splits, 2) on both halves of `eval.intervals.balanced_halves`, where so many
    groups have films; `least` is the standard error where the halves show a smaller one.
    """
    error, degrees = half_sample_error(halves, groups)
    error = max(error, least)
    how = f"{len(halves)} splits of {GROUPS} groups of patients into halves"
    if degrees < 2:
        return Difference(value, rival, None, None, None, how)
    return by_error(value, rival, error, how, degrees)


def by_resamples(value: float, rival: float, draws: NDArray[np.float64]) -> Difference:
    """From the differences (resamples,) of patients drawn anew, the same for both corpora; nan is left out.

    The percentile interval; `p` is twice the share of resamples on the other side of 0, itself counted.
    """
    known = draws[~np.isnan(draws)]
    how = f"{len(known):,} resamples of patients"
    if not len(known):
        return Difference(value, rival, None, None, None, how)
    low, high = (float(end) for end in np.percentile(known, [2.5, 97.5]))
    beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return Difference(value, rival, low, high, min(1.0, 2 * (beyond + 1) / (len(known) + 1)), how)


def difference_of_means(
    values: NDArray[np.float64],  # (n,)
    patients: NDArray[np.uint64],
    rival_values: NDArray[np.float64],  # (m,)
    rival_patients: NDArray[np.uint64],
    resamples: int = 1000,
) -> Difference:
    """The mean of some values less that of the rival's, patients drawn anew with what they have of either.

    Nothing is told of one patient alone. Raises ValueError where there is no value on a side.
    """
    if not len(values) or not len(rival_values):
        raise ValueError("a mean needs a value")
    everybody, patient = np.unique(np.concatenate([patients, rival_patients]), return_inverse=True)
    whose = patient[: len(values)], patient[len(values) :]
    sums, counts = (
        [np.bincount(of, weights, len(everybody)) for of, weights in zip(whose, both, strict=True)]
        for both in ((values, rival_values), (None, None))
    )
    rng = np.random.default_rng(0)
    draws = np.full(resamples, np.nan)
    of_several = all(np.count_nonzero(count) > 1 for count in counts)
    for resample in range(resamples if of_several else 0):
        drawn = rng.integers(len(everybody), size=len(everybody))
        films = [int(count[drawn].sum()) for count in counts]
        if all(films):
            ours, rivals = (sum_[drawn].sum() / count for sum_, count in zip(sums, films, strict=True))
            draws[resample] = ours - rivals
    rival = float(rival_values.mean())
    return by_resamples(float(values.mean()) - rival, rival, draws)
