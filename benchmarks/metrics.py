"""The measures against what people use: Fréchet distance, a whole FID, PRDC in time and memory, exact mAUC.

Each side of a comparison runs in a process of its own, so that its peak of memory is its own. The whole FID
is pytorch-fid's command against `evaluate`, of the same films and of one file of random weights in
pytorch-fid's format, which takes the same way through both networks as the published weights would.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from prdc import compute_prdc
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid

from benchmarks.alone import alone
from benchmarks.commands import whole_fid
from benchmarks.result import at_least, at_most, parse_arguments, write_result
from eval.auc import ScoredFilms, macro
from eval.auc import result as aucs
from eval.feature_rows import FeatureRows
from eval.frechet import frechet_distance
from eval.intervals import bootstrap_auc
from eval.moments import Moments, result, update
from eval.prdc import NAMES
from eval.prdc import result as prdc

_OVER_SCIPY, _OVER_TORCHMETRICS, _OVER_PYTORCH_FID, _OVER_PRDC = 10.0, 4.0, 1.3, 1.0  # the bars
_SINGULAR_OVER_TORCHMETRICS, _STEEP_OVER_TORCHMETRICS = 2.0, 1.0
_PRDC_GIB, _AUC_SECONDS = 2.0, 60.0
_DIFFERENCE = 1e-4


@dataclass(frozen=True, slots=True)
class Shape:
    """What is measured: a quick run's films are fewer, and its ratios smaller."""

    frechet: int  # dimension; twice as many films
    prdc: tuple[int, int]  # films a side, dimension
    auc: tuple[int, int]  # films, resamples
    fid: tuple[int, int]  # films a side, pixels a side


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    shape = (
        Shape(512, (4000, 768), (50_000, 200), (64, 256))
        if arguments.quick
        else Shape(2048, (20_000, 768), (1_000_000, 1000), (5000, 256))
    )
    runs = {work.__name__.strip("_"): alone(work, shape) for work in _WORKS}
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_fid(Path(folder), *shape.fid)
    frechet, scipy, torchmetrics = (runs[f"frechet_by_{name}"] for name in ("us", "scipy", "torchmetrics"))
    singular, steep = runs["frechet_of_singular_sets"], runs["frechet_of_steep_sets"]
    theirs_of_singular, theirs_of_steep = runs["singular_by_torchmetrics"], runs["steep_by_torchmetrics"]
    ours, theirs, roc = runs["prdc_by_us"], runs["prdc_by_prdc"], runs["bootstrapped_auc"]
    bars = [
        at_least("Frechet: speed over scipy's sqrtm", scipy.seconds / frechet.seconds, _OVER_SCIPY),
        at_least("... speed over torchmetrics", torchmetrics.seconds / frechet.seconds, _OVER_TORCHMETRICS),
        at_least(
            "... of singular covariances: speed over torchmetrics",
            theirs_of_singular.seconds / singular.seconds,
            _SINGULAR_OVER_TORCHMETRICS,
        ),
        at_least(
            "... of condition 1e10: speed over torchmetrics",
            theirs_of_steep.seconds / steep.seconds,
            _STEEP_OVER_TORCHMETRICS,
        ),
        at_most("... relative difference from sqrtm", _apart(frechet.value, scipy.value), _DIFFERENCE),
        at_least(
            "whole FID: speed over pytorch-fid's command",
            whole.theirs.seconds / whole.ours.seconds,
            _OVER_PYTORCH_FID,
        ),
        at_most(
            "... relative difference from its value",
            _apart(whole.ours.value, whole.theirs.value),
            _DIFFERENCE,
        ),
        at_least(
            "PRDC with intervals: speed over prdc, which has none", theirs.seconds / ours.seconds, _OVER_PRDC
        ),
        at_most("... memory, GiB", ours.gib, _PRDC_GIB),
        at_most("... largest difference from prdc", max(map(_apart, ours.value, theirs.value)), _DIFFERENCE),
        at_most("mAUC with its bootstrap, seconds", roc.seconds, _AUC_SECONDS),
    ]
    if arguments.quick:  # speed over an O(d^3) or O(n^2) peer is a claim about the full size
        bars = [bar for bar in bars if "speed" not in bar.name]
    write_result(
        "metrics",
        bars,
        arguments.output,
        shape={
            "frechet d": shape.frechet,
            "whole FID films a side, pixels": shape.fid,
            "prdc n, d": shape.prdc,
            "auc n, resamples": shape.auc,
        },
        whole_fid=asdict(whole),
        runs={
            name: {"value": run.value, "seconds": run.seconds, "gib": run.gib} for name, run in runs.items()
        },
    )


def _features(count: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Like a network's: correlated, and clipped at 0."""
    mixing = np.random.default_rng(0).normal(size=(dimension, dimension)) / np.sqrt(dimension)
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)) @ mixing + 0.3 + 0.02 * seed
    return np.maximum(vectors, 0).astype(np.float32)


def _frechet_by_us(shape: Shape) -> Callable[[], float]:
    sides = _moments(shape)
    return lambda: frechet_distance(*sides)


def _frechet_of_singular_sets(shape: Shape) -> Callable[[], float]:
    sides = _singular(shape)
    return lambda: frechet_distance(*sides)


def _frechet_of_steep_sets(shape: Shape) -> Callable[[], float]:
    sides = _steep(shape)
    return lambda: frechet_distance(*sides)


def _frechet_by_scipy(shape: Shape) -> Callable[[], float]:
    (_, mean, covariance), (_, other, other_covariance) = map(result, _moments(shape))

    def distance() -> float:
        root = sqrtm(covariance @ other_covariance).real
        shift = mean - other
        return float(shift @ shift + np.trace(covariance) + np.trace(other_covariance) - 2 * np.trace(root))

    return distance


def _frechet_by_torchmetrics(shape: Shape) -> Callable[[], float]:
    return _torchmetrics(_moments(shape))


def _singular_by_torchmetrics(shape: Shape) -> Callable[[], float]:
    return _torchmetrics(_singular(shape))


def _steep_by_torchmetrics(shape: Shape) -> Callable[[], float]:
    return _torchmetrics(_steep(shape))


def _torchmetrics(sides: list[Moments]) -> Callable[[], float]:
    statistics = [torch.from_numpy(part) for _, *both in map(result, sides) for part in both]
    return lambda: float(_compute_fid(*statistics))


def _moments(shape: Shape) -> list[Moments]:
    d = shape.frechet
    return [update(Moments(d), _features(2 * d, d, seed)) for seed in (1, 2)]


def _singular(shape: Shape) -> list[Moments]:
    """A sixteenth of the features is always 0, as dead units of a network are."""
    d, sides = shape.frechet, []
    for seed in (1, 2):
        features = _features(2 * d, d, seed)
        features[:, : d // 16] = 0
        sides.append(update(Moments(d), features))
    return sides


def _steep(shape: Shape) -> list[Moments]:
    """Covariances of condition 1e10, as networks' are: only singular values are exact there."""
    d, sides = shape.frechet, []
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(d, d)))[0]
    for seed in (1, 2):
        vectors = np.random.default_rng(seed).normal(size=(2 * d, d)) * np.logspace(0, -5, d) @ turn
        sides.append(update(Moments(d), vectors.astype(np.float32)))
    return sides


def _prdc_by_us(shape: Shape) -> Callable[[], list[float]]:
    """As `evaluate` runs it, with the halves that intervals are of."""
    count, dimension = shape.prdc
    numbers = np.arange(count, dtype=np.uint64)
    sides = [FeatureRows(_features(count, dimension, seed), numbers, numbers) for seed in (1, 2)]
    return lambda: prdc(*sides).values.tolist()


def _prdc_by_prdc(shape: Shape) -> Callable[[], list[float]]:
    sides = [_features(*shape.prdc, seed) for seed in (1, 2)]

    def compute() -> list[float]:
        with redirect_stdout(io.StringIO()):
            found: Mapping[str, float] = compute_prdc(*sides, 5)
        return [float(found[name]) for name in NAMES]

    return compute


def _bootstrapped_auc(shape: Shape) -> Callable[[], float | None]:
    """Fourteen findings, a tenth of the films positive, two films a patient."""
    (films, resamples), rng = shape.auc, np.random.default_rng(0)
    truth = (rng.random((films, 14)) < 0.1).astype(np.int8)
    scores = (rng.normal(size=truth.shape) + truth).astype(np.float32)
    keys = np.arange(films, dtype=np.uint64)
    state = ScoredFilms(scores, truth, keys // 2, keys)

    def compute() -> float | None:
        bootstrap_auc(state, {"all": range(14)}, resamples)
        return macro(aucs(state))

    return compute


_WORKS = (
    _frechet_by_us,
    _frechet_of_singular_sets,
    _frechet_of_steep_sets,
    _frechet_by_scipy,
    _frechet_by_torchmetrics,
    _singular_by_torchmetrics,
    _steep_by_torchmetrics,
    _prdc_by_us,
    _prdc_by_prdc,
    _bootstrapped_auc,
)


def _apart(a: float, b: float) -> float:
    return abs(a - b) / abs(b)


if __name__ == "__main__":
    main()
