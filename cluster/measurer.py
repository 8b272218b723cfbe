"""What an evaluation's actors do: a slice of films in, its evidence out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import ray
import torch
from numpy.typing import NDArray

from cluster.evaluation_rows import Row, evidence_row, slice_of
from cluster.evidence import Evidence
from cluster.feature_cache import FeatureCache, SliceFeatures
from cluster.film_slices import REAL, FilmSlice, decode_films, truth_of
from diffcxr.errors import DiffCXRError, InputError
from eval.auc import ScoredFilms
from eval.features.extractor import Extractor, extract
from eval.features.finding_scores import FindingScores
from eval.fid import MATCHED, Side, update_side
from eval.floors import NONE, FloorPlan
from eval.groups import groups


@dataclass(frozen=True, slots=True)
class Instruments:
    """What measures: extractors for FID, and the classifier whose scores make mAUC."""

    extractors: tuple[Extractor, ...]
    classifier: FindingScores | None

    @property
    def all(self) -> tuple[Extractor, ...]:
        return self.extractors if self.classifier is None else (*self.extractors, self.classifier)


class Measurer:
    """An actor: a slice in, its evidence out.

    Extractors are set up at the first slice: an error in the constructor would reach the driver as a death.
    """

    def __init__(
        self,
        instruments: ray.ObjectRef[Instruments],
        cache: FeatureCache,
        plan: FloorPlan,
        threads: int,
        gpu: bool,
    ) -> None:
        self._instruments: Instruments = ray.get(instruments)
        self._cache, self._plan = cache, plan
        self._threads, self._device = threads, "cuda" if gpu else "cpu"
        self._is_set_up = False

    def __call__(self, row: Row) -> Row:
        if not self._is_set_up:
            self._set_up()
        films = slice_of(row)
        return evidence_row(films if isinstance(films, DiffCXRError) else self._weigh(films))

    def _set_up(self) -> None:
        torch.set_num_threads(self._threads)
        for extractor in self._instruments.all:
            extractor.setup(self._device)
        self._is_set_up = True

    def _weigh(self, films: FilmSlice) -> tuple[int, str, Evidence] | DiffCXRError:
        try:
            return films.number, films.side, self._evidence(films)
        except DiffCXRError as error:
            return error

    def _evidence(self, films: FilmSlice) -> Evidence:
        found = self._features(films)
        group, chosen = groups(films.patients), _sets(self._plan, films)
        sides = {}
        for extractor in self._instruments.extractors:
            at = found[extractor.name]
            sides[extractor.name] = update_side(
                Side.empty(extractor.dimension), at.features, group[at.readable], chosen[at.readable]
            )
        scored = []
        if (classifier := self._instruments.classifier) is not None:
            at = found[classifier.name]
            truth = truth_of(films.labels, classifier.findings)[at.readable]
            scored = [ScoredFilms(at.features, truth, films.patients[at.readable], films.keys[at.readable])]
        readable = min((len(at.readable) for at in found.values()), default=len(films.keys))
        return Evidence(sides, tuple(scored), len(films.keys), len(films.keys) - readable)

    def _features(self, films: FilmSlice) -> dict[str, SliceFeatures]:
        """Every extractor's features of a slice, from the cache or into it."""
        found: dict[str, SliceFeatures] = {}
        decoded: list[NDArray[np.uint8] | None] | None = None
        for extractor in self._instruments.all:
            at = self._cache.read(extractor, films.name)
            if at is None:
                if not films.images:  # they were held when the evaluation began
                    raise InputError(
                        "cached features vanished", self._cache.storage.uri, "Run the same command again."
                    )
                if decoded is None:
                    decoded = decode_films(films.images)
                readable = [index for index, film in enumerate(decoded) if film is not None]
                features = extract(extractor, [film for film in decoded if film is not None])
                at = SliceFeatures(np.array(readable, np.int64), features)
                self._cache.write(extractor, films.name, at)
            found[extractor.name] = at
        return found


def _sets(plan: FloorPlan, films: FilmSlice) -> NDArray[np.int64]:
    if films.side == REAL:
        return plan.half(films.patients, films.keys)
    return np.where(plan.matched(films.keys), MATCHED, NONE)
