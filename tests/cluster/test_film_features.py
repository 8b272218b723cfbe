from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cluster.film_features import KeptFeatures
from cluster.filtering import FilmFeatures
from cluster.storage import Storage
from diffcxr.errors import IncompleteError, InputError

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
