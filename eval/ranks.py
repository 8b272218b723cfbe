"""Ranks, from which AUCs are counted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mid_ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n,): 1 for the least of `values` (n,), and for equal ones the mean of theirs; all nan where one is."""
    if np.isnan(values).any():
        return np.full(len(values), np.nan)
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[which]
    return ranks
