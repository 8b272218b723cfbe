"""What a sentence says of a finding that it mentions: present, absent, uncertain, or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from diffcxr.findings import NEGATIVE, POSITIVE, UNCERTAIN
from diffcxr.reports.cues import Cue
from diffcxr.reports.mentions import Mention

# Words that deny only what they stand right behind: "engorgement is within normal limits".
_DENIED_AT_ONCE = re.compile(
    r"\s*(?:(?:is|are|was|were|appears?|remains?|also) )*"
    r"(?:within (?:normal )?limits|normal|unremarkable|absent|none|negative|no)\b"
)

# "pleural effusion or pneumothorax: none": from a mention to the colon that it heads.
_HEADS = re.compile(r"[\w /&-]{0,40}:(?= )")

_BORDERLINE = re.compile(r"\bborderline(?: \w+){0,2} ?$")


def assess(sentence: str, mention: Mention, cues: Sequence[Cue], mentions: Sequence[Mention]) -> int | None:
    """POSITIVE, NEGATIVE or UNCERTAIN as `sentence` says of `mention`, one of its `mentions`, by its `cues`.

    Cues are in order. None where the sentence only recalls or supposes it, or cannot tell: "history of
    pneumonia", "if there is an effusion", "effusion cannot be assessed"; and where it heads a statement that
    names it again: "effusion: no pleural effusion".
    """
    reaching = [cue for cue in cues if cue.reaches(mention.start, mention.end)]
    if heads := _HEADS.match(sentence, mention.end):
        stated = [other for other in mentions if heads.end() <= other.start]
        if any(other.finding == mention.finding for other in stated):
            return None
        reaching += [
            cue
            for cue in cues
            if cue not in reaching and _answers(sentence, cue, mention, heads.end(), stated)
        ]
    if any(cue.kind.startswith(("tells", "supposes")) for cue in reaching):
        return None
    borderline = _BORDERLINE.search(sentence, 0, mention.start) or sentence.startswith(
        "borderline", mention.start
    )
    verdict = UNCERTAIN if borderline else POSITIVE
    for cue in reaching:
        if cue.kind == "denies behind":
            verdict = NEGATIVE
        elif cue.kind == "denies before":
            return NEGATIVE
        elif verdict != NEGATIVE or _begins_item(sentence, cue):
            verdict = UNCERTAIN
    if verdict == POSITIVE and _DENIED_AT_ONCE.match(sentence, mention.end):
        return NEGATIVE
    return verdict


def _answers(sentence: str, cue: Cue, heading: Mention, colon: int, stated: Sequence[Mention]) -> bool:
    """Whether a cue behind the `colon` of a `heading` is said of it, and not of what is `stated` there.

    "Edema: possible" doubts the edema; "opacity: possible pneumonia" doubts the pneumonia. A denial denies
    the heading too ("pneumonia: no consolidation"), unless that is a device ("chest tube: no pneumothorax").
    """
    taken = any(cue.reaches(other.start, other.end) for other in stated)
    if cue.kind.endswith("before"):
        return cue.start > colon >= cue.first and "," not in sentence[colon : cue.start] and not taken
    denies = cue.kind == "denies behind" and heading.finding != "Support Devices"
    return cue.start == colon + 1 and (denies or not taken)


def _begins_item(sentence: str, cue: Cue) -> bool:
    """Whether a doubt lifts the denial that it stands under.

    "No effusion, possible pneumonia" doubts the pneumonia; "no opacity to suggest pneumonia" denies it.
    """
    return sentence[: cue.start].rstrip().endswith(",")
