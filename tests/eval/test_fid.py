import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.fid import Side, fid_score, left_out_distances, merge_sides, update_side
from eval.floors import NONE, plan_floor
from eval.frechet import frechet_distance
from eval.groups import GROUPS, film_keys, groups, patient_hashes
from eval.moments import Moments, update

D = 6


class Corpus:
    """Films of a normal distribution, two a patient."""

    def __init__(self, count: int, name: str, shift: float = 0.0) -> None:
        rng = np.random.default_rng(count)
        reports = [f"{name}{i}" for i in range(count)]
        self.features = (rng.normal(size=(count, D)) + shift).astype(np.float32)
        self.patients = patient_hashes([f"{name}{i // 2}" for i in range(count)], reports)
        self.keys = film_keys(reports, [0] * count)

    def side(self, sets: np.ndarray, cuts: list[int] | None = None) -> Side:
        state = Side.empty(D)
        for rows in np.split(np.arange(len(self.keys)), sorted(cuts or [])):
            part = update_side(Side.empty(D), self.features[rows], groups(self.patients[rows]), sets[rows])
            state = merge_sides(state, part)
        return state


REAL, SYNTHETIC = Corpus(600, "r"), Corpus(200, "s", shift=0.5)
PLAN = plan_floor(REAL.patients, REAL.keys, SYNTHETIC.keys)
HALVES = PLAN.half(REAL.patients, REAL.keys)
MATCHED = np.where(PLAN.matched(SYNTHETIC.keys), 0, NONE)


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return frechet_distance(update(Moments(D), a), update(Moments(D), b))


def test_value_and_floor_are_the_distances_of_their_films() -> None:
    score = fid_score(REAL.side(HALVES), SYNTHETIC.side(MATCHED), extractor="x", digest="d", reference="r")
    assert score.value == pytest.approx(distance(REAL.features, SYNTHETIC.features), rel=1e-10)
    first, second = (REAL.features[half == HALVES] for half in (0, 1))
    assert score.floor == pytest.approx(distance(first, second), rel=1e-10)
    assert score.n_floor == len(first) == len(second) == 200
    assert score.value_at_floor == pytest.approx(distance(first, SYNTHETIC.features[MATCHED == 0]), rel=1e-10)
    assert (score.n_real, score.n_synthetic) == (600, 200)
    assert score.value is not None and score.low is not None and score.high is not None
    assert score.low < score.value < score.high
    assert score.floor < score.value_at_floor


def test_each_left_out_distance_misses_one_group_of_patients_on_both_sides() -> None:
    found = list(left_out_distances(REAL.side(HALVES), SYNTHETIC.side(MATCHED)))
    expected = [
        distance(
            REAL.features[groups(REAL.patients) != group],
            SYNTHETIC.features[groups(SYNTHETIC.patients) != group],
        )
        for group in range(GROUPS)
    ]
    assert found == pytest.approx(expected, rel=1e-10)


@given(st.lists(st.integers(0, 600), max_size=5), st.lists(st.integers(0, 200), max_size=5))
@settings(deadline=None, max_examples=20)
def test_no_number_depends_on_sharding(real_cuts: list[int], synthetic_cuts: list[int]) -> None:
    whole = fid_score(REAL.side(HALVES), SYNTHETIC.side(MATCHED), extractor="x", digest="d", reference="r")
    parted = fid_score(
        REAL.side(HALVES, real_cuts),
        SYNTHETIC.side(MATCHED, synthetic_cuts),
        extractor="x",
        digest="d",
        reference="r",
    )
    for name in ("value", "low", "high", "floor", "value_at_floor"):
        assert getattr(parted, name) == pytest.approx(getattr(whole, name), rel=1e-12), name


def test_two_films_a_side_have_a_distance_and_neither_floor_nor_surprise() -> None:
    few = Corpus(2, "few")
    none = np.full(2, NONE)
    score = fid_score(few.side(none), few.side(none), extractor="x", digest="d", reference="r")
    assert score.value == pytest.approx(0, abs=1e-12)
    assert (score.floor, score.n_floor, score.value_at_floor) == (None, None, None)
