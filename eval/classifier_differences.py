"""How two synthetic corpora differ in what a finding classifier reads on their films."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from diffcxr.findings import DIFFCXR_11
from eval import calibration
from eval.auc import MIN_OF_EACH_CLASS, ScoredFilms, auc, macro, pooled, result, weighted
from eval.comparison import Comparison
from eval.delong import compare, delong, difference
from eval.differences import Difference, by_halves, by_resamples
from eval.groups import GROUPS
from eval.intervals import draw_aucs

RESAMPLES = 1000
Differences = dict[tuple[str, str], Difference]
"""By metric and subset, as the rows of a single corpus are; what has too few films is not there."""


def compared(
    comparison: Comparison, ours: ScoredFilms, rival: ScoredFilms
) -> tuple[ScoredFilms, ScoredFilms, bool]:
    """The films that are compared, as `eval.auc.merge_all` orders them, and whether they stand one by one.

    They do where the corpora are of the same reports, and these say the same in both.
    """
    ours, rival = (
        state.take(comparison.takes(corpus, state.keys)) for corpus, state in enumerate((ours, rival))
    )
    if not comparison.paired:
        return ours, rival, False
    _, at, other = np.intersect1d(ours.keys, rival.keys, return_indices=True)  # both could be read
    ours, rival = ours.take(at), rival.take(other)
    same = (ours.truth == rival.truth).all() and (ours.patients == rival.patients).all()
    return ours, rival, bool(same)


def mauc_differences(
    ours: ScoredFilms,
    rival: ScoredFilms,
    paired: bool,
    *,
    metric: str,
    findings: Sequence[str],
    resamples: int = RESAMPLES,
) -> Differences:
    """Of the rows of `eval.mauc.mauc_scores`, over the findings that have a value in both corpora.

    Single findings and the micro mean are compared by DeLong's test for films of patients where films stand
    one by one; all else by resamples of patients with their films of either corpus.
    """
    values, rivals = result(ours), result(rival)
    used = [
        i
        for i, pair in enumerate(zip(values, rivals, strict=True))
        if all(of.value is not None for of in pair)
    ]
    eleven = [index for index in used if findings[index] in DIFFCXR_11]
    sets = {name: chosen for name, chosen in (("all", used), ("diffcxr_11", eleven)) if chosen}
    patients = np.concatenate([ours.patients, rival.patients])
    draws, rival_draws = (draw_aucs(state, sets, patients, resamples) for state in (ours, rival))
    differences: Differences = {}
    for name, chosen in sets.items():
        means = [macro(of[i] for i in chosen) for of in (values, rivals)]
        differences[metric, name] = _resampled(means, draws.macro[name] - rival_draws.macro[name])
    if used:
        means = [weighted(of[i] for i in used) for of in (values, rivals)]
        spread = draws.weighted["all"] - rival_draws.weighted["all"]
        differences[f"{metric}_weighted", "all"] = _resampled(means, spread)
        differences[f"{metric}_micro", "all"] = _micro(ours, rival, used, paired, resamples)
    tested = compare(ours, rival) if paired else [None] * len(findings)
    for index in used:
        spread = draws.findings[:, index] - rival_draws.findings[:, index]
        by_films = _resampled([values[index].value, rivals[index].value], spread)
        differences[metric, findings[index]] = tested[index] or by_films
    return differences


def calibration_differences(ours: ScoredFilms, rival: ScoredFilms, *, findings: Sequence[str]) -> Differences:
    """Of the rows of `eval.calibration.calibration_scores`, over findings with enough films in both."""
    enough = np.ones(len(findings), np.bool_)
    values, halves, groups = [], [], np.full(len(findings), GROUPS)
    for scored in (ours, rival):
        state = calibration.update(calibration.Calibration.empty(len(findings)), scored)
        positive, known = state.positive.sum((0, 2)), state.films.sum((0, 2))
        enough &= np.minimum(positive, known - positive) >= MIN_OF_EACH_CLASS
        values.append(calibration.result(state))
        halves.append(calibration.half_values(state))
        groups = np.minimum(groups, calibration.groups_of(state))
    used: list[int] = np.flatnonzero(enough).tolist()
    differences: Differences = {}
    for number, name in enumerate(calibration.NAMES):
        for subset, chosen in [("all", used), *((findings[i], [i]) for i in used)]:
            if chosen:
                value, rivals = (float(of[number, chosen].mean()) for of in values)
                one, other = (of[:, :, number, chosen].mean(-1) for of in halves)
                differences[f"{name}_label", subset] = by_halves(
                    value - rivals, rivals, one - other, int(groups[chosen].min())
                )
    return differences


def _micro(
    ours: ScoredFilms, rival: ScoredFilms, findings: Sequence[int], paired: bool, resamples: int
) -> Difference:
    """Of the AUC of all films and findings together."""
    both = [pooled(state, findings) for state in (ours, rival)]
    if paired:
        scores, (_, positive, of) = np.stack([scores for scores, _, _ in both], axis=1), both[0]
        with suppress(ValueError):  # a class comes from one patient
            return difference(delong(scores, positive, of))
    patients = np.concatenate([ours.patients, rival.patients])
    draws = []
    for scores, positive, of in both:
        one = ScoredFilms(scores[:, None], positive.astype(np.int8)[:, None], of, of)
        draws.append(draw_aucs(one, {}, patients, resamples).findings[:, 0])
    values: list[float | None] = [auc(scores, positive) for scores, positive, _ in both]
    return _resampled(values, draws[0] - draws[1])


def _resampled(values: Sequence[float | None], draws: NDArray[np.float64]) -> Difference:
    value, rivals = values
    assert value is not None and rivals is not None  # of findings that have one in both
    return by_resamples(value - rivals, rivals, draws)
