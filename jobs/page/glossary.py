"""The words that the page's figures need, each with its meaning for somebody who meets it first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from jobs.page.meanings import MEASURES
from jobs.page.measures import Score


def terms(scores: Sequence[Score]) -> Iterator[tuple[str, str]]:
    """(term, meaning) of each word that a reader meets beside `scores`; nothing where there are none."""
    if not scores:
        return
    yield (
        "95 % interval",
        "Drawn anew from other patients again and again, such a range holds the true value 95 times in 100.",
    )
    if any(s.floor is not None for s in scores):
        yield (
            "Floor",
            (
                "For distances: two sets of real films, of different patients, against each other; no "
                "generator can be expected below it. For AUCs, F1 and calibration: the same films with their "
                "reports shuffled. For Vendi and inception scores: one film again and again, which is 1."
            ),
        )
    if any(s.ceiling is not None for s in scores):
        yield (
            "Ceiling",
            "The same measure on real films instead of synthetic ones; for precision, recall, density and "
            "coverage, on two sets of real films of different patients.",
        )
    if any(s.p_value is not None for s in scores):
        yield (
            "p",
            "How often two models that are equally good would differ as much by chance. Of twenty "
            "comparisons between equals, one has a p below 0.05; only such a p is called a difference here.",
        )
    if any(s.protocol is not None for s in scores):
        yield (
            "As in",
            "The row is taken as the paper that is named takes it, so that it can stand in a table with its "
            "figures. What is wrong with that, and which row to read instead, follows.",
        )
    metrics = dict.fromkeys(s.metric for s in scores)
    yield from ((MEASURES[name].title, MEASURES[name].meaning) for name in metrics if name in MEASURES)
