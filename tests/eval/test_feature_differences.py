from collections import defaultdict

import numpy as np
import pytest

from eval import inception_score, kid, prdc, vendi
from eval.comparison import plan_comparison
from eval.differences import Difference
from eval.feature_differences import (
    fid_difference,
    inception_difference,
    kid_difference,
    prdc_differences,
    vendi_difference,
)
from eval.feature_rows import FeatureRows
from eval.fid import Side, update_side
from eval.frechet import frechet_distance
from eval.groups import GROUPS, stable_hash
from eval.inception_score import ClassSums
from eval.jackknife import LeftOut
from eval.moments import Moments, update
from eval.prdc import NAMES
from eval.vendi import SecondMoment, Variety, update_variety

D, FILMS = 6, 200


def side(films: FeatureRows) -> Side:
    return update_side(Side.empty(D), films.features, films.groups, np.full(films.count, -1))


def variety(films: FeatureRows) -> Variety:
    return update_variety(Variety.empty(D), films.features, films.groups, np.zeros(films.count, np.bool_))


def sums(films: FeatureRows) -> ClassSums:
    no = np.zeros(films.count, np.bool_)
    return inception_score.update(ClassSums.empty(D), films.features, films.groups, no)


def differences(real: FeatureRows, ours: FeatureRows, rival: FeatureRows) -> dict[str, Difference]:
    return {
        "fid": fid_difference(side(real), side(ours), side(rival)),
        "kid": kid_difference(real, ours, rival),
        **prdc_differences(real, ours, rival),
        "vendi": vendi_difference(variety(ours), variety(rival)),
        "inception_score": inception_difference(sums(ours), sums(rival)),
    }


class World:
    """Films of a normal distribution, two a patient, which resemble each other."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def patients(self, films: int = FILMS) -> np.ndarray:
        start = int(self.rng.integers(2**40))
        hashes = [stable_hash(f"p{start + i}") for i in range(films // 2)]
        return np.repeat(np.array(hashes, np.uint64), 2)

    def alike(self, films: int = FILMS) -> np.ndarray:
        own, shared = self.rng.normal(size=(films, D)), self.rng.normal(size=(films // 2, D))
        return (own + np.repeat(shared, 2, axis=0)) / np.sqrt(2)

    def films(self, spread: float, shift: float, films: int = FILMS) -> FeatureRows:
        return self.rows(spread * self.alike(films) + shift, self.patients(films))

    def rows(self, features: np.ndarray, patients: np.ndarray) -> FeatureRows:
        keys = self.rng.integers(2**63, size=len(features), dtype=np.uint64)
        return FeatureRows(features.astype(np.float32), patients, keys)

    def pair(self) -> tuple[FeatureRows, FeatureRows]:
        """Two models' films of the same reports, which decide half of what the films are."""
        told, patients = self.alike(), self.patients()
        ours, rival = (self.rows(0.9 * (told + self.alike()) / np.sqrt(2) + 0.25, patients) for _ in range(2))
        return ours, FeatureRows(rival.features, patients, ours.keys)


def test_a_difference_is_that_of_the_values_of_the_films() -> None:
    world = World(0)
    real, ours, rival = world.films(1, 0), world.films(0.9, 0.2), world.films(1.1, 0.4)
    found = differences(real, ours, rival)

    def fid(films: FeatureRows) -> float:
        return frechet_distance(update(Moments(D), real.features), update(Moments(D), films.features))

    expected = {
        "fid": [fid(films) for films in (ours, rival)],
        "kid": [kid.result(real, films).value for films in (ours, rival)],
        "vendi": [vendi.result(vendi.update(SecondMoment(D), f.features)) for f in (ours, rival)],
        "inception_score": [inception_score.result(sums(films)) for films in (ours, rival)],
        **dict(zip(NAMES, zip(*(prdc.values(real, f) for f in (ours, rival)), strict=True), strict=True)),
    }
    assert found.keys() == expected.keys()
    for name, (one, other) in expected.items():
        assert found[name].value == pytest.approx(one - other, rel=1e-9), name
        assert found[name].rival == pytest.approx(other, rel=1e-9), name


def test_one_group_of_patients_is_left_out_of_all_three_corpora_at_once() -> None:
    world = World(1)
    real, ours, rival = world.films(1, 0), world.films(0.9, 0.2), world.films(1.1, 0.4)

    def without(films: FeatureRows, group: int | None) -> Moments:
        return update(Moments(D), films.features[films.groups != group])

    value, *replicates = [
        frechet_distance(without(real, g), without(ours, g))
        - frechet_distance(without(real, g), without(rival, g))
        for g in (None, *range(GROUPS))
    ]
    found = fid_difference(side(real), side(ours), side(rival), follow=lambda values: iter(list(values)))
    films = np.stack([np.bincount(f.groups, minlength=GROUPS) for f in (real, ours, rival)], axis=1)
    low, high = LeftOut(value, np.array(replicates), films).interval()
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), rel=1e-6)


@pytest.mark.parametrize("same_reports", [False, True])
def test_models_that_are_equally_good_are_told_apart_in_no_more_than_one_of_twenty_comparisons(
    same_reports: bool,
) -> None:
    p = defaultdict(list)
    for seed in range(60):
        world = World(seed)
        real = world.films(1, 0)
        ours, rival = world.pair() if same_reports else (world.films(0.9, 0.25), world.films(0.9, 0.25))
        for name, found in differences(real, ours, rival).items():
            assert found.p is not None and found.low is not None and found.high is not None
            assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
            p[name].append(found.p)
    assert len(p) == 8
    for name, values in p.items():
        told, halfway = np.mean(np.array(values) < 0.05), np.mean(np.array(values) < 0.5)
        assert told <= 0.12, name  # 7 of 60, where 3 are expected
        assert 0.25 <= halfway <= 0.7, name


def test_a_better_model_is_told_apart_and_the_interval_of_the_difference_holds_the_truth() -> None:
    values, found = [], []
    for seed in range(60):
        world = World(100 + seed)
        real = world.films(1, 0)
        one = fid_difference(*map(side, (real, world.films(1, 0.3), world.films(0.9, 0.6))))
        values.append(one.value)
        found.append(one)
    truth = np.mean(values)
    held = sum(one.low <= truth <= one.high for one in found if one.low is not None and one.high is not None)
    assert 54 <= held <= 60
    assert sum(one.p < 0.05 for one in found if one.p is not None) >= 58


def test_a_model_with_more_films_is_not_better_for_having_more() -> None:
    world, naive, told = World(7), 0, 0
    for _ in range(40):
        real, many, few = world.films(1, 0), world.films(0.9, 0.25, 1200), world.films(0.9, 0.25, 100)
        unequal = fid_difference(side(real), side(many), side(few))
        plan = plan_comparison(many.keys, few.keys)
        equal = fid_difference(
            side(real), side(many.take(plan.takes(0, many.keys))), side(few.take(plan.takes(1, few.keys)))
        )
        assert unequal.p is not None and equal.p is not None
        naive, told = naive + (unequal.value < 0), told + (equal.value < 0)
    assert naive >= 30  # a distance falls with n
    assert 10 <= told <= 30


def test_films_of_the_same_reports_are_compared_more_sharply() -> None:
    widths = []
    for seed in range(10):
        world = World(seed)
        real, (ours, rival) = world.films(1, 0), world.pair()
        strangers = world.rows(rival.features, world.patients())
        for other in (rival, strangers):
            found = kid_difference(real, ours, other)
            assert found.low is not None and found.high is not None
            widths.append(found.high - found.low)
    assert np.mean(widths[::2]) < 0.85 * np.mean(widths[1::2])
