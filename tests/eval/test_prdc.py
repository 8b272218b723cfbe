import io
from contextlib import redirect_stdout
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prdc import compute_prdc

from eval.feature_rows import merge_all
from eval.floors import plan_floor
from eval.intervals import balanced_halves
from eval.prdc import NAMES, PRDC, K, interval, prdc_scores, result, values
from tests.eval.feature_sets import AWKWARD, awkward, rows


def reference(real: np.ndarray, synthetic: np.ndarray, k: int = K) -> list[float]:
    with redirect_stdout(io.StringIO()):
        found = compute_prdc(real.astype(np.float64), synthetic.astype(np.float64), k)
    return [found[name] for name in NAMES]


def by_definition(real: np.ndarray, synthetic: np.ndarray, k: int = K) -> list[float]:
    """From all distances, whole numbers where the features are whole numbers."""

    def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return ((a[:, None].astype(np.float64) - b[None]) ** 2).sum(2)

    def radius(a: np.ndarray) -> np.ndarray:
        own = distances(a, a)
        np.fill_diagonal(own, np.inf)
        return np.sort(own, axis=1)[:, k - 1]

    between, r, s = distances(real, synthetic), radius(real), radius(synthetic)
    inside, within = between < r[:, None], between < s[None]
    return [
        inside.any(0).mean(),
        within.any(1).mean(),
        inside.sum() / (k * len(synthetic)),
        inside.any(1).mean(),
    ]


def normal(count: int, dimension: int, seed: int, shift: float = 0.0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dimension)) + shift
    return vectors.astype(np.float32)


@pytest.mark.parametrize("dimension", [2, 64, 700])
def test_values_are_those_of_the_prdc_package_where_no_distances_tie(dimension: int) -> None:
    real, synthetic = normal(700, dimension, 1), 0.9 * normal(500, dimension, 2, 0.1)
    ours = result(rows(real), rows(synthetic.astype(np.float32), "s")).values
    assert values(rows(real), rows(synthetic.astype(np.float32), "s")).tolist() == ours.tolist()
    assert ours == pytest.approx(reference(real, synthetic.astype(np.float32)), abs=1e-12)


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_features_have_the_values_of_exact_differences(kind: str) -> None:
    real, synthetic = awkward(kind)
    found = result(rows(real), rows(synthetic, "s"))
    assert found.values == pytest.approx(by_definition(real, synthetic), abs=1e-12)


@given(
    st.integers(6, 60), st.integers(6, 60), st.integers(1, 3), st.integers(2, 9), st.integers(0, 2**32 - 1)
)
@settings(deadline=None, max_examples=40)
def test_ties_are_decided_as_whole_numbers_are(
    n: int, m: int, dimension: int, levels: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = (
        (30 + rng.integers(levels, size=(count, dimension))).astype(np.float32) for count in (n, m)
    )
    found = result(rows(real), rows(synthetic, "s"))
    assert found.values.tolist() == by_definition(real, synthetic)


def test_films_that_are_all_the_same_are_within_no_radius() -> None:
    same = np.full((40, 8), 3.7, np.float32)
    assert result(rows(same), rows(same, "s")).values.tolist() == [0, 0, 0, 0]


def test_a_set_against_itself_is_covered_by_itself() -> None:
    real = normal(200, 10, 3)
    precision, recall, density, coverage = result(rows(real), rows(real, "s")).values
    assert (precision, recall, coverage) == (1, 1, 1)
    # Each film is within its own radius, and so are its k - 1 nearest: the k-th is at the radius.
    assert Fraction(float(density)) == 1


@pytest.mark.parametrize("films_a_patient", [1, 6, 30])
def test_halves_are_the_values_of_half_of_the_patients_on_both_sides(films_a_patient: int) -> None:
    real = rows(normal(400, 5, 4), films_a_patient=films_a_patient)
    synthetic = rows(normal(300, 5, 5, 0.3), "s", films_a_patient)
    halves = result(real, synthetic).halves
    for split, members in enumerate(balanced_halves()):
        for number, kept in enumerate((members, ~members)):
            part = [side.features[kept[side.groups]] for side in (real, synthetic)]
            assert halves[split, number] == pytest.approx(by_definition(*part), abs=1e-12)


def test_a_half_with_too_few_films_has_no_value() -> None:
    real = rows(normal(30, 3, 6), films_a_patient=30)  # one patient: one group
    found = result(real, rows(normal(60, 3, 7), "s"))
    (group,) = set(real.groups.tolist())
    for members, halves in zip(balanced_halves(), found.halves, strict=True):
        assert np.isnan(halves[int(members[group])]).all()  # the half without that group
        assert not np.isnan(halves[int(not members[group])]).any()


REAL, SYNTHETIC = rows(normal(300, 4, 8)), rows(normal(120, 4, 9, 0.4), "s")


@given(st.lists(st.integers(0, 300), max_size=5), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=20)
def test_no_bit_depends_on_sharding(cuts, random) -> None:
    parts = [REAL.take(films) for films in np.split(np.arange(300), sorted(cuts))]
    random.shuffle(parts)
    ours, whole = result(merge_all(parts, 4), SYNTHETIC), result(REAL, SYNTHETIC)
    assert ours.values.tobytes() == whole.values.tobytes()
    assert ours.halves.tobytes() == whole.halves.tobytes()


def test_rows_have_intervals_and_what_real_films_reach_at_the_same_number() -> None:
    plan = plan_floor(REAL.patients, REAL.keys, SYNTHETIC.keys)
    scores = prdc_scores(REAL, SYNTHETIC, plan, extractor="x", digest="d", reference="r")
    half = plan.half(REAL.patients, REAL.keys)
    first, second = (REAL.features[half == number] for number in (0, 1))
    matched = SYNTHETIC.features[plan.matched(SYNTHETIC.keys)]
    assert [score.metric for score in scores] == list(NAMES)
    assert [score.ceiling for score in scores] == pytest.approx(by_definition(first, second), abs=1e-12)
    assert [score.value_at_floor for score in scores] == pytest.approx(
        by_definition(first, matched), abs=1e-12
    )
    for score in scores:
        assert (score.n_real, score.n_synthetic, score.n_floor) == (300, 120, plan.n)
        assert score.value is not None and score.low is not None and score.high is not None
        assert score.low < score.value < score.high


def test_few_films_have_rows_without_a_value() -> None:
    few = rows(normal(K, 4, 1), "s")
    plan = plan_floor(REAL.patients, REAL.keys, few.keys)
    scores = prdc_scores(REAL, few, plan, extractor="x", digest="d", reference="r")
    assert {(score.value, score.low, score.ceiling, score.n_floor) for score in scores} == {(None,) * 4}
    with pytest.raises(ValueError, match="more than 5 films"):
        result(REAL, few)


def test_the_tile_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole: PRDC = result(REAL, SYNTHETIC)
    monkeypatch.setattr("eval.neighbours._TILE", 700)
    monkeypatch.setattr("eval.neighbours._PAIRS", 40)
    ours = result(REAL, SYNTHETIC)
    assert ours.values.tobytes() == whole.values.tobytes()
    assert ours.halves.tobytes() == whole.halves.tobytes()


def test_a_share_of_nothing_or_all_has_an_interval() -> None:
    real, synthetic = normal(40, 8, 0), 0.01 * normal(40, 8, 1)  # of twenty patients
    collapsed = result(rows(real), rows(synthetic, "s"))
    assert collapsed.values[:2].tolist() == [1.0, 0.0]
    (low, high), (least, most) = interval(collapsed, 0), interval(collapsed, 1)
    assert (low, high) == (pytest.approx(0.832, abs=1e-3), 1)
    assert (least, most) == (0, pytest.approx(0.168, abs=1e-3))
