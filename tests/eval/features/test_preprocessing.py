from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from eval.features.efficientnet_lite0 import EfficientNetLite0
from eval.features.extractor import extractor_digest
from eval.features.inception import Inception
from eval.features.preprocessing import (
    CentreCrop,
    FullRange,
    MiddleSquare,
    Preprocessing,
    Range,
    Resize,
    SmoothResize,
    Standardised,
)
from tests.eval.inception_weights import write_inception_weights


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_published_digests_stay_what_they_were(tmp_path: Path) -> None:
    """Caches and published references go by them."""
    digest = "sha256:08b83b9d0d90f66ba5f745c20c40096bfa3c331fecf2651cdf5c03efe036a0ee"
    assert EfficientNetLite0().digest == digest
    weights = write_inception_weights(tmp_path / "weights.pth").read_bytes()
    recipe = "grey to 3 channels; bilinear to 299x299; 2 x / 255 - 1; norms folded; pooled 2048"
    assert Inception(weights).digest == extractor_digest("inception", weights, recipe)


@pytest.mark.parametrize("shape", [(2, 64, 64), (2, 320, 280)])
def test_tensors_are_bit_for_bit_what_the_recipes_say(shape: tuple[int, ...]) -> None:
    films = noise(*shape)
    x = torch.from_numpy(films).float()[:, None]
    smooth = F.interpolate(x, (224, 224), mode="bilinear", antialias=True, align_corners=False)
    rough = F.interpolate(x / 255, (299, 299), mode="bilinear", align_corners=False)
    for found, expected in (
        (EfficientNetLite0.preprocessing(films, "cpu"), (smooth - 127) / 128),
        (Inception.preprocessing(films, "cpu"), 2 * rough - 1),
    ):
        torch.testing.assert_close(found, expected.expand(-1, 3, -1, -1), rtol=0, atol=0)


def test_the_shorter_side_is_resized_and_the_middle_is_taken() -> None:
    steps = (Resize(size=20, antialias=True, shorter=True), CentreCrop(10))
    ramp = np.repeat(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], 40, axis=2)  # 60 rows, 40 columns
    x = Preprocessing(steps=steps, values=Standardised((0.0,), (1.0,)), channels=1)(ramp, "cpu")
    assert x.shape == (1, 1, 10, 10)
    expected = 8 * (torch.arange(10) + 10) + 2.0  # each of its rows is two of the ramp's, from row 20
    torch.testing.assert_close(x[0, 0], expected[:, None].expand(10, 10))


def test_each_channel_has_its_own_mean_and_spread() -> None:
    values = Standardised((0.0, 51.0, 102.0), (51.0, 51.0, 102.0))
    x = Preprocessing(steps=(), values=values)(np.full((1, 2, 2), 204, np.uint8), "cpu")
    assert x[0, :, 0, 0].tolist() == [4, 3, 1]


@given(st.floats(-2000, 0), st.floats(1, 2000))
def test_a_range_goes_from_black_to_white(low: float, high: float) -> None:
    film = np.array([[[0, 255]]], np.uint8)
    x = Preprocessing(steps=(), values=Range(low, high), channels=1)(film, "cpu").flatten()
    np.testing.assert_allclose(x, [low, high], rtol=1e-6, atol=1e-3)


def test_bicubic_stays_between_black_and_white_and_rounds_to_grey_values() -> None:
    edge = np.repeat(np.array([0, 255], np.uint8), 8)[None, None].repeat(16, axis=1)
    for values, top in ((Range(0, 1), 1), (Standardised((0.0,), (1.0,)), 255)):
        step = Resize(size=37, resampling="bicubic", antialias=True, rounded=True)
        x = Preprocessing(steps=(step,), values=values, channels=1)(edge, "cpu") * (255 / top)
        assert (x.min(), x.max()) == (0, 255)
        torch.testing.assert_close(x, x.round())
        assert len(x.unique()) > 2


def test_what_is_done_to_films_is_what_the_digest_is_told() -> None:
    resize = Resize(size=518, resampling="bicubic", antialias=True, shorter=True, rounded=True)
    values = Standardised((1.5, 1, 2), (2, 2, 3))
    assert str(Preprocessing(steps=(resize, CentreCrop(518)), values=values)).split("; ") == [
        "grey to 3 channels",
        "antialiased bicubic to 518 on the shorter side, as Pillow in 8 bits",
        "centre crop to 518x518",
        "(x - [1.5, 1, 2]) / [2, 2, 3]",
    ]
    assert str(Range(-1024, 1024)) == "2048 x / 255 - 1024"


@pytest.mark.parametrize("shape", [(256, 256), (90, 90), (224, 224), (301, 400), (400, 301)])
def test_square_and_smooth_resize_are_torchxrayvision_s_crop_and_scikit_image_s_resize(
    shape: tuple[int, int],
) -> None:
    film = noise(1, *shape)
    found = Preprocessing(steps=(MiddleSquare(), SmoothResize(224)), values=Range(-1024, 1024), channels=1)
    # XRayCenterCrop and XRayResizer of torchxrayvision 1.5.7, by the calls that scikit-image makes.
    x = (2 * (film[0].astype(np.float32) / 255) - 1) * 1024
    side = min(shape)
    top, left = (length // 2 - side // 2 for length in shape)
    x = x[top : top + side, left : left + side]
    if side > 224:
        x = ndimage.gaussian_filter(x, (side / 224 - 1) / 2, mode="grid-constant")
    expected = ndimage.zoom(x, 224 / side, order=1, mode="grid-constant", grid_mode=True)
    np.testing.assert_allclose(found(film, "cpu")[0, 0], expected, rtol=0, atol=0.05)  # of 2048


def test_full_range_is_hi_ml_s_remapping_of_greys() -> None:
    films = np.stack([noise(40, 30) // 3 + 20, noise(40, 30), np.full((40, 30), 9, np.uint8)])
    found = Preprocessing(steps=(FullRange(),), values=Range(0, 1), channels=1)(films, "cpu")
    for film, ours in zip(films[:2], found, strict=False):
        x = film.astype(float)
        x -= x.min()
        x /= x.max()
        x *= 255
        np.testing.assert_array_equal((ours[0] * 255).round(), x.astype(np.uint8))
    assert found[2].abs().max() == 0
