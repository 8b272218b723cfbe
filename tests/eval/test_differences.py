import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from eval.differences import by_error, by_halves, by_jackknife, by_resamples, difference_of_means
from eval.groups import GROUPS
from eval.intervals import balanced_halves
from eval.jackknife import LeftOut

ONE_EACH = np.ones((GROUPS, 1), np.int64)
"""A film in each group."""


def test_the_jackknife_and_the_halves_of_a_difference_of_means_are_the_paired_t_test() -> None:
    rng = np.random.default_rng(0)
    ours, rival = rng.normal(0.4, 1, GROUPS), rng.normal(size=GROUPS)
    expected = ttest_rel(ours, rival)
    low, high = expected.confidence_interval()
    without = np.array([np.delete(ours - rival, g).mean() for g in range(GROUPS)])
    halves = [[(ours - rival)[kept].mean(), (ours - rival)[~kept].mean()] for kept in balanced_halves()]
    value = float(ours.mean() - rival.mean())
    for found in (
        by_jackknife(LeftOut(value, without, ONE_EACH), 0.0),
        by_halves(value, 0.0, np.array(halves), GROUPS),
    ):
        assert (found.p, found.low, found.high) == pytest.approx((expected.pvalue, low, high), rel=1e-9)


@given(st.floats(-5, 5), st.floats(0.01, 5), st.integers(1, 40))
def test_p_is_below_a_twentieth_just_where_the_interval_leaves_zero_out(value, error, degrees) -> None:
    found = by_error(value, 0.0, error, "", degrees)
    assert found.low is not None and found.high is not None and found.p is not None
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_what_does_not_differ_has_p_one_and_what_always_differs_alike_has_p_zero() -> None:
    assert by_jackknife(LeftOut(0.0, np.zeros(GROUPS), ONE_EACH), 3.0).p == 1
    assert by_jackknife(LeftOut(2.0, np.full(GROUPS, 2.0), ONE_EACH), 3.0).p == 0


def test_too_few_patients_have_a_difference_and_neither_interval_nor_p() -> None:
    few = np.full(GROUPS, np.nan)
    few[0] = 1.0
    halves = np.full((GROUPS - 1, 2), np.nan)
    values, alone = np.array([1.0, 2.0, 3.0]), np.zeros(3, np.uint64)
    for found in (
        difference_of_means(values + 1, alone, values, alone),
        by_jackknife(LeftOut(1.0, few, ONE_EACH), 2.0),
        by_halves(1.0, 2.0, halves, GROUPS),
        by_resamples(1.0, 2.0, np.array([np.nan])),
    ):
        assert (found.value, found.rival, found.low, found.high, found.p) == (1.0, 2.0, None, None, None)


def test_resamples_have_the_p_of_their_share_beyond_zero() -> None:
    draws = np.append(np.linspace(-0.02, 1, 999), np.nan)
    found = by_resamples(0.5, 0.0, draws)
    assert found.p == pytest.approx(2 * ((draws <= 0).sum() + 1) / 1000)
    assert by_resamples(0.0, 0.0, np.zeros(99)).p == 1
    assert by_resamples(1.0, 0.0, np.ones(999)).p == pytest.approx(0.002)  # as small as so many can tell


def test_means_of_the_same_patients_are_told_apart_by_what_each_patient_gained() -> None:
    rng = np.random.default_rng(1)
    patients = np.repeat(np.arange(40, dtype=np.uint64), 2)
    shared = np.repeat(rng.normal(0, 5, 40), 2)
    ours, rival = shared + rng.normal(0.3, 0.3, 80), shared + rng.normal(0, 0.3, 80)
    same = difference_of_means(ours, patients, rival, patients)
    assert same.value == pytest.approx(ours.mean() - rival.mean())
    assert same.p is not None and same.p < 0.01
    strangers = difference_of_means(ours, patients, rival, patients + np.uint64(1000))
    assert strangers.p is not None and strangers.p > 0.5
    with pytest.raises(ValueError, match="needs a value"):
        difference_of_means(ours[:0], patients[:0], rival, patients)


def test_equal_means_are_told_apart_in_one_of_twenty_comparisons() -> None:
    rng, told = np.random.default_rng(2), 0
    for _ in range(200):
        patients = np.repeat(rng.integers(2**60, size=(2, 40), dtype=np.uint64), 2, axis=1)
        values = [np.repeat(rng.normal(size=40), 2) + rng.normal(size=80) for _ in patients]
        found = difference_of_means(values[0], patients[0], values[1], patients[1], resamples=200)
        assert found.p is not None
        told += found.p < 0.05
    assert 3 <= told <= 20
