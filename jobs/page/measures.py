"""Rows of metrics.json and downstream.json as the page reads, names and formats them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diffcxr.errors import InputError
from diffcxr.findings import CHEXPERT_14
from jobs.page.meanings import MEASURES, Measure

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
