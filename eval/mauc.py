"""Label mAUC: whether a classifier finds on the films what their reports say."""

from __future__ import annotations

from collections.abc import Sequence

from diffcxr.findings import DIFFCXR_11
from eval.auc import FindingAUC, ScoredFilms, macro, result, shuffled
from eval.intervals import bootstrap_auc
from eval.scores import Score

RESAMPLES = 1000


def mauc_scores(
    synthetic: ScoredFilms,
    real: ScoredFilms,
    *,
    findings: Sequence[str],
    extractor: str,
    digest: str,
    reference: str,
    resamples: int = RESAMPLES,
) -> list[Score]:
    """The macro mean over all findings, over Diff-CXR's eleven, then each finding.

    Values are AUCs of the synthetic films' scores against the labels of their reports; `floor` takes another
    patient's labels instead, `ceiling` is the same on the real films. Intervals resample patients. A finding
    with too few films of a class has a row without a value, and no part in the means.
    """
    eleven = [index for index, name in enumerate(findings) if name in DIFFCXR_11]
    sets = {"all": list(range(len(findings))), "diffcxr_11": eleven}
    values, floors, ceilings = result(synthetic), result(shuffled(synthetic)), result(real)
    intervals = bootstrap_auc(synthetic, sets, resamples)
    n_real, n_synthetic = len(real.keys), len(synthetic.keys)

    def mean(of: list[FindingAUC], chosen: Sequence[int]) -> float | None:
        # Floor and ceiling are over the very findings that the value is over.
        return macro(of[index] for index in chosen if values[index].value is not None)

    scores = []
    for name, chosen in sets.items():
        low, high = intervals.macro[name] or (None, None)
        scores.append(
            Score(
                metric="mauc_label",
                extractor=extractor,
                subset=name,
                value=mean(values, chosen),
                low=low,
                high=high,
                floor=mean(floors, chosen),
                ceiling=mean(ceilings, chosen),
                n_real=n_real,
                n_synthetic=n_synthetic,
                reference=reference,
                digest=digest,
                findings=tuple(findings[i] for i in chosen if values[i].value is not None),
            )
        )
    for index, finding in enumerate(findings):
        low, high = intervals.findings[index] or (None, None)
        scores.append(
            Score(
                metric="mauc_label",
                extractor=extractor,
                subset=finding,
                value=values[index].value,
                low=low,
                high=high,
                floor=floors[index].value,
                ceiling=ceilings[index].value,
                n_real=n_real,
                n_synthetic=n_synthetic,
                n_positive=values[index].n_positive,
                reference=reference,
                digest=digest,
            )
        )
    return scores
