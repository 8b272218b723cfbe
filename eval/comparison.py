"""Which films of two synthetic corpora stand against each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """As many films of one corpus as of its rival: distances and diversity depend on how many there are.

    Where both were made from the same reports, they are the films of those samples that both have, `paired`;
    elsewhere those of the smallest keys.
    """

    keys: tuple[NDArray[np.uint64], NDArray[np.uint64]]  # ascending: of the one, of the rival
    paired: bool

    def takes(self, corpus: int, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """For films (n,) of corpus 0 or its rival, 1: whether each is compared."""
        known = self.keys[corpus]
        if not len(known):
            return np.zeros(len(keys), np.bool_)
        taken: NDArray[np.bool_] = known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys
        return taken


def plan_comparison(keys: NDArray[np.uint64], rival_keys: NDArray[np.uint64]) -> Comparison:
    """Of all films of both. Corpora are of the same reports where half of the smaller one's are in both."""
    common = np.intersect1d(keys, rival_keys)
    n = min(len(keys), len(rival_keys))
    if n and 2 * len(common) >= n:
        return Comparison((common, common), paired=True)
    return Comparison((np.sort(keys)[:n], np.sort(rival_keys)[:n]), paired=False)
