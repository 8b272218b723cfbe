"""Paired truth: what the classifier itself reads on the real film of the report that a film was made from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eval.auc import ScoredFilms

THRESHOLD = 0.0
"""Of the classifier's logits, which is a probability of a half."""


def own_thresholds(findings: int) -> NDArray[np.float64]:
    """(findings,): the least score above THRESHOLD; `eval.f1` counts a score equal to it as seen."""
    return np.full(findings, float(np.nextafter(np.float32(THRESHOLD), np.float32(1))))


def pair(
    synthetic: ScoredFilms,
    real: ScoredFilms,  # as eval.auc.merge_all orders them
    keys: NDArray[np.uint64],  # (n,): of synthetic films
    firsts: NDArray[np.uint64],  # (n,): of the first real film of each one's report
) -> tuple[ScoredFilms, ScoredFilms]:
    """The synthetic films whose report has a first real film here, with paired truth; and those real films.

    A finding is present where the classifier gives the real film more than THRESHOLD (LLM-CXR, section 3.3).
    Raises ValueError where a synthetic film is not among `keys`.
    """
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], synthetic.keys), len(keys) - 1)
    if len(keys) == 0 or (keys[order][place] != synthetic.keys).any():
        raise ValueError("a synthetic film is of no known report")
    wanted = firsts[order][place]
    at = np.searchsorted(real.keys, wanted)
    there = np.flatnonzero(np.isin(wanted, real.keys))
    truth = (real.scores[at[there]] > THRESHOLD).astype(np.int8)
    used = np.unique(at[there])
    return (
        ScoredFilms(synthetic.scores[there], truth, synthetic.patients[there], synthetic.keys[there]),
        ScoredFilms(real.scores[used], real.truth[used], real.patients[used], real.keys[used]),
    )
