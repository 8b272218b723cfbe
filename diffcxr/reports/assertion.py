"""What a sentence says of a finding that it mentions: present, absent, uncertain, or nothing.

In the manner of NegEx and ConText (Chapman et al., 2001 and 2009): cues open scopes before or behind them, and
words such as "but" or the start of another clause close them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from diffcxr.findings import NEGATIVE, POSITIVE, UNCERTAIN
from diffcxr.reports.mentions import Mention

CueKind = Literal[
    "neutral", "negates before", "negates after", "doubts before", "doubts after", "ignores after"
]
"""What a cue does to mentions before or after it; a neutral one only keeps its words from being other cues."""

_CHANGE = r"(?:change|increase|decrease|improvement|worsening|progression|difference|interval)\w*"
_SEEN = (
    r"(?:seen|identified|present|visuali[sz]ed|noted|evident|demonstrated|appreciated|detected|apparent|shown|found"
    r"|observed|suspected|suggested|visible|recogni[sz]ed|definite\w*|clearly|well|convincing\w*|confirmed|suspicious)"
)
_BE = r"(?:is|are|was|were|has|have|been|be|being|appears?|remains?)"
_ADVERB = r"(?:(?:now|completely|essentially|entirely|since|definitely|otherwise|currently|fully|been|clearly|all) )*"

_CUES: tuple[tuple[CueKind, str], ...] = (
    # Neutral: the words negate or doubt something else than the finding.
    ("neutral", rf"(?:no|not|without)(?: \w+){{0,3}}? {_CHANGE}(?: (?:in|of|from|since))?"),
    ("neutral", r"not (?:only|significantly changed|changed|as well|well (?:seen|evaluated|assessed|visuali[sz]ed)|optimal\w*)"),
    ("neutral", r"(?:no|not|without|never|hasn't) (?:been |yet |yet been |completely |fully |entirely )*(?:resol\w+|clear(?:ed|ing))"),
    ("neutral", r"no doubt|no longer an?\b|not without"),
    ("neutral", r"(?:near(?:ly)?|almost|partial(?:ly)?|mostly|incomplete(?:ly)?|largely|significantly)(?: complete(?:ly)?)? (?:resol\w+|clear\w+)"),
    ("neutral", r"resolving|clearing(?! of)"),
    # Doubt that is worded with a negation.
    ("doubts after", r"(?:cannot|could not|not|difficult to|hard to|unable to|does not|do not)(?: be)?(?: (?:entirely|completely|definitely|definitively|totally|reliably))? (?:exclude|rule out)(?!d)"),
    ("doubts before", rf"(?:cannot|could not|can never|{_BE} not|not)(?: be)?(?: (?:entirely|completely|definitely|definitively|totally|reliably))? (?:excluded|ruled out)"),
    # Negation.
    ("negates before", rf"(?:{_BE} )?{_ADVERB}(?:not|no longer|never)(?: \w+)? {_SEEN}"),
    ("negates before", rf"(?:(?:has|have|is|are|appears?(?: to have)?) )?{_ADVERB}(?:resolved|disappeared|ruled out|excluded|absent|cleared)\b"),
    ("negates before", r"(?:is|are|has been|have been|been|interval(?:ly)?|was|were) removed|unlikely|(?:less|not) likely"),
    ("negates before", r": (?:none|no|absent|negative)\b"),
    ("negates after", r"no(?! longer)|not|without|nor|neither|never|non(?=-)|denies|lack of|lacks|fails to|absence of|absent|negative for"),
    ("negates after", r"(?:free|clear|devoid) (?:of|from)|(?:resolution|removal|clearing) of|(?:interval(?:ly)? )?(?:resolved|removed)(?= \w)|rather than|instead of|rules? out against"),
    # Doubt.
    ("doubts after", r"(?:possib\w+|probab\w+|likely|presum\w+|potential\w*|perhaps|maybe|apparent\w*|equivocal|conceivabl\w+)"),
    ("doubts after", r"may\b|might|could|would|can (?:be|represent)|should|suspected|suspect|susp[ei]\w*(?: for| of)|suggest\w*|question\w*|concern\w*(?: for| of| about)?|worrisome(?: for)?"),
    ("doubts after", r"\bversus|vs\.?|differential|favor\w*|consider\w*|rule out|evaluate for|exclude|evaluation for|borderline|or\b(?= (?:possibl|early|less|perhaps))|either|raises?|simulat\w+|mimic\w*"),
    ("doubts before", rf"{_BE} (?:\w+ )?(?:possible|suspected|questioned|questionable|considered|uncertain|a possibility|a consideration|equivocal)|\bversus|vs\.?(?= )|not excluded|could be considered|suspected|possible$|\?"),
    # Not a statement about this film.
    ("ignores after", r"history(?: \w+)? of|hx of|limit\w*(?: \w+){0,2} evaluation (?:of|for)|if\b|should there be|known (?:history|prior)"),
)  # fmt: skip

_CUE = tuple(
    (kind, re.compile(rf"(?<![\w-])(?:{pattern})(?!\w)" if pattern[0] != ":" else pattern))
    for kind, pattern in _CUES
)

# Where the reach of a cue ends, whichever side it comes from. What begins a new item with a size or a side ends a
# list, unless an "or" later on shows that the list is still going: "no pneumothorax, small effusion" against
# "no pneumothorax, large effusion, or fracture".
_NEW_ITEM = r"(?:mild|moderate|severe|small|large|minimal|trace|tiny|stable|low|unchanged|persistent|increas\w+|decreas\w+|new|right|left|bilateral|some|a|an|the)\b(?!.*\b(?:or|nor)\b)"
_HARD_BREAK = re.compile(
    rf"""\b(?:but|however|although|though|except|apart\ from|aside\ from|other\ than|besides|yet|while|whereas|despite
          |which|nevertheless|otherwise|there\ (?:is|are|has|have|may|remains?)|also\ noted)\b
      | :(?!\ (?:none|no|absent|negative)\b)
      | ,\ (?:and\ )?(?=(?:there|this|these|it|both|heart|lungs?|cardiac|mediastin\w+|pulmonary\ vascul\w+)\b|the\ |{_NEW_ITEM})
      | \band\ (?=there\b|{_NEW_ITEM})
      | \bwith\b(?!\ (?:evidence|any)\b)
    """,
    re.VERBOSE,
)
# "May be due to edema" doubts the edema; "no change due to edema" does not deny it.
_SOFT_BREAK = re.compile(
    r"\b(?:because|secondary to|due to|related to|consistent with|compatible with|in keeping with)\b"
)
# Words that negate only what they stand right behind.
_ADJACENT = re.compile(
    r"\s*(?:(?:is|are|was|were|appears?|remains?|also) )*(?:within (?:normal )?limits|normal|unremarkable|absent|none|negative|no)\b"
)


@dataclass(frozen=True, slots=True)
class _Cue:
    kind: CueKind
    start: int
    end: int


def assess(sentence: str, mention: Mention) -> int | None:
    """POSITIVE, NEGATIVE or UNCERTAIN as `sentence` says of `mention`; None where it is only history or an "if"."""
    landmarks = _landmarks(sentence)
    before = [cue for cue in landmarks.cues if cue.end <= mention.start]
    behind = [cue for cue in landmarks.cues if cue.start >= mention.end]
    if any(cue.kind == "ignores after" and landmarks.open(cue, cue.end, mention.start) for cue in before):
        return None
    verdict = POSITIVE
    for cue in before:  # the nearest decides, except that doubt does not lift a negation that it stands under
        if not landmarks.open(cue, cue.end, mention.start):
            continue
        if cue.kind == "negates after":
            verdict = NEGATIVE
        elif cue.kind == "doubts after" and (
            verdict != NEGATIVE or sentence[: cue.start].rstrip().endswith(",")
        ):
            verdict = UNCERTAIN
    if verdict == NEGATIVE:
        return verdict
    if _ADJACENT.match(sentence, mention.end):
        return NEGATIVE
    for cue in behind:
        if landmarks.open(cue, mention.end, cue.start):
            if cue.kind == "negates before":
                return NEGATIVE
            if cue.kind == "doubts before":
                verdict = UNCERTAIN
    return verdict


@dataclass(frozen=True, slots=True)
class _Landmarks:
    """A sentence's cues in order, none overlapping another, and where its hard and soft breaks begin and end."""

    cues: tuple[_Cue, ...]
    hard: tuple[tuple[int, int], ...]
    soft: tuple[tuple[int, int], ...]

    def open(self, cue: _Cue, start: int, end: int) -> bool:
        """Whether nothing in [start, end) keeps `cue` from reaching across."""
        breaks = self.hard if cue.kind.startswith("doubts") else self.hard + self.soft
        return not any(start <= low and high <= end for low, high in breaks)


@lru_cache(maxsize=4096)
def _landmarks(sentence: str) -> _Landmarks:
    taken: list[_Cue] = []
    for kind, pattern in _CUE:
        for match in pattern.finditer(sentence):
            start, end = match.span()
            if all(end <= cue.start or cue.end <= start for cue in taken):
                taken.append(_Cue(kind, start, end))
    taken.sort(key=lambda cue: cue.start)
    return _Landmarks(
        cues=tuple(cue for cue in taken if cue.kind != "neutral"),
        hard=tuple(match.span() for match in _HARD_BREAK.finditer(sentence)),
        soft=tuple(match.span() for match in _SOFT_BREAK.finditer(sentence)),
    )
