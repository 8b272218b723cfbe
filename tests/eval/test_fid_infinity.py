import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.fid import Side, merge_sides, update_side
from eval.fid_infinity import (
    Extrapolation,
    extrapolate,
    fid_infinity_difference,
    fid_infinity_score,
    usable_shares,
)
from eval.frechet import frechet_distance
from eval.groups import GROUPS, groups, stable_hash
from eval.moments import merge_all

D = 8


def patients(rng: np.random.Generator, films: int, each: int = 1) -> np.ndarray:
    start = int(rng.integers(2**40))
    found = [stable_hash(f"p{start + i}") for i in range(films // each)]
    return np.repeat(np.array(found, np.uint64), each)


def vectors(rng: np.random.Generator, films: int, shift: float, each: int = 1) -> np.ndarray:
    """Of variance 1 in each feature; two thirds of it a patient's, where each has several films."""
    own, shared = rng.normal(size=(films, D)), rng.normal(size=(films // each, D))
    if each > 1:
        own = np.sqrt(1 / 3) * own + np.sqrt(2 / 3) * np.repeat(shared, each, axis=0)
    return (own + shift).astype(np.float32)


def side(features: np.ndarray, of: np.ndarray, cuts: list[int] | None = None) -> Side:
    state = Side.empty(D)
    for rows in np.split(np.arange(len(of)), sorted(cuts or [])):
        part = update_side(Side.empty(D), features[rows], groups(of[rows]), np.full(len(rows), -1))
        state = merge_sides(state, part)
    return state


def corpus(seed: int, films: int, shift: float = 0.0, each: int = 1) -> Side:
    rng = np.random.default_rng(seed)
    return side(vectors(rng, films, shift, each), patients(rng, films, each))


REAL = corpus(1, 20_000)
TOLD = {"extractor": "x", "digest": "d", "reference": "r"}


def value(synthetic: Side) -> Extrapolation:
    shares = usable_shares(synthetic.count, D)
    return extrapolate(merge_all(REAL.groups, D), synthetic.groups, shares)


@pytest.mark.parametrize("each", [1, 4])
def test_the_distance_of_films_without_end_is_found_from_few_of_them(each: int) -> None:
    found = [value(corpus(seed, 400, 0.1, each)) for seed in range(10, 40)]
    truth = D * 0.1**2
    values, at_all = ([f.value for f in found], [f.points[-1][1] for f in found])
    assert np.mean(at_all) > 1.7 * truth
    assert np.mean(values) == pytest.approx(truth, abs=3 * np.std(values) / np.sqrt(30))


def test_points_are_the_mean_distances_of_films_at_each_n_and_lie_on_the_line() -> None:
    synthetic = corpus(2, 1000, 0.3)
    found = value(synthetic)
    assert len(found.points) == 4
    everything = frechet_distance(merge_all(REAL.groups, D), merge_all(synthetic.groups, D))
    assert found.points[-1] == pytest.approx((1000, everything))
    halves = [synthetic.groups[:10], synthetic.groups[10:]]
    counts = [sum(group.count for group in half) for half in halves]
    distances = [frechet_distance(merge_all(REAL.groups, D), merge_all(half, D)) for half in halves]
    expected = 1 / np.mean(1 / np.array(counts)), np.mean(distances)
    assert found.points[1] == pytest.approx(expected)
    for n, distance in found.points:
        assert found.value + found.slope / n == pytest.approx(distance, abs=0.05 * everything)


RNG = np.random.default_rng(3)
FEATURES, PATIENTS = vectors(RNG, 400, 0.2, 2), patients(RNG, 400, 2)


@given(st.lists(st.integers(0, 400), max_size=5), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=8)
def test_no_number_depends_on_sharding_or_order(cuts: list[int], random) -> None:
    order = list(range(400))
    random.shuffle(order)
    whole = fid_infinity_score(REAL, side(FEATURES, PATIENTS), **TOLD)
    parted = fid_infinity_score(REAL, side(FEATURES[order], PATIENTS[order], cuts), **TOLD)
    for name in ("value", "low", "high", "floor", "value_at_floor"):
        assert getattr(parted, name) == pytest.approx(getattr(whole, name), rel=1e-12), name
    assert whole.points is not None and parted.points is not None
    np.testing.assert_allclose(parted.points, whole.points, rtol=1e-12)


def test_an_interval_misses_one_group_of_patients_at_a_time_and_holds_the_truth() -> None:
    held = 0
    for seed in range(25):
        score = fid_infinity_score(corpus(100 + seed, 1000, 0, 2), corpus(200 + seed, 600, 0.4, 2), **TOLD)
        assert score.low is not None and score.high is not None and score.value is not None
        assert score.low < score.value < score.high
        held += score.low <= D * 0.4**2 <= score.high
    assert held >= 21


def test_the_floor_is_what_real_films_score_against_those_of_other_patients() -> None:
    score = fid_infinity_score(REAL, corpus(4, 400, 0.3), **TOLD)
    assert score.floor is not None and abs(score.floor) < 0.005
    assert score.n_floor == sum(group.count for group in REAL.groups[::2])
    assert score.value_at_floor == pytest.approx(score.value, rel=0.1)
    assert score.note == f"from FID at {', '.join(f'{round(n)}' for n, _ in score.points or ())} films"


def test_too_few_films_for_a_line_have_no_value_and_say_how_many_are_needed() -> None:
    assert usable_shares(38, D) == usable_shares(0, D) == ()
    assert usable_shares(39, D) == (0.5, 0.75, 1.0) and usable_shares(80, D) == (0.25, 0.5, 0.75, 1.0)
    score = fid_infinity_score(REAL, corpus(5, 30), **TOLD)
    assert (score.value, score.low, score.floor, score.points) == (None, None, None, None)
    assert score.note == "too few films for a line: 8 features need 39"
    assert fid_infinity_difference(REAL, corpus(5, 30), corpus(6, 400)) is None


def test_one_group_s_patients_are_left_out_of_all_corpora_and_equal_models_are_seldom_told_apart() -> None:
    told = 0
    for seed in range(30):
        ours, rival = (corpus(300 + 2 * seed + n, 400, 0.3, 2) for n in (0, 1))
        found = fid_infinity_difference(corpus(seed, 600, 0, 2), ours, rival)
        assert found is not None and found.p is not None
        told += found.p < 0.05
    assert told <= 4
    found = fid_infinity_difference(REAL, corpus(7, 400, 0.2), corpus(8, 400, 0.6))
    assert found is not None and found.p is not None and found.p < 0.001 and found.value < 0
    assert found.rival == pytest.approx(D * 0.6**2, rel=0.2)


def test_a_group_without_films_is_no_obstacle() -> None:
    rng = np.random.default_rng(9)
    of = patients(rng, 600)
    kept = groups(of) != 3
    score = fid_infinity_score(REAL, side(vectors(rng, 600, 0.3)[kept], of[kept]), **TOLD)
    assert score.value is not None and score.low is not None and GROUPS == 20


def test_few_patients_have_no_line_and_say_so() -> None:
    rng = np.random.default_rng(0)
    real = corpus(1, 600)
    few = side(vectors(rng, 400, 0.3), patients(rng, 400, each=200))
    row = fid_infinity_score(real, few, extractor="x", digest="d", reference="r")
    assert row.value is None and row.note is not None and "too few patients" in row.note
    assert fid_infinity_difference(real, few, few) is None
    row = fid_infinity_score(few, real, extractor="x", digest="d", reference="r")
    assert row.value is not None and row.floor is None
