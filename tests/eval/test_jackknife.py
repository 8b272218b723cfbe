import operator

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from eval.groups import GROUPS
from eval.jackknife import LeftOut, leave_one_out

RNG = np.random.default_rng(0)


def replicated(films: np.ndarray, of: np.ndarray, statistic) -> LeftOut:
    """`statistic` of films (n, ...), and without each group `of` them."""
    values = [statistic(films[of != gone]) for gone in range(GROUPS)]
    counts = np.bincount(of, minlength=GROUPS)[:, None]
    return LeftOut(float(statistic(films)), np.array(values), counts)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 20])
def test_what_is_left_is_all_others(count: int) -> None:
    parts = [{number} for number in range(count)]
    everything = set(range(count))
    assert list(leave_one_out(parts, set(), operator.or_)) == [everything - part for part in parts]


def test_the_interval_of_a_mean_over_equal_groups_is_the_t_test_s() -> None:
    films = RNG.normal(size=GROUPS)
    found = replicated(films, np.arange(GROUPS), np.mean)
    expected = ttest_1samp(films, 0).confidence_interval()
    assert found.interval() == pytest.approx(tuple(expected), rel=1e-9)


def test_a_bias_that_falls_with_the_films_left_is_no_error() -> None:
    of = np.repeat(np.arange(GROUPS), RNG.integers(1, 40, size=GROUPS))
    films = RNG.normal(size=of.size)
    plain, biased = (
        replicated(films, of, lambda x, bias=bias: x.mean() + bias / len(x)) for bias in (0.0, 500.0)
    )
    assert biased.value - plain.value == pytest.approx(500 / of.size)
    assert biased.error() == pytest.approx(plain.error(), rel=1e-9)
    assert plain.error()[1] == GROUPS - 2


def test_biases_of_two_sides_are_told_apart() -> None:
    films = RNG.integers(1, 40, size=(GROUPS, 2))
    left = films.sum(0) - films
    noise = RNG.normal(size=GROUPS)
    errors = [LeftOut(0.0, noise + left**-1.0 @ [a, b], films).error() for a, b in ((0, 0), (1e4, -1e3))]
    assert errors[0] == pytest.approx(errors[1], rel=1e-6)
    assert errors[0][1] == GROUPS - 3


def test_the_error_of_a_biased_value_is_its_spread_over_samples() -> None:
    values, told = [], []
    for _ in range(200):
        of = RNG.integers(GROUPS, size=120)
        films = RNG.normal(size=(120, 40)) + 0.3
        found = replicated(films, of, lambda x: (x.mean(0) ** 2).sum())  # its bias is 40 / n
        values.append(found.value)
        told.append(found.error()[0])
    assert np.mean(told) / np.std(values) == pytest.approx(1, abs=0.15)


def test_the_influence_of_a_group_that_outweighs_the_others_is_no_trend() -> None:
    of = np.repeat(np.arange(GROUPS), [1000, *range(40, 59)])
    effects = RNG.normal(size=GROUPS)
    effects[0] = 3.0
    found = replicated(effects[of], of, np.mean)
    plain = np.sqrt((GROUPS - 1) / GROUPS * ((found.replicates - found.replicates.mean()) ** 2).sum())
    assert found.error() == (pytest.approx(plain), GROUPS - 1)


def test_groups_without_films_are_no_replicates() -> None:
    kept = RNG.permutation(GROUPS)[:8]
    one_each = RNG.normal(size=8)
    found = replicated(np.repeat(one_each, 5), np.repeat(kept, 5), np.mean)
    error, degrees = found.error()
    assert (found.groups, degrees) == (8, 7)
    assert error == pytest.approx(one_each.std(ddof=1) / np.sqrt(8), rel=1e-9)
    low, high = found.interval()
    assert low is not None and high is not None
    assert high - low == pytest.approx(2 * student.ppf(0.975, 7) * error)


@pytest.mark.parametrize("groups", [0, 1, 2])
def test_too_few_groups_have_no_interval(groups: int) -> None:
    of = np.repeat(np.arange(groups), 3)
    found = replicated(np.arange(of.size, dtype=float), of, np.sum)
    assert found.interval() == (None, None)
    assert found.error()[1] == 0


def test_a_difference_leaves_the_same_patients_out_of_both() -> None:
    of = np.repeat(np.arange(GROUPS), 4)
    shared, gain = RNG.normal(size=of.size), 0.1 * RNG.normal(size=of.size)
    one, other = (replicated(films, of, np.mean) for films in (shared + gain, shared))
    difference, alone = one - other, replicated(gain, of, np.mean)
    assert difference.value == pytest.approx(alone.value)
    assert difference.error() == pytest.approx(alone.error(), rel=1e-9)
    assert difference.error()[0] < 0.3 * one.error()[0]
