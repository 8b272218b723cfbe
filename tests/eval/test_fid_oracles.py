"""FID beside that of the tools that people use: from films to values, and of the features that each takes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from cleanfid.fid import fid_from_feats, get_folder_features
from PIL import Image
from torch import nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance

from eval.features.extractor import extract
from eval.features.inception import InceptionFidelity
from eval.frechet import frechet_distance
from eval.moments import Moments, merge_all, update
from tests.eval.feature_sets import AWKWARD, awkward
from tests.eval.inception_weights import write_inception_weights

SIDES = ("real", "synthetic")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inception_weights(tmp_path_factory.mktemp("inception") / "weights.pth")


@pytest.fixture(scope="module")
def films() -> dict[str, torch.Tensor]:
    """Films (90, 3, 64, 64), uint8, of two kinds."""
    rng, found = np.random.default_rng(0), {}
    for side, grain in zip(SIDES, (10.0, 30.0), strict=True):
        rows = np.linspace(0, 6, 64) * rng.uniform(0.5, 2, (90, 1))
        pattern = np.sin(rows[:, :, None] + rows[:, None, :])
        drawn = (128 + 70 * pattern + grain * rng.normal(size=pattern.shape)).clip(0, 255).astype(np.uint8)
        found[side] = torch.from_numpy(drawn)[:, None].expand(-1, 3, -1, -1).contiguous()
    return found


def ours(features: dict[str, np.ndarray]) -> float:
    """From seven shards a side."""
    dimension = features["real"].shape[1]
    return frechet_distance(
        *(
            merge_all(
                (update(Moments(dimension), part) for part in np.array_split(features[side], 7)), dimension
            )
            for side in SIDES
        )
    )


@pytest.mark.parametrize("size", [64, 340])  # enlarged and reduced
def test_features_and_fid_from_films_are_torch_fidelity_s(weights: Path, size: int) -> None:
    network = FeatureExtractorInceptionV3("inception", ["2048"], feature_extractor_weights_path=str(weights))
    extractor = InceptionFidelity.from_file(str(weights))
    extractor.setup("cpu")
    rng = np.random.default_rng(size)
    theirs, own = {}, {}
    for side, level in zip(SIDES, (90, 150), strict=True):
        grain = rng.normal(level, 60, (6, size, size)).clip(0, 255).astype(np.uint8)
        own[side] = extract(extractor, list(grain))
        with torch.inference_mode():
            theirs[side] = network(torch.from_numpy(grain)[:, None].expand(-1, 3, -1, -1))[0].numpy()
        np.testing.assert_allclose(own[side], theirs[side], rtol=1e-4, atol=1e-5 * np.abs(theirs[side]).max())
    assert ours(own) == pytest.approx(ours(theirs), rel=1e-4)


def test_fid_is_torch_fidelity_s(weights: Path, films: dict[str, torch.Tensor]) -> None:
    # Its 64 features after the first pooling: the distance of 2048 by eigenvalues takes a minute.
    network = FeatureExtractorInceptionV3("inception", ["64"], feature_extractor_weights_path=str(weights))
    with torch.inference_mode():
        features = {side: network(films[side])[0] for side in SIDES}
    statistics = [fid_features_to_statistics(features[side]) for side in SIDES]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    assert ours({side: features[side].numpy() for side in SIDES}) == pytest.approx(theirs, rel=1e-4)


def test_fid_is_torchmetrics_s(weights: Path, films: dict[str, torch.Tensor]) -> None:
    metric = FrechetInceptionDistance(feature=64, feature_extractor_weights_path=str(weights))
    metric.set_dtype(torch.float64)
    seen: list[torch.Tensor] = []
    metric.inception.register_forward_hook(lambda module, films, features: seen.append(features))
    with torch.inference_mode():
        for side in SIDES:  # few, for its network goes through all its layers whatever is asked for
            metric.update(films[side][:20], real=side == "real")
    features = {side: part.reshape(20, 64).numpy() for side, part in zip(SIDES, seen, strict=True)}
    assert ours(features) == pytest.approx(float(metric.compute()), rel=1e-4)


def test_fid_is_clean_fid_s(films: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 32, 7, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    features = {}
    for side in SIDES:
        folder = tmp_path / side
        folder.mkdir()
        for number, film in enumerate(films[side]):
            Image.fromarray(film.numpy().transpose(1, 2, 0)).save(folder / f"{number:03d}.png")
        features[side] = get_folder_features(  # resized to 299 pixels by its antialiased bicubic
            str(folder), network, num_workers=0, device=torch.device("cpu"), mode="clean", verbose=False
        )
    assert features["real"].shape == (90, 32)
    theirs = fid_from_feats(features["real"], features["synthetic"])
    assert ours(features) == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_features_have_torch_fidelity_s_distance(kind: str) -> None:
    real, synthetic = awkward(kind)
    statistics = [fid_features_to_statistics(torch.from_numpy(side).double()) for side in (real, synthetic)]
    theirs = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]
    # Theirs is off by the square root of rounding where a covariance is singular.
    spread = np.trace(statistics[0]["sigma"])
    assert ours({"real": real, "synthetic": synthetic}) == pytest.approx(theirs, rel=1e-6, abs=1e-6 * spread)
