from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.jackknife import leave_one_out
from eval.moments import Moments, fold, merge, merge_all, result, update

cuts = st.lists(st.integers(0, 60), max_size=8)
shapes = st.tuples(st.integers(1, 12), st.integers(2, 60))  # dimension, vectors


def features(dimension: int, count: int, mean: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(dimension * 100 + count)
    return (rng.normal(size=(count, dimension)) * rng.uniform(0.1, 5, dimension) + mean).astype(np.float32)


@given(shapes, cuts, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_moments_do_not_depend_on_how_vectors_were_parted(shape, cuts, random) -> None:
    vectors = features(*shape)
    parts = [update(Moments(shape[0]), part) for part in np.split(vectors, sorted(cuts))]
    random.shuffle(parts)
    count, mean, covariance = result(merge_all(parts, shape[0]))
    assert count == len(vectors)
    np.testing.assert_allclose(mean, vectors.mean(0, dtype=np.float64), rtol=1e-12, atol=1e-12)
    expected = np.cov(vectors.astype(np.float64), rowvar=False).reshape(shape[0], shape[0])
    np.testing.assert_allclose(covariance, expected, rtol=1e-11, atol=1e-11)


@given(shapes, shapes, shapes)
@settings(deadline=None)
def test_merging_is_associative_and_commutative(a, b, c) -> None:
    dimension = a[0]
    states = [update(Moments(dimension), features(dimension, n)) for n in (a[1], b[1], c[1])]
    left = result(reduce(merge, states))
    right = result(merge(merge(states[2], states[1]), states[0]))
    assert left[0] == right[0]
    np.testing.assert_allclose(left[1], right[1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(left[2], right[2], rtol=1e-11, atol=1e-11)


def test_a_small_spread_far_from_the_origin_keeps_its_digits() -> None:
    rng = np.random.default_rng(0)
    vectors = (30 + 0.05 * rng.normal(size=(4000, 16))).astype(np.float32)
    _, _, covariance = result(merge_all((update(Moments(16), p) for p in np.array_split(vectors, 37)), 16))
    exact = np.cov(vectors.astype(np.longdouble), rowvar=False).astype(np.float64)
    assert np.abs(covariance - exact).max() < 1e-12 * np.abs(exact).max()
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_a_block_s_state_is_no_larger_than_its_features() -> None:
    state = update(Moments(1280), np.zeros((100, 1280), np.float32))
    assert state.scatter is None
    grown = merge_all([state] * 13, 1280)
    assert (grown.folded, grown.pending) == (1300, ())


def test_leaving_one_group_out_equals_merging_the_others() -> None:
    parts = [update(Moments(5), features(5, 7 + key)) for key in range(6)]
    for key, rest in enumerate(leave_one_out(parts, Moments(5), merge)):
        others = merge_all((parts[other] for other in range(6) if other != key), 5)
        for ours, expected in zip(result(rest), result(others), strict=True):
            np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


def test_folding_changes_nothing() -> None:
    state = update(Moments(9), features(9, 8))
    assert fold(state).count == state.count == 8
    np.testing.assert_array_equal(result(fold(state))[2], result(state)[2])


def test_vectors_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 4"):
        update(Moments(4), np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="4 and 5"):
        merge(Moments(4), Moments(5))
    with pytest.raises(ValueError, match="two vectors"):
        result(update(Moments(4), np.zeros((1, 4), np.float32)))
