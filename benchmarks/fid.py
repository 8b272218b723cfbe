"""Our FID against pytorch-fid's by sqrtm: how much faster, and how far apart.

The features are like Inception's: correlated, clipped at 0, 2048 of them. In full, pytorch-fid's
way from image files to a value is taken too, with one file of random weights for its network and ours.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pytorch_fid import inception as pytorch_fid
from pytorch_fid.fid_score import calculate_activation_statistics, calculate_frechet_distance

from benchmarks.inception_files import write_films, write_weights
from benchmarks.result import at_least, at_most, parse_arguments, write_result
from eval.features.extractor import extract
from eval.features.inception import Inception
from eval.frechet import frechet_distance
from eval.moments import Moments, result, update

_SPEEDUP, _AGREEMENT, _ZERO = 2.0, 1e-4, 1e-8  # the bars


def main() -> None:
    arguments = parse_arguments(__doc__ or "")
    dimension, films = (768, 0) if arguments.quick else (2048, 64)
    warnings.filterwarnings("ignore", module="pytorch_fid")  # of scipy 1.18, and of singular matrices

    real, synthetic = (_features(2 * dimension, dimension, seed) for seed in (1, 2))
    ours, seconds_ours = _timed(lambda: frechet_distance(real, synthetic))
    theirs, seconds_theirs = _timed(lambda: _reference(real, synthetic))
    itself = frechet_distance(real, real)
    bars = [
        at_least("speed over pytorch-fid", seconds_theirs / seconds_ours, _SPEEDUP),
        at_most("relative difference from pytorch-fid", abs(ours - theirs) / theirs, _AGREEMENT),
        at_most("distance of a set from itself", abs(itself) / ours, _ZERO),
    ]
    explains: dict[str, Any] = {
        "dimension": dimension,
        "vectors": 2 * dimension,
        "seconds": {"ours": seconds_ours, "pytorch-fid": seconds_theirs},
        "values": {"ours": ours, "pytorch-fid": theirs},
    }
    if films:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = _from_images(Path(folder), films)
        bars.append(at_most("the same, from image files", abs(ours - theirs) / theirs, _AGREEMENT))
        explains["from_images"] = {"films": films, "ours": ours, "pytorch-fid": theirs}
    write_result("fid", bars, arguments.output, **explains)


def _features(count: int, dimension: int, seed: int) -> Moments:
    mixing = np.random.default_rng(0).normal(size=(dimension, dimension)) / np.sqrt(dimension)
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)) @ mixing + 0.3 + 0.1 * seed
    return update(Moments(dimension), np.maximum(vectors, 0).astype(np.float32))


def _reference(real: Moments, synthetic: Moments) -> float:
    (_, *statistics_real), (_, *statistics_synthetic) = result(real), result(synthetic)
    return float(calculate_frechet_distance(*statistics_real, *statistics_synthetic))


def _timed(measured: Callable[[], float]) -> tuple[float, float]:
    started = time.perf_counter()
    value = measured()
    return value, time.perf_counter() - started


def _from_images(folder: Path, films: int) -> tuple[float, float]:
    """FID of phantom films against blurred ones by our extractor, and by pytorch-fid's own code."""
    weights = folder / "weights.pth"
    write_weights(weights)
    extractor = Inception.from_file(str(weights))
    extractor.setup("cpu")
    # Their constructor downloads; given the file's weights instead, the rest of it is as they wrote it.
    pytorch_fid.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    reference = pytorch_fid.InceptionV3([3]).eval()

    states, statistics = [], []
    for name in ("real", "synthetic"):
        files = write_films(folder / name, range(films), 128, soft=name == "synthetic")
        pictures = [np.asarray(Image.open(file)) for file in files]
        states.append(update(Moments(extractor.dimension), extract(extractor, pictures)))
        statistics.append(calculate_activation_statistics(files, reference, 32, 2048, "cpu", num_workers=0))
    theirs = calculate_frechet_distance(*statistics[0], *statistics[1])
    return frechet_distance(*states), float(theirs)


if __name__ == "__main__":
    main()
