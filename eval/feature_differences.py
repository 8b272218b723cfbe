"""How two synthetic corpora differ in what is measured on features: FID, KID, PRDC and diversity.

Each takes states of films that `eval.comparison` chose, as many of one corpus as of its rival. What is left
out, a group of patients, is left out of every corpus at once, so that what the corpora share, the real films
and perhaps the reports, adds nothing to the difference's error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from eval import inception_score, kid, prdc, vendi
from eval.differences import Difference, by_halves, by_jackknife
from eval.feature_rows import FeatureRows
from eval.fid import Side, left_out
from eval.frechet import frechet_distance
from eval.inception_score import ClassSums
from eval.moments import merge_all
from eval.prdc import NAMES
from eval.vendi import Variety

Follow = Callable[[Iterator[float]], Iterator[float]]
"""Shows the progress of a jackknife."""


def fid_difference(real: Side, ours: Side, rival: Side, follow: Follow = iter) -> Difference:
    """FID from the same real films. Raises ValueError where a side has fewer than two films."""
    whole = merge_all(real.groups, real.dimension)
    value, rivals = (
        frechet_distance(whole, merge_all(side.groups, side.dimension)) for side in (ours, rival)
    )
    differences = follow(_left_out_fids(real, ours, rival))
    return by_jackknife(left_out(value - rivals, differences, real, ours, rival), rivals)


def kid_difference(real: FeatureRows, ours: FeatureRows, rival: FeatureRows) -> Difference:
    """KID from the same real films; subsets are of the same reports where the corpora are.

    Raises ValueError where a side has fewer than two films.
    """
    found, rivals = (kid.result(real, films) for films in (ours, rival))
    return by_jackknife(found.left_out - rivals.left_out, rivals.value)


def prdc_differences(real: FeatureRows, ours: FeatureRows, rival: FeatureRows) -> dict[str, Difference]:
    """Precision, recall, density and coverage among the same real films, by name.

    Shares are taken as in `eval.prdc.interval`, about their values: the deviation of a half's arcsine, times
    what the share changes with it; a share of 0 or 1 errs at least as that of as many independent films as
    there are patients, three eighths of a film off (Anscombe 1948). Raises ValueError where a side has no
    more than `eval.prdc.K` films.
    """
    found, rivals = (prdc.result(real, films) for films in (ours, rival))
    differences = {}
    for index, name in enumerate(NAMES):
        values = [float(of.values[index]) for of in (found, rivals)]
        halves, least = [of.halves[..., index] for of in (found, rivals)], 0.0
        if name != "density":
            halves = [_about(value, half) for value, half in zip(values, halves, strict=True)]
            counts = [of.patients_of(index) for of in (found, rivals)]
            variances = [
                _variance_at_end(n) for value, n in zip(values, counts, strict=True) if value in (0, 1)
            ]
            least = float(np.sqrt(sum(variances)))
        groups = min(found.groups, rivals.groups)
        differences[name] = by_halves(values[0] - values[1], values[1], halves[0] - halves[1], groups, least)
    return differences


def vendi_difference(ours: Variety, rival: Variety, follow: Follow = iter) -> Difference:
    """Vendi scores of as many films. Raises ValueError where a side has no film."""
    rivals = vendi.left_out(rival)
    return by_jackknife(vendi.left_out(ours, follow) - rivals, rivals.value)


def inception_difference(ours: ClassSums, rival: ClassSums) -> Difference:
    """Inception scores of as many films. Raises ValueError where a side has no film."""
    rivals = inception_score.left_out(rival)
    return by_jackknife(inception_score.left_out(ours) - rivals, rivals.value)


def _left_out_fids(real: Side, ours: Side, rival: Side) -> Iterator[float]:
    """Differences without each group, nan where a side keeps fewer than two films."""
    rests = (side.rests() for side in (real, ours, rival))
    for of_real, of_ours, of_rival in zip(*rests, strict=True):
        if min(of_real.count, of_ours.count, of_rival.count) < 2:
            yield float("nan")
        else:
            yield frechet_distance(of_real, of_ours) - frechet_distance(of_real, of_rival)


def _variance_at_end(count: int) -> float:
    """Of a share of 0 or 1 of so many independent ones."""
    share = 0.375 / (count + 0.75)
    return share * (1 - share) / count


def _about(value: float, halves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of halves, as deviations at the share of all films."""
    slope = 2 * np.sqrt(value * (1 - value))  # of sin^2, at the arcsine of the value's root
    deviations: NDArray[np.float64] = slope * np.arcsin(np.sqrt(halves))
    return deviations
