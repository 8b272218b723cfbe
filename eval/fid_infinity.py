"""FID as it would be with films without end: its bias falls as 1 / n, and is extrapolated away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eval.differences import Difference, by_jackknife
from eval.fid import Side, left_out
from eval.frechet import frechet_distance
from eval.moments import Moments, merge_all
from eval.scores import Score

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the synthetic films, at which FID is taken."""
FILMS_A_FEATURE = 2.4
"""That a subset has at least: 5,000 films for Inception's 2,048 features, the least of Chong and Forsyth."""
Follow = Callable[[Iterator[float]], Iterator[float]]
"""Shows the progress of a jackknife."""


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The line value + slope / n through FIDs at several numbers of films."""

    value: float
    slope: float
    points: tuple[tuple[float, float], ...]  # films, and FID; from few films to all


def usable_shares(films: int, dimension: int) -> tuple[float, ...]:
    """Those of SHARES that leave enough films; () for fewer than three of them.

    Below FILMS_A_FEATURE, FID bends away from the line. In draws of d = 40 features a true 0.80 was found as
    0.81 and 0.84 from 10 d films, 0.73 and 0.78 from 5 d, -0.9 and 0.0 from 2 d, for equal variances of the
    features and for those that fall as 1 / i; FID itself was 1.6 to 1.9, 2.2 to 3.0 and 4.2 to 6.1.
    """
    shares = tuple(share for share in SHARES if films * share >= FILMS_A_FEATURE * dimension)
    return shares if len(shares) >= 3 else ()


def extrapolate(real: Moments, groups: Sequence[Moments], shares: Sequence[float]) -> Extrapolation:
    """FID of the groups' films at several n from all real films, extrapolated to n without end.

    Chong and Forsyth (CVPR 2020). Their subsets are drawn at random; these are made of groups of patients, so
    that they do not depend on shards and every film counts as often as any other at every n. The films of a
    patient stay together: were they parted, they would resemble each other less often in small subsets, and
    the line would not lead to the FID of patients without end. For each share, 1 / n and FID are means over
    its subsets. Raises ValueError where a subset has fewer than two films.
    """
    inverse, distances = np.empty(len(shares)), np.empty(len(shares))
    for place, share in enumerate(shares):
        subsets = (merge_all(subset, real.dimension) for subset in _subsets(groups, share))
        found = [(1 / max(subset.count, 1), frechet_distance(real, subset)) for subset in subsets]
        inverse[place], distances[place] = np.mean(found, axis=0)
    slope, value = np.polyfit(inverse, distances, 1)
    points = tuple((float(1 / x), float(y)) for x, y in zip(inverse, distances, strict=True))
    return Extrapolation(float(value), float(slope), points)


def left_out_values(
    real: Side, sides: Sequence[Side], shares: Sequence[float]
) -> Iterator[tuple[float, ...]]:
    """The values of corpora without each group's patients, left out of real films and all of them at once:
    GROUPS tuples, nan where a subset keeps too few films.
    """
    for gone, rest in enumerate(real.rests()):
        yield tuple(_value_without(gone, rest, side, shares) for side in sides)


def fid_infinity_score(
    real: Side, synthetic: Side, *, extractor: str, digest: str, reference: str, follow: Follow = iter
) -> Score:
    """The value with a delete-group jackknife interval, and the points that the line goes through.

    Only the number of synthetic films is extrapolated: `floor`, one half of the real patients from the other,
    says what that of the real ones leaves of the bias. No value where there are too few films.
    """
    row = Score(
        metric="fid_infinity",
        extractor=extractor,
        value=None,
        n_real=real.count,
        n_synthetic=synthetic.count,
        reference=reference,
        digest=digest,
    )
    shares = usable_shares(synthetic.count, real.dimension)
    if shares and real.count >= 2 and not _has_subsets(synthetic.groups, shares):
        return replace(row, note="too few patients for a line: a subset of them has no film")
    if not shares or real.count < 2:
        needed = int(np.ceil(FILMS_A_FEATURE * real.dimension / SHARES[1]))
        return replace(row, note=f"too few films for a line: {real.dimension:,} features need {needed:,}")
    whole = extrapolate(merge_all(real.groups, real.dimension), synthetic.groups, shares)
    values = follow(value for (value,) in left_out_values(real, [synthetic], shares))
    low, high = left_out(whole.value, values, real, synthetic).interval()
    first, second = merge_all(real.groups[::2], real.dimension), real.groups[1::2]  # as eval.floors halves
    at_floor = usable_shares(sum(group.count for group in second), real.dimension)
    if first.count < 2 or not _has_subsets(second, at_floor):
        at_floor = ()
    return replace(
        row,
        value=whole.value,
        low=low,
        high=high,
        floor=extrapolate(first, second, at_floor).value if at_floor else None,
        n_floor=first.count if at_floor else None,
        value_at_floor=extrapolate(first, synthetic.groups, shares).value if at_floor else None,
        points=whole.points,
        note=f"from FID at {', '.join(f'{round(n):,}' for n, _ in whole.points)} films",
    )


def fid_infinity_difference(real: Side, ours: Side, rival: Side, follow: Follow = iter) -> Difference | None:
    """How two corpora differ, from the same real films, at the same shares; None where films or patients are
    too few.
    """
    shares = usable_shares(min(ours.count, rival.count), real.dimension)
    if not shares or real.count < 2 or not all(_has_subsets(side.groups, shares) for side in (ours, rival)):
        return None
    whole = merge_all(real.groups, real.dimension)
    value, rivals = (extrapolate(whole, side.groups, shares).value for side in (ours, rival))
    differences = follow(one - other for one, other in left_out_values(real, [ours, rival], shares))
    return by_jackknife(left_out(value - rivals, differences, real, ours, rival), rivals)


def _value_without(gone: int, real: Moments, side: Side, shares: Sequence[float]) -> float:
    groups = list(side.groups)
    groups[gone] = Moments(side.dimension)
    usable = real.count >= 2 and _has_subsets(groups, shares)
    return extrapolate(real, groups, shares).value if usable else float("nan")


def _has_subsets(groups: Sequence[Moments], shares: Sequence[float]) -> bool:
    """Whether each subset has two films, which `extrapolate` needs."""
    subsets = (subset for share in shares for subset in _subsets(groups, share))
    return all(sum(group.count for group in subset) >= 2 for subset in subsets)


def _subsets(groups: Sequence[Moments], share: float) -> Iterator[Sequence[Moments]]:
    """Subsets of that share of the groups: one, two or four runs of them, or all but each of four runs."""
    places = np.arange(len(groups))
    if share == 0.75:
        for left_out in np.array_split(places, 4):
            yield [groups[place] for place in np.setdiff1d(places, left_out)]
    else:
        for run in np.array_split(places, round(1 / share)):
            yield [groups[place] for place in run]
