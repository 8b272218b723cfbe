from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import roc_curve

from eval.auc import ScoredFilms
from eval.roc import GRID, curves


def scored(scores: np.ndarray, truth: np.ndarray, films_a_patient: int = 1) -> ScoredFilms:
    numbers = np.arange(len(scores), dtype=np.uint64)
    return ScoredFilms(
        scores.astype(np.float32)[:, None],
        truth.astype(np.int8)[:, None],
        numbers // films_a_patient,
        numbers,
    )


def binormal(rng: np.random.Generator, films: int, separation: float) -> tuple[np.ndarray, np.ndarray]:
    truth = (rng.random(films) < 0.4).astype(int)
    return rng.normal(size=films) + separation * truth, truth


@pytest.mark.parametrize("decimals", [8, 1, 0])
def test_a_curve_is_scikit_learns_with_and_without_ties(decimals: int) -> None:
    scores, truth = binormal(np.random.default_rng(0), 300, 1.0)
    scores = scores.round(decimals)
    (curve,) = curves(scored(scores, truth), resamples=2)
    assert curve is not None
    alarms, hits, _ = roc_curve(truth, scores.astype(np.float32), drop_intermediate=False)
    for rate, found in zip(GRID, curve.rates, strict=True):
        at = np.flatnonzero(alarms <= rate + 1e-12)[-1]  # the upper end of an upright rise
        if at + 1 < len(alarms):
            share = (rate - alarms[at]) / (alarms[at + 1] - alarms[at])
            assert found == pytest.approx(hits[at] + share * (hits[at + 1] - hits[at]), abs=1e-9)
        else:
            assert found == 1


def test_films_of_uncertain_truth_are_on_no_curve() -> None:
    scores, truth = binormal(np.random.default_rng(1), 200, 1.0)
    known = curves(scored(scores, truth), resamples=2)[0]
    more = np.concatenate([scores, np.linspace(-9, 9, 50)]), np.concatenate([truth, np.full(50, -1)])
    with_uncertain = curves(scored(*more), resamples=2)[0]
    assert known is not None and with_uncertain is not None
    assert np.array_equal(known.rates, with_uncertain.rates)


def test_bands_hold_the_true_rates_nineteen_times_in_twenty() -> None:
    rng, separation = np.random.default_rng(0), 1.0
    inside = slice(3, -10)  # near the corners a rate is 0 or 1 in most samples
    true = norm.cdf(separation + norm.ppf(GRID[inside]))
    held = []
    for draw in range(80):
        (curve,) = curves(scored(*binormal(rng, 300, separation)), resamples=150, seed=draw)
        assert curve is not None
        held.append((curve.low[inside] <= true) & (true <= curve.high[inside]))
    assert 0.9 < np.mean(held) < 0.98


def test_films_of_one_patient_widen_the_band() -> None:
    scores, truth = binormal(np.random.default_rng(2), 200, 1.0)
    (alone,) = curves(scored(scores, truth))
    (fourfold,) = curves(scored(np.repeat(scores, 4), np.repeat(truth, 4), 4))
    (mistaken,) = curves(scored(np.repeat(scores, 4), np.repeat(truth, 4)))
    assert alone is not None and fourfold is not None and mistaken is not None
    widths = [float((curve.high - curve.low).mean()) for curve in (alone, fourfold, mistaken)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1) and widths[2] < 0.7 * widths[0]


def test_a_curve_does_not_depend_on_the_order_of_films() -> None:
    scores, truth = binormal(np.random.default_rng(3), 150, 0.5)
    state = scored(scores.round(1), truth)
    order = np.random.default_rng(0).permutation(150)
    (one,), (other,) = curves(state), curves(state.take(order))
    assert one is not None and other is not None
    for name in ("rates", "low", "high"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_a_finding_of_too_few_films_has_no_curve() -> None:
    assert curves(scored(np.arange(30), np.arange(30) < 9)) == [None]
    assert curves(ScoredFilms.empty(2)) == [None, None]
