"""FID at several numbers of films and the line through them, laid out over 1 / n."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from jobs.page.axis import Axis, axis_over
from jobs.page.measures import Score

_APART = 0.15  # of the plot's width, between two numbers that can be read


@dataclass(frozen=True, slots=True)
class LineView:
    """A plot in per cent of its width and height; n without end is at the left, the fewest at the right."""

    score: Score
    points: tuple[tuple[str, str], ...]  # from the left, from the top
    start: str  # from the top: the line at the left, which is the score
    stop: str  # and at the right
    low: str | None  # the score's interval
    high: str | None
    levels: tuple[tuple[str, str], ...]  # from the top, and the FID there
    films: tuple[tuple[str, str, str], ...]  # from the left, the number there, and how it is aligned


def view_line(score: Score) -> LineView:
    """The plot of a score with a value and two points or more."""
    value = score.value or 0.0
    inverse = np.array([1 / n for n, _ in score.points])
    fids = np.array([fid for _, fid in score.points])
    end = inverse.max()
    slope = float((inverse * (fids - value)).sum() / (inverse**2).sum())  # through the score
    stop = value + slope * end
    axis = axis_over([*fids, value, stop, score.low, score.high], most=4)
    return LineView(
        score,
        tuple((f"{100 * x / end:.2f}%", _top(axis, fid)) for x, fid in zip(inverse, fids, strict=True)),
        _top(axis, value),
        _top(axis, stop),
        None if score.low is None else _top(axis, score.low),
        None if score.high is None else _top(axis, score.high),
        tuple((_top(axis, tick), axis.label(tick)) for tick in axis.ticks),
        tuple(_films([(float(x / end), n) for x, (n, _) in zip(inverse, score.points, strict=True)])),
    )


def _films(places: list[tuple[float, float]]) -> Iterator[tuple[str, str, str]]:
    """The numbers of films, from all of them to the fewest; those too near to the last one are left out."""
    yield "0%", "∞", "start"
    last = 0.0
    for place, n in sorted(places):
        if place - last >= _APART:
            last = place
            yield f"{100 * place:.2f}%", f"{round(n):,}", "end" if place == 1 else "middle"


def _top(axis: Axis, value: float) -> str:
    return f"{100 - float(axis.at(value).rstrip('%')):.2f}%"
