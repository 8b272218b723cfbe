"""CheXpert's fourteen labels from a report's text, by rules.

After CheXpert's labeler (Irvin et al., AAAI 2019): mentions are found sentence by sentence, each is judged
present, absent or uncertain, and a report's label is the strongest of its mentions'.
"""

from __future__ import annotations

from functools import lru_cache

from diffcxr.findings import CHEXPERT_14, NEGATIVE, POSITIVE, UNCERTAIN, FindingName, Labels
from diffcxr.reports.assertion import assess
from diffcxr.reports.cues import find_cues
from diffcxr.reports.mentions import find_denials, find_mentions
from diffcxr.reports.sentences import split_sentences

_STRENGTH = {NEGATIVE: 0, UNCERTAIN: 1, POSITIVE: 2}


def label_report(text: str) -> Labels:
    """CheXpert-14 labels of `text`, which should be findings and impression only.

    A finding is POSITIVE, UNCERTAIN or NEGATIVE, whichever is the first of these that a sentence says of
    it, and None where none mentions it. "No Finding" is POSITIVE when the text has words and nothing but
    Support Devices is positive or uncertain; else None, as CheXpert leaves it.
    """
    labels: Labels = dict.fromkeys(CHEXPERT_14)
    read = False
    for sentence in split_sentences(text):
        read = True
        for finding, value in _label_sentence(sentence):
            labels[finding] = _stronger(labels[finding], value)
    abnormal = (labels[name] for name in CHEXPERT_14 if name not in ("No Finding", "Support Devices"))
    if read and all(value in (None, NEGATIVE) for value in abnormal):
        labels["No Finding"] = POSITIVE
    return labels


def label_sections(findings: str, impression: str) -> Labels:
    """`label_report` of a report's two sections; no sentence runs from one into the other."""
    return label_report(f"{findings}\n\n{impression}")


@lru_cache(maxsize=16384)  # radiologists repeat themselves: most sentences of a corpus have been seen before
def _label_sentence(sentence: str) -> tuple[tuple[FindingName, int], ...]:
    found: dict[FindingName, int] = dict.fromkeys(find_denials(sentence), NEGATIVE)
    mentions = tuple(find_mentions(sentence))
    cues = tuple(find_cues(sentence)) if mentions else ()
    for mention in mentions:
        value = assess(sentence, mention, cues, mentions)
        if value is not None:
            found[mention.finding] = _stronger(found.get(mention.finding), value)
    return tuple(found.items())


def _stronger(a: int | None, b: int) -> int:
    return b if a is None or _STRENGTH[b] > _STRENGTH[a] else a
