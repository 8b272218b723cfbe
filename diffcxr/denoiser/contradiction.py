"""Reports with some findings said otherwise: from them an adapter learns that the hint decides."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from diffcxr.denoiser.hint import hints_digest
from diffcxr.denoiser.knowledge import KNOWLEDGE
from diffcxr.findings import DIFFCXR_11, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.reports.labeler import label_report

EMPTY = "Chest radiograph."
"""A report that says nothing of any finding."""

_END = re.compile(r"(?<=[.!?])\s+")
_MOST = 3  # findings at once: an opacity is what several others are


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A report with some findings said otherwise, and what the one and the other say.

    What one of them alone finds present is absent in the labels of the other.
    """

    text: str
    before: Labels  # of the report as it was
    after: Labels  # of the text


@cache
def lessons_digest() -> str:
    """SHA-256 of the code that decides which hints and contrary reports an adapter is taught by."""
    return hashlib.sha256(hints_digest().encode() + Path(__file__).read_bytes()).hexdigest()


def contradictions(
    texts: Sequence[str], labels: Sequence[Labels], on_text: Callable[[], None] | None = None
) -> list[Contradiction]:
    """For each text, whose labels are given, one that contradicts it in one to three findings.

    The first of them is half of the time one that is there, else any; none is one that is uncertain. They are
    the same for the same texts. `on_text` is called after each.
    """
    draw = random.Random(0)
    made = []
    for text, before in zip(texts, labels, strict=True):
        changed = contradict(text, _findings(before, draw), draw)
        after = label_report(changed)
        made.append(Contradiction(changed, _denying(before, after), _denying(after, before)))
        if on_text:
            on_text()
    return made


def contradict(text: str, findings: Sequence[FindingName], draw: random.Random) -> str:
    """A text that says the opposite of `findings`, and else the same.

    Sentences that mention one of them are gone. What was not there is said as knowledge has it of a typical
    case; what was there is denied half of the time. That comes first, where a text encoder weighs it most.
    """
    said = label_report(text)
    kept = [
        sentence
        for sentence in written_sentences(text)
        if all(label_report(sentence)[finding] is None for finding in findings)
    ]
    for finding in findings:
        if said[finding] != POSITIVE:
            kept.insert(0, KNOWLEDGE[finding].typical)
        elif draw.random() < 0.5:
            kept.insert(0, f"There is no {finding.lower()}.")
    return " ".join(kept) or EMPTY


def written_sentences(text: str) -> list[str]:
    """The sentences of a text, as they were written."""
    return _END.split(text.strip())


def _findings(said: Labels, draw: random.Random) -> list[FindingName]:
    sure = [finding for finding in DIFFCXR_11 if said[finding] != UNCERTAIN]
    present = [finding for finding in sure if said[finding] == POSITIVE]
    draw.shuffle(sure)
    if present and draw.random() < 0.5:
        first = draw.choice(present)
        sure.remove(first)
        sure.insert(0, first)
    return sure[: draw.randint(1, _MOST)]


def _denying(labels: Labels, other: Labels) -> Labels:
    """Labels of a report, with what it does not mention and the other finds present as absent."""
    only_there = [name for name in DIFFCXR_11 if labels[name] is None and other[name] == POSITIVE]
    return labels | dict.fromkeys(only_there, NEGATIVE)
