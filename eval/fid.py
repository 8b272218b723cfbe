"""FID with its interval and its floor, from states that merge."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.frechet import frechet_distance
from eval.groups import GROUPS
from eval.jackknife import LeftOut, leave_one_out
from eval.moments import Features, Moments, merge, merge_all, update
from eval.scores import Score

MATCHED = 0
"""The set of synthetic films that stands against the real halves 0 and 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Moments of films, a state for each group of patients."""

    groups: tuple[Moments, ...]

    @property
    def dimension(self) -> int:
        return self.groups[0].dimension

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def films(self) -> NDArray[np.int64]:
        """(groups,): how many each has."""
        return np.array([group.count for group in self.groups], np.int64)

    def rests(self) -> Iterator[Moments]:
        """The moments of all films but each group's."""
        return leave_one_out(self.groups, Moments(self.dimension), merge)


@dataclass(frozen=True, slots=True, eq=False)
class Side(Grouped):
    """A mergeable state of one corpus: moments of GROUPS groups, and by set of `eval.floors`."""

    sets: tuple[Moments, ...]  # 0 and 1

    @classmethod
    def empty(cls, dimension: int) -> Side:
        return cls((Moments(dimension),) * GROUPS, (Moments(dimension),) * 2)


def update_side(state: Side, features: Features, groups: NDArray[np.int64], sets: NDArray[np.int64]) -> Side:
    """`state` with films (n, d) added: the group of each, and the set or floors.NONE."""
    return Side(_add(state.groups, features, groups), _add(state.sets, features, sets))


def merge_sides(a: Side, b: Side) -> Side:
    return Side(
        tuple(merge(x, y) for x, y in zip(a.groups, b.groups, strict=True)),
        tuple(merge(x, y) for x, y in zip(a.sets, b.sets, strict=True)),
    )


def left_out_distances(real: Side, synthetic: Side) -> Iterator[float]:
    """The FID without each group's patients in turn, on both sides: GROUPS values.

    nan where that leaves a side with fewer than two films.
    """
    for of_real, of_synthetic in zip(real.rests(), synthetic.rests(), strict=True):
        enough = min(of_real.count, of_synthetic.count) >= 2
        yield frechet_distance(of_real, of_synthetic) if enough else float("nan")


def left_out(value: float, distances: Iterable[float], *sides: Grouped) -> LeftOut:
    """`value` with the `distances` without each group, from films of those sides."""
    return LeftOut(value, np.array(list(distances)), np.stack([side.films for side in sides], axis=1))


def fid_score(
    real: Side,
    synthetic: Side,
    *,
    extractor: str,
    digest: str,
    reference: str,
    follow: Callable[[Iterator[float]], Iterator[float]] = iter,  # shows the progress of the jackknife
) -> Score:
    """FID over all films, a delete-group jackknife interval, and the floor at one n a side.

    Raises ValueError where a side has fewer than two films.
    """
    value = frechet_distance(
        merge_all(real.groups, real.dimension), merge_all(synthetic.groups, synthetic.dimension)
    )
    distances = follow(left_out_distances(real, synthetic))
    low, high = left_out(value, distances, real, synthetic).interval()
    n = min(real.sets[0].count, real.sets[1].count, synthetic.sets[MATCHED].count)
    return Score(
        metric="fid",
        extractor=extractor,
        value=value,
        low=low,
        high=high,
        floor=frechet_distance(*real.sets) if n >= 2 else None,
        n_floor=n if n >= 2 else None,
        value_at_floor=frechet_distance(real.sets[0], synthetic.sets[MATCHED]) if n >= 2 else None,
        n_real=real.count,
        n_synthetic=synthetic.count,
        reference=reference,
        digest=digest,
    )


def _add(states: Sequence[Moments], features: Features, members: NDArray[np.int64]) -> tuple[Moments, ...]:
    return tuple(update(state, features[members == number]) for number, state in enumerate(states))
