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

_BORDERLINE = re.compile(r"\bborderline(?: \w+){0,2} ?$")


def assess(sentence: str, mention: Mention, cues: Sequence[Cue]) -> int | None:
    """POSITIVE, NEGATIVE or UNCERTAIN as `sentence` says of `mention`, by its `cues` in order.

    None where the sentence only recalls or supposes it: "history of pneumonia", "if there is an effusion".
    """
    reaching = [cue for cue in cues if cue.reaches(mention.start, mention.end)]
    if any(cue.kind in ("tells behind", "supposes behind") for cue in reaching):
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


def _begins_item(sentence: str, cue: Cue) -> bool:
    """Whether a doubt lifts the denial that it stands under.

    "No effusion, possible pneumonia" doubts the pneumonia; "no opacity to suggest pneumonia" denies it.
    """
    return sentence[: cue.start].rstrip().endswith(",")
