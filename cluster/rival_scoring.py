"""The rows of metrics.json that say how a synthetic corpus and its rival differ."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from cluster.evaluation import Totals
from cluster.film_slices import REAL, REFERENCE, RIVAL, SYNTHETIC, VALIDATION, Selection, first_films
from cluster.finding_films import FindingStates
from cluster.rivalry import RIVALS, Rivalry
from diffcxr.findings import CHEXPERT_14
from eval.alignment import alignment_differences
from eval.auc import ScoredFilms, merge_all
from eval.classifier_differences import Differences, calibration_differences, compared, mauc_differences
from eval.differences import Difference, difference_of_means
from eval.f1 import choose_thresholds, f1_differences
from eval.feature_differences import (
    fid_difference,
    inception_difference,
    kid_difference,
    prdc_differences,
    vendi_difference,
)
from eval.feature_rows import merge_all as merge_rows
from eval.features.extractor import Extractor, Judge
from eval.fid_finding import fid_finding_differences
from eval.fid_infinity import fid_infinity_difference
from eval.ms_ssim import REFLECTED, VALID
from eval.paired import own_thresholds, pair
from eval.prdc import K
from eval.scores import Score

Follow = Callable[[str, Iterator[float]], Iterator[float]]
"""Shows the progress of a jackknife: what it is of, and its values."""
_Counted = tuple[Difference | None, int, int]  # and the films of either corpus that it is of
_OF_PAPERS = ("kid_whole", "inception_score_10")
"""What is only taken as others take it: models are compared by kid and inception_score."""
_Found = dict[tuple[str, str | None, str], _Counted]  # by metric, extractor and subset


def difference_scores(
    metrics: Collection[str],
    selections: Mapping[str, Selection],
    totals: Totals,
    rivalry: Rivalry,
    findings: FindingStates | None,  # of the real films
    scores: Sequence[Score],  # the rows of the synthetic corpus
    follow: Follow,
) -> list[Score]:
    """A row for each of `scores`, in their order: the value of the synthetic corpus less that of its rival.

    Both are taken over the films that are compared. Without a value where these are too few. Models are not
    compared by their distances from REFERENCE.
    """
    found: _Found = {}
    for extractor in totals.instruments.extractors:
        of_features = _of_features(metrics, totals, rivalry, extractor, follow)
        found |= {(metric, extractor.name, "all"): counted for metric, counted in of_features}
        if findings is not None and rivalry.findings is not None:
            real, *both = (
                of.states[side, extractor.name]
                for of, side in ((findings, REAL), *((rivalry.findings, side) for side in RIVALS))
            )
            for finding, difference, n in fid_finding_differences(real, *both, findings=CHEXPERT_14):
                found["fid_finding", extractor.name, finding] = difference, n, n
    if (classifier := totals.instruments.classifier) is not None:
        for differences, n, n_rival in _of_classifier(metrics, selections, totals, rivalry, classifier):
            for (metric, subset), difference in differences.items():
                found[metric, classifier.name, subset] = difference, n, n_rival
    matcher, alignments = totals.instruments.matcher, [totals[side].alignment for side in RIVALS]
    if matcher is not None and alignments[0] is not None and alignments[1] is not None:
        films = [alignment.films for alignment in alignments if alignment is not None]
        for metric, difference in alignment_differences(alignments[0], alignments[1]).items():
            found[metric, matcher.name, "all"] = difference, films[0], films[1]
    likeness, rivals = (totals[side].likeness for side in RIVALS)
    if len(likeness.values) and len(rivals.values):
        read = [totals[side].films - totals[side].unreadable for side in RIVALS]
        for edges, metric in ((REFLECTED, "ms_ssim"), (VALID, "ms_ssim_valid")):
            one, other = likeness.values[:, edges], rivals.values[:, edges]
            means = difference_of_means(one, likeness.patients, other, rivals.patients)
            found[metric, None, "all"] = means, read[0], read[1]
    against = _called(selections)
    further = selections[REFERENCE].name if REFERENCE in selections else None
    compared = [s for s in scores if s.reference != further and s.metric not in _OF_PAPERS]
    return [_row(score, found, rivalry, against) for score in compared]


def _of_features(
    metrics: Collection[str], totals: Totals, rivalry: Rivalry, extractor: Extractor, follow: Follow
) -> Iterator[tuple[str, _Counted]]:
    """Metrics with how they differ on one extractor's features."""
    name, real = extractor.name, totals[REAL]
    if (SYNTHETIC, name) in rivalry.sides:
        ours, rival = (rivalry.sides[side, name] for side in RIVALS)
        if "fid" in metrics and min(ours.count, rival.count) >= 2:
            difference = fid_difference(
                real.sides[name], ours, rival, lambda values: follow(f"fid {name}, rival", values)
            )
            yield "fid", (difference, ours.count, rival.count)
        if "fid_infinity" in metrics:
            extrapolated = fid_infinity_difference(
                real.sides[name], ours, rival, lambda values: follow(f"fid_infinity {name}, rival", values)
            )
            if extrapolated is not None:
                yield "fid_infinity", (extrapolated, ours.count, rival.count)
    if {"kid", "prdc"} & set(metrics):
        films = merge_rows(real.rows[name], extractor.dimension)
        one, other = (
            rivalry.chosen(side, merge_rows(totals[side].rows[name], extractor.dimension)) for side in RIVALS
        )
        n = min(films.count, one.count, other.count)
        if "kid" in metrics and n >= 2:
            yield "kid", (kid_difference(films, one, other), one.count, other.count)
        if "prdc" in metrics and n > K:
            for metric, difference in prdc_differences(films, one, other).items():
                yield metric, (difference, one.count, other.count)
    if (SYNTHETIC, name) in rivalry.varieties:
        variety, rivals = (rivalry.varieties[side, name] for side in RIVALS)
        if min(variety.count, rivals.count):
            difference = vendi_difference(
                variety, rivals, lambda values: follow(f"vendi {name}, rival", values)
            )
            yield "vendi", (difference, variety.count, rivals.count)
    if (SYNTHETIC, name) in rivalry.classes:
        sums, rival_sums = (rivalry.classes[side, name] for side in RIVALS)
        if min(sums.films, rival_sums.films):
            yield "inception_score", (inception_difference(sums, rival_sums), sums.films, rival_sums.films)


def _of_classifier(
    metrics: Collection[str],
    selections: Mapping[str, Selection],
    totals: Totals,
    rivalry: Rivalry,
    classifier: Judge,
) -> Iterator[tuple[Differences, int, int]]:
    """How what the classifier reads differs, with the films of either corpus."""

    def of(side: str) -> ScoredFilms:
        return merge_all(totals[side].scored, classifier.dimension)

    findings = classifier.findings
    ours, rival, paired = compared(rivalry.comparison, of(SYNTHETIC), of(RIVAL))
    n = len(ours.keys), len(rival.keys)
    if "mauc" in metrics:
        yield mauc_differences(ours, rival, paired, metric="mauc_label", findings=findings), *n
    if {"mauc_paired", "f1_paired"} & set(metrics):
        real = of(REAL)
        pairs = [
            pair(state, real, *first_films(selections[side])[:2])[0]
            for side, state in zip(RIVALS, (ours, rival), strict=True)
        ]
        one, other, paired = compared(rivalry.comparison, *pairs)
        films = len(one.keys), len(other.keys)
        if "mauc_paired" in metrics:
            yield mauc_differences(one, other, paired, metric="mauc_paired", findings=findings), *films
        if "f1_paired" in metrics:
            own = own_thresholds(classifier.dimension)
            yield f1_differences(one, other, own, findings=findings, truth="paired"), *films
    if "f1" in metrics:
        thresholds = choose_thresholds(of(VALIDATION))
        yield f1_differences(ours, rival, thresholds, findings=findings), *n
    if "calibration" in metrics:
        yield calibration_differences(ours, rival, findings=findings), *n


def _row(score: Score, found: _Found, rivalry: Rivalry, against: str) -> Score:
    n, n_rival = (len(keys) for keys in rivalry.comparison.keys)
    row = replace(
        score,
        metric=f"{score.metric}_difference",
        value=None,
        low=None,
        high=None,
        floor=None,
        ceiling=None,
        n_floor=None,
        value_at_floor=None,
        n_synthetic=n,
        n_rival=n_rival,
        n_positive=None,
        note=None,
        points=None,
        against=against,
    )
    if (counted := found.get((score.metric, score.extractor, score.subset))) is None:
        return row
    difference, n, n_rival = counted
    if difference is None:
        return replace(row, n_synthetic=n, n_rival=n_rival)
    single = score.metric.removesuffix("_micro").removesuffix("_weighted")
    findings = score.findings and tuple(f for f in score.findings if (single, score.extractor, f) in found)
    return replace(
        row,
        value=difference.value,
        low=difference.low,
        high=difference.high,
        rival_value=difference.rival,
        p_value=difference.p,
        n_synthetic=n,
        n_rival=n_rival,
        findings=findings,
        note=difference.how,
    )


def _called(selections: Mapping[str, Selection]) -> str:
    """The rival's name, told from that of a corpus that was made from the same reports."""
    ours, rival = (selections[side] for side in RIVALS)
    return rival.name if rival.name != ours.name else f"{rival.name}, {rival.corpus.digest[:10]}"
