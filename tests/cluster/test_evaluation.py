import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cluster.evaluation import Totals, measure
from cluster.feature_cache import FeatureCache
from cluster.film_slices import REAL, SLICE, SYNTHETIC, Selection, take_census
from cluster.measurer import Instruments
from cluster.session import connect
from cluster.storage import Storage
from diffcxr.errors import IncompleteError, InputError
from diffcxr.sources.row import Row
from eval.auc import ScoredFilms, merge_all, result
from eval.features.finding_scores import FindingScores
from eval.fid import fid_score
from eval.floors import FloorPlan, plan_floor
from eval.frechet import frechet_distance
from eval.moments import Moments, update
from tests.cluster.films import film_rows, write_classifier, write_films

REAL_ROWS, SYNTHETIC_ROWS = film_rows(300, seed=1), film_rows(170, seed=2, brightness=12)


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    with connect(num_cpus=2):
        yield


@pytest.fixture(scope="module")
def instruments(tmp_path_factory: pytest.TempPathFactory) -> Instruments:
    scores = FindingScores.from_folder(write_classifier(tmp_path_factory.mktemp("classifier")))
    return Instruments((scores,), scores)


def evaluate(
    folder: Path,
    instruments: Instruments,
    cuts: tuple[list[int], list[int]] = ([], []),
    split: str | None = None,
) -> tuple[Totals, FloorPlan]:
    selections = {
        REAL: Selection(write_films(folder / "real", REAL_ROWS, cuts[0]), split),
        SYNTHETIC: Selection(write_films(folder / "synthetic", SYNTHETIC_ROWS, cuts[1])),
    }
    return collect(selections, instruments, FeatureCache(Storage.at(folder / "cache")))


def collect(
    selections: dict[str, Selection], instruments: Instruments, cache: FeatureCache
) -> tuple[Totals, FloorPlan]:
    census = {side: take_census(selection) for side, selection in selections.items()}
    plan = plan_floor(
        np.concatenate(census[REAL].patients),
        np.concatenate(census[REAL].keys),
        np.concatenate(census[SYNTHETIC].keys),
    )
    totals = Totals(instruments)
    for side, evidence in measure(selections, census, {REAL: plan}, instruments, cache):
        totals.add(side, evidence)
    return totals, plan


def fid(totals: Totals, instruments: Instruments) -> dict[str, float | None]:
    (extractor,) = instruments.extractors
    real, synthetic = (totals[side].sides[extractor.name] for side in (REAL, SYNTHETIC))
    score = fid_score(real, synthetic, extractor=extractor.name, digest="", reference="")
    return {name: getattr(score, name) for name in ("value", "low", "high", "floor", "value_at_floor")}


def scored(totals: Totals, side: str) -> ScoredFilms:
    return merge_all(totals[side].scored, 3)


def directly(instruments: Instruments, rows: list[Row]) -> np.ndarray:
    """The scores of those films, with no cluster in between."""
    from cluster.film_slices import decode_films
    from eval.features.extractor import extract

    assert instruments.classifier is not None
    instruments.classifier.setup("cpu")
    films = [film for film in decode_films([row.image for row in rows]) if film is not None]
    return extract(instruments.classifier, films)


def test_fid_and_mauc_do_not_depend_on_sharding(tmp_path: Path, instruments: Instruments) -> None:
    cuts = ([], []), ([120, 121], [60]), ([3, 290], [1, 169])
    runs = [evaluate(tmp_path / str(n), instruments, cut)[0] for n, cut in enumerate(cuts)]
    values = [fid(totals, instruments) for totals in runs]
    for other in values[1:]:
        assert other == pytest.approx(values[0], rel=1e-12, abs=1e-12)
    assert (
        result(scored(runs[0], SYNTHETIC))
        == result(scored(runs[1], SYNTHETIC))
        != result(scored(runs[0], REAL))
    )
    assert result(scored(runs[0], SYNTHETIC)) == result(scored(runs[2], SYNTHETIC))


def test_the_cluster_s_values_are_those_of_the_films_in_one_place(
    tmp_path: Path, instruments: Instruments
) -> None:
    totals, plan = evaluate(tmp_path, instruments, ([100], []))
    real, synthetic = directly(instruments, REAL_ROWS), directly(instruments, SYNTHETIC_ROWS)
    expected = frechet_distance(update(Moments(3), real), update(Moments(3), synthetic))
    assert fid(totals, instruments)["value"] == pytest.approx(expected, rel=1e-10)

    known = [row.labels is not None for row in SYNTHETIC_ROWS]
    edema = np.array([(row.labels or {}).get("Edema") or 0 for row in SYNTHETIC_ROWS])
    auc = result(scored(totals, SYNTHETIC))[0]
    assert auc.value == pytest.approx(roc_auc_score(edema[known], synthetic[known, 0]), abs=1e-12)
    assert auc.n_positive + auc.n_negative == sum(
        known
    )  # unmentioned is negative, no labels at all is unknown
    side = totals[REAL].sides["finding_classifier"]
    assert [moments.count for moments in side.sets] == [plan.n, plan.n]
    assert totals[SYNTHETIC].sides["finding_classifier"].sets[0].count == plan.n


def test_a_split_is_measured_alone(tmp_path: Path, instruments: Instruments) -> None:
    totals, _ = evaluate(tmp_path, instruments, split="test")
    assert totals[REAL].films == sum(row.split == "test" for row in REAL_ROWS) == 75
    assert len(scored(totals, REAL).keys) == 75
    assert totals[SYNTHETIC].films == 170


def test_features_are_taken_from_the_cache_and_no_image_is_read(
    tmp_path: Path, instruments: Instruments
) -> None:
    first, _ = evaluate(tmp_path, instruments)
    cache = FeatureCache(Storage.at(tmp_path / "cache"))
    assert len(cache.names(instruments.all)) == sum(-(-n // SLICE) for n in (300, 170))
    before = {stored.path: stored.modified for stored in cache.storage.list()}
    second, _ = evaluate(tmp_path, instruments)
    assert {stored.path: stored.modified for stored in cache.storage.list()} == before
    assert fid(first, instruments) == fid(second, instruments)
    np.testing.assert_array_equal(scored(first, REAL).scores, scored(second, REAL).scores)


def test_films_that_cannot_be_read_are_counted_and_in_no_value(
    tmp_path: Path, instruments: Instruments
) -> None:
    damaged = [
        dataclasses.replace(
            row, image=None if index % 50 == 0 else b"no image" if index % 50 == 1 else row.image
        )
        for index, row in enumerate(REAL_ROWS)
    ]
    selections = {
        REAL: Selection(write_films(tmp_path / "real", damaged, [150])),
        SYNTHETIC: Selection(write_films(tmp_path / "synthetic", SYNTHETIC_ROWS)),
    }
    totals, _ = collect(selections, instruments, FeatureCache(Storage.at(tmp_path / "cache")))
    assert (totals[REAL].films, totals[REAL].unreadable) == (300, 12)
    assert totals[REAL].sides["finding_classifier"].count == len(scored(totals, REAL).keys) == 288
    readable = [row for index, row in enumerate(REAL_ROWS) if index % 50 > 1]
    expected = frechet_distance(
        *(update(Moments(3), directly(instruments, rows)) for rows in (readable, SYNTHETIC_ROWS))
    )
    assert fid(totals, instruments)["value"] == pytest.approx(expected, rel=1e-10)


def test_a_damaged_shard_is_one_input_error(tmp_path: Path, instruments: Instruments) -> None:
    selections = {
        REAL: Selection(write_films(tmp_path / "real", REAL_ROWS, [150])),
        SYNTHETIC: Selection(write_films(tmp_path / "synthetic", SYNTHETIC_ROWS)),
    }
    shard = tmp_path / "real/shards/00001.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 255  # within an image: ids are still read
    shard.write_bytes(data)
    with pytest.raises(InputError, match="checksum"):
        collect(selections, instruments, FeatureCache(Storage.at(tmp_path / "cache")))


class Deadly(FindingScores):
    """An extractor whose process dies, as one that runs out of memory."""

    def setup(self, device: str) -> None:
        self.ready = True

    def process(self, films: np.ndarray) -> np.ndarray:
        os._exit(9)


class DiesOnce(FindingScores):
    """An extractor whose process dies at the first slice that holds a bright film."""

    tombstone: Path

    def process(self, films: np.ndarray) -> np.ndarray:
        if films.mean() > 128 and not self.tombstone.exists():
            self.tombstone.touch()
            os._exit(9)
        return super().process(films)


def test_a_worker_that_dies_once_changes_no_value(tmp_path: Path, instruments: Instruments) -> None:
    undisturbed, _ = evaluate(tmp_path / "undisturbed", instruments, ([100], [50]))
    mortal = DiesOnce.from_folder(write_classifier(tmp_path / "classifier"))
    mortal.tombstone = tmp_path / "tombstone"
    disturbed, _ = evaluate(tmp_path / "disturbed", Instruments((mortal,), mortal), ([100], [50]))
    assert mortal.tombstone.exists()
    assert (disturbed[REAL].films, disturbed[SYNTHETIC].films) == (300, 170)
    assert fid(disturbed, instruments) == fid(undisturbed, instruments)
    for side in (REAL, SYNTHETIC):
        np.testing.assert_array_equal(scored(disturbed, side).scores, scored(undisturbed, side).scores)


def test_a_worker_that_dies_again_and_again_ends_the_run(tmp_path: Path, instruments: Instruments) -> None:
    deadly = Deadly.from_folder(write_classifier(tmp_path / "classifier"))
    with pytest.raises(IncompleteError, match="workers keep dying"):
        evaluate(tmp_path, Instruments((), deadly))
