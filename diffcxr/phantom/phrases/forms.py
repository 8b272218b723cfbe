"""The form in which phrases are written, and the degrees that they speak of.

A noun phrase opens with its article: "a:" (countable), "m:" (mass noun), "s:" (plural) or "e:" (plural where
the finding is bilateral). Slots: <pre> and <post> are the place before and after the noun, <side> the pleural
side, <deg> and <degly> the degree as adjective and adverb, <cm> a size, <lobe_side> the bare side, <the_side>
it as a noun; the rest serve one finding each.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """`nouns` fit every frame; `sentences` state the finding whole; `hedged` leave it open."""

    nouns: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    hedged: tuple[str, ...] = ()


DEGREES = (
    ("{mild|mild|minimal|slight}", "{mildly|mildly|slightly|minimally}"),
    ("{moderate|moderate|mild to moderate}", "{moderately|moderately|mild to moderately}"),
    ("{marked|severe|moderate to severe|prominent}", "{markedly|severely|substantially|grossly}"),
)
"""(adjective, adverb) of small, middling and large."""
