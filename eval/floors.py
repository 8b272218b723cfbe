"""Which films stand against which, so that a distance is read beside that of real films from real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.groups import groups

NONE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorPlan:
    """Three sets of n films: two halves of the real corpus that share no patient, and as many synthetic ones.

    A distance grows as n shrinks, so floor and value are both taken at one n = min(n_synthetic, n_real / 2).
    Each set is the n films of the smallest keys, told by the largest key in it: a film knows its sets from
    its own key and patient, wherever it is read.
    """

    n: int
    last_of_half: tuple[int, int]  # the largest film key in either half
    last_synthetic: int

    def half(self, patients: NDArray[np.uint64], keys: NDArray[np.uint64]) -> NDArray[np.int64]:
        """For real films (n,): 0 or 1, the half that each is in, or NONE."""
        half = _half(patients)
        last = np.array(self.last_of_half, np.uint64)[half]
        return np.where((keys <= last) & (self.n > 0), half, NONE)

    def matched(self, keys: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """For synthetic films (n,): whether each is among the n."""
        return (keys <= np.uint64(self.last_synthetic)) & (self.n > 0)


def plan_floor(
    real_patients: NDArray[np.uint64], real_keys: NDArray[np.uint64], synthetic_keys: NDArray[np.uint64]
) -> FloorPlan:
    """The plan for these films; n is 0 where a half would be empty."""
    half = _half(real_patients)
    halves = [np.sort(real_keys[half == side]) for side in (0, 1)]
    synthetic = np.sort(synthetic_keys)
    n = min(len(halves[0]), len(halves[1]), len(synthetic))
    if n == 0:
        return FloorPlan(n=0, last_of_half=(0, 0), last_synthetic=0)
    return FloorPlan(
        n=n,
        last_of_half=(int(halves[0][n - 1]), int(halves[1][n - 1])),
        last_synthetic=int(synthetic[n - 1]),
    )


def plan_floors(
    references: Mapping[str, tuple[NDArray[np.uint64], NDArray[np.uint64]]],  # patients and keys of each
    synthetic_keys: NDArray[np.uint64],
) -> dict[str, FloorPlan]:
    """The plan for each of several sets of real films, all at the n of the smallest."""
    n = min(plan_floor(*films, synthetic_keys).n for films in references.values())
    first = np.sort(synthetic_keys)[:n]
    return {name: plan_floor(*films, first) for name, films in references.items()}


def _half(patients: NDArray[np.uint64]) -> NDArray[np.int64]:
    return groups(patients) % 2
