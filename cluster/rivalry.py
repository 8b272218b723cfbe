"""Two synthetic corpora against each other: the states of their films, from the rows of slices."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cluster.film_slices import RIVAL, SYNTHETIC, Census, Selection
from cluster.finding_films import FindingStates
from eval import inception_score, vendi
from eval.comparison import Comparison, plan_comparison
from eval.feature_rows import FeatureRows
from eval.features.extractor import Classifying, Extractor
from eval.fid import Side, update_side
from eval.floors import NONE
from eval.inception_score import ClassSums
from eval.vendi import Variety

RIVALS = (SYNTHETIC, RIVAL)


@dataclass(slots=True)
class Rivalry:
    """Bounded states of the films that are compared, by side and extractor.

    They are taken beside those of all films: a corpus is compared at its rival's number of films.
    """

    comparison: Comparison
    sides: dict[tuple[str, str], Side] = field(default_factory=dict)
    varieties: dict[tuple[str, str], Variety] = field(default_factory=dict)
    classes: dict[tuple[str, str], ClassSums] = field(default_factory=dict)
    findings: FindingStates | None = None
    _layers: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=dict)

    @classmethod
    def between(
        cls,
        selections: Mapping[str, Selection],
        censuses: Mapping[str, Census],
        extractors: Sequence[Extractor],
        metrics: Collection[str],
    ) -> Rivalry:
        """Empty states for those corpora."""
        keys = [np.concatenate(censuses[side].keys) for side in RIVALS]
        states = cls.of(extractors, plan_comparison(*keys), metrics)
        if "fid_finding" in metrics:
            states.findings = FindingStates.of(selections, RIVALS, extractors)
        return states

    @classmethod
    def of(cls, extractors: Sequence[Extractor], comparison: Comparison, metrics: Collection[str]) -> Rivalry:
        """Empty states of what was asked for."""
        states = cls(comparison)
        for extractor in extractors:
            for place in ((side, extractor.name) for side in RIVALS):
                if {"fid", "fid_infinity"} & set(metrics):
                    states.sides[place] = Side.empty(extractor.dimension)
                if "vendi" in metrics:
                    states.varieties[place] = Variety.empty(extractor.dimension)
                if "inception_score" in metrics and isinstance(extractor, Classifying):
                    states._layers[extractor.name] = extractor.class_layer()
                    states.classes[place] = ClassSums.empty(len(states._layers[extractor.name][1]))
        return states

    def add(self, side: str, rows: Mapping[str, Sequence[FeatureRows]]) -> None:
        """The rows of a slice of a side, by extractor; those of other sides are passed over."""
        if side not in RIVALS:
            return
        for name, parts in rows.items():
            chosen = [self.chosen(side, part) for part in parts]
            if self.findings is not None:
                self.findings.add(side, {name: chosen})
            for part in chosen:
                place, unmatched = (side, name), np.zeros(part.count, np.bool_)
                if place in self.sides:
                    nowhere = np.full(part.count, NONE)
                    self.sides[place] = update_side(self.sides[place], part.features, part.groups, nowhere)
                if place in self.varieties:
                    self.varieties[place] = vendi.update_variety(
                        self.varieties[place], part.features, part.groups, unmatched
                    )
                if place in self.classes:
                    weights, bias = self._layers[name]
                    self.classes[place] = inception_score.update(
                        self.classes[place], part.features @ weights.T + bias, part.groups, unmatched
                    )

    def chosen(self, side: str, films: FeatureRows) -> FeatureRows:
        """Those that are compared."""
        return films.take(self.comparison.takes(RIVALS.index(side), films.keys))
