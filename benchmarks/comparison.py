"""How often two models that are equally good are told apart at p < 0.05, by every measure's comparison.

Films are drawn as in `benchmarks.coverage`. The two models' are made from the same reports, which decide half
of what the films are, or from reports of other patients; or they are drawn as the real ones are, where
distances have no linear term that a jackknife could see.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.special import expit

from benchmarks.coverage import DIMENSION, FILMS, PATIENTS, alike, drawn_films, new_patients
from benchmarks.result import Bar, parse_arguments, write_result
from eval import inception_score
from eval.auc import ScoredFilms
from eval.classifier_differences import calibration_differences, mauc_differences
from eval.differences import Difference
from eval.feature_differences import (
    fid_difference,
    inception_difference,
    kid_difference,
    prdc_differences,
    vendi_difference,
)
from eval.feature_rows import FeatureRows
from eval.fid import Side, update_side
from eval.inception_score import ClassSums
from eval.vendi import Variety, update_variety

_FINDINGS = ("Edema", "Fracture")
_LEVELS = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75)
_MOST = 0.1
"""Of comparisons by one measure that may tell equals apart at p < 0.05: twice as many as should."""
_Rng = np.random.Generator
_Found = dict[str, Difference]


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    draws = 60 if arguments.quick else 1_000
    started = time.perf_counter()
    bars, explains = [], {}
    kinds = {"same reports": _same_reports, "other reports": _other_reports, "as real": _as_real}
    for kind, of in kinds.items():
        p: dict[str, list[float]] = {}
        for draw in range(draws):
            for name, found in of(np.random.default_rng(draw)).items():
                if found.p is not None:
                    p.setdefault(name, []).append(found.p)
        told = {name: float(np.mean(np.array(values) < 0.05)) for name, values in p.items()}
        most = max(told, key=told.__getitem__)
        # A quick run's share is told to no more than its own error.
        slack = 2 * float(np.sqrt(_MOST * (1 - _MOST) / draws)) if arguments.quick else 0.0
        bars.append(Bar(f"{kind}: {most}, at most", told[most], _MOST, told[most] <= _MOST + slack))
        explains[kind] = {
            name: {f"p < {level}": float(np.mean(np.array(values) < level)) for level in _LEVELS}
            for name, values in p.items()
        }
    write_result(
        "comparison",
        bars,
        arguments.output,
        draws=draws,
        films=FILMS,
        patients=PATIENTS,
        dimension=DIMENSION,
        shares=explains,
        seconds=time.perf_counter() - started,
    )


def _same_reports(rng: _Rng) -> _Found:
    patients, told = new_patients(rng), alike(rng, DIMENSION)
    keys = rng.integers(2**63, size=FILMS, dtype=np.uint64)
    ours, rival = (
        FeatureRows(
            (0.9 * (told + alike(rng, DIMENSION)) / np.sqrt(2) + 0.25).astype(np.float32), patients, keys
        )
        for _ in range(2)
    )
    first = _scored(rng)
    found = _of_features(drawn_films(rng, 1.0, 0.0), ours, rival)
    return found | _of_scores(first, _scored(rng, first), paired=True)


def _other_reports(rng: _Rng) -> _Found:
    ours, rival = (drawn_films(rng, 0.9, 0.25) for _ in range(2))
    found = _of_features(drawn_films(rng, 1.0, 0.0), ours, rival)
    return found | _of_scores(_scored(rng), _scored(rng), paired=False)


def _as_real(rng: _Rng) -> _Found:
    return _of_features(*(drawn_films(rng, 1.0, 0.0) for _ in range(3)))


def _of_features(real: FeatureRows, ours: FeatureRows, rival: FeatureRows) -> _Found:
    def side(films: FeatureRows) -> Side:
        return update_side(Side.empty(DIMENSION), films.features, films.groups, np.full(FILMS, -1))

    none = np.zeros(FILMS, np.bool_)
    varieties = [update_variety(Variety.empty(DIMENSION), f.features, f.groups, none) for f in (ours, rival)]
    sums = [
        inception_score.update(ClassSums.empty(DIMENSION), f.features, f.groups, none) for f in (ours, rival)
    ]
    return {
        "fid": fid_difference(side(real), side(ours), side(rival)),
        "kid": kid_difference(real, ours, rival),
        **prdc_differences(real, ours, rival),
        "vendi": vendi_difference(*varieties),
        "inception_score": inception_difference(*sums),
    }


def _of_scores(ours: ScoredFilms, rival: ScoredFilms, paired: bool) -> _Found:
    found = mauc_differences(ours, rival, paired, metric="mauc", findings=_FINDINGS, resamples=400)
    found |= calibration_differences(ours, rival, findings=_FINDINGS)
    return {f"{metric} ({subset})": difference for (metric, subset), difference in found.items()}


def _scored(rng: _Rng, reports: ScoredFilms | None = None) -> ScoredFilms:
    """Logits of a model's films, of given reports or of new ones; the truth follows a patient's own."""
    width = len(_FINDINGS)
    if reports is None:
        truth = (rng.random((FILMS, width)) < expit(1.5 * alike(rng, width))).astype(np.int8)
        keys = rng.integers(2**63, size=FILMS, dtype=np.uint64)
        reports = ScoredFilms(np.empty((FILMS, width), np.float32), truth, new_patients(rng), keys)
    scores = (2 * reports.truth - 1 + alike(rng, width)).astype(np.float32)
    return ScoredFilms(scores, reports.truth, reports.patients, reports.keys)


if __name__ == "__main__":
    main()
