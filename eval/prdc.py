"""Precision, recall, density and coverage of synthetic films among real ones, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.feature_rows import FeatureRows, floor_sets
from eval.floors import FloorPlan
from eval.groups import GROUPS
from eval.intervals import Interval, balanced_halves, binomial, half_sample
from eval.neighbours import Cloud, lower_bounds, radii, squared, upper_bounds
from eval.scores import Score

K = 5
NAMES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True, slots=True, eq=False)
class PRDC:
    """Values in the order of NAMES: of all films, and of both halves of `eval.intervals.balanced_halves`.

    nan in `halves` where one has too few films. `groups` of patients have films of the side that has fewest.
    """

    values: NDArray[np.float64]  # (4,)
    halves: NDArray[np.float64]  # (splits, 2, 4)
    groups: int
    patients: tuple[int, int]  # real, synthetic

    def patients_of(self, measure: int) -> int:
        """Of the films that a measure counts."""
        return self.patients[NAMES[measure] in ("precision", "density")]


def values(real: FeatureRows, synthetic: FeatureRows, k: int = K) -> NDArray[np.float64]:
    """(4,) in the order of NAMES.

    With r(x) the distance of x from its k-th neighbour in its own set, itself excluded, and the distances of
    `eval.neighbours.squared` compared by a strict <: precision is the share of synthetic films within r of
    some real film, recall that of real films within r of some synthetic one (Kynkäänniemi et al. 2019);
    density is the mean number of real films that a synthetic one is within r of, over k, and coverage the
    share of real films with a synthetic one within their r (Naeem et al. 2020). Memory is that of the
    features, in float32 twice, and of one tile.
    Raises ValueError where a side has no more than k films.
    """
    found: NDArray[np.float64] = _table(real, synthetic, k, np.ones((1, GROUPS), np.bool_))[0]
    return found


def result(real: FeatureRows, synthetic: FeatureRows, k: int = K) -> PRDC:
    """The same, and of halves of the patients, from one pass over the distances."""
    splits = balanced_halves()
    kept = np.concatenate([np.ones((1, GROUPS), np.bool_), splits, ~splits])
    table = _table(real, synthetic, k, kept)
    groups = min(len(np.unique(side.groups)) for side in (real, synthetic))
    patients = len(np.unique(real.patients)), len(np.unique(synthetic.patients))
    return PRDC(table[0], np.stack(np.split(table[1:], 2), axis=1), groups, patients)


def interval(found: PRDC, measure: int) -> Interval | tuple[None, None]:
    """95 % of one of NAMES, by its place. Shares are taken as arcsines of their roots, whose variance does
    not depend on the share: that at half of the films is another one. Where every half has the same share of
    0 or 1, it is that of as many independent films as there are patients.
    """
    value, halves = float(found.values[measure]), found.halves[..., measure]
    if NAMES[measure] == "density":
        low, high = half_sample(value, halves, found.groups)
        return (None, None) if low is None or high is None else (max(low, 0.0), high)
    low, high = half_sample(float(np.arcsin(np.sqrt(value))), np.arcsin(np.sqrt(halves)), found.groups)
    if low is None or high is None:
        return None, None
    if low == high and value in (0, 1):
        return binomial(value, found.patients_of(measure))
    return float(np.sin(max(low, 0.0)) ** 2), float(np.sin(min(high, np.pi / 2)) ** 2)


def prdc_scores(
    real: FeatureRows, synthetic: FeatureRows, plan: FloorPlan, *, extractor: str, digest: str, reference: str
) -> list[Score]:
    """The four measures over all films, half-sample intervals, and what real films reach at one n a side.

    Without a value where a side has too few films. Real films against real ones are a `ceiling`
    here: no generator can be expected to come nearer.
    """
    first, second, matched = floor_sets(plan, real, synthetic)
    n = min(first.count, second.count, matched.count)
    whole = result(real, synthetic) if min(real.count, synthetic.count) > K else None
    among_real, at_floor = ((values(first, other) if n > K else None) for other in (second, matched))
    scores = []
    for index, name in enumerate(NAMES):
        low, high = interval(whole, index) if whole else (None, None)
        scores.append(
            Score(
                metric=name,
                extractor=extractor,
                value=float(whole.values[index]) if whole else None,
                low=low,
                high=high,
                ceiling=float(among_real[index]) if among_real is not None else None,
                n_floor=n if n > K else None,
                value_at_floor=float(at_floor[index]) if at_floor is not None else None,
                n_real=real.count,
                n_synthetic=synthetic.count,
                reference=reference,
                digest=digest,
                note=f"k = {K}",
            )
        )
    return scores


def _table(real: FeatureRows, synthetic: FeatureRows, k: int, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(s, 4): the values of the films of the groups in each row of `kept` (s, GROUPS), the first all true."""
    if min(real.count, synthetic.count) <= k:
        raise ValueError(f"PRDC needs more than {k} films a side, not {min(real.count, synthetic.count)}")
    centre = (real.features.mean(0, np.float64) + synthetic.features.mean(0, np.float64)) / 2
    x, y = Cloud.of(real, centre), Cloud.of(synthetic, centre)
    radii_x, radii_y = radii(x, k, kept), radii(y, k, kept)
    precise = np.zeros((len(kept), y.count), np.bool_)  # synthetic films within r of some real one
    dense, covered, recalled = (np.zeros(len(kept), np.int64) for _ in range(3))
    there = kept[:, y.groups]
    for films in x.tiles(y.count):
        i, j, distances = _near(x, films, y, radii_x[:, films], radii_y)
        reached = np.empty(films.stop - films.start, np.bool_)
        for number in np.flatnonzero(kept[:, x.groups[films.start]]):
            within = there[number, j]
            inside = within & (distances < radii_x[number, films.start + i])
            within &= distances < radii_y[number, j]
            precise[number, j[inside]] = True
            dense[number] += np.count_nonzero(inside)
            for counted, pairs in ((covered, inside), (recalled, within)):
                reached[:] = False
                reached[i[pairs]] = True
                counted[number] += np.count_nonzero(reached)
    n, m = kept @ np.diff(x.starts), kept @ np.diff(y.starts)
    with np.errstate(divide="ignore", invalid="ignore"):
        table = np.stack([precise.sum(1) / m, recalled / n, dense / (k * m), covered / n], axis=1)
    table[np.minimum(n, m) <= k] = np.nan
    return table


def _near(
    real: Cloud,
    films: slice,
    synthetic: Cloud,
    radii_real: NDArray[np.float64],
    radii_synthetic: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pairs (i, j) of a tile that may be within some radius, and numbers on the same side of every radius
    as their squared distances are.

    Few pairs are: so the subsets that intervals are of cost little beside the product of matrices that finds
    them. The numbers are lower bounds, but exact where a pair is so near to a radius that bounds do not
    decide.
    """
    lower = lower_bounds(real.points, films, synthetic.points)
    # With fewer films radii only grow; an infinite one is of a set that is given up anyway.
    largest_real, largest_synthetic = (
        np.where(np.isinf(part), 0, part).max(0) for part in (radii_real, radii_synthetic)
    )
    candidates = lower < _at_least(largest_real)[:, None]
    candidates |= lower < _at_least(largest_synthetic)
    i, j = np.nonzero(candidates)
    bound = lower[i, j]
    upper = upper_bounds(bound, real.points, i + films.start, synthetic.points, j)
    close = (bound < largest_real[i]) & (upper >= radii_real[0, i])
    close |= (bound < largest_synthetic[j]) & (upper >= radii_synthetic[0, j])
    distances = bound.astype(np.float64)
    distances[close] = squared(real.points, i[close] + films.start, synthetic.points, j[close])
    return i, j, distances


def _at_least(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same in float32, never smaller: comparisons of one type take a third of the time."""
    return np.nextafter(values.astype(np.float32), np.float32(np.inf))
