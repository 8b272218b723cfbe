import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from eval.features.byte_resize import resize_bytes

SIDES = st.integers(1, 90)


@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(["bilinear", "bicubic"]), st.integers(0, 99))
@example(256, 256, 299, 299, "bilinear", 0)
@example(299, 299, 518, 518, "bicubic", 0)
@example(1024, 833, 299, 299, "bilinear", 0)
@settings(deadline=None, max_examples=60)
def test_every_pixel_is_pillow_s(h: int, w: int, height: int, width: int, resampling: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    film = (rng.integers(0, 2, (h, w)) * 255 if seed % 2 else rng.integers(0, 256, (h, w))).astype(np.uint8)
    found = resize_bytes(torch.from_numpy(film)[None, None], height, width, resampling)[0, 0]
    how = Image.Resampling[resampling.upper()]  # rows, then columns: Pillow 13 may turn that round
    theirs = Image.fromarray(film).resize((width, h), how).resize((width, height), how)
    np.testing.assert_array_equal(found, np.array(theirs))


@pytest.mark.parametrize("size", [20, 80])
def test_an_even_film_stays_even(size: int) -> None:
    found = resize_bytes(torch.full((2, 1, 33, 47), 201.0), size, size, "bicubic")
    assert found.shape == (2, 1, size, size) and (found == 201).all()
