"""Reports that say the opposite of some findings: from them an adapter learns that the hint decides."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from diffcxr.findings import DIFFCXR_11, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.reports.labeler import label_report

EMPTY = "Chest radiograph."
"""A report that says nothing of any finding."""

_END = re.compile(r"(?<=[.!?])\s+")
_MOST = 3  # findings at once: an opacity is what several others are
_READ = 20_000  # reports; the sentences of more say nothing new


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A report that is wrong of some findings, and what is right."""

    text: str
    right: Labels  # of the report as it was; findings of which it said nothing, and this one does, are absent


class Sentences:
    """Sentences as reports have them that say of one finding alone whether it is there."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._sentences: dict[tuple[FindingName, int], list[str]] = defaultdict(list)
        for sentence in dict.fromkeys(s for text in islice(texts, _READ) for s in written_sentences(text)):
            labels = label_report(sentence) | {"No Finding": None}
            said = [(finding, value) for finding, value in labels.items() if value is not None]
            if len(said) == 1:
                self._sentences[said[0]].append(sentence)

    def contradict(self, text: str, findings: Sequence[FindingName], draw: random.Random) -> str:
        """A text that says the opposite of `findings`, and else the same.

        Sentences that mention one of them are gone. A sentence of another report says that what was not there
        is, and half of the time that what was there is not.
        """
        said = label_report(text)
        kept = [
            sentence
            for sentence in written_sentences(text)
            if all(label_report(sentence)[finding] is None for finding in findings)
        ]
        for finding in findings:
            opposite = NEGATIVE if said[finding] == POSITIVE else POSITIVE
            sentences = self._sentences[finding, opposite]
            if sentences and (opposite == POSITIVE or draw.random() < 0.5):
                kept.insert(draw.randint(0, len(kept)), draw.choice(sentences))
        return " ".join(kept) or EMPTY


def contradictions(texts: Sequence[str], labels: Sequence[Labels]) -> list[Contradiction]:
    """For each text, whose labels are given, one that contradicts it in one to three findings.

    The first of them is half of the time one that is there, else any; none is one that is uncertain. They are
    the same for the same texts.
    """
    sentences, draw = Sentences(texts), random.Random(0)
    made = []
    for text, said in zip(texts, labels, strict=True):
        findings = _findings(said, draw)
        right = said | dict.fromkeys((finding for finding in findings if said[finding] is None), NEGATIVE)
        made.append(Contradiction(sentences.contradict(text, findings, draw), right))
    return made


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
