"""Precision, recall, density and coverage of synthetic films among real ones, with intervals and floors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.feature_rows import FeatureRows, floor_sets
from eval.floors import FloorPlan
from eval.groups import GROUPS
from eval.intervals import jackknife_of_known
from eval.neighbours import Cloud, bounds, radii, squared
from eval.scores import Score

K = 5
NAMES = ("precision", "recall", "density", "coverage")


@dataclass(frozen=True, slots=True, eq=False)
class PRDC:
    """Arrays (4,) and (GROUPS, 4) in the order of NAMES; nan where a group leaves too few films."""

    values: NDArray[np.float64]
    left_out: NDArray[np.float64]


def result(real: FeatureRows, synthetic: FeatureRows, k: int = K) -> PRDC:
    """Of all films, and without each group's patients on both sides.

    With r(x) the distance of x from its k-th neighbour in its own set, itself excluded, and the distances of
    `eval.neighbours.squared` compared by a strict <: precision is the share of synthetic films within r of
    some real film, recall that of real films within r of some synthetic one (Kynkäänniemi et al. 2019);
    density is the mean number of real films that a synthetic one is within r of, over k, and coverage the
    share of real films with a synthetic one within their r (Naeem et al. 2020). Memory is that of the
    features, in float32 twice, and of one tile.
    Raises ValueError where a side has no more than k films.
    """
    if min(real.count, synthetic.count) <= k:
        raise ValueError(f"PRDC needs more than {k} films a side, not {min(real.count, synthetic.count)}")
    centre = (real.features.mean(0, np.float64) + synthetic.features.mean(0, np.float64)) / 2
    clouds = Cloud.of(real, centre), Cloud.of(synthetic, centre)
    table = _Counts.of(*clouds, k).table(*clouds, k)
    return PRDC(table[0], table[1:])


def prdc_scores(
    real: FeatureRows, synthetic: FeatureRows, plan: FloorPlan, *, extractor: str, digest: str, reference: str
) -> list[Score]:
    """The four measures over all films, delete-group jackknife intervals, and floors at one n a side.

    Without a value where a side has too few films. What real films reach against real ones is a `ceiling`
    here: no generator can be expected to come nearer.
    """
    first, second, matched = floor_sets(plan, real, synthetic)
    n = min(first.count, second.count, matched.count)
    whole = result(real, synthetic) if min(real.count, synthetic.count) > K else None
    among_real, at_floor = ((result(first, other).values if n > K else None) for other in (second, matched))
    scores = []
    for index, name in enumerate(NAMES):
        low, high = (
            jackknife_of_known(whole.values[index], whole.left_out[:, index]) if whole else (None, None)
        )
        scores.append(
            Score(
                metric=name,
                extractor=extractor,
                value=float(whole.values[index]) if whole else None,
                low=None if low is None else max(low, 0.0),
                high=high if high is None or name == "density" else min(high, 1.0),
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


@dataclass(slots=True, eq=False)
class _Counts:
    """What pairs of films show, of all films and without each group in turn."""

    precise: NDArray[np.bool_]  # (1 + GROUPS, synthetic): within r of some real film
    dense: NDArray[np.int64]  # (1 + GROUPS,): pairs within r of the real film
    covered: NDArray[np.int64]  # (1 + GROUPS,): real films with a synthetic one within r
    recalled: NDArray[np.int64]  # (1 + GROUPS,): real films within r of some synthetic one

    @classmethod
    def of(cls, real: Cloud, synthetic: Cloud, k: int) -> _Counts:
        radii_real, radii_synthetic = radii(real, k), radii(synthetic, k)
        zeros = (np.zeros(1 + GROUPS, np.int64) for _ in range(3))
        counts = cls(np.zeros((1 + GROUPS, synthetic.count), np.bool_), *zeros)
        for films in real.tiles(synthetic.count):
            distances = _decided(real, films, synthetic, radii_real[:, films], radii_synthetic)
            for number in range(1 + GROUPS):
                if real.groups[films.start] == number - 1:
                    continue
                gone = slice(*synthetic.starts[number - 1 : number + 1]) if number else slice(0, 0)
                inside = distances < radii_real[number, films, None]
                inside[:, gone] = False
                counts.precise[number] |= inside.any(0)
                counts.dense[number] += np.count_nonzero(inside)
                counts.covered[number] += np.count_nonzero(inside.any(1))
                within = distances < radii_synthetic[number]
                within[:, gone] = False
                counts.recalled[number] += np.count_nonzero(within.any(1))
        return counts

    def table(self, real: Cloud, synthetic: Cloud, k: int) -> NDArray[np.float64]:
        """(1 + GROUPS, 4) in the order of NAMES."""
        n, m = (side.count - np.append(0, np.diff(side.starts)) for side in (real, synthetic))
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.stack(
                [self.precise.sum(1) / m, self.recalled / n, self.dense / (k * m), self.covered / n], axis=1
            )
        values[np.minimum(n, m) <= k] = np.nan
        return values


def _decided(
    real: Cloud,
    films: slice,
    synthetic: Cloud,
    radii_real: NDArray[np.float64],
    radii_synthetic: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(t, m) numbers that are on the same side of every radius as the squared distances.

    They are lower bounds, but exact where a pair is so near to a radius that bounds do not decide.
    """
    lower, slack = bounds(real, films, synthetic)
    slack += lower
    close = np.zeros(lower.shape, np.bool_)
    for radii_, axis in ((radii_real, np.s_[:, None]), (radii_synthetic, np.s_[None, :])):
        # Without a group, radii only grow; an infinite one is of a set that is given up anyway.
        largest = np.where(np.isinf(radii_), 0, radii_).max(0)
        close |= (lower < largest[axis]) & (slack >= radii_[0][axis])
    i, j = np.nonzero(close)
    distances = lower.astype(np.float64)
    distances[i, j] = squared(real, i + films.start, synthetic, j)
    return distances
