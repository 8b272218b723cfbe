"""An evaluation as the page shows it: metrics of all films and of findings, curves, and films themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster.corpus import Corpus
from jobs.page.axis import Axis, auc_axis, axis_over
from jobs.page.comparison import ComparisonView, view_comparison
from jobs.page.curves import CurvesView, view_curves
from jobs.page.extrapolation import LineView, view_line
from jobs.page.measures import Score, by_extractor, of_findings, overall
from jobs.page.neighbours import NeighboursView, view_neighbours
from jobs.page.runs import Scored

_MOST_SHOWN = 10  # evaluations with curves and films: at half a megabyte each, the page stays below 5 MB


@dataclass(frozen=True, slots=True)
class EvaluationView:
    name: str
    folded: bool
    overall: tuple[Score, ...]
    findings: tuple[Score, ...]
    axis: Axis
    conditional: tuple[tuple[str, Axis, tuple[Score, ...]], ...]  # by features: distances of single findings
    comparison: ComparisonView | None
    lines: tuple[LineView, ...]
    curves: CurvesView | None
    neighbours: NeighboursView | None


def view_evaluations(
    evaluations: Sequence[Scored], corpora: Sequence[Corpus], films: int
) -> tuple[EvaluationView, ...]:
    """The evaluations in their order; a sweep's points are folded, unless one comes first.

    The first _MOST_SHOWN of them have curves and films, `films` a row at most, found among `corpora` or where
    they were measured.
    """
    return tuple(
        _view(found, found.in_sweep and number > 0, corpora, films, number < _MOST_SHOWN)
        for number, found in enumerate(evaluations)
    )


def _view(
    found: Scored, folded: bool, corpora: Sequence[Corpus], films: int, is_shown: bool
) -> EvaluationView:
    roc, near = (found.exhibits.roc, found.exhibits.films) if found.exhibits and is_shown else (None, None)
    findings = of_findings(found.scores)
    ends = [end for s in findings for end in (s.value, s.low, s.floor)]
    distances = [s for s in found.scores if s.metric == "fid_finding" and s.value is not None]
    return EvaluationView(
        found.label,
        folded,
        overall(found.scores),
        findings,
        auc_axis(ends),
        tuple(_distances(*group) for group in by_extractor(distances).items()),
        view_comparison(found.scores),
        tuple(
            view_line(score) for score in found.scores if score.value is not None and len(score.points) > 1
        ),
        None if roc is None else view_curves(roc, findings),
        None if near is None else view_neighbours(near, corpora, films),
    )


def _distances(extractor: str, scores: Sequence[Score]) -> tuple[str, Axis, tuple[Score, ...]]:
    ends = [end for s in scores for end in (s.value, s.low, s.high, s.floor)]
    return extractor, axis_over(ends, include=(0.0,)), tuple(scores)
