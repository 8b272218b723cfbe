"""The words by which reports deny and doubt, and those that end the reach of such words.

In the manner of NegEx and ConText (Chapman et al. 2001, 2009). Patterns are over one lower-case sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "neutral",  # denies or doubts something else than a finding; keeps its words from being other cues
    "denies behind",  # "no", "without": the findings that follow are absent
    "denies before",  # "is not seen": the findings that came before are absent
    "doubts behind",  # "possible", "may represent"
    "doubts before",  # "cannot be excluded"
    "doubts around",  # "versus"
    "tells behind",  # "history of": what follows is no statement about this film
    "tells before",  # "cannot be assessed": nor is what came before
    "tells within",  # "assessment for pneumothorax is limited": nor is what it names itself
    "supposes behind",  # "if there is": nor is this, up to the next comma
]

_BE = r"(?:is|are|was|were|has|have|been|be|being|appears?|remains?|seems?)"
_NOT = r"(?:no|not|without|never)"
_FULLY = r"(?:entirely|completely|definite(?:ly)?|definitively|totally|reliably|fully|confidently)"
_SEEN = (
    r"(?:seen|identified|present|visuali[sz]ed|noted|evident|demonstrated|appreciated|detected|apparent|shown"
    r"|found|observed|suspected|suggested|visible|recogni[sz]ed|confirmed|suspicious|convincing)"
)
_LATELY = (
    r"(?:(?:now|since|currently|otherwise|been|clearly|all|interval(?:ly)?|completely|entirely|fully) )*"
)
_CHANGE = r"(?:change|increase|decrease|improvement|worsening|progression|difference|interval)\w*"
_NOTABLE = (
    r"(?:significant(?:ly)?|substantial(?:ly)?|definite(?:ly)?|appreciabl[ey]|relevant|gross(?:ly)?"
    r"|obvious(?:ly)?|interval|major|short-term|further|other|notabl[ey]|convincing|evidence of|any|much"
    r"|acute|new|real|clear)"
)
_PARTLY = (
    r"(?:near(?:ly)?|almost|partial(?:ly)?|mostly|incomplete(?:ly)?|largely|significantly"
    r"|substantially|partly)"
)
_DOUBTFUL = r"(?:likely|probably|possibly|presumably|perhaps|conceivably|questionably)"
_HEDGE = rf"(?:also|well|now|still|again|{_DOUBTFUL})"
# "may be developing", but not "may be developing pneumonia", which doubts what follows
_THERE = (
    r"(?:present|(?:superimposed|co-?existing|develop(?:ing|ed)|forming|evolving|accumulating)"
    r"(?=$|,| (?:in|at|on|within|over|as|and|but|given)\b))"
)
_POOR = (
    r"(?:limited(?! to)|sub-?optimal|difficult|impossible|restricted|hampered|hindered|compromised|precluded"
    r"|not possible|non-?diagnostic|degraded)"
)
_REPORTING = r"(?:since|in|on|and|but|from|compared|as|by|after|following|with|bilaterally|completely)\b"

# In order of precedence: a cue takes its words, and later patterns cannot use them again.
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    (
        "neutral",
        rf"{_NOT}(?: {_NOTABLE}){{0,3}} (?:{_CHANGE}|changed|worsened|improved)(?: (?:in|of|from|since))?",
    ),
    (
        "neutral",
        r"no doubt|not only|not as well|not well (?:seen|evaluated|assessed|visuali[sz]ed)|not optimal\w*",
    ),
    ("neutral", rf"{_NOT} (?:been |yet |{_FULLY} )*(?:resol\w+|clear(?:ed|ing))"),
    ("neutral", rf"{_PARTLY}(?: complete(?:ly)?)? (?:resol\w+|clear\w+)|resolving|clearing(?! of)"),
    ("neutral", r"not without|no longer absent|without (?:\w+ ){0,2}(?:comparisons?|priors?|studies|films)"),
    (
        "neutral",
        rf"(?:not|never) (?:previously {_SEEN}|{_SEEN} (?:previously|before)"
        rf"|(?:well |clearly )?{_SEEN} (?:on|in) (?:the |any )?"
        r"(?:prior|previous|earlier|comparison|lateral|frontal|pa|ap|last))",
    ),
    ("neutral", r"(?:can|could|may|might) (?:now )?be (?:seen|identified|visuali[sz]ed|appreciated)"),
    # No statement, worded with a negation or as a doubt.
    (
        "tells before",
        rf"(?:cannot|could not|may not|{_BE} not|not)(?: be)?"
        r"(?: (?:reliably|adequately|accurately|properly))? (?:assessed|evaluated|judged|commented on)",
    ),
    (
        "tells within",
        r"(?:assessment|evaluation|detection|exclusion) (?:for|of)"
        rf" [^,;:]{{1,80}}? (?:{_BE} )?(?:\w+ )?{_POOR}",
    ),
    ("tells behind", r"limit\w*(?: \w+){0,2} (?:assessment|evaluation|detection|exclusion) (?:of|for)"),
    ("tells behind", r"correlat\w+ (?:\w+ ){0,2}?(?:for|with (?:\w+ )?(?:signs?|symptoms?|evidence) of)"),
    # Doubt worded with a negation.
    (
        "doubts before",
        rf"(?:difficult|hard|impossible|unable) to {_FULLY}? ?(?:exclude|rule out|assess|evaluate)$",
    ),
    (
        "doubts behind",
        r"(?:cannot|could not|does not|do not|not|difficult to|hard to|unable to|impossible to)(?: be)?"
        rf"(?: {_FULLY})? (?:exclude|rule out)(?!d)",
    ),
    (
        "doubts before",
        rf"(?:cannot|could not|{_BE} not|not)(?: be)?(?: {_FULLY})? (?:excluded|ruled out|discounted)",
    ),
    # Denial.
    ("denies before", rf"(?:{_BE} )?{_LATELY}(?:not|no longer|never)(?: \w+)? {_SEEN}"),
    (
        "denies before",
        rf"(?:(?:has|have|is|are|was|were|appears?) )(?:to have )?{_LATELY}(?:resolved|disappeared|cleared)",
    ),
    ("denies before", rf"(?:{_BE} ){_LATELY}(?:ruled out|excluded|absent|unlikely|removed|withdrawn|pulled)"),
    ("denies before", rf"(?:less|not|un)[ -]?likely|resolved(?= {_REPORTING}|,|$)"),
    ("denies before", r"(?<=: )(?:none|nil|absent|negative|no$)"),
    (
        "denies behind",
        r"no(?! longer)|not|without|nor|neither|never|denies|lack of|lacks|fails to|absence of|absent"
        r"|negative for|(?:free|clear|devoid) (?:of|from)|clear without|rather than|instead of",
    ),
    (
        "denies behind",
        r"(?:resolution|removal|clearing|disappearance|withdrawal) of|(?:resolved|removed)(?= \w)",
    ),
    # Doubt.
    ("doubts around", r"versus|vs\.?"),
    (
        "doubts before",
        rf"{_BE} (?:\w+ )?(?:possible|suspected|questioned|questionable|considered|uncertain|a possibility"
        r"|a consideration|equivocal|conceivable|likely|doubtful)(?= [.,]|$|,| (?:but|and|given|in|as|on))",
    ),
    (
        "doubts before",
        rf"(?:may|might|could)(?: {_HEDGE}){{0,2}} (?:be|have been)(?: {_HEDGE})? {_THERE}"
        rf"|(?:may|might|could)(?: {_HEDGE})? (?:co-?)?exist",
    ),
    (
        "doubts before",
        rf"{_BE} (?:(?:also|still|now|most|very) )?{_DOUBTFUL}(?: to be)?(?: (?:also|still|now))? {_THERE}"
        rf"|{_DOUBTFUL} {_BE}(?: (?:also|still|now))? {_THERE}",
    ),
    (
        "doubts before",
        r"(?:suspected|possible|questionable|questioned|not certain)$|could be considered"
        r"|(?:in|among|on) the differential\w*|\?",
    ),
    (
        "doubts behind",
        r"possib\w+|probab\w+|likely|presum\w+|potential\w*|perhaps|maybe|equivocal(?: for)?|conceivabl\w+"
        r"|may|might|could|would|can (?:be|represent)|should|suspected|suspect|suspicion\w*(?: for| of)?"
        r"|suspicious for|suggest\w*|question\w*|concern\w*(?: for| of| about)?|worrisome(?: for)?"
        r"|differential(?: diagnos[ie]s)?:?|favor\w*|consider\w*|rule out|exclude|(?:assess|evaluat)\w* for"
        r"|either|raises?|simulat\w+|mimic\w*|uncertain|cannot be distinguished from|\?",
    ),
    # No statement about this film.
    ("tells behind", r"history(?: \w+)? of|hx of|known (?:history|prior)"),
    ("supposes behind", r"if|should there be|in case of"),
)

_CUES = tuple((kind, re.compile(rf"(?<![\w-])(?:{pattern})(?!\w)")) for kind, pattern in _PATTERNS)

# What begins a new item with a size or a side ends a list, unless an "or" later on shows that the list
# still goes on: "no pneumothorax, small effusion" against "no pneumothorax, large effusion, or fracture".
_NEW_ITEM = (
    r"(?:mild|moderate|severe|small|large|minimal|trace|tiny|stable|low|unchanged|persistent|increas\w+"
    r"|decreas\w+|new|right|left|bilateral|some|a|an|the)\b(?!.*\b(?:or|nor)\b)"
)
_NEW_SUBJECT = r"(?:there|this|these|it|both|heart|lungs?|cardiac|mediastin\w+|pulmonary vascul\w+)\b|the "

# Ends any reach.
_HARD = re.compile(
    r"\b(?:but|however|although|though|except|apart from|aside from|other than|besides|yet|while|whereas"
    r"|despite|which|nevertheless|otherwise|there (?:is|are|has|have|may|remains?)|also noted)\b"
    r"|\bwith\b(?! (?:evidence|any)\b)"
    r"|:"
    rf"|, (?:and )?(?=(?:{_NEW_SUBJECT}|{_NEW_ITEM}))"
    rf"|\band (?=(?:there\b|{_NEW_ITEM}))"
)
# Ends a denial, but not a doubt: "may be due to edema" doubts the edema.
_SOFT = re.compile(
    r"\b(?:because|secondary to|due to|related to|consistent with|compatible with|in keeping with)\b"
)
_COMMA = re.compile(r",")
_LISTED = re.compile(r"\b(?:or|and|nor)\b")


@dataclass(frozen=True, slots=True)
class Cue:
    """What the words at [start, end) of a sentence do, and the [first, last) characters that they reach."""

    kind: Kind
    start: int
    end: int
    first: int
    last: int

    def reaches(self, start: int, end: int) -> bool:
        """Whether a mention at [start, end) lies within the cue's reach."""
        if self.kind.endswith("before"):
            return self.first <= start and end <= self.start
        if self.kind.endswith("behind"):
            return self.end <= start and end <= self.last
        return self.first <= start and end <= self.last


def find_cues(sentence: str) -> Iterator[Cue]:
    """Yields the cues of a lower-case `sentence` in order; none overlaps another."""
    taken: list[tuple[int, int, Kind]] = []
    for kind, pattern in _CUES:
        for match in pattern.finditer(sentence):
            start, end = match.span()
            if all(end <= low or high <= start for low, high, _ in taken):
                taken.append((start, end, kind))
    if not taken:
        return
    breaks = _Breaks(sentence)
    for start, end, kind in sorted(taken):
        if kind != "neutral":
            yield Cue(kind, start, end, *breaks.around(kind, start, end))


class _Breaks:
    """Where the reach of a sentence's cues ends."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._hard = [match.span() for match in _HARD.finditer(sentence)]
        self._soft = [match.span() for match in _SOFT.finditer(sentence)]
        self._commas = [match.span() for match in _COMMA.finditer(sentence)]

    def around(self, kind: Kind, start: int, end: int) -> tuple[int, int]:
        """The [first, last) characters that a cue at [start, end) reaches."""
        breaks = list(self._hard)
        if kind.startswith("denies"):
            breaks += self._soft
        if kind == "tells within":
            return start, end
        if kind.endswith("before"):
            # "pneumothorax: none" answers what stands before the colon
            breaks = [span for span in breaks if span != (start - 2, start - 1)]
        if kind == "supposes behind":
            breaks = self._commas
        elif kind == "doubts around" or (kind.endswith("before") and not self._ends_list(start)):
            # "opacity, atelectasis versus pneumonia" leaves the opacity certain
            breaks += [comma for comma in self._commas if comma[1] + 1 != start]
        first = max((high for _, high in breaks if high <= start), default=0)
        last = min((low for low, _ in breaks if low >= end), default=len(self._sentence))
        return first, last

    def _ends_list(self, start: int) -> bool:
        """Whether the words before `start` close a list: "effusion, edema or consolidation is not seen"."""
        comma = max((high for _, high in self._commas if high <= start), default=0)
        return _LISTED.search(self._sentence, comma, start) is not None
