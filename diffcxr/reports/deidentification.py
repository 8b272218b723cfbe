"""De-identification marks: the blanks that data sets leave where a name, date or device stood.

Prompts lose them, because they are the strongest memorisation triggers of report-to-CXR models
(arXiv 2502.07516), and the words around them should still read as a sentence.
"""

from __future__ import annotations

import re

_MARK = re.compile(
    r"""\[\*\*.{0,100}?\*\*\]      # MIMIC-III: [**Last Name (un) 123**]
      | _{2,}                      # MIMIC-CXR: ___
      | [Xx]{4,}                   # IU X-ray: XXXX, also stuck to a word
      | (?<![^\W_])XXX(?![^\W_])
    """,
    re.VERBOSE | re.DOTALL,
)

# A mark while its surroundings are cleaned; a private-use character never stands in a report's text.
_HOLE = "\ue000"

_CLEANING: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (rf"{_HOLE}['’]s?\b", _HOLE),  # the mark's possessive
        (rf"\b\w-{_HOLE}", _HOLE),  # the stub of a compound: the "x-" of "x-ray"
        (rf"[-/#&+]+\s?{_HOLE}|{_HOLE}[-/&+]+", _HOLE),  # what joined the mark to its neighbour
        (rf"[(\[{{]\s*[,;:.]?\s*{_HOLE}\s*[,;:.]?\s*[)\]}}]", _HOLE),  # brackets around nothing
        (rf"([\"'“‘])\s*{_HOLE}\s*([\"'”’])", _HOLE),  # quotes around nothing
        (rf"{_HOLE}(?:\s*[,;:/]?\s*{_HOLE})+", _HOLE),  # lists of marks
        (rf"(^|[.!?:;,(\[])(\s*){_HOLE}\s*[,;:]", rf"\1\2{_HOLE}"),  # a separator with nothing before it
        (rf"[,;:]\s*{_HOLE}\s*(?=[.!?;)\]]|$)", _HOLE),  # a separator with nothing behind it
        (rf"(^|[.!?])(\s*){_HOLE}\s*[.!?]+", rf"\1\2{_HOLE}"),  # a sentence that was only a mark
    )
)


_ROUNDS = 4  # what one step uncovers, the next cleans: "(___ (___), ___)"


def remove_marks(text: str) -> str:
    """`text` on one line without de-identification marks, nor the punctuation that they leave behind.

    Words are kept as written; text without marks only has its white space normalised. "" stays "".
    """
    text = " ".join(text.replace(_HOLE, " ").split())
    holed = _MARK.sub(_HOLE, text)
    if holed == text:
        return text
    for _ in range(_ROUNDS):
        for pattern, replacement in _CLEANING:
            holed = pattern.sub(replacement, holed)
    closed = re.sub(rf"\s*{_HOLE}\s*(?=[.,;:!?)\]])", "", holed)
    closed = re.sub(rf"(?<=[(\[])\s*{_HOLE}\s*", "", closed)
    return " ".join(closed.replace(_HOLE, " ").split())
