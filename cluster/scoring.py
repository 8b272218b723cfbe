"""From the evidence of two corpora to the rows of metrics.json."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from cluster.evaluation import Totals
from cluster.evidence import Evidence
from cluster.film_slices import REAL, REFERENCE, SYNTHETIC, VALIDATION, Selection, first_films
from cluster.varieties import Varieties
from eval.alignment import Alignment, alignment_scores
from eval.auc import ScoredFilms, merge_all
from eval.calibration import calibration_scores
from eval.f1 import choose_thresholds, f1_scores
from eval.feature_rows import merge_all as merge_rows
from eval.features.extractor import Extractor, Judge, Matcher
from eval.fid import fid_score
from eval.fid_infinity import fid_infinity_score
from eval.floors import FloorPlan
from eval.inception_score import inception_score, inception_score_10
from eval.kid import kid_score
from eval.mauc import mauc_scores
from eval.ms_ssim import ms_ssim_scores
from eval.paired import own_thresholds, pair
from eval.prdc import prdc_scores
from eval.reference import settled
from eval.scores import Score
from eval.vendi import vendi_score

Follow = Callable[[str, Iterator[float]], Iterator[float]]
"""Shows the progress of a jackknife: what it is of, and its values."""

MS_SSIM_DIGEST = "ms-ssim 5 scales 11 taps sigma 1.5 grey range 1"


def feature_scores(
    metrics: Collection[str],
    selections: Mapping[str, Selection],
    totals: Totals,
    varieties: Varieties,
    extractor: Extractor,
    follow: Follow,
) -> Iterator[Score]:
    """The rows of one extractor's features. Each side has two films at least."""
    real, synthetic = totals[REAL], totals[SYNTHETIC]
    name, plan = extractor.name, varieties.plan
    told: dict[str, Any] = {"extractor": name, "digest": extractor.digest, "reference": selections[REAL].name}
    if "fid" in metrics:
        yield fid_score(
            settled(real.sides[name]),
            synthetic.sides[name],
            **told,
            follow=lambda values: follow(f"fid {name}", values),
        )
    if "fid_infinity" in metrics:
        yield fid_infinity_score(
            real.sides[name],
            synthetic.sides[name],
            **told,
            follow=lambda values: follow(f"fid_infinity {name}", values),
        )
    if {"kid", "kid_whole", "prdc"} & set(metrics):
        of_real, of_synthetic = (
            merge_rows(side.rows[name], extractor.dimension) for side in (real, synthetic)
        )
        if "kid" in metrics:
            yield kid_score(of_real, of_synthetic, plan, **told)
        if "kid_whole" in metrics:
            yield kid_score(of_real, of_synthetic, plan, **told, whole=True)
        if "prdc" in metrics:
            yield from prdc_scores(of_real, of_synthetic, plan, **told)
    if name in varieties.synthetic:
        yield vendi_score(
            varieties.real[name],
            varieties.synthetic[name],
            n_real=real.films - real.unreadable,
            **told,
            follow=lambda values: follow(f"vendi {name}", values),
        )
    if (REAL, name) in varieties.classes:
        classes = varieties.classes[REAL, name]
        if "inception_score" in metrics:
            yield inception_score(classes, varieties.classes[SYNTHETIC, name], **told)
        if name in varieties.splits:
            yield inception_score_10(classes, varieties.splits[name], **told)


def reference_scores(
    metrics: Collection[str],
    selections: Mapping[str, Selection],
    totals: Totals,
    plan: FloorPlan,
    extractor: Extractor,
    follow: Follow,
) -> Iterator[Score]:
    """The rows of what is a distance from real films, from those of REFERENCE."""
    yield from feature_scores(
        [metric for metric in metrics if metric in ("fid", "fid_infinity", "kid", "kid_whole", "prdc")],
        {**selections, REAL: selections[REFERENCE]},
        totals.seen_as(REAL, REFERENCE),
        Varieties(plan),
        extractor,
        follow,
    )


def match_scores(selections: Mapping[str, Selection], totals: Totals, matcher: Matcher) -> Iterator[Score]:
    """The rows of how films and their reports match."""
    real, synthetic = (
        totals[side].alignment or Alignment.empty(matcher.films.dimension) for side in (REAL, SYNTHETIC)
    )
    yield from alignment_scores(
        real,
        synthetic,
        matcher=matcher.name,
        digest=matcher.digest,
        reference=f"reports of {selections[SYNTHETIC].name}",
    )


def classifier_scores(
    metrics: Collection[str],
    selections: Mapping[str, Selection],
    totals: Totals,
    classifier: Judge,
) -> Iterator[Score]:
    """The rows of what a finding classifier reads on the films."""

    def of(side: str) -> ScoredFilms:
        return merge_all(totals[side].scored, classifier.dimension)

    real, synthetic = of(REAL), of(SYNTHETIC)
    told: dict[str, Any] = {
        "findings": classifier.findings,
        "extractor": classifier.name,
        "digest": classifier.digest,
    }
    labels = f"labels of {selections[SYNTHETIC].name}"
    if "mauc" in metrics:
        yield from mauc_scores(synthetic, real, **told, reference=labels)
    if {"mauc_paired", "f1_paired"} & set(metrics):
        keys, firsts, _ = first_films(selections[SYNTHETIC])
        paired = pair(synthetic, real, keys, firsts)
        reference = f"the classifier on paired films of {selections[REAL].name}"
        if "mauc_paired" in metrics:
            yield from mauc_scores(*paired, **told, reference=reference, truth="paired")
        if "f1_paired" in metrics:
            own = own_thresholds(classifier.dimension)
            yield from f1_scores(*paired, own, **told, reference=reference, truth="paired")
    if "f1" in metrics:
        thresholds = choose_thresholds(of(VALIDATION))
        reference = f"{labels}, thresholds of {selections[VALIDATION].name}"
        yield from f1_scores(synthetic, real, thresholds, **told, reference=reference)
    if "calibration" in metrics:
        yield from calibration_scores(synthetic, real, **told, reference=labels)


def film_scores(selections: Mapping[str, Selection], totals: Totals) -> Iterator[Score]:
    """The rows of what is measured on the films themselves."""

    def read(evidence: Evidence) -> int:
        return evidence.films - evidence.unreadable

    real, synthetic = totals[REAL], totals[SYNTHETIC]
    quartets = totals.instruments.quartets.get(SYNTHETIC)
    yield from ms_ssim_scores(
        real.likeness,
        synthetic.likeness,
        n_real=read(real),
        n_synthetic=read(synthetic),
        digest=MS_SSIM_DIGEST,
        reference=selections[REAL].name,
        prompts=None if quartets is None else quartets.found,
    )
