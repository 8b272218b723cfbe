"""What Vendi and inception scores need of two corpora, from the rows of slices as they arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cluster.film_slices import REAL, SYNTHETIC
from eval import inception_score, vendi
from eval.feature_rows import FeatureRows
from eval.features.extractor import Classifying, Extractor
from eval.floors import FloorPlan
from eval.inception_score import ClassSums
from eval.vendi import SecondMoment, Variety


@dataclass(slots=True)
class Varieties:
    """Bounded states by extractor: a million films take no more than d x d numbers a group of patients."""

    plan: FloorPlan
    real: dict[str, SecondMoment] = field(default_factory=dict)  # the first half's
    synthetic: dict[str, Variety] = field(default_factory=dict)
    classes: dict[tuple[str, str], ClassSums] = field(default_factory=dict)  # by side and extractor
    splits: dict[str, ClassSums] = field(default_factory=dict)  # of synthetic films, by extractor
    edges: NDArray[np.uint64] | None = None  # of `inception_score.split_edges`
    _layers: dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        extractors: Sequence[Extractor],
        plan: FloorPlan,
        of_vendi: bool,
        of_inception: bool,
        edges: NDArray[np.uint64] | None = None,
    ) -> Varieties:
        """Empty states of what was asked for; `edges` where splits were."""
        states = cls(plan, edges=edges)
        for extractor in extractors:
            if of_vendi:
                states.real[extractor.name] = SecondMoment(extractor.dimension)
                states.synthetic[extractor.name] = Variety.empty(extractor.dimension)
            if (of_inception or edges is not None) and isinstance(extractor, Classifying):
                states._layers[extractor.name] = extractor.class_layer()
                empty = ClassSums.empty(len(states._layers[extractor.name][1]))
                for side in (REAL, SYNTHETIC):
                    states.classes[side, extractor.name] = empty
                if edges is not None:
                    states.splits[extractor.name] = empty
        return states

    def add(self, side: str, rows: Mapping[str, Sequence[FeatureRows]]) -> None:
        """The rows of a slice of a side, by extractor; those of a rival are passed over."""
        if side not in (REAL, SYNTHETIC):
            return
        for name, parts in rows.items():
            for part in parts:
                matched = (
                    self.plan.half(part.patients, part.keys) == 0
                    if side == REAL
                    else self.plan.matched(part.keys)
                )
                if name in self.synthetic:
                    if side == REAL:
                        self.real[name] = vendi.update(self.real[name], part.features[matched])
                    else:
                        self.synthetic[name] = vendi.update_variety(
                            self.synthetic[name], part.features, part.groups, matched
                        )
                if (side, name) in self.classes:
                    weights, bias = self._layers[name]
                    logits = part.features @ weights.T + bias
                    self.classes[side, name] = inception_score.update(
                        self.classes[side, name], logits, part.groups, matched
                    )
                    if side == SYNTHETIC and self.edges is not None:
                        split = inception_score.splits(part.keys, self.edges)
                        self.splits[name] = inception_score.update(self.splits[name], logits, split, matched)
