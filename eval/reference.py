"""What FID takes of real films, to be published without them: moments, and no row of any film."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from eval.fid import Grouped, Side, fid_score, left_out
from eval.frechet import frechet_distance
from eval.groups import GROUPS
from eval.moments import Moments, fold, merge_all
from eval.scores import Score
from eval.triangle import size

Tensors = dict[str, NDArray[np.generic]]
NOTE = "interval of the synthetic films alone"
_NO_FLOOR = 2  # sets, both empty


@dataclass(frozen=True, slots=True, eq=False)
class Reference(Grouped):
    """The real side of a FID: GROUPS groups for the jackknife, or one of all films.

    Every state is folded, and holds more films than it has dimensions.

    With n films or fewer than n dimensions, each of them could be told from others by the moments alone: its
    features lie in the span of theirs.
    """

    halves: tuple[Moments, ...]  # two for the floor, or none

    @property
    def least(self) -> int:
        """Films in the smallest state: the fewer, the more the moments tell of each."""
        return min(state.count for state in (*self.groups, *self.halves))

    @property
    def side(self) -> Side:
        empty = Moments(self.dimension)
        groups = (*self.groups, *(empty,) * (GROUPS - len(self.groups)))
        return Side(groups, self.halves or (empty,) * _NO_FLOOR)


def settled(side: Side) -> Side:
    """The side as a reference holds it, to the last bit: a state of d films or more has nothing pending."""

    def settle(state: Moments) -> Moments:
        return fold(state) if state.folded else state

    return Side(tuple(map(settle, side.groups)), tuple(map(settle, side.sets)))


def check_enough(counts: Sequence[int], dimension: int) -> None:
    """Raises ValueError where one of the states, with so many films each, is too small to be published."""
    if min(counts) <= dimension:
        of = "a group of patients" if len(counts) > 1 else "the corpus"
        raise ValueError(f"{min(counts)} films in {of}, and {dimension} dimensions")


def reference_of(side: Side, *, groups: bool) -> Reference:
    """What is published of a side; without `groups`, all films are one state, and there is no jackknife.

    Halves that are too small are left out, and so are those that could be taken from the other states so that
    moments of few films are left. Raises ValueError where the other states are too small.
    """
    side = settled(side)
    states = side.groups if groups else (fold(merge_all(side.groups, side.dimension)),)
    parts = zip((side.groups[::2], side.groups[1::2]), side.sets, strict=True)  # as eval.floors halves
    rests = [sum(state.count for state in part) - half.count for part, half in parts]
    tells = any(0 < rest <= side.dimension for rest in (rests if groups else [sum(rests)]))
    halves = side.sets if all(_is_large(state) for state in side.sets) and not tells else ()
    check_enough([state.count for state in states], side.dimension)
    return Reference(states, halves)


def fid_against(
    reference: Reference,
    synthetic: Side,
    *,
    extractor: str,
    digest: str,
    name: str,
    follow: Callable[[Iterator[float]], Iterator[float]] = iter,
) -> Score:
    """FID as `eval.fid.fid_score` of the films of which the reference was made, to the last bit.

    Without groups, the interval is that of the synthetic films alone, and its note says so.
    """
    if len(reference.groups) > 1:
        return fid_score(
            reference.side, synthetic, extractor=extractor, digest=digest, reference=name, follow=follow
        )
    score = fid_score(
        reference.side,
        synthetic,
        extractor=extractor,
        digest=digest,
        reference=name,
        follow=lambda _: iter([float("nan")] * GROUPS),
    )
    (whole,) = reference.groups
    distances = follow(
        frechet_distance(whole, rest) if rest.count >= 2 else float("nan") for rest in synthetic.rests()
    )
    assert score.value is not None
    low, high = left_out(score.value, distances, synthetic).interval()
    return replace(score, low=low, high=high, note=NOTE if low is not None else None)


def to_tensors(reference: Reference) -> Tensors:
    """The states as arrays."""
    tensors: Tensors = {}
    for name, states in (("groups", reference.groups), ("halves", reference.halves)):
        tensors[f"{name}.count"] = np.array([state.count for state in states], np.int64)
        for number, state in enumerate(states):
            assert state.mean is not None and state.scatter is not None
            tensors[f"{name}.{number:02d}.mean"] = state.mean
            tensors[f"{name}.{number:02d}.scatter"] = state.scatter
    return tensors


def from_tensors(tensors: Tensors, dimension: int) -> Reference:
    """What `to_tensors` was given. Raises KeyError or ValueError for anything else."""
    groups, halves = (_states(tensors, name, dimension) for name in ("groups", "halves"))
    if len(groups) not in (1, GROUPS) or len(halves) not in (0, 2):
        raise ValueError(f"{len(groups)} groups and {len(halves)} halves")
    return Reference(groups, halves)


def _states(tensors: Tensors, name: str, dimension: int) -> tuple[Moments, ...]:
    states = []
    for number, count in enumerate(tensors[f"{name}.count"].tolist()):
        mean, packed = (tensors[f"{name}.{number:02d}.{part}"] for part in ("mean", "scatter"))
        whole = mean.shape == (dimension,) and packed.shape == (size(dimension),)
        if not (whole and mean.dtype == packed.dtype == np.float64 and count > dimension):
            raise ValueError(f"state {number} of {name}")
        if not (np.isfinite(mean).all() and np.isfinite(packed).all()):
            raise ValueError(f"state {number} of {name} is not finite")
        states.append(Moments(dimension, count, mean.astype(np.float64), packed.astype(np.float64)))
    return tuple(states)


def _is_large(state: Moments) -> bool:
    return state.count > state.dimension
