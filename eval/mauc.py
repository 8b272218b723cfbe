"""mAUC: whether a classifier finds on the films what their reports say, or what it finds on the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from diffcxr.findings import DIFFCXR_11
from eval.auc import FindingAUC, ScoredFilms, auc, macro, pooled, result, shuffled, weighted
from eval.delong import delong
from eval.intervals import Interval, bootstrap_auc
from eval.scores import Score

RESAMPLES = 1000
Truth = Literal["label", "paired"]
_NONE = (None, None)


def mauc_scores(
    synthetic: ScoredFilms,
    real: ScoredFilms,
    *,
    findings: Sequence[str],
    extractor: str,
    digest: str,
    reference: str,
    truth: Truth = "label",
    resamples: int = RESAMPLES,
) -> list[Score]:
    """The macro mean over all findings, that over Diff-CXR's eleven, weighted and micro means, each finding.

    Values are AUCs of the synthetic films' scores against their truth: the labels of their reports, or for
    `paired` what `eval.paired` made of the real films. `floor` takes another patient's truth instead, and
    `ceiling` is the same on the real films, for labels. Intervals resample patients, but that of the micro
    mean is DeLong's, clustered by patient. A finding with too few films of a class has a row without a value,
    and no part in the means.
    """
    sets = {
        "all": list(range(len(findings))),
        "diffcxr_11": [index for index, name in enumerate(findings) if name in DIFFCXR_11],
    }
    chance = shuffled(synthetic)
    values, floors = result(synthetic), result(chance)
    ceilings = result(real) if truth == "label" else [FindingAUC(None, 0, 0)] * len(findings)
    intervals = bootstrap_auc(synthetic, sets, resamples)
    valued = {name: [i for i in chosen if values[i].value is not None] for name, chosen in sets.items()}
    row = Score(
        metric=f"mauc_{truth}",
        extractor=extractor,
        value=None,
        n_real=len(real.keys),
        n_synthetic=len(synthetic.keys),
        reference=reference,
        digest=digest,
    )

    scores = []
    for name, used in valued.items():
        # Floor and ceiling are over the very findings that the value is over.
        low, high = intervals.macro[name] or _NONE
        value, floor, ceiling = (macro(of[i] for i in used) for of in (values, floors, ceilings))
        told = tuple(findings[i] for i in used)
        scores.append(
            replace(
                row, subset=name, value=value, low=low, high=high, floor=floor, ceiling=ceiling, findings=told
            )
        )
    everything = replace(row, findings=scores[0].findings)
    used = valued["all"]
    low, high = intervals.weighted["all"] or _NONE
    value, floor, ceiling = (weighted(of[i] for i in used) for of in (values, floors, ceilings))
    scores.append(
        replace(
            everything,
            metric=f"{row.metric}_weighted",
            value=value,
            low=low,
            high=high,
            floor=floor,
            ceiling=ceiling,
        )
    )
    value, (low, high) = _micro(synthetic, used)
    scores.append(
        replace(
            everything,
            metric=f"{row.metric}_micro",
            value=value,
            low=low,
            high=high,
            floor=_micro(chance, used)[0],
            ceiling=_micro(real, used)[0] if truth == "label" else None,
        )
    )
    for index, finding in enumerate(findings):
        low, high = intervals.findings[index] or _NONE
        scores.append(
            replace(
                row,
                subset=finding,
                value=values[index].value,
                low=low,
                high=high,
                floor=floors[index].value,
                ceiling=ceilings[index].value,
                n_positive=values[index].n_positive,
            )
        )
    return scores


def _micro(state: ScoredFilms, findings: Sequence[int]) -> tuple[float | None, Interval | tuple[None, None]]:
    """The AUC of all films and findings together, and its interval; None where a class is empty."""
    scores, positive, patients = pooled(state, findings)
    if positive.all() or not positive.any():
        return None, _NONE
    try:
        found = delong(scores[:, None], positive, patients)
    except ValueError:  # a class comes from one patient
        return auc(scores, positive), _NONE
    return float(found.values[0]), found.interval(0)
