"""Sentences of a report, in the plain form that the labeler's phrases are written in."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from diffcxr.reports.deidentification import remove_marks

MAX_SENTENCE = 1000

_PARAGRAPH = re.compile(r"\n\s*\n|\n(?=\s*(?:\d{1,2}[.)]|[-*•])\s)")

# A full stop ends a sentence unless it stands in a number ("1.5 cm") or behind an abbreviation. "no" is
# left out: in reports "no." ends a sentence more often than it counts things.
_END = re.compile(
    r"(?<!\bdr)(?<!\bvs)(?<!\bapprox)(?<!\be\.g)(?<!\bi\.e)(?<!\bmr)(?<!\bms)[.!?;](?=\s|$|[a-z])"
)
_ENUMERATION = re.compile(
    r"^\s*(?:\(?\d{1,2}[.):]|[-*•>]+)\s*|(?<=[.;:])\s*\(?\b\d{1,2}[.)](?=\s|[a-z])|\s#\s*\d\b"
)

_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[‐-―]", "-"),
        (r"[‘’`]", "'"),
        (r"\bw/o\b", "without"),
        (r"\bw/(?=\s|[a-z])", "with "),
        (r"\br/o\b", "rule out "),
        (r"\bs/p\b", "status post"),
        (r"\bc/w\b", "consistent with"),
        (r"\b(?:2/2|d/t)\b", "due to"),
        (r"\+/-", " and possibly "),
        (r"(?:^|(?<=[\s(]))\?+\s?(?=\w)", "question "),
        (r"\bh/o\b", "history of"),
        (r"\bcan't\b|\bcan not\b", "cannot"),
        (r"\b(is|are|was|were|do|does|has|have|could)n't\b", r"\1 not"),
        (r"\boedema", "edema"),
        (r"\bair[ -]space", "airspace"),
        (r"\bhaemo", "hemo"),
        (r"\bcostophr?enia?c\b|\bcosto-phrenic\b|\bcp\b(?=\s+(?:angle|sulc))", "costophrenic"),
        (r"\s+", " "),
    )
)


def split_sentences(text: str) -> Iterator[str]:
    """Yields `text`'s sentences in lower case, without marks, list numbers or final full stops.

    Line breaks inside a paragraph are taken for wrapping; blank lines and list items begin new sentences. A
    sentence that never ends is cut into lengths of MAX_SENTENCE characters, to bound the work on each.
    """
    for paragraph in _PARAGRAPH.split(text):
        plain = remove_marks(paragraph).lower()
        for pattern, replacement in _SPELLINGS:
            plain = pattern.sub(replacement, plain)
        plain = _ENUMERATION.sub(" ", plain)
        for sentence in _END.split(plain):
            for piece in _pieces(sentence):
                if stripped := piece.strip(" .,:-"):
                    yield stripped


def _pieces(sentence: str) -> list[str]:
    return [sentence] if len(sentence) <= MAX_SENTENCE else textwrap.wrap(sentence, MAX_SENTENCE)
