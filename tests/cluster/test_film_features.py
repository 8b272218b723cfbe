from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from cluster.film_features import KeptFeatures, read_features
from cluster.filtering import FilmFeatures
from cluster.storage import Storage
from diffcxr.autoencoder import FilmAutoencoder
from diffcxr.errors import IncompleteError, InputError
from tests.cluster.films import film_rows, write_films

FILMS = FilmFeatures(
    [("b", 0), ("a", 1), ("a", 0)], np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
)
NONE = FilmFeatures([], np.empty((0, 0), np.float32))


def test_what_is_kept_comes_back_to_the_bit(tmp_path: Path) -> None:
    kept = KeptFeatures(Storage.at(tmp_path))
    kept.write(0, FILMS)
    kept.write(2, NONE)
    assert kept.missing(4) == [1, 3]
    assert kept.read(0).keys == FILMS.keys and kept.read(2).keys == []
    np.testing.assert_array_equal(kept.read(0).features, FILMS.features)


def test_features_stand_in_the_order_of_their_keys_and_shards_without_films_do_not_matter() -> None:
    halves = [FilmFeatures(FILMS.keys[part], FILMS.features[part]) for part in (slice(2), slice(2, 3))]
    joined = FilmFeatures.join([NONE, *halves])
    assert joined.keys == [("a", 0), ("a", 1), ("b", 0)]
    np.testing.assert_array_equal(joined.features, FILMS.features[::-1])
    assert FilmFeatures.join([NONE]).keys == []


def test_features_that_are_gone_or_damaged_are_one_line(tmp_path: Path) -> None:
    kept = KeptFeatures(Storage.at(tmp_path))
    with pytest.raises(IncompleteError, match="gone"):
        kept.read(0)
    kept.write(0, FILMS)
    data = bytearray((tmp_path / "00000.parquet").read_bytes())
    data[data.index(FILMS.features[1].tobytes())] ^= 1
    (tmp_path / "00000.parquet").write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        kept.read(0)


def test_a_film_that_is_beyond_the_autoencoder_is_named(tmp_path: Path) -> None:
    class Faint(FilmAutoencoder):
        """Its latents of bright films are beyond half precision."""

        def encode(self, films_B1HW: Tensor) -> Tensor:
            bright = films_B1HW.mean((1, 2, 3)) > 0.6
            return super().encode(films_B1HW) + 1e6 * bright[:, None, None, None]

    corpus = write_films(tmp_path, [*film_rows(3, seed=1), *film_rows(1, seed=2, brightness=90)])
    with pytest.raises(InputError, match="no finite latent of a film") as raised:
        read_features(corpus, 0, Faint(width=8, depth=1).eval(), 64)
    assert raised.value.where.endswith("film 0 of study-2-0000")
