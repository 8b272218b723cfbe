"""KID, the squared distance of two sets of features in a kernel's space, with its interval and its floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.feature_rows import FeatureRows, floor_sets, ordered
from eval.floors import FloorPlan
from eval.groups import GROUPS
from eval.jackknife import LeftOut
from eval.scores import Score

SUBSETS = 100
SUBSET = 1000
"""Films a side in a subset. A side that has no more is whole in every subset."""
_TILE = 1 << 21  # kernel values held at once, so that memory does not grow with the films
_KEPT = np.vstack([np.ones(GROUPS, np.int64), 1 - np.eye(GROUPS, dtype=np.int64)])
"""(1 + GROUPS, GROUPS): all groups, then all but each."""
_SEED = 0  # of the choice among ordered rows: the same films are chosen whatever their shards


@dataclass(frozen=True, slots=True, eq=False)
class KID:
    """`spread` is the standard deviation over subsets: it says how much they differ, and is no interval."""

    value: float
    spread: float
    subsets: int
    left_out: LeftOut


def result(real: FeatureRows, synthetic: FeatureRows, *, whole: bool = False) -> KID:
    """The mean over 100 subsets of 1,000 films of the unbiased MMD^2 with k(x, y) = (x.y / d + 1)^3.

    Where both sides have at most 1,000 films there is one subset, of all of them (Binkowski et al. 2018), and
    for `whole` however many there are: what the mean over subsets estimates, in time that grows as n^2.
    Raises ValueError where a side has fewer than two films.
    """
    if min(real.count, synthetic.count) < 2:
        raise ValueError(f"a KID needs two films a side, not {min(real.count, synthetic.count)}")
    values = np.array([_leave_out(*sums) for sums in _subsets(ordered(real), ordered(synthetic), whole)])
    rests = values[:, 1:]
    known = ~np.isnan(rests)
    means = np.where(known, rests, 0).sum(0) / np.maximum(known.sum(0), 1)
    value = float(values[:, 0].mean())
    films = np.stack([np.bincount(side.groups, minlength=GROUPS) for side in (real, synthetic)], axis=1)
    return KID(
        value=value,
        spread=float(values[:, 0].std()),
        subsets=len(values),
        left_out=LeftOut(value, np.where(known.any(0), means, np.nan), films),
    )


def kid_score(
    real: FeatureRows,
    synthetic: FeatureRows,
    plan: FloorPlan,
    *,
    extractor: str,
    digest: str,
    reference: str,
    whole: bool = False,
) -> Score:
    """KID over all films, a delete-group jackknife interval, and the floor at one n a side.

    `whole`: as in `result`, and the row is kid_whole. Raises ValueError where a side has fewer than two
    films.
    """
    found = result(real, synthetic, whole=whole)
    low, high = found.left_out.interval()
    first, second, matched = floor_sets(plan, real, synthetic)
    n = min(first.count, second.count, matched.count)
    return Score(
        metric="kid_whole" if whole else "kid",
        extractor=extractor,
        value=found.value,
        low=low,
        high=high,
        floor=result(first, second, whole=whole).value if n >= 2 else None,
        n_floor=n if n >= 2 else None,
        value_at_floor=result(first, matched, whole=whole).value if n >= 2 else None,
        n_real=real.count,
        n_synthetic=synthetic.count,
        reference=reference,
        digest=digest,
        note=(
            "all films in one subset"
            if found.subsets == 1
            else f"{found.subsets} subsets of at most {SUBSET:,} films a side; "
            f"standard deviation over them {found.spread:.3g}, which is no interval"
        ),
    )


_Sums = tuple[NDArray[np.float64], NDArray[np.int64]]  # of a kernel by pairs of groups; of films by group


def _subsets(
    real: FeatureRows, synthetic: FeatureRows, whole: bool
) -> Iterator[tuple[_Sums, _Sums, NDArray[np.float64]]]:
    """For each subset the kernel's sums within real, within synthetic, and between them, by group."""
    rng = np.random.default_rng(_SEED)
    whole = whole or max(real.count, synthetic.count) <= SUBSET
    centre = (real.features.mean(0, np.float64) + synthetic.features.mean(0, np.float64)) / 2
    for _ in range(1 if whole else SUBSETS):
        x, y = (side if whole else _chosen(rng, side) for side in (real, synthetic))
        a, b = (_Part.of(part, centre) for part in (x, y))
        yield a.within(), b.within(), a.between(b)


def _chosen(rng: np.random.Generator, side: FeatureRows) -> FeatureRows:
    return side if side.count <= SUBSET else side.take(rng.choice(side.count, SUBSET, replace=False))


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Films as deviations v from a common centre c, with c.v / d.

    An unbiased MMD^2 does not change when functions of x alone and of y alone are added to the kernel. Those
    that the centre brings along are left out: at a mean of 30 and a standard deviation of 0.05 they are 1e7
    times what remains, and would take its digits with them.
    """

    deviations: NDArray[np.float64]  # (n, d)
    along: NDArray[np.float64]  # (n,)
    members: NDArray[np.float64]  # (n, GROUPS): 1 in the film's group
    level: float  # c.c / d + 1

    @classmethod
    def of(cls, films: FeatureRows, centre: NDArray[np.float64]) -> _Part:
        deviations = films.features.astype(np.float64) - centre
        members = np.eye(GROUPS)[films.groups]
        return cls(
            deviations, deviations @ centre / len(centre), members, float(centre @ centre) / len(centre) + 1
        )

    def between(self, other: _Part) -> NDArray[np.float64]:
        """(GROUPS, GROUPS) sums of the kernel over pairs of films."""
        sums = np.zeros((GROUPS, GROUPS))
        for at, kernel in self._tiles(other):
            sums += self.members[at].T @ kernel @ other.members
        return sums

    def within(self) -> _Sums:
        """The same over pairs of two different films of this part, and its films by group."""
        sums = np.zeros((GROUPS, GROUPS))
        for at, kernel in self._tiles(self):
            np.fill_diagonal(kernel[:, at], 0)
            sums += self.members[at].T @ kernel @ self.members
        return sums, self.members.sum(0).astype(np.int64)

    def _tiles(self, other: _Part) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Runs of films with the kernel (t, n) of these and the other part's."""
        size = max(1, _TILE // len(other.along))
        for at in range(0, len(self.along), size):
            films = slice(at, at + size)
            yield films, self._kernel(films, other)

    def _kernel(self, films: slice, other: _Part) -> NDArray[np.float64]:
        """(x.y / d + 1)^3 of some films, less what depends on x or on y alone.

        With w = v.v' / d and p = level + along + along', it is (p + w)^3 - p^3, and the mixed terms of p^3.
        """
        w = self.deviations[films] @ other.deviations.T / self.deviations.shape[1]
        a, b = self.along[films, None], other.along[None, :]
        p = self.level + a + b
        kernel: NDArray[np.float64] = w * (3 * p * (p + w) + w * w) + 3 * a * b * (p + self.level)
        return kernel


def _leave_out(xx: _Sums, yy: _Sums, xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + GROUPS,): MMD^2 of all films, then without each group; nan where fewer than two are left."""
    m, n = (_KEPT @ counts for _, counts in (xx, yy))
    within_x, within_y, between = (((_KEPT @ sums) * _KEPT).sum(1) for sums in (xx[0], yy[0], xy))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = within_x / (m * (m - 1)) + within_y / (n * (n - 1)) - 2 * between / (m * n)
    return np.where(np.minimum(m, n) >= 2, value, np.nan)
