"""What the films of a corpus, or of a slice of it, tell about the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from eval.alignment import Alignment
from eval.alignment import merge as merge_alignment
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.fid import Side, merge_sides
from eval.ms_ssim import Likeness
from eval.ms_ssim import merge as merge_likeness


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """The mergeable state of one corpus: what slices become where they stand, and corpora on the driver."""

    sides: Mapping[str, Side] = field(default_factory=dict)  # by extractor, for FID
    scored: tuple[ScoredFilms, ...] = ()
    rows: Mapping[str, tuple[FeatureRows, ...]] = field(default_factory=dict)  # by extractor
    likeness: Likeness = field(default_factory=Likeness.empty)
    films: int = 0
    unreadable: int = 0  # missing, damaged, or too large: counted, and in no value
    alignment: Alignment | None = None  # None: of no film yet

    def merge(self, other: Evidence) -> Evidence:
        return Evidence(
            {name: merge_sides(side, other.sides[name]) for name, side in self.sides.items()},
            (*self.scored, *other.scored),
            {name: (*parts, *other.rows[name]) for name, parts in self.rows.items()},
            merge_likeness(self.likeness, other.likeness),
            self.films + other.films,
            self.unreadable + other.unreadable,
            _merged(self.alignment, other.alignment),
        )

    def without_rows(self) -> Evidence:
        """The same, and no longer each film's features."""
        return replace(self, rows=dict.fromkeys(self.rows, ()))


def _merged(a: Alignment | None, b: Alignment | None) -> Alignment | None:
    return a or b if a is None or b is None else merge_alignment(a, b)
