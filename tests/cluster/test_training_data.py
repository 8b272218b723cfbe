from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cluster.training_data import decode_film
from diffcxr.errors import InputError


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_film_comes_at_the_size_asked_for() -> None:
    film = np.tile(np.arange(64, dtype=np.uint8), (64, 1))
    np.testing.assert_array_equal(decode_film(png(film), 64), film)
    assert decode_film(png(film), 32).shape == (32, 32)
    assert decode_film(png(film), 128).shape == (128, 128)


def test_a_sixteen_bit_film_keeps_its_range() -> None:
    film = np.array([[0, 0x8000], [0xC000, 0xFFFF]], np.uint16).repeat(8, 0).repeat(8, 1)
    small = decode_film(png(film), 16)
    assert [small[0, 0], small[0, -1], small[-1, 0], small[-1, -1]] == [0, 0x80, 0xC0, 0xFF]


def test_a_damaged_film_is_one_line() -> None:
    with pytest.raises(InputError):
        decode_film(png(np.zeros((16, 16), np.uint8))[:40], 16)
