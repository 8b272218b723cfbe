"""Student's t by `scipy.special`: `scipy.stats` takes seconds to import, in every process that measures."""

from __future__ import annotations

from scipy.special import ndtr, ndtri, stdtr, stdtrit


def margin(error: float, degrees: float) -> float:
    """Half of a 95 % interval; infinitely many degrees of freedom are a normal."""
    quantile = ndtri(0.975) if degrees == float("inf") else stdtrit(degrees, 0.975)
    return float(quantile) * error


def p_value(statistic: float, degrees: float) -> float:
    """Of a value so many standard errors from 0, on either side."""
    tail = ndtr(-abs(statistic)) if degrees == float("inf") else stdtr(degrees, -abs(statistic))
    return float(2 * tail)
