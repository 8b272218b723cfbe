"""What an evaluation's actors do: a slice of films in, its evidence out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import ray
import torch
from numpy.typing import NDArray

from cluster.evidence import Evidence
from cluster.evidence_rows import evidence_row
from cluster.feature_cache import FeatureCache, SliceFeatures
from cluster.film_slices import (
    REAL,
    REFERENCE,
    RIVAL,
    SYNTHETIC,
    VALIDATION,
    FilmSlice,
    decode_films,
)
from cluster.slice_rows import Row, slice_of
from diffcxr.errors import DiffCXRError, InputError
from diffcxr.findings import truth_of
from eval.alignment import Alignment
from eval.alignment import update as update_alignment
from eval.auc import ScoredFilms
from eval.feature_rows import FeatureRows
from eval.features.extractor import Extractor, Judge, Matcher, extract
from eval.fid import MATCHED, Side, update_side
from eval.floors import NONE, FloorPlan
from eval.groups import groups, stable_hash
from eval.ms_ssim import Likeness, Sample
from eval.ms_ssim import update as update_likeness
from eval.quartets import Quartets
from eval.retrieval import Pairs

_Films = list[NDArray[np.uint8] | None]


@dataclass(frozen=True, slots=True)
class Instruments:
    """What measures: extractors, the classifier whose scores make mAUC, the matcher of films and reports, and
    the films that stand together.
    """

    extractors: tuple[Extractor, ...]
    classifier: Judge | None
    moments: bool = True  # reduce features to what FID takes
    rows: bool = False  # and keep them one by one, for what compares films
    quartets: Mapping[str, Quartets] = field(default_factory=dict)  # by side, for MS-SSIM
    matcher: Matcher | None = None

    @property
    def all(self) -> tuple[Extractor, ...]:
        others = [self.classifier, self.matcher.films if self.matcher is not None else None]
        return tuple(dict.fromkeys((*self.extractors, *(other for other in others if other is not None))))

    def of(self, side: str) -> tuple[Extractor, ...]:
        """What looks at the films of a side; at validation films only the classifier."""
        if side == REFERENCE:
            return self.extractors
        if side != VALIDATION:
            return self.all
        return () if self.classifier is None else (self.classifier,)

    def matches(self, side: str) -> bool:
        """Whether films of a side are compared with their reports."""
        return self.matcher is not None and side in (REAL, SYNTHETIC, RIVAL)


class Measurer:
    """An actor: a slice in, its evidence out.

    Extractors are set up at the first slice: an error in the constructor would reach the driver as a death.
    """

    def __init__(
        self,
        instruments: ray.ObjectRef[Instruments],
        cache: FeatureCache,
        plans: Mapping[str, FloorPlan],
        threads: int,
        gpu: bool,
    ) -> None:
        self._instruments: Instruments = ray.get(instruments)
        self._cache, self._plans = cache, plans
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
        if self._instruments.matcher is not None:
            self._instruments.matcher.reports.setup(self._device)
        self._is_set_up = True

    def _weigh(self, films: FilmSlice) -> tuple[int, str, Evidence] | DiffCXRError:
        try:
            return films.number, films.side, self._evidence(films)
        except DiffCXRError as error:
            return error

    def _evidence(self, films: FilmSlice) -> Evidence:
        instruments = self._instruments
        found, decoded = self._features(films)
        group, chosen = groups(films.patients), _sets(self._plans, films)
        sides, rows, scored = {}, {}, []
        for extractor in instruments.of(films.side):
            at = found[extractor.name]
            patients, keys = films.patients[at.readable], films.keys[at.readable]
            if extractor is instruments.classifier:
                truth = truth_of(films.labels, instruments.classifier.findings)[at.readable]
                scored = [ScoredFilms(at.features, truth, patients, keys)]
            if extractor not in instruments.extractors:
                continue
            if instruments.moments and films.side != RIVAL:  # cluster.rivalry takes its rows
                sides[extractor.name] = update_side(
                    Side.empty(extractor.dimension), at.features, group[at.readable], chosen[at.readable]
                )
            if instruments.rows:
                rows[extractor.name] = (FeatureRows(at.features, patients, keys),)
        readable = [len(at.readable) for at in found.values()]
        if decoded is not None:
            readable.append(sum(film is not None for film in decoded))
        unreadable = len(films.keys) - min(readable, default=len(films.keys))
        likeness = self._likeness(films, decoded or [])
        alignment = self._alignment(films, found)
        return Evidence(sides, tuple(scored), rows, likeness, len(films.keys), unreadable, alignment)

    def _features(self, films: FilmSlice) -> tuple[dict[str, SliceFeatures], _Films | None]:
        """Every extractor's features of a slice, from the cache or into it; the films if they were needed."""
        missing = {extractor.name: extractor for extractor in self._instruments.of(films.side)}
        found: dict[str, SliceFeatures] = {}
        for name, extractor in list(missing.items()):
            at = self._cache.read(extractor, films.name)
            if at is not None:
                found[name] = at
                del missing[name]
        if missing and not films.images:  # they were held when the evaluation began
            raise InputError(
                "cached features vanished", self._cache.storage.uri, "Run the same command again."
            )
        if not missing and films.side not in self._instruments.quartets:
            return found, None
        decoded = decode_films(films.images)
        readable = [index for index, film in enumerate(decoded) if film is not None]
        for extractor in missing.values():
            features = extract(extractor, [film for film in decoded if film is not None])
            if not np.isfinite(features).all():
                fix = "Its weights, or the films, are not what it is for."
                raise InputError(f"features of {extractor.name} are not finite", films.name, fix)
            at = SliceFeatures(np.array(readable, np.int64), features)
            self._cache.write(extractor, films.name, at)
            found[extractor.name] = at
        return found, decoded

    def _alignment(self, films: FilmSlice, found: Mapping[str, SliceFeatures]) -> Alignment | None:
        matcher = self._instruments.matcher
        if matcher is None or not self._instruments.matches(films.side):
            return None
        read = self._cache.read(matcher.reports, films.name)
        if read is None:
            said = np.array([index for index, text in enumerate(films.texts) if text.strip()], np.int64)
            read = SliceFeatures(said, matcher.reports.read([films.texts[index] for index in said]))
            self._cache.write(matcher.reports, films.name, read)
        seen = found[matcher.name]
        both, at_film, at_report = np.intersect1d(seen.readable, read.readable, return_indices=True)
        texts = np.array([stable_hash(f"text/{films.texts[index]}") for index in both], np.uint64)
        pairs = Pairs.of(
            seen.features[at_film], read.features[at_report], films.patients[both], films.keys[both], texts
        )
        return update_alignment(Alignment.empty(matcher.films.dimension), pairs)

    def _likeness(self, films: FilmSlice, decoded: Sequence[NDArray[np.uint8] | None]) -> Likeness:
        quartets = self._instruments.quartets.get(films.side)
        if quartets is None:
            return Likeness.empty()
        places = quartets.places(films.keys)
        return update_likeness(
            Likeness.empty(),
            (
                Sample(int(quartets.prompts[place]), int(patient), int(quartets.indices[place]), film)
                for place, patient, film in zip(places, films.patients, decoded, strict=True)
                if place >= 0 and film is not None
            ),
        )


def _sets(plans: Mapping[str, FloorPlan], films: FilmSlice) -> NDArray[np.int64]:
    if films.side in (REAL, REFERENCE):
        return plans[films.side].half(films.patients, films.keys)
    return np.where(plans[REAL].matched(films.keys), MATCHED, NONE)
