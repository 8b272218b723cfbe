"""What the sections of a report share: the study, the reader's habits, and stock sentences made our own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diffcxr.findings import FindingName
from diffcxr.phantom.phrases import normal
from diffcxr.phantom.study import Study
from diffcxr.phantom.templates import expand, pick

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Dictation:
    """One report in the making. `absent` may be denied, `denied` was, in this section.

    `reading` is the reader's error as a factor of every size, `tip_cm` the height of a tube above the carina.
    """

    study: Study
    rng: np.random.Generator
    prior: bool
    absent: frozenset[FindingName]
    denied: set[FindingName]
    reading: float
    tip_cm: float

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def clean(self, *names: FindingName) -> bool:
        return self.absent.issuperset(names)


def stock(ctx: Dictation, options: Sequence[str], **slots: str) -> str:
    """As `words`; a sentence long enough to be taken for a data set's own gets words of ours behind it."""
    return own(ctx, words(ctx, options, **slots), longest=99)


def own(ctx: Dictation, text: str, longest: int) -> str:
    """The sentence, with words of ours behind it where it has five words or more, and at most `longest`."""
    common = 4 < len(_WORD.findall(text)) <= longest and not text.endswith(normal.TAILS)
    return f"{text} {pick(normal.TAILS, ctx.rng)}" if common else text


def words(ctx: Dictation, options: Sequence[str], **slots: str) -> str:
    """One of the templates, expanded."""
    return expand(pick(options, ctx.rng), ctx.rng, slots)
