import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.film_slices import (
    SLICE,
    Selection,
    decode_films,
    read_slices,
    slice_names,
    take_census,
)
from diffcxr.errors import InputError
from tests.cluster.films import film_rows, write_films
from tests.cluster.rows import rows


def test_slices_hold_each_selected_film_once(tmp_path: Path) -> None:
    selection = Selection(write_films(tmp_path, film_rows(300, seed=1), [40]), "train")
    census = take_census(selection)
    found = [
        one
        for shard in (0, 1)
        for one in read_slices(selection, "real", shard, first=10 * shard, images=True)
    ]
    assert [len(one.keys) for one in found] == [30, SLICE, 225 - 30 - SLICE]
    np.testing.assert_array_equal(np.concatenate([s.keys for s in found]), np.concatenate(census.keys))
    assert len({key for one in found for key in one.keys}) == 225
    assert [one.name for one in found[1:]] == slice_names(selection, 1, len(census.keys[1]))
    assert [one.number for one in found] == [0, 10, 11]


def test_images_stay_where_they_are_when_nobody_needs_them(tmp_path: Path) -> None:
    selection = Selection(write_films(tmp_path, film_rows(20, seed=1)))
    (one,) = read_slices(selection, "real", 0, first=0, images=False)
    assert one.images == one.texts == ()
    (said,) = read_slices(selection, "real", 0, first=0, images=False, texts=True)
    assert said.texts == tuple(f"film {index}" for index in range(20)) and said.images == ()
    assert len(one.keys) == len(one.labels) == 20


def test_another_split_has_other_slices(tmp_path: Path) -> None:
    corpus = write_films(tmp_path, film_rows(20, seed=1))
    names = {slice_names(Selection(corpus, split), 0, 5)[0] for split in (None, "train", "test")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("corpus_rows", "split", "says"),
    [
        ([], None, "no rows"),
        (rows(5), "test", "no film in split test"),
        (rows(5, images=False), None, "reports only"),
    ],
)
def test_a_corpus_without_films_is_an_input_error(tmp_path: Path, corpus_rows, split, says) -> None:
    with pytest.raises(InputError, match=says):
        take_census(Selection(write_films(tmp_path, corpus_rows), split))


def test_colour_and_deep_films_become_grey_and_damaged_ones_nothing() -> None:
    def encoded(picture: Image.Image) -> bytes:
        out = io.BytesIO()
        picture.save(out, "PNG")
        return out.getvalue()

    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    colour = encoded(Image.fromarray(ramp).convert("RGB"))
    deep = encoded(Image.fromarray(ramp.astype(np.uint16) * 257))
    films = decode_films([encoded(Image.fromarray(ramp)), colour, deep, colour[:60], None, b""])
    for film in films[:3]:
        np.testing.assert_array_equal(film, ramp)
    assert films[3:] == [None, None, None]
