"""Two synthetic corpora against each other, in words: which is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from diffcxr.findings import CHEXPERT_14
from jobs.page.measures import Score, by_extractor, number

_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """A measure of A and of its rival B; `score` holds their difference."""

    score: Score
    ours: float | None
    p: str
    words: str


@dataclass(frozen=True, slots=True)
class ComparisonView:
    against: str  # what B is
    sentences: tuple[str, ...]
    verdicts: tuple[Verdict, ...]


def view_comparison(scores: Sequence[Score]) -> ComparisonView | None:
    """The comparison that is among the scores, or None."""
    differences = [score for score in scores if score.against is not None]
    if not differences:
        return None
    overall = [score for score in differences if score.subset not in CHEXPERT_14]
    return ComparisonView(
        differences[0].against or "",
        tuple(_sentences(overall, differences)),
        tuple(_verdict(score) for score in overall),
    )


def holm(p: Sequence[float]) -> list[float]:
    """p-values as they are after so many comparisons: below a level all together, not each (Holm 1979)."""
    adjusted, least = [0.0] * len(p), 0.0
    for place, index in enumerate(sorted(range(len(p)), key=lambda index: p[index])):
        least = max(least, (len(p) - place) * p[index])
        adjusted[index] = min(1.0, least)
    return adjusted


def chance(p: float | None) -> str:
    """A p-value for reading: to two or three decimals, and no more zeros than anybody trusts."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def _verdict(score: Score) -> Verdict:
    known = score.value is not None and score.rival_value is not None
    ours = (score.rival_value or 0.0) + (score.value or 0.0) if known else None
    better = _better(score, score.p_value)
    words = f"{better} is better" if better else "no difference found"
    if score.p_value is None:
        words = "too few films"
    return Verdict(score, ours, chance(score.p_value), words)


def _better(score: Score, p: float | None) -> str:
    """A, B, or nobody."""
    if p is None or p >= _LEVEL or not score.value or not score.measure.better:
        return ""
    return "A" if (score.value > 0) == (score.measure.better == "higher") else "B"


def _sentences(overall: Sequence[Score], differences: Sequence[Score]) -> Iterator[str]:
    for score in overall:
        if better := _better(score, score.p_value):
            other = "B" if better == "A" else "A"
            by = number(abs(score.value or 0.0), score.is_auc)
            low, high = sorted(abs(end) for end in (score.low or 0.0, score.high or 0.0))
            ends = f"{number(low, score.is_auc)} to {number(high, score.is_auc)}"
            p = chance(score.p_value)
            yield (
                f"{better} is better than {other} on {_named(score)} by {by} (95 % interval {ends}), "
                f"p {p if p.startswith('<') else f'= {p}'}."
            )
    same = [_named(s) for s in overall if s.p_value is not None and not _better(s, s.p_value)]
    if same:
        yield f"No difference found in {', '.join(same)}."
    findings = [s for s in differences if s.subset in CHEXPERT_14 and s.is_auc and s.p_value is not None]
    findings = [s for s in findings if s.metric != "mauc_paired_difference"] or findings
    if findings:
        yield _of_findings(findings)
    conditional = [s for s in differences if s.metric == "fid_finding_difference" and s.p_value is not None]
    for extractor, distances in by_extractor(conditional).items():
        yield f"By {extractor} features: {_of_findings(distances)}"


def _of_findings(findings: Sequence[Score]) -> str:
    """Which of them differ, by p-values that are corrected for their number."""
    told: dict[str, list[str]] = {"A": [], "B": []}
    for score, p in zip(findings, holm([s.p_value or 0.0 for s in findings]), strict=True):
        if better := _better(score, p):
            told[better].append(score.subset)
    shown = [f"{who} shows {', '.join(names)} better" for who, names in told.items() if names]
    return (
        f"Of {len(findings)} findings, {'; '.join(shown) if shown else 'none is shown better by either'} "
        "(p for so many comparisons at once, by Holm)."
    )


def _named(score: Score) -> str:
    return score.title if score.is_auc or not score.extractor else f"{score.title} ({score.extractor})"
