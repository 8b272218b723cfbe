"""An evaluation as the page shows it: the metrics of all films, and the AUCs finding by finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jobs.page.axis import Axis, auc_axis
from jobs.page.comparison import ComparisonView, view_comparison
from jobs.page.extrapolation import LineView, view_line
from jobs.page.measures import Score, of_findings, overall
from jobs.page.runs import Scored


@dataclass(frozen=True, slots=True)
class EvaluationView:
    name: str
    folded: bool
    overall: tuple[Score, ...]
    findings: tuple[Score, ...]
    axis: Axis
    comparison: ComparisonView | None
    lines: tuple[LineView, ...]


def view_evaluations(evaluations: Sequence[Scored]) -> tuple[EvaluationView, ...]:
    """The evaluations in their order; a sweep's points are folded, unless one comes first."""
    return tuple(_view(found, found.in_sweep and number > 0) for number, found in enumerate(evaluations))


def _view(found: Scored, folded: bool) -> EvaluationView:
    findings = of_findings(found.scores)
    ends = [end for s in findings for end in (s.value, s.low, s.floor)]
    return EvaluationView(
        found.label,
        folded,
        overall(found.scores),
        findings,
        auc_axis(ends),
        view_comparison(found.scores),
        tuple(
            view_line(score) for score in found.scores if score.value is not None and len(score.points) > 1
        ),
    )
