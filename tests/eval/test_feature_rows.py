import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.feature_rows import FeatureRows, merge, merge_all, ordered, update
from tests.eval.feature_sets import rows

WHOLE = rows(np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32))


def parts(cuts: list[int]) -> list[FeatureRows]:
    return [WHOLE.take(places) for places in np.split(np.arange(80), sorted(cuts))]


@given(st.lists(st.integers(0, 80), max_size=6), st.randoms(use_true_random=False))
def test_no_shard_order_or_merge_tree_moves_a_bit_of_the_ordered_films(cuts, random) -> None:
    states = parts(cuts)
    while len(states) > 1:  # any tree: two states, wherever they stand, become one
        random.shuffle(states)
        states.append(merge(states.pop(), states.pop()))
    ours, expected = ordered(states[0]), ordered(WHOLE)
    for name in ("features", "patients", "keys"):
        assert getattr(ours, name).tobytes() == getattr(expected, name).tobytes()


def test_films_are_ordered_by_patient_and_then_by_film() -> None:
    state = ordered(WHOLE)
    told = list(zip(state.patients.tolist(), state.keys.tolist(), strict=True))
    assert told == sorted(told)


def test_updating_is_merging_what_the_films_are() -> None:
    state = FeatureRows.empty(3)
    for part in parts([10, 11, 50]):
        state = update(state, part.features, part.patients, part.keys)
    assert state.count == 80
    np.testing.assert_array_equal(state.features, merge_all([WHOLE], 3).features)


def test_features_of_another_dimension_are_refused() -> None:
    with pytest.raises(ValueError, match="dimension 3"):
        update(WHOLE, np.zeros((1, 4), np.float32), WHOLE.patients[:1], WHOLE.keys[:1])
