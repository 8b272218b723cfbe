"""What the films of a corpus, or of a slice of it, tell about the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eval.auc import ScoredFilms
from eval.fid import Side, merge_sides


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The mergeable state of one corpus: what slices become where they stand, and corpora on the driver."""

    sides: Mapping[str, Side]  # by extractor
    scored: tuple[ScoredFilms, ...] = ()
    films: int = 0
    unreadable: int = 0  # missing, damaged, or too large: counted, and in no value

    def merge(self, other: Evidence) -> Evidence:
        return Evidence(
            {name: merge_sides(side, other.sides[name]) for name, side in self.sides.items()},
            (*self.scored, *other.scored),
            self.films + other.films,
            self.unreadable + other.unreadable,
        )
