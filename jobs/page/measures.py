"""Rows of metrics.json and downstream.json as the page reads, names and formats them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from eval.retrieval import AT

Better = Literal["higher", "lower", ""]


@dataclass(frozen=True, slots=True)
class Measure:
    """What a metric is called, which way is better, and what it says to somebody who meets it first."""

    title: str
    better: Better
    meaning: str


_AUC = "How well a finding can be told from the films: 1 is always, 0.5 is guessing."
MEASURES = {
    "fid": Measure(
        "FID",
        "lower",
        "Fréchet distance between the features of the synthetic and of the real films. Its floor is what two "
        "sets of real films score against each other.",
    ),
    "fid_infinity": Measure(
        "FID∞",
        "lower",
        "FID as it would be with films without end: the end of a line through its values at several "
        "numbers of films, each of which is too high by what falls with the number.",
    ),
    "fid_finding": Measure(
        "FID of a finding",
        "lower",
        "FID of the synthetic films whose report tells of a finding, from the real ones whose report does. "
        "It falls with the number of films: findings are compared by how far each is from its own floor.",
    ),
    "kid": Measure(
        "KID", "lower", "Kernel distance between the same features; without FID's bias at small n."
    ),
    "precision": Measure("Precision", "higher", "The share of synthetic films that look like some real one."),
    "recall": Measure("Recall", "higher", "The share of real films that some synthetic one looks like."),
    "density": Measure(
        "Density", "higher", "How crowded with real films the places of the synthetic ones are."
    ),
    "coverage": Measure(
        "Coverage", "higher", "The share of real films with a synthetic one in their vicinity."
    ),
    "vendi": Measure(
        "Vendi score",
        "higher",
        "How many films, unlike each other, the synthetic ones are worth. Its ceiling is as many real films.",
    ),
    "inception_score": Measure(
        "Inception score",
        "higher",
        "Whether a network of photographs is sure what it sees in each film, and sees many things in all. "
        "Radiographs are not what it knows: a small number, told for comparison.",
    ),
    "ms_ssim": Measure(
        "MS-SSIM",
        "lower",
        "How alike four films of one prompt are; 1 is copies. Its floor is real films of four patients.",
    ),
    "alignment": Measure(
        "Alignment",
        "higher",
        "How near a model that reads films and reports puts a film to its own report: a cosine. Its floor is "
        "the same films with other patients' reports, its ceiling real films.",
    ),
    **{
        f"retrieval_r{at}": Measure(
            f"Report found at {at}",
            "higher",
            f"How often a film's own report is among the {at} nearest of a hundred that differ. Its floor is "
            "chance, its ceiling real films.",
        )
        for at in AT
    },
    "mauc_label": Measure(
        "Label mAUC",
        "higher",
        "A classifier that learnt from real films reads the synthetic ones; truth is the report's labels, "
        "the mean over findings. Its ceiling is real films, its floor is shuffled reports. " + _AUC,
    ),
    "auc_label": Measure("Label AUC", "higher", "The same for one finding. " + _AUC),
    "mauc_paired": Measure(
        "Paired mAUC",
        "higher",
        "The truth is what the same classifier reads in the paired real film. " + _AUC,
    ),
    "mauc_label_micro": Measure(
        "Label mAUC, micro", "higher", "The same over all films and findings together, common ones the most."
    ),
    "mauc_label_weighted": Measure(
        "Label mAUC, weighted", "higher", "The mean in which each finding counts as often as it is there."
    ),
    "mauc_paired_micro": Measure(
        "Paired mAUC, micro", "higher", "With paired truth, over all films and findings together."
    ),
    "mauc_paired_weighted": Measure(
        "Paired mAUC, weighted", "higher", "With paired truth, each finding counting as often as it is there."
    ),
    "f1_label": Measure(
        "F1",
        "higher",
        "Of hits and false alarms, at thresholds chosen on other real films; the mean over findings.",
    ),
    "f1_label_micro": Measure("F1, micro", "higher", "The same over all films and findings together."),
    "f1_paired": Measure(
        "Paired F1",
        "higher",
        "The truth is what the classifier sees on the paired real film, at its own thresholds.",
    ),
    "f1_paired_micro": Measure(
        "Paired F1, micro", "higher", "With paired truth, over all films and findings together."
    ),
    "ece_label": Measure(
        "Calibration error",
        "lower",
        "How far the classifier's probabilities are from how often the finding is there (ECE).",
    ),
    "brier_label": Measure(
        "Brier score", "lower", "The mean squared distance of the classifier's probabilities from the truth."
    ),
    "downstream_macro_auc": Measure(
        "Downstream macro AUC",
        "higher",
        "A classifier is trained on one arm's films and tested on held-out real ones; mean over findings. "
        + _AUC,
    ),
    "downstream_auc": Measure("Downstream AUC", "higher", "The same for one finding. " + _AUC),
}

_SETS = {"diffcxr_11": "Diff‑CXR's eleven"}
"""Named sets of findings, and what they are called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One row of metrics.json (DESIGN 10); `extra` holds the columns beyond the contract."""

    metric: str
    extractor: str | None = None
    subset: str = "all"
    value: float | None = None
    low: float | None = None
    high: float | None = None
    floor: float | None = None
    ceiling: float | None = None
    n_floor: int | None = None
    value_at_floor: float | None = None
    n_real: int | None = None
    n_synthetic: int | None = None
    n_positive: int | None = None
    reference: str | None = None
    digest: str | None = None
    against: str | None = None  # a rival corpus: the value is a difference from its own
    rival_value: float | None = None
    n_rival: int | None = None
    p_value: float | None = None
    extra: Mapping[str, Any]

    @property
    def measure(self) -> Measure:
        metric = self.metric.removesuffix("_difference") if self.against is not None else self.metric
        return MEASURES.get(metric) or Measure(metric.replace("_", " "), "", "")

    @property
    def title(self) -> str:
        """The measure's, and what it was taken over where that is not everything."""
        title = self.measure.title
        return title if self.subset == "all" else f"{title} ({_SETS.get(self.subset, self.subset)})"

    @property
    def n_findings(self) -> int | None:
        """How many findings a macro mean is over; None for what is no such mean."""
        findings = self.extra.get("findings")
        return len(findings) if isinstance(findings, list) and findings else None

    @property
    def note(self) -> str | None:
        """What else decides how the value is to be read."""
        note = self.extra.get("note")
        return note if isinstance(note, str) else None

    @property
    def protocol(self) -> str | None:
        """The published protocol that the value follows, and its source."""
        protocol = self.extra.get("protocol")
        return protocol if isinstance(protocol, str) else None

    @property
    def fault(self) -> str | None:
        """What is wrong with that protocol."""
        fault = self.extra.get("fault")
        return fault if isinstance(fault, str) else None

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """Numbers of films with the FID of so many, where the value is a line's end."""
        points = self.extra.get("points")
        return tuple((float(n), float(value)) for n, value in points) if isinstance(points, list) else ()

    @property
    def is_auc(self) -> bool:
        return "auc" in self.metric


_COLUMNS = tuple(name for name in Score.__dataclass_fields__ if name != "extra")
_TEXTS = ("extractor", "subset", "reference", "digest", "against")
_COUNTS = ("n_floor", "n_real", "n_synthetic", "n_positive", "n_rival")


def read_scores(rows: object, where: str) -> tuple[Score, ...]:
    """The scores of a parsed metrics.json. Raises InputError where it is not a list of such rows."""
    fix = "Run evaluate or downstream again into a new output, or take this file away."
    if not isinstance(rows, list):
        raise InputError("not a list of scores", where, fix)
    return tuple(_score(row, where, fix) for row in rows)


def _score(row: object, where: str, fix: str) -> Score:
    if not isinstance(row, dict) or not isinstance(row.get("metric"), str):
        raise InputError("a score without its metric's name", where, fix)
    known: dict[str, Any] = {"metric": row["metric"]}
    for name in _COLUMNS[1:]:
        value = row.get(name)
        if value is None:
            continue
        if name in _TEXTS:
            known[name] = str(value)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{name} of {row['metric']} is not a number", where, fix)
        elif math.isfinite(value):
            known[name] = int(value) if name in _COUNTS else float(value)
    return Score(**known, extra={k: v for k, v in row.items() if k not in _COLUMNS})


def overall(scores: Iterable[Score]) -> tuple[Score, ...]:
    """The scores of no single finding, in their order, and no differences from a rival."""
    return tuple(s for s in scores if s.subset not in CHEXPERT_14 and s.against is None)


def of_findings(scores: Iterable[Score]) -> tuple[Score, ...]:
    """The AUCs of single findings, the best first, those without a value last; paired ones if no others."""
    found = [s for s in scores if s.subset in CHEXPERT_14 and s.is_auc and s.against is None]
    found = [s for s in found if s.metric != "mauc_paired"] or found
    return tuple(sorted(found, key=lambda s: (s.value is None, -(s.value or 0.0), s.subset)))


def number(value: float | None, auc: bool = False) -> str:
    """A value for reading: three decimals for AUCs, four digits for the rest, an en dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    if auc:
        return f"{value:.3f}"
    if value == 0 or 0.001 <= abs(value) < 1000:
        decimals = 3 if value == 0 else max(0, 3 - math.floor(math.log10(abs(value))))
        return f"{value:.{min(decimals, 4)}f}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.2e}"


def interval(score: Score) -> str:
    """The 95 % interval for reading, or an en dash."""
    if score.low is None or score.high is None:
        return "–"
    return f"{number(score.low, score.is_auc)} to {number(score.high, score.is_auc)}"


def by_extractor(scores: Sequence[Score]) -> dict[str, list[Score]]:
    """Scores grouped by what looked at the films, in order of appearance; "" where nothing is named."""
    groups: dict[str, list[Score]] = {}
    for score in scores:
        groups.setdefault(score.extractor or "", []).append(score)
    return groups
