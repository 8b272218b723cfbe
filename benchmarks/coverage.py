"""How often the 95 % intervals of every measure hold the truth, over corpora drawn again and again.

Films are vectors of a normal distribution, two a patient, which resemble each other; the synthetic ones are
shifted and less spread. Distances and diversity are taken at 25 films a feature, at 2.5, as 5,000 films are
of Inception's, and at fewer films than features. The truth of a measure is its mean over all corpora drawn,
so that a bias which belongs to n (of FID, of Vendi) is no fault of the interval; each of 2,000 corpora has
too little weight in it to draw it to its own interval. Of 500, as many as 98.6 % of PRDC's coverage were seen
where 97.0 % of 2,000 are: a share near a bar needs the larger number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from benchmarks.result import Bar, parse_arguments, write_result
from eval.auc import ScoredFilms, auc, pooled
from eval.calibration import Calibration, groups_of, half_values
from eval.calibration import result as calibration
from eval.calibration import update as calibrate
from eval.delong import compare, delong
from eval.f1 import choose_thresholds, f1_scores
from eval.feature_rows import FeatureRows
from eval.fid import Side, fid_score, update_side
from eval.fid_infinity import fid_infinity_score
from eval.floors import NONE
from eval.groups import stable_hash
from eval.inception_score import ClassSums
from eval.inception_score import left_out as left_out_inception
from eval.inception_score import update as add_logits
from eval.intervals import Interval, bootstrap_auc, bootstrap_mean, half_sample
from eval.kid import result as kid
from eval.mauc import mauc_scores
from eval.prdc import NAMES, interval
from eval.prdc import result as prdc
from eval.scores import Score
from eval.vendi import Variety, update_variety
from eval.vendi import left_out as left_out_vendi

DIMENSION, FILMS, PATIENTS = 16, 400, 200
_EACH = FILMS // PATIENTS
_FEW = 128
"""Features in the draws with few films for each."""
_FINDINGS = ("Edema", "Fracture", "Pneumonia")
_ROW = {"extractor": "drawn", "digest": "drawn", "reference": "drawn"}
_LOW, _HIGH = 0.92, 0.98  # the bars
_Value = tuple[float, Interval | tuple[None, None]]
_Measured = dict[str, _Value]


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    draws = 120 if arguments.quick else 2000
    started = time.perf_counter()
    bars, explains = [], {}
    for of in (_of_features, _of_few, _of_fewer, _of_scores, _of_findings):
        for name, found in _drawn(of, draws).items():
            values = [value for value, _ in found]
            intervals = [(low, high) for _, (low, high) in found if low is not None and high is not None]
            truth = float(np.mean(values))
            held = sum(low <= truth <= high for low, high in intervals)
            share = held / draws
            # A quick run's share is told to no more than its own error.
            slack = 2 * math.sqrt(0.05 * 0.95 / draws) if arguments.quick else 0.0
            bars.append(Bar(f"{name}: held, at least", share, _LOW, share >= _LOW - slack))
            bars.append(Bar(f"{name}: held, at most", share, _HIGH, share <= _HIGH + slack))
            widths = [high - low for low, high in intervals]
            explains[name] = {
                "truth": truth,
                "spread": float(np.std(values)),
                "mean width": float(np.mean(widths)),
                "held": held,
            }
    write_result(
        "coverage",
        bars,
        arguments.output,
        draws=draws,
        films=FILMS,
        patients=PATIENTS,
        dimension=DIMENSION,
        dimension_of_few=_FEW,
        measures=explains,
        seconds=time.perf_counter() - started,
    )


def _drawn(of: Callable[[np.random.Generator], _Measured], draws: int) -> dict[str, list[_Value]]:
    """Each measure's values with their intervals, one of each draw; a process draws on each core."""
    found: dict[str, list[_Value]] = {}
    with ProcessPoolExecutor(initializer=threadpool_limits, initargs=(1,)) as pool:
        drawing = pool.map(partial(_draw, of), range(draws), chunksize=10)
        for measured in tqdm(drawing, total=draws, unit="corpus", desc=of.__name__.removeprefix("_of_")):
            for name, value in measured.items():
                found.setdefault(name, []).append(value)
    return found


def _draw(of: Callable[[np.random.Generator], _Measured], draw: int) -> _Measured:
    return of(np.random.default_rng(draw))


def _of_features(rng: np.random.Generator) -> _Measured:
    real, synthetic = drawn_films(rng, 1.0, 0.0), drawn_films(rng, 0.9, 0.25)
    found = _distances(real, synthetic, "")
    near = prdc(real, synthetic)
    for index, name in enumerate(NAMES):
        found[name] = float(near.values[index]), interval(near, index)
    line = fid_infinity_score(_side(real), _side(synthetic), **_ROW)
    found["fid_infinity"] = _of_row(line)
    unmatched = np.zeros(FILMS, np.bool_)
    classes = add_logits(ClassSums.empty(DIMENSION), synthetic.features, synthetic.groups, unmatched)
    score = left_out_inception(classes)
    found["inception_score"] = score.value, score.interval()
    return found


def _of_few(rng: np.random.Generator) -> _Measured:
    """2.5 films a feature; variances fall as 1 / i, as those of networks do."""
    return _distances(
        drawn_films(rng, 1.0, 0.0, 320, _FEW), drawn_films(rng, 0.9, 0.1, 320, _FEW), ", 2.5 films a feature"
    )


def _of_fewer(rng: np.random.Generator) -> _Measured:
    """Fewer films than features, and not as many of either."""
    return _distances(
        drawn_films(rng, 1.0, 0.0, 160, _FEW), drawn_films(rng, 0.9, 0.1, 100, _FEW), ", 0.8 films a feature"
    )


def _distances(real: FeatureRows, synthetic: FeatureRows, told: str) -> _Measured:
    unmatched = np.zeros(synthetic.count, np.bool_)
    variety = Variety.empty(synthetic.features.shape[1])
    variety = update_variety(variety, synthetic.features, synthetic.groups, unmatched)
    left_out = {"kid": kid(real, synthetic).left_out, "vendi": left_out_vendi(variety)}
    found: _Measured = {name + told: (of.value, of.interval()) for name, of in left_out.items()}
    found["fid" + told] = _of_row(fid_score(_side(real), _side(synthetic), **_ROW))
    return found


def _side(films: FeatureRows) -> Side:
    nowhere = np.full(films.count, NONE)
    return update_side(Side.empty(films.features.shape[1]), films.features, films.groups, nowhere)


def _of_row(row: Score) -> tuple[float, Interval | tuple[None, None]]:
    assert row.value is not None
    return row.value, (row.low, row.high) if row.low is not None and row.high is not None else (None, None)


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
        found[name] = value, half_sample(value, half_values(state)[..., index, 0], int(groups_of(state)[0]))
    return found


def _of_findings(rng: np.random.Generator) -> _Measured:
    """Means over findings, whose thresholds for F1 are the same throughout, from films of other patients."""
    thresholds = choose_thresholds(_found(np.random.default_rng(2**20)))
    films = _found(rng)
    rows = [
        *mauc_scores(films, films, findings=_FINDINGS, resamples=400, **_ROW),
        *f1_scores(films, films, thresholds, findings=_FINDINGS, resamples=400, **_ROW),
    ]
    return {row.metric: _of_row(row) for row in rows if row.subset == "all"}


def _found(rng: np.random.Generator) -> ScoredFilms:
    """Films with several findings, which are not equally frequent."""
    patients, keys = new_patients(rng), rng.integers(2**63, size=FILMS, dtype=np.uint64)
    logits = 1.5 * alike(rng, len(_FINDINGS)) - np.arange(len(_FINDINGS))
    truth = (rng.random(logits.shape) < expit(logits)).astype(np.int8)
    return ScoredFilms((logits + 0.7 * alike(rng, len(_FINDINGS))).astype(np.float32), truth, patients, keys)


def new_patients(rng: np.random.Generator, films: int = FILMS) -> NDArray[np.uint64]:
    """Hashes of new patients, two films each."""
    start = int(rng.integers(2**40))
    hashes = [stable_hash(f"patient/{start + number}") for number in range(films // _EACH)]
    return np.repeat(np.array(hashes, np.uint64), _EACH)


def alike(rng: np.random.Generator, width: int, films: int = FILMS) -> NDArray[np.float64]:
    """(films, width) of variance 1; half of it is the patient's."""
    own, shared = rng.normal(size=(films, width)), rng.normal(size=(films // _EACH, width))
    return (own + np.repeat(shared, _EACH, axis=0)) / np.sqrt(2)


def drawn_films(
    rng: np.random.Generator, spread: float, shift: float, films: int = FILMS, width: int = DIMENSION
) -> FeatureRows:
    """Features of films; from _FEW on, variances fall as 1 / i."""
    features = spread * alike(rng, width, films) + shift
    if width >= _FEW:
        features /= np.sqrt(np.arange(1, width + 1))
    keys = rng.integers(2**63, size=films, dtype=np.uint64)
    return FeatureRows(features.astype(np.float32), new_patients(rng, films), keys)


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
