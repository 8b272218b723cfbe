"""The features of films, kept one by one: the state of a metric that compares films with films."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.floors import FloorPlan
from eval.groups import groups
from eval.moments import Features


@dataclass(frozen=True, slots=True, eq=False)
class FeatureRows:
    """A mergeable state of n films: every feature, with whose film and which film it is.

    KID and PRDC compare pairs of films, so that no smaller state would be exact: 4 d bytes a film, 8 GB for
    1,000,000 of dimension 2048. Rows are told apart by (patient, key), which is also the order that `ordered`
    brings them into: a value taken after it has the same bits whatever the shards, the order and the merges.
    """

    features: Features  # (n, d)
    patients: NDArray[np.uint64]  # (n,): eval.groups.stable_hash of the patient
    keys: NDArray[np.uint64]  # (n,): that of the film

    @classmethod
    def empty(cls, dimension: int) -> FeatureRows:
        return cls(np.empty((0, dimension), np.float32), np.empty(0, np.uint64), np.empty(0, np.uint64))

    @property
    def count(self) -> int:
        return len(self.keys)

    @property
    def groups(self) -> NDArray[np.int64]:
        """The jackknife group (n,) of each film."""
        return groups(self.patients)

    def take(self, films: NDArray[np.bool_] | NDArray[np.int64]) -> FeatureRows:
        """Those films, by a mask (n,) or by their places."""
        return FeatureRows(self.features[films], self.patients[films], self.keys[films])


def update(
    state: FeatureRows, features: Features, patients: NDArray[np.uint64], keys: NDArray[np.uint64]
) -> FeatureRows:
    """`state` with films added. Raises ValueError for features of another dimension."""
    return merge(state, FeatureRows(features, patients, keys))


def merge(a: FeatureRows, b: FeatureRows) -> FeatureRows:
    """The films of both. Raises ValueError for states of two dimensions."""
    return merge_all((a, b), a.features.shape[1])


def merge_all(states: Iterable[FeatureRows], dimension: int) -> FeatureRows:
    """The films of all, copied once. Raises ValueError for a state of another dimension."""
    parts = [FeatureRows.empty(dimension), *states]
    for part in parts:
        if part.features.ndim != 2 or part.features.shape[1] != dimension:
            raise ValueError(f"features {part.features.shape} do not have dimension {dimension}")
    return FeatureRows(
        np.concatenate([part.features for part in parts]),
        np.concatenate([part.patients for part in parts]),
        np.concatenate([part.keys for part in parts]),
    )


def ordered(state: FeatureRows) -> FeatureRows:
    """The same films by patient, then by key."""
    return state.take(np.lexsort((state.keys, state.patients)))


def floor_sets(
    plan: FloorPlan, real: FeatureRows, synthetic: FeatureRows
) -> tuple[FeatureRows, FeatureRows, FeatureRows]:
    """The two halves of the real films that share no patient, and as many synthetic films."""
    half = plan.half(real.patients, real.keys)
    return real.take(half == 0), real.take(half == 1), synthetic.take(plan.matched(synthetic.keys))
