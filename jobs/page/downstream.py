"""A downstream run as the page shows it: the arms, and the findings arm by arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from diffcxr.findings import CHEXPERT_14
from jobs.page.axis import Axis, auc_axis
from jobs.page.measures import Score

ARM_TITLES = {"real": "Real films", "synthetic": "Synthetic films", "both": "Both"}


@dataclass(frozen=True, slots=True)
class ArmView:
    name: str
    title: str
    colour: str
    score: Score
    films: int | None  # in training
    steps: int | None


@dataclass(frozen=True, slots=True)
class DownstreamView:
    name: str
    caption: str
    arms: tuple[ArmView, ...]
    axis: Axis
    real: float | None  # what the arm of real films reached
    findings: tuple[tuple[str, dict[str, Score]], ...]  # finding -> arm -> score
    finding_axis: Axis


def view_downstream(name: str, scores: Sequence[Score]) -> DownstreamView:
    """The arms in the order of the file, the findings in CheXpert's."""
    arms = tuple(_arm(s) for s in scores if s.metric == "downstream_macro_auc")
    findings: dict[str, dict[str, Score]] = {}
    for score in scores:
        if score.metric == "downstream_auc" and score.value is not None:
            findings.setdefault(score.subset, {})[str(score.extra.get("arm", ""))] = score
    ordered = tuple((finding, findings[finding]) for finding in CHEXPERT_14 if finding in findings)
    reference = next((s.reference for s in scores if s.reference), None)
    return DownstreamView(
        name,
        "Bars go from chance (0.5) towards perfect (1)" + (f"; tested on {reference}." if reference else "."),
        arms,
        auc_axis([end for arm in arms for end in (arm.score.value, arm.score.low)]),
        next((arm.score.value for arm in arms if arm.name == "real"), None),
        ordered,
        auc_axis([s.value for by_arm in findings.values() for s in by_arm.values()]),
    )


def _arm(score: Score) -> ArmView:
    films, steps = score.extra.get("n_train"), score.extra.get("steps")
    return ArmView(
        score.subset,
        ARM_TITLES.get(score.subset, score.subset),
        score.subset if score.subset in ARM_TITLES else "floor",
        score,
        films if isinstance(films, int) else None,
        steps if isinstance(steps, int) else None,
    )
