"""F1 of each finding, at a threshold that was chosen on other films."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from eval.auc import MIN_OF_EACH_CLASS, ScoredFilms, shuffled
from eval.differences import Difference, by_resamples
from eval.intervals import Interval
from eval.mauc import Truth
from eval.scores import Score

RESAMPLES = 1000


def choose_thresholds(validation: ScoredFilms) -> NDArray[np.float64]:
    """(findings,): the score from which on a finding counts as seen, where F1 is largest; the highest such.

    nan for a finding with too few films of a class.
    """
    found = np.full(validation.scores.shape[1], np.nan)
    for finding, (scores, truth) in enumerate(zip(validation.scores.T, validation.truth.T, strict=True)):
        positive = truth[truth >= 0] == 1
        if min(positive.sum(), (~positive).sum()) < MIN_OF_EACH_CLASS:
            continue
        ordered = scores[truth >= 0]
        order = np.argsort(-ordered, kind="stable")
        ordered = ordered[order]
        hits = np.cumsum(positive[order])
        last = np.append(ordered[1:] != ordered[:-1], True)  # equal scores are on one side
        f1 = 2 * hits[last] / (np.flatnonzero(last) + 1 + positive.sum())
        found[finding] = ordered[last][f1.argmax()]
    return found


def f1_scores(
    synthetic: ScoredFilms,
    real: ScoredFilms,
    thresholds: NDArray[np.float64],  # (findings,), nan where none could be chosen
    *,
    findings: Sequence[str],
    extractor: str,
    digest: str,
    reference: str,
    truth: Truth = "label",
    resamples: int = RESAMPLES,
) -> list[Score]:
    """The macro mean, the micro F1 over all films and findings, then each finding.

    Truth is the labels of reports, or for `paired` what `eval.paired` made of the real films. `floor` takes
    another patient's truth, `ceiling` is the same on the real films, for labels. Intervals resample patients.
    A finding has no value where it has no threshold or too few films of a class.
    """
    counts = _counts(synthetic, thresholds, synthetic.patients)
    enough = _enough(synthetic, thresholds)
    used: list[int] = np.flatnonzero(enough).tolist()
    chance = shuffled(synthetic)
    sums = [_f1(_counts(state, thresholds, state.patients).sum(0), used) for state in (synthetic, chance)]
    of_several = bool((chance.truth >= 0).any())  # patients: one has no other
    ceilings = _ceilings(real, thresholds, used) if truth == "label" else {}
    draws = _resampled(counts, used, resamples) if len(used) and len(counts) > 1 else None
    row = Score(
        metric=f"f1_{truth}",
        extractor=extractor,
        value=None,
        n_real=len(real.keys),
        n_synthetic=len(synthetic.keys),
        reference=reference,
        digest=digest,
    )

    def filled(row: Score, place: int) -> Score:
        """With the numbers at a place of `_f1`: macro, micro, then the findings that are used."""
        value, floor = (float(values[place]) for values in sums)
        low, high = _percentiles(draws[:, place]) if draws is not None else (None, None)
        ceiling = ceilings.get(place)
        return replace(
            row, value=value, floor=floor if of_several else None, ceiling=ceiling, low=low, high=high
        )

    told = tuple(findings[index] for index in used)
    means = [replace(row, findings=told), replace(row, metric=f"f1_{truth}_micro", findings=told)]
    scores = [filled(mean, place) for place, mean in enumerate(means)] if len(used) else means
    for index, finding in enumerate(findings):
        one = replace(row, subset=finding, n_positive=int((synthetic.truth[:, index] == 1).sum()))
        if enough[index]:
            one = filled(
                replace(one, note=f"seen from a logit of {thresholds[index]:.4g} on"), 2 + used.index(index)
            )
        scores.append(one)
    return scores


def f1_differences(
    ours: ScoredFilms,
    rival: ScoredFilms,
    thresholds: NDArray[np.float64],  # (findings,), nan where none could be chosen
    *,
    findings: Sequence[str],
    truth: Truth = "label",
    resamples: int = RESAMPLES,
) -> dict[tuple[str, str], Difference]:
    """How two corpora differ in the rows of `f1_scores`, by metric and subset, over the findings of both.

    Patients are drawn anew with their films of either corpus; nothing is told of one patient alone. A finding
    with too few films is not there.
    """
    used: list[int] = np.flatnonzero(_enough(ours, thresholds) & _enough(rival, thresholds)).tolist()
    if not used:
        return {}
    patients = np.concatenate([ours.patients, rival.patients])
    counts = [_counts(state, thresholds, patients) for state in (ours, rival)]
    value, rivals = (_f1(of.sum(0), used) for of in counts)
    draws, rival_draws = (_resampled(of, used, resamples) for of in counts)
    if any(len(np.unique(state.patients)) < 2 for state in (ours, rival)):
        draws = np.full_like(draws, np.nan)
    metric = f"f1_{truth}"
    rows = [(metric, "all"), (f"{metric}_micro", "all"), *((metric, findings[i]) for i in used)]
    return {
        row: by_resamples(float(value[at] - rivals[at]), float(rivals[at]), draws[:, at] - rival_draws[:, at])
        for at, row in enumerate(rows)
    }


def _ceilings(real: ScoredFilms, thresholds: NDArray[np.float64], used: list[int]) -> dict[int, float]:
    """F1 of real films by its place in `_f1` of `used`, over those of the findings with enough such films."""
    there = [index for index in used if _enough(real, thresholds)[index]]
    if not there:
        return {}
    macro, micro, *each = _f1(_counts(real, thresholds, real.patients).sum(0), there).tolist()
    of_findings = {2 + used.index(index): value for index, value in zip(there, each, strict=True)}
    return {0: macro, 1: micro, **of_findings}


def _enough(state: ScoredFilms, thresholds: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(findings,): a threshold, and enough films of each class."""
    of_each = np.minimum((state.truth == 1).sum(0), (state.truth == 0).sum(0))
    enough: NDArray[np.bool_] = ~np.isnan(thresholds) & (of_each >= MIN_OF_EACH_CLASS)
    return enough


def _counts(
    state: ScoredFilms, thresholds: NDArray[np.float64], among: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """(patients of `among`, findings, 2): hits, and films that are positive plus films that are called so."""
    everybody = np.unique(among)
    patient = np.searchsorted(everybody, state.patients)
    seen = state.scores >= np.where(np.isnan(thresholds), np.inf, thresholds)
    known = state.truth >= 0
    positive = state.truth == 1
    found = np.zeros((len(everybody), len(thresholds), 2), np.int64)
    np.add.at(found[..., 0], patient, seen & positive)
    np.add.at(found[..., 1], patient, positive.astype(np.int64) + (seen & known))
    return found


def _f1(sums: NDArray[np.int64 | np.float64], used: list[int]) -> NDArray[np.float64]:
    """(..., 2 + used): macro, micro, each finding, of (..., findings, 2); 0 where there is nothing."""
    hits, called = sums[..., used, 0], sums[..., used, 1]
    each = 2 * hits / np.maximum(called, 1)
    macro = each.mean(-1, keepdims=True) if len(used) else each
    micro = 2 * hits.sum(-1, keepdims=True) / np.maximum(called.sum(-1, keepdims=True), 1)
    return np.concatenate([macro, micro, each], axis=-1)


def _resampled(counts: NDArray[np.int64], used: list[int], resamples: int) -> NDArray[np.float64]:
    """(resamples, 2 + used): `_f1` over patients drawn anew."""
    rng = np.random.default_rng(0)
    flat = counts.reshape(len(counts), -1).astype(np.float64)
    found = np.empty((resamples, 2 + len(used)))
    for resample in range(resamples):
        drawn = np.bincount(rng.integers(len(flat), size=len(flat)), minlength=len(flat))
        found[resample] = _f1((drawn @ flat).reshape(counts.shape[1:]), used)
    return found


def _percentiles(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
