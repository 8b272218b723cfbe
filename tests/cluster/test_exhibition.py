from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from cluster.evaluation import Totals
from cluster.evidence import Evidence
from cluster.exhibition import NEIGHBOURS, make_exhibits
from cluster.exhibits import Exhibits, Films, exhibits_from_json, exhibits_to_json
from cluster.feature_cache import FeatureCache, SliceFeatures
from cluster.film_slices import REAL, SYNTHETIC, Selection, slice_names, take_census
from cluster.measurer import Instruments
from cluster.storage import Storage
from diffcxr.errors import InputError
from diffcxr.sources.row import Row
from eval.fid import Side, update_side
from eval.groups import film_keys, groups, patient_hashes
from tests.cluster.films import film_rows, write_films


@dataclass
class Given:
    """An extractor whose features are in the cache already."""

    name: str = "given"
    dimension: int = 6
    digest: str = "sha256:given"

    def setup(self, device: str) -> None:
        raise AssertionError("nothing is extracted again")

    def process(self, films: np.ndarray) -> np.ndarray:
        raise AssertionError("nothing is extracted again")


def features_of(rows: list[Row], shift: float) -> np.ndarray:
    """Each film's own, wherever it lies."""
    keys = film_keys([row.report_id for row in rows], [row.sample_index for row in rows])
    return np.stack([np.random.default_rng(int(key)).normal(shift, 1, 6) for key in keys]).astype(np.float32)


def exhibited(
    folder: Path,
    real: list[Row],
    synthetic: list[Row],
    cuts: tuple[int, ...] = (),
    copied: int | None = None,  # a synthetic film whose features are a real one's
    unreadable: int = 0,  # of the first slice of real films
) -> tuple[Exhibits, dict[str, tuple[list[Row], np.ndarray]]]:
    extractor, sides = Given(), {}
    cache = FeatureCache(Storage.at(folder / "cache"))
    selections, censuses, totals = {}, {}, Totals(Instruments((extractor,), None))
    for side, rows, shift in ((REAL, real, 0.0), (SYNTHETIC, synthetic, 0.5)):
        selection = Selection(write_films(folder / side, rows, cuts))
        census, features = take_census(selection), features_of(rows, shift)
        if copied is not None and side == SYNTHETIC:
            features[copied] = sides[REAL][1][7]
        start = 0
        for shard, keys in enumerate(census.keys):
            (name,) = slice_names(selection, shard, len(keys))
            readable = np.arange(unreadable if shard == 0 and side == REAL else 0, len(keys))
            cache.write(extractor, name, SliceFeatures(readable, features[start + readable]))
            start += len(keys)
        selections[side], censuses[side], sides[side] = selection, census, (rows, features)
        patients = patient_hashes([row.patient_id for row in rows], [row.report_id for row in rows])
        state = update_side(Side.empty(6), features, groups(patients), np.full(len(rows), -1))
        totals.add(side, Evidence({"given": state}, rows={}, films=len(rows)))
    return make_exhibits(selections, censuses, totals, cache), sides


def films_of(exhibits: Exhibits) -> Films:
    assert exhibits.films is not None and exhibits.roc is None
    return exhibits.films


def test_films_are_shown_beside_their_nearest_and_ranked_by_their_fifth(tmp_path: Path) -> None:
    exhibits, sides = exhibited(tmp_path, film_rows(90, seed=1), film_rows(50, seed=2), (40,))
    films, (real, of_real), (synthetic, of_synthetic) = films_of(exhibits), sides[REAL], sides[SYNTHETIC]
    distances = np.linalg.norm(of_synthetic[:, None].astype(np.float64) - of_real, axis=2)
    order = np.sort(distances, axis=1)
    names = [row.report_id for row in synthetic]
    by_nearest, by_fifth = ([names[i] for i in order[:, k].argsort()] for k in (0, NEIGHBOURS - 1))
    assert [one.film[0] for one in films.near] == [by_nearest[i] for i in (0, 1, 2, 12, 25, 37)]
    assert [one.film[0] for one in films.best] == by_fifth[:6]
    assert [one.film[0] for one in films.worst] == by_fifth[::-1][:6]
    for one in (*films.near, *films.best, *films.worst):
        place = names.index(one.film[0])
        assert one.real == (real[distances[place].argmin()].report_id, 0)
        assert one.distance == pytest.approx(order[place, 0], rel=1e-6)
        assert one.fifth == pytest.approx(order[place, NEIGHBOURS - 1], rel=1e-6)
    among = np.linalg.norm(of_real[:, None].astype(np.float64) - of_real, axis=2)
    patients = np.array([row.patient_id for row in real])
    among[patients[:, None] == patients] = np.inf
    nearest = among.min(1)
    assert films.of_real.median == pytest.approx(np.median(nearest), rel=1e-6)
    assert films.near[3].nearer == pytest.approx(np.mean(nearest < films.near[3].distance))
    assert films.of_synthetic.least == films.near[0].distance
    assert (films.places[REAL].films, films.places[SYNTHETIC].sample) == (90, 50)
    assert films.plane is not None and (len(films.plane.real), len(films.plane.synthetic)) == (90, 50)


def test_a_copy_of_a_real_film_comes_first(tmp_path: Path) -> None:
    exhibits, sides = exhibited(tmp_path, film_rows(60, seed=1), film_rows(40, seed=2), copied=11)
    first = films_of(exhibits).near[0]
    assert first.distance == 0 and first.nearer == 0
    assert (first.film[0], first.real[0]) == (sides[SYNTHETIC][0][11].report_id, sides[REAL][0][7].report_id)


def test_what_is_shown_does_not_depend_on_shards(tmp_path: Path) -> None:
    real, synthetic = film_rows(70, seed=1), film_rows(50, seed=2)
    one, other = (
        films_of(exhibited(tmp_path / str(number), real, synthetic, cuts)[0])
        for number, cuts in enumerate([(), (20, 21, 45)])
    )
    assert replace(one, places={}, plane=None) == replace(other, places={}, plane=None)
    assert one.plane is not None and other.plane is not None
    assert np.array(one.plane.real) == pytest.approx(np.array(other.plane.real), abs=1e-6)


def test_films_that_cannot_be_read_are_nobody_s_neighbours(tmp_path: Path) -> None:
    exhibits, _ = exhibited(tmp_path, film_rows(30, seed=1), film_rows(20, seed=2), (12,), unreadable=3)
    films = films_of(exhibits)
    assert films.places[REAL].sample == 27
    shown = {one.real[0] for one in (*films.near, *films.best, *films.worst)}
    assert not shown & {f"study-1-{index:04d}" for index in range(3)}


def test_exhibits_are_read_as_they_were_written(tmp_path: Path) -> None:
    exhibits, _ = exhibited(tmp_path, film_rows(30, seed=1), film_rows(20, seed=2))
    assert exhibits_from_json(exhibits_to_json(exhibits)) == exhibits


def test_real_films_of_one_patient_are_too_few_to_compare_with(tmp_path: Path) -> None:
    real = [replace(row, patient_id="one") for row in film_rows(20, seed=1)]
    assert exhibited(tmp_path, real, film_rows(20, seed=2))[0].films is None


def test_features_that_vanished_are_an_error(tmp_path: Path) -> None:
    exhibited(tmp_path, film_rows(20, seed=1), film_rows(20, seed=2))
    for file in (tmp_path / "cache").rglob("*.parquet"):
        file.unlink()
    selection = Selection(write_films(tmp_path / "again", film_rows(20, seed=1)))
    sides = dict.fromkeys((REAL, SYNTHETIC), selection)
    cache, totals = FeatureCache(Storage.at(tmp_path / "cache")), Totals(Instruments((Given(),), None))
    with pytest.raises(InputError, match="vanished"):
        make_exhibits(sides, {side: take_census(selection) for side in sides}, totals, cache)
