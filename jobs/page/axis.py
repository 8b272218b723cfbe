"""A plot's axis in per cent of its width, so that a plot is as wide as its cell on any screen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear scale from `low` (0 %) to `high` (100 %) with its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]
    decimals: int

    def at(self, value: float) -> str:
        """Where `value` stands, e.g. "43.21%"; values beyond the ends stand at the ends."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0.0), 1.0):.2f}%"

    def span(self, low: float, high: float) -> str:
        """How wide the stretch from `low` to `high` is, e.g. "12.50%"."""
        inside = [min(max(value, self.low), self.high) for value in (low, high)]
        return f"{100 * abs(inside[1] - inside[0]) / (self.high - self.low):.2f}%"

    def label(self, tick: float) -> str:
        return f"{tick:.{self.decimals}f}"


def axis_over(values: Iterable[float | None], *, include: tuple[float, ...] = (), most: int = 6) -> Axis:
    """The axis with round ends that holds `values` (None and NaN are left out) and `include`.

    `most` bounds the number of steps between ticks.
    """
    known = [v for v in (*values, *include) if v is not None and math.isfinite(v)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if low == high:
        low, high = low - 0.5, high + 0.5
    step = _round_step((high - low) / most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    ticks = tuple(round(i * step, decimals + 2) for i in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks, decimals)


def auc_axis(values: Iterable[float | None]) -> Axis:
    """The axis of areas under the ROC curve: from chance, or from the lowest value below it, to 1."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    low = min([0.5, *(math.floor(v * 10 + 1e-9) / 10 for v in known)])
    ticks = tuple(round(i / 10, 1) for i in range(round(low * 10), 11))
    return Axis(ticks[0], 1.0, ticks, 1)


def _round_step(step: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `step`."""
    power: float = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
