"""Sweeps as the page shows them: a row a point, a column a figure, the best of each marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.page.meanings import Better
from jobs.page.measures import Score, number, overall

_FIGURES = {"images": "Films", "images_per_second": "Films a second"}  # of the steps' summaries


@dataclass(frozen=True, slots=True)
class Sweep:
    """The results below one `points/` folder; each as `result.json` holds it."""

    name: str
    results: tuple[Mapping[str, Any], ...]

    def folder_of(self, step: Mapping[str, Any]) -> str:
        """The path below the runs of a result's step."""
        return "/".join(part for part in (self.name, str(step.get("output", ""))) if part)


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    best: bool


@dataclass(frozen=True, slots=True)
class PointView:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class SweepView:
    name: str
    caption: str
    columns: tuple[str, ...]
    points: tuple[PointView, ...]


def view_sweep(sweep: Sweep, scores: Mapping[str, Sequence[Score]]) -> SweepView:
    """The sweep's table.

    Args:
        scores: those of each folder below the runs, by its path.
    """
    rows: list[dict[str, tuple[float, Better, bool]]] = []
    for result in sweep.results:
        row: dict[str, tuple[float, Better, bool]] = {}
        for step in result.get("steps", ()):
            values = step.get("summary", {})
            for key, title in _FIGURES.items():
                if isinstance(values.get(key), int | float):
                    row[title] = (float(values[key]), "", False)
            for score in overall(scores.get(sweep.folder_of(step), ())):
                if score.value is not None:
                    row[_title(score)] = (score.value, score.measure.better, score.is_auc)
        rows.append(row)
    columns = tuple(dict.fromkeys(title for row in rows for title in row))
    best = {title: _best([row[title] for row in rows if title in row]) for title in columns}
    points = tuple(
        PointView(str(result.get("point", "")), tuple(_cell(row, title, best[title]) for title in columns))
        for result, row in zip(sweep.results, rows, strict=True)
    )
    return SweepView(sweep.name, f"{len(points)} points, each run once.", columns, points)


def _title(score: Score) -> str:
    return f"{score.title}, {score.extractor}" if score.extractor and not score.is_auc else score.title


def _best(values: Sequence[tuple[float, Better, bool]]) -> float | None:
    better = values[0][1]
    numbers = [value for value, _, _ in values]
    if not better or min(numbers) == max(numbers):
        return None
    return max(numbers) if better == "higher" else min(numbers)


def _cell(row: Mapping[str, tuple[float, Better, bool]], title: str, best: float | None) -> Cell:
    if title not in row:
        return Cell("–", False)
    value, better, is_auc = row[title]
    whole = not better and value == int(value)
    return Cell(f"{int(value):,}" if whole else number(value, is_auc), value == best)
