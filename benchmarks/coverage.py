"""How often the 95 % intervals of every measure hold the truth, over corpora drawn again and again.

Films are vectors of a normal distribution, two a patient, which resemble each other; the synthetic ones are
shifted and less spread. The truth of a measure is its mean over corpora of this size that no interval is
taken from, so that a bias which belongs to n (of FID, of Vendi) is no fault of the interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.result import Bar, parse_arguments, write_result
from eval.auc import ScoredFilms, auc, pooled
from eval.calibration import Calibration, half_values
from eval.calibration import result as calibration
from eval.calibration import update as calibrate
from eval.delong import compare, delong
from eval.feature_rows import FeatureRows
from eval.fid import Side, left_out_distances, update_side
from eval.frechet import frechet_distance
from eval.groups import stable_hash
from eval.inception_score import ClassSums
from eval.inception_score import left_out_scores as left_out_inception
from eval.inception_score import result as inception
from eval.inception_score import update as add_logits
from eval.intervals import (
    Interval,
    bootstrap_auc,
    bootstrap_mean,
    half_sample,
    jackknife,
    jackknife_of_known,
)
from eval.kid import result as kid
from eval.moments import merge_all
from eval.prdc import NAMES, interval
from eval.prdc import result as prdc
from eval.vendi import SecondMoment, Variety, left_out_scores, update_variety
from eval.vendi import merge as merge_vendi
from eval.vendi import result as vendi

DIMENSION, FILMS, PATIENTS = 16, 400, 200
_LOW, _HIGH = 0.92, 0.98  # the bars
_Measured = dict[str, tuple[float, Interval | tuple[None, None]]]


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    draws, truths = (60, 120) if arguments.quick else (500, 1500)
    started = time.perf_counter()
    bars, explains = [], {}
    for of in (_of_features, _of_scores):
        values, intervals = _drawn(of, draws, truths)
        for name, truth in ((name, float(np.mean(found))) for name, found in values.items()):
            held = sum(low <= truth <= high for low, high in intervals[name])
            share = held / draws
            # A quick run's share is told to no more than its own error.
            slack = 2 * np.sqrt(0.05 * 0.95 / draws) if arguments.quick else 0.0
            bars.append(Bar(f"{name}: held, at least", share, _LOW, share >= _LOW - slack))
            bars.append(Bar(f"{name}: held, at most", share, _HIGH, share <= _HIGH + slack))
            widths = [high - low for low, high in intervals[name]]
            explains[name] = {
                "truth": truth,
                "spread": float(np.std(values[name])),
                "mean width": float(np.mean(widths)),
                "held": held,
            }
    write_result(
        "coverage",
        bars,
        arguments.output,
        draws=draws,
        draws_for_the_truth=truths,
        films=FILMS,
        patients=PATIENTS,
        dimension=DIMENSION,
        measures=explains,
        seconds=time.perf_counter() - started,
    )


def _drawn(
    of: Callable[[np.random.Generator], _Measured], draws: int, truths: int
) -> tuple[dict[str, list[float]], dict[str, list[Interval]]]:
    """Values for the truth, and intervals of other draws."""
    values: dict[str, list[float]] = {}
    intervals: dict[str, list[Interval]] = {}
    for draw in range(draws + truths):
        for name, (value, (low, high)) in of(np.random.default_rng(draw)).items():
            if draw < draws and low is not None and high is not None:
                intervals.setdefault(name, []).append((low, high))
            elif draw >= draws:
                values.setdefault(name, []).append(value)
    return values, intervals


def _of_features(rng: np.random.Generator) -> _Measured:
    real, synthetic = drawn_films(rng, 1.0, 0.0), drawn_films(rng, 0.9, 0.25)
    found: _Measured = {}
    distance = kid(real, synthetic)
    found["kid"] = distance.value, jackknife_of_known(distance.value, distance.left_out)
    near = prdc(real, synthetic)
    for index, name in enumerate(NAMES):
        found[name] = (
            float(near.values[index]),
            interval(near, index),
        )

    none = np.full(FILMS, -1)
    sides = [update_side(Side.empty(DIMENSION), s.features, s.groups, none) for s in (real, synthetic)]
    fid = frechet_distance(*(merge_all(side.groups, DIMENSION) for side in sides))
    found["fid"] = fid, jackknife(fid, list(left_out_distances(*sides)))

    unmatched = np.zeros(FILMS, np.bool_)
    variety = update_variety(Variety.empty(DIMENSION), synthetic.features, synthetic.groups, unmatched)
    whole = SecondMoment(DIMENSION)
    for part in variety.groups:
        whole = merge_vendi(whole, part)
    found["vendi"] = vendi(whole), jackknife_of_known(vendi(whole), np.array(list(left_out_scores(variety))))

    sums = add_logits(ClassSums.empty(DIMENSION), synthetic.features, synthetic.groups, unmatched)
    found["inception_score"] = inception(sums), jackknife_of_known(inception(sums), left_out_inception(sums))
    return found


def _of_scores(rng: np.random.Generator) -> _Measured:
    first, second = _scored(rng)
    truth = first.truth[:, 0] == 1
    found: _Measured = {}
    (resampled,) = bootstrap_auc(first, {}, resamples=400).findings
    assert resampled is not None
    found["auc, bootstrap"] = auc(first.scores[:, 0], truth), resampled
    scores, positive, patients = pooled(first, [0])
    found["auc, DeLong"] = auc(scores, positive), delong(scores[:, None], positive, patients).interval(0)
    (difference,) = compare(first, second)
    assert difference is not None
    found["difference of two aucs"] = difference.value, (difference.low, difference.high)
    values = first.scores[:, 0].astype(np.float64)
    found["mean"] = float(values.mean()), bootstrap_mean(values, first.patients, 400)
    state = calibrate(Calibration.empty(1), first)
    for index, name in enumerate(("ece", "brier")):
        value = float(calibration(state)[index, 0])
        found[name] = value, half_sample(value, half_values(state)[..., index, 0])
    return found


def new_patients(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Hashes of new patients, two films each."""
    start = int(rng.integers(2**40))
    hashes = [stable_hash(f"patient/{start + number}") for number in range(PATIENTS)]
    return np.repeat(np.array(hashes, np.uint64), FILMS // PATIENTS)


def alike(rng: np.random.Generator, width: int) -> NDArray[np.float64]:
    """(films, width) of variance 1; half of it is the patient's."""
    own, shared = rng.normal(size=(FILMS, width)), rng.normal(size=(PATIENTS, width))
    return (own + np.repeat(shared, FILMS // PATIENTS, axis=0)) / np.sqrt(2)


def drawn_films(rng: np.random.Generator, spread: float, shift: float) -> FeatureRows:
    features = (spread * alike(rng, DIMENSION) + shift).astype(np.float32)
    return FeatureRows(features, new_patients(rng), rng.integers(2**63, size=FILMS, dtype=np.uint64))


def _scored(rng: np.random.Generator) -> Iterator[ScoredFilms]:
    """Logits of two models that see the same films; the truth follows a patient's own."""
    patients, keys = new_patients(rng), rng.integers(2**63, size=FILMS, dtype=np.uint64)
    base = 1.5 * alike(rng, 1)
    truth = (rng.random((FILMS, 1)) < expit(base)).astype(np.int8)
    for noise in (0.5, 1.0):
        logits = base + noise * alike(rng, 1)
        yield ScoredFilms(logits.astype(np.float32), truth, patients, keys)


if __name__ == "__main__":
    main()
