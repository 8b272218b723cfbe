"""ROC curves with their bands, laid out in a square of 100 by 100."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.exhibits import ROC, FindingCurve
from jobs.page.measures import Score

_TOLD = 0.1  # the false positive rate at which a curve is also told in words


@dataclass(frozen=True, slots=True)
class CurveView:
    """Points are "x,y" with blanks between, y downwards."""

    finding: str
    score: Score | None  # its AUC
    rates: str
    band: str  # a polygon
    real: str | None
    words: str


@dataclass(frozen=True, slots=True)
class CurvesView:
    band: str  # how the bands were taken
    curves: tuple[CurveView, ...]


def view_curves(roc: ROC, scores: Sequence[Score]) -> CurvesView | None:
    """The curves in the order of their findings' `scores`; None where no finding has one."""
    aucs = {score.subset: score for score in scores}
    order = {finding: place for place, finding in enumerate(aucs)}
    shown = sorted(roc.curves, key=lambda curve: order.get(curve.finding, len(order)))
    views = tuple(_view(curve, roc.grid, aucs.get(curve.finding)) for curve in shown)
    return CurvesView(roc.band, views) if views else None


def _view(curve: FindingCurve, grid: Sequence[float], score: Score | None) -> CurveView:
    at = min(range(len(grid)), key=lambda place: abs(grid[place] - _TOLD))
    rate, low, high = (f"{100 * each[at]:.0f}" for each in (curve.rates, curve.low, curve.high))
    return CurveView(
        curve.finding,
        score,
        _line(grid, curve.rates),
        f"{_line(grid, curve.high)} {_line(grid[::-1], curve.low[::-1])}",
        None if curve.real is None else _line(grid, curve.real),
        f"{rate} % found ({low} to {high} %) at {100 * grid[at]:.0f} % false alarms",
    )


def _line(grid: Sequence[float], rates: Sequence[float]) -> str:
    """From the corner of no alarm, from which a curve may rise upright."""
    start = "0,100 " if grid[0] == 0 else ""
    return start + " ".join(f"{100 * x:.4g},{100 - 100 * y:.4g}" for x, y in zip(grid, rates, strict=True))
