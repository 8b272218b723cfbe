"""Ranks are scipy's, whatever ties."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import rankdata

from eval.ranks import mid_ranks


@given(
    arrays(np.float32, st.integers(0, 40), elements=st.sampled_from([-np.inf, -1, -0.0, 0, 0.5, 2, np.inf]))
)
def test_equal_values_share_the_mean_of_their_ranks(values: np.ndarray) -> None:
    np.testing.assert_array_equal(mid_ranks(values), rankdata(values))


def test_what_is_no_number_has_no_rank_and_leaves_none_to_others() -> None:
    values = np.array([2.0, np.nan, 1.0])
    assert np.isnan(mid_ranks(values)).all() and np.isnan(rankdata(values)).all()
