"""The area under the ROC curve of each finding, and its means, from any number of parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.groups import of_another
from eval.ranks import mid_ranks

MIN_OF_EACH_CLASS = 10
"""A finding with fewer positives or fewer negatives is left out of the macro mean."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFilms:
    """A mergeable state: every film's scores, exactly, with its truth and whose film it is.

    Binned or half-precision scores would tie where a classifier saturates; 1 M films x 14 are 56 MB.
    """

    scores: NDArray[np.float32]  # (n, findings), higher is likelier
    truth: NDArray[np.int8]  # (n, findings): 1, 0, or -1 (not known, dropped)
    patients: NDArray[np.uint64]  # (n,): eval.groups.stable_hash of the patient
    keys: NDArray[np.uint64]  # (n,): that of the film, which orders films whatever shard they came from

    @classmethod
    def empty(cls, findings: int) -> ScoredFilms:
        return cls(
            np.empty((0, findings), np.float32),
            np.empty((0, findings), np.int8),
            np.empty(0, np.uint64),
            np.empty(0, np.uint64),
        )

    def take(self, films: NDArray[np.bool_] | NDArray[np.int64]) -> ScoredFilms:
        """Those films, by a mask (n,) or by their places."""
        return ScoredFilms(self.scores[films], self.truth[films], self.patients[films], self.keys[films])


@dataclass(frozen=True, slots=True)
class FindingAUC:
    """`value` is None where a class has fewer than MIN_OF_EACH_CLASS films."""

    value: float | None
    n_positive: int
    n_negative: int


def merge_all(states: Iterable[ScoredFilms], findings: int) -> ScoredFilms:
    """All films in the order of their keys, so that nothing depends on shards."""
    parts = [ScoredFilms.empty(findings), *states]
    keys = np.concatenate([part.keys for part in parts])
    order = np.argsort(keys, kind="stable")
    return ScoredFilms(
        np.concatenate([part.scores for part in parts])[order],
        np.concatenate([part.truth for part in parts])[order],
        np.concatenate([part.patients for part in parts])[order],
        keys[order],
    )


def auc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float:
    """The probability that a positive scores above a negative, ties counting half (Mann-Whitney).

    Raises ValueError where a class is empty.
    """
    n_positive = int(positive.sum())
    n_negative = len(positive) - n_positive
    if n_positive == 0 or n_negative == 0:
        raise ValueError("an AUC needs both classes")
    above = mid_ranks(scores)[positive].sum() - n_positive * (n_positive + 1) / 2
    return float(above / (n_positive * n_negative))


def result(state: ScoredFilms) -> list[FindingAUC]:
    """One AUC a finding, in the order of the columns."""
    values = []
    for scores, truth in zip(state.scores.T, state.truth.T, strict=True):
        known = truth >= 0
        n_positive, n_negative = int((truth == 1).sum()), int((truth == 0).sum())
        enough = min(n_positive, n_negative) >= MIN_OF_EACH_CLASS
        values.append(
            FindingAUC(auc(scores[known], truth[known] == 1) if enough else None, n_positive, n_negative)
        )
    return values


def macro(values: Iterable[FindingAUC]) -> float | None:
    """The mean over the findings that have a value; None where none has."""
    known = [finding.value for finding in values if finding.value is not None]
    return float(np.mean(known)) if known else None


def weighted(values: Iterable[FindingAUC]) -> float | None:
    """The mean in which each finding counts as often as it is there; None where none has a value."""
    known = [(finding.value, finding.n_positive) for finding in values if finding.value is not None]
    if not known:
        return None
    return float(np.average([value for value, _ in known], weights=[count for _, count in known]))


def pooled(
    state: ScoredFilms, findings: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.uint64]]:
    """Scores, truth and patients (m,) of all known pairs of a film and a finding: a micro mean's."""
    truth = state.truth[:, list(findings)]
    film, finding = np.nonzero(truth >= 0)
    return (
        state.scores[:, list(findings)][film, finding],
        truth[film, finding] == 1,
        state.patients[film],
    )


def shuffled(state: ScoredFilms) -> ScoredFilms:
    """Each film judged by the report of another patient: what scores show of anything but their own report.

    Keys are hashes, so turning their order by half is a shuffle that no shard or seed can move. Nothing is
    known of films where there is one patient alone.
    """
    order = np.argsort(state.keys, kind="stable")
    told = of_another(state.patients[order], -(len(order) // 2))
    truth = np.empty_like(state.truth)
    truth[order] = np.where(told[:, None] >= 0, state.truth[order][told], -1)
    return ScoredFilms(state.scores, truth, state.patients, state.keys)
