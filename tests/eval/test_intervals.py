import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from eval.auc import ScoredFilms, macro, result
from eval.groups import GROUPS
from eval.intervals import (
    balanced_halves,
    binomial,
    bootstrap_auc,
    bootstrap_mean,
    half_sample,
)


def scored(rng: np.random.Generator, patients: int, films_each: int) -> ScoredFilms:
    """Films of one patient are near copies of each other."""
    truth = np.repeat(rng.random(patients) < 0.4, films_each)
    scores = np.repeat(rng.normal(size=patients), films_each) + truth + 0.1 * rng.normal(size=truth.size)
    patient = np.repeat(np.arange(patients, dtype=np.uint64), films_each)
    keys = np.arange(truth.size, dtype=np.uint64)
    return ScoredFilms(scores.astype(np.float32)[:, None], truth.astype(np.int8)[:, None], patient, keys)


def test_the_interval_of_an_auc_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    large = scored(rng, 200_000, 1)
    truth = result(large)[0].value
    assert truth is not None
    hits = 0
    for _ in range(100):
        interval = bootstrap_auc(scored(rng, 80, 4), {}, resamples=200).findings[0]
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    assert 88 <= hits <= 100


def test_films_of_one_patient_are_resampled_together() -> None:
    rng = np.random.default_rng(1)
    state = scored(rng, 80, 4)
    alone = ScoredFilms(state.scores, state.truth, np.arange(320, dtype=np.uint64), state.keys)
    width = []
    for films in (state, alone):
        interval = bootstrap_auc(films, {}, resamples=400).findings[0]
        assert interval is not None
        width.append(interval[1] - interval[0])
    assert width[0] > 1.5 * width[1]  # four copies are not four patients: twice as wide


def test_the_bootstrap_of_a_macro_mean_surrounds_it_and_is_determined_by_its_seed() -> None:
    rng = np.random.default_rng(2)
    one, two = scored(rng, 100, 2), scored(rng, 100, 2)
    state = ScoredFilms(
        np.hstack([one.scores, two.scores, two.scores]),
        np.hstack([one.truth, two.truth, np.zeros_like(two.truth)]),
        one.patients,
        one.keys,
    )
    found = bootstrap_auc(state, {"all": [0, 1, 2], "empty": [2]}, resamples=300, seed=5)
    value = macro(result(state))
    interval = found.macro["all"]
    assert interval is not None and value is not None
    assert interval[0] < value < interval[1]
    assert found.findings[2] is None and found.macro["empty"] is None
    assert found == bootstrap_auc(state, {"all": [0, 1, 2], "empty": [2]}, resamples=300, seed=5)


def test_balanced_halves_are_ten_groups_each_and_orthogonal() -> None:
    halves = balanced_halves()
    signs = np.where(halves, 1, -1)
    assert (halves.sum(1) == GROUPS // 2).all()
    np.testing.assert_array_equal(signs @ signs.T, GROUPS * np.eye(GROUPS - 1, dtype=np.int64))


def test_half_samples_of_a_mean_have_the_t_test_s_interval() -> None:
    groups = np.random.default_rng(5).normal(size=GROUPS)
    about_zero = ttest_1samp(groups - groups.mean(), 0).confidence_interval()
    halves = np.array([[groups[kept].mean(), groups[~kept].mean()] for kept in balanced_halves()])
    assert half_sample(0.0, halves, GROUPS) == pytest.approx(tuple(about_zero), rel=1e-12)
    halves[3, 1] = np.nan
    assert half_sample(0.0, halves, GROUPS) == half_sample(0.0, np.delete(halves, 3, 0), GROUPS)
    assert half_sample(0.0, halves[3:5], GROUPS) == (None, None)


@pytest.mark.parametrize("patients", [3, 5, 8])
def test_half_samples_of_few_patients_have_as_few_degrees_of_freedom(patients: int) -> None:
    rng, held, draws = np.random.default_rng(0), 0, 2000
    assert half_sample(0.0, np.zeros((GROUPS - 1, 2)), 2) == (None, None)
    for _ in range(draws):
        values, kept = rng.normal(size=patients), balanced_halves()[:, :patients]
        with np.errstate(invalid="ignore"):
            halves = np.stack([(part * values).sum(1) / part.sum(1) for part in (kept, ~kept)], axis=1)
        low, high = half_sample(float(values.mean()), halves, patients)
        held += low is not None and high is not None and low <= 0 <= high
    assert held / draws >= 0.93


@pytest.mark.parametrize("share", [0, 1])
def test_a_share_of_nothing_or_all_has_the_interval_of_clopper_and_pearson(share: int) -> None:
    exact = binomtest(40 * share, 40).proportion_ci()
    assert binomial(share, 40) == pytest.approx((exact.low, exact.high), rel=1e-9)


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(4), 0
    patients = np.repeat(np.arange(60, dtype=np.uint64), 3)
    for draw in range(200):
        values = np.repeat(rng.normal(size=60), 3) + 0.1 * rng.normal(size=180)
        low, high = bootstrap_mean(values, patients, resamples=300, seed=draw)
        hits += low <= 0 <= high
    assert 180 <= hits <= 198  # 95 % less what a percentile interval of 60 patients lacks
    with pytest.raises(ValueError, match="needs a value"):
        bootstrap_mean(values[:0], patients[:0])


def test_one_patient_alone_has_no_interval() -> None:
    assert bootstrap_mean(np.arange(9.0), np.zeros(9, np.uint64)) == (None, None)
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 1)) < 0.5).astype(np.int8)
    scores, keys = rng.normal(size=truth.shape).astype(np.float32), np.arange(60, dtype=np.uint64)
    alone = ScoredFilms(scores, truth, np.zeros(60, np.uint64), keys)
    assert bootstrap_auc(alone, {"all": [0]}, 20).macro["all"] is None
