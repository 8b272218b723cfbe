from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.training_data import decode_film, read_training_data
from diffcxr.errors import InputError
from tests.cluster.films import write_films
from tests.cluster.rows import rows


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


def test_films_without_a_text_are_left_out_of_what_reads_them(tmp_path: Path) -> None:
    films = [replace(row, text=text) for row, text in zip(rows(3), ("One.", " ", "Two."), strict=True)]
    read = read_training_data(write_films(tmp_path / "some", films), "train", 8).with_texts("here")
    assert (read.texts, len(read.films), len(read.labels), len(read.patients)) == (["One.", "Two."], 2, 2, 2)
    silent = [replace(row, text="") for row in films]
    with pytest.raises(InputError, match="no film has a report text: here"):
        read_training_data(write_films(tmp_path / "none", silent), "train", 8).with_texts("here")


def test_films_of_other_views_are_left_out(tmp_path: Path) -> None:
    views = ("PA", "LATERAL", "AP", None)
    films = [replace(row, view=view) for row, view in zip(rows(4), views, strict=True)]
    corpus = write_films(tmp_path, films, cuts=[2])
    assert len(read_training_data(corpus, "train", 8).films) == 4
    frontal = read_training_data(corpus, "train", 8, views=["PA", "AP"])
    assert frontal.texts == [films[0].text, films[2].text]
    with pytest.raises(InputError, match="no films in split test of views PA"):
        read_training_data(corpus, "test", 8, views=["PA"])
