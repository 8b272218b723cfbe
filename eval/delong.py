"""The variance of AUCs without resampling, and whether two differ: DeLong, for films of patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.auc import MIN_OF_EACH_CLASS, ScoredFilms
from eval.differences import Difference, by_error
from eval.ranks import mid_ranks
from eval.student import margin


@dataclass(frozen=True, slots=True, eq=False)
class AUCs:
    """AUCs (k,) of k scores of the same films, and their covariance (k, k)."""

    values: NDArray[np.float64]
    covariance: NDArray[np.float64]

    def interval(self, index: int) -> tuple[float, float]:
        """95 %, value -+ 1.96 standard errors, within 0 and 1."""
        value, error = float(self.values[index]), float(np.sqrt(self.covariance[index, index]))
        half = margin(error, float("inf"))
        return max(value - half, 0.0), min(value + half, 1.0)


def delong(
    scores: NDArray[np.floating],  # (n, k)
    positive: NDArray[np.bool_],  # (n,)
    patients: NDArray[np.uint64],  # (n,)
) -> AUCs:
    """AUCs and their covariance, films of one patient taken together (Obuchowski 1997).

    With one film a patient this is DeLong, DeLong and Clarke-Pearson (1988). A patient may have films of both
    classes. Raises ValueError where a class comes from fewer than two patients.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    _, patient = np.unique(patients, return_inverse=True)
    clusters = int(patient.max()) + 1 if len(patient) else 0
    with_positive, with_negative = (len(np.unique(patient[films])) for films in (positive, ~positive))
    if min(with_positive, with_negative) < 2:
        raise ValueError("DeLong's variance needs two patients of each class")
    columns = scores.shape[1]
    values = np.empty(columns)
    by_positive, by_negative = np.zeros((clusters, columns)), np.zeros((clusters, columns))
    for column, of in enumerate(scores.T):
        above = _placements(of[positive], of[~positive])  # (m,): V10
        below = 1 - _placements(of[~positive], of[positive])  # (n,): V01
        values[column] = above.mean()
        by_positive[:, column] = np.bincount(patient[positive], above - values[column], clusters)
        by_negative[:, column] = np.bincount(patient[~positive], below - values[column], clusters)
    cross = by_positive.T @ by_negative * (clusters / (clusters - 1) / (m * n))
    covariance = (
        by_positive.T @ by_positive * (with_positive / (with_positive - 1) / m**2)
        + by_negative.T @ by_negative * (with_negative / (with_negative - 1) / n**2)
        + cross
        + cross.T
    )
    return AUCs(values, covariance)


def compare(first: ScoredFilms, second: ScoredFilms) -> list[Difference | None]:
    """One difference a finding between two models' scores of the same reports; None where films are too few,
    or a class comes from one patient.

    Films are paired by their keys, and those that only one state has are left out; so are those whose truth
    is not known. Raises ValueError where paired films differ in truth or patient.
    """
    _, at, other = np.intersect1d(first.keys, second.keys, return_indices=True)
    if (first.truth[at] != second.truth[other]).any() or (first.patients[at] != second.patients[other]).any():
        raise ValueError("films of one key differ in truth or patient")
    found: list[Difference | None] = []
    for finding in range(first.scores.shape[1]):
        truth = first.truth[at, finding]
        known = truth >= 0
        if min((truth == 1).sum(), (truth == 0).sum()) < MIN_OF_EACH_CLASS:
            found.append(None)
            continue
        scores = np.stack([first.scores[at, finding], second.scores[other, finding]], axis=1)
        try:
            found.append(difference(delong(scores[known], truth[known] == 1, first.patients[at][known])))
        except ValueError:
            found.append(None)
    return found


def difference(aucs: AUCs) -> Difference:
    """The first of two AUCs less the second, by their covariance."""
    contrast = np.array([1.0, -1.0])
    value = float(contrast @ aucs.values)
    error = float(np.sqrt(max(contrast @ aucs.covariance @ contrast, 0.0)))
    return by_error(value, float(aucs.values[1]), error, "DeLong's variance, clustered by patient")


def _placements(of: NDArray[np.floating], among: NDArray[np.floating]) -> NDArray[np.float64]:
    """For each score the share of others below it, ties counting half."""
    both = mid_ranks(np.concatenate([of, among]))[: len(of)]
    placements: NDArray[np.float64] = (both - mid_ranks(of)) / len(among)
    return placements
