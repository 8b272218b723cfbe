from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.groups import GROUPS
from eval.vendi import (
    SecondMoment,
    Variety,
    left_out,
    merge,
    merge_varieties,
    result,
    update,
    update_variety,
    vendi_score,
)
from tests.eval.feature_sets import AWKWARD, awkward


def by_definition(features: np.ndarray) -> float:
    """From the n x n kernel, whatever n is."""
    rows = features.astype(np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    eigenvalues = np.linalg.eigvalsh(rows @ rows.T / len(rows))
    eigenvalues = eigenvalues[eigenvalues > 1e-15]
    return float(np.exp(-(eigenvalues * np.log(eigenvalues)).sum()))


def state(features: np.ndarray) -> SecondMoment:
    return update(SecondMoment(features.shape[1]), features)


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_features_have_the_value_of_the_whole_kernel(kind: str) -> None:
    for features in awkward(kind):
        assert result(state(features)) == pytest.approx(by_definition(features), rel=1e-9)


def test_copies_of_k_orthogonal_films_are_worth_k() -> None:
    for copies in (1, 5):  # below and above the dimension
        features = np.tile(np.eye(8, dtype=np.float32)[:3], (copies, 1)) * 7
        assert result(state(features)) == pytest.approx(3, rel=1e-12)


def test_films_that_are_all_alike_are_worth_one() -> None:
    assert result(state(np.full((50, 6), 3.7, np.float32))) == pytest.approx(1, rel=1e-12)


FEATURES = (np.random.default_rng(1).normal(size=(90, 7)) * 3 + 1).astype(np.float32)


@given(st.lists(st.integers(0, 90), max_size=6), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_value_does_not_depend_on_shards_order_or_merge_tree(cuts, random) -> None:
    states = [state(part) for part in np.split(FEATURES, sorted(cuts))]
    while len(states) > 1:
        random.shuffle(states)
        states.append(merge(states.pop(), states.pop()))
    assert states[0].count == 90
    assert result(states[0]) == pytest.approx(result(state(FEATURES)), rel=1e-12)


def test_the_state_does_not_grow_with_the_films() -> None:
    grown = reduce(merge, [state(FEATURES)] * 30)
    assert (grown.folded, grown.pending) == (2700, ())
    assert state(FEATURES[:6]).total is None  # and of few films, it is the films


def test_rows_have_intervals_and_what_real_films_reach_at_the_same_number() -> None:
    rng = np.random.default_rng(2)
    groups, matched = rng.integers(GROUPS, size=90), rng.random(90) < 0.5
    synthetic = update_variety(Variety.empty(7), FEATURES, groups, matched)
    expected = [by_definition(FEATURES[groups != group]) for group in range(GROUPS)]
    assert left_out(synthetic).replicates == pytest.approx(expected, rel=1e-10)

    halves = [
        update_variety(Variety.empty(7), FEATURES[part], groups[part], matched[part])
        for part in (slice(40), slice(40, 90))
    ]
    real = state(rng.normal(size=(60, 7)).astype(np.float32))
    given = {"n_real": 130, "extractor": "x", "digest": "d", "reference": "r"}
    score = vendi_score(real, synthetic, **given)
    assert score.value == pytest.approx(by_definition(FEATURES), rel=1e-10)
    assert score.value_at_floor == pytest.approx(by_definition(FEATURES[matched]), rel=1e-10)
    assert score.ceiling == pytest.approx(result(real), rel=1e-12)
    assert (score.n_real, score.n_synthetic, score.n_floor, score.floor) == (130, 90, matched.sum(), 1)
    assert score.value is not None and score.low is not None and score.high is not None
    assert score.low < score.value < score.high
    parted = vendi_score(real, merge_varieties(*halves), **given)
    for name in ("value", "low", "high", "value_at_floor"):
        assert getattr(parted, name) == pytest.approx(getattr(score, name), rel=1e-12), name


def test_features_of_another_dimension_and_no_features_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 7"):
        update(state(FEATURES), np.zeros((2, 5), np.float32))
    with pytest.raises(ValueError, match="7 and 5"):
        merge(state(FEATURES), SecondMoment(5))
    with pytest.raises(ValueError, match="needs a film"):
        result(SecondMoment(5))
