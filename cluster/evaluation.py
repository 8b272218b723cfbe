"""Two corpora, measured by Ray Data: readers, a pool of extractors, and states that merge on the driver."""

from __future__ import annotations

import logging
import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import ray
import ray.data
import torch
from numpy.typing import NDArray
from ray.util.annotations import RayDeprecationWarning

from cluster.feature_cache import FeatureCache, SliceFeatures
from cluster.film_slices import (
    Census,
    FilmSlice,
    Selection,
    decode_films,
    read_slices,
    slice_names,
    truth_of,
)
from cluster.session import resources
from diffcxr.errors import DiffCXRError, IncompleteError, InputError
from eval.auc import ScoredFilms
from eval.features.extractor import Extractor, extract
from eval.features.finding_scores import FindingScores
from eval.fid import MATCHED, Side, merge_sides, update_side
from eval.floors import NONE, FloorPlan
from eval.groups import groups

REAL, SYNTHETIC = "real", "synthetic"
# A film that ends its process is tried again so often and no more; Ray Data's own default is for ever.
# Restarts may be endless then, and are, for Ray warns of any other number of them (ray#53727).
_RETRIES, _RESTARTS = 3, -1
_READER_CPUS = 0.25
_DEATHS = (ray.exceptions.RayActorError, ray.exceptions.OutOfMemoryError, ray.exceptions.WorkerCrashedError)


@dataclass(frozen=True, slots=True)
class Instruments:
    """What measures: extractors for FID, and the classifier whose scores make mAUC."""

    extractors: tuple[Extractor, ...]
    classifier: FindingScores | None

    @property
    def all(self) -> tuple[Extractor, ...]:
        return self.extractors if self.classifier is None else (*self.extractors, self.classifier)


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


def measure(
    selections: Mapping[str, Selection],  # REAL and SYNTHETIC
    censuses: Mapping[str, Census],
    plan: FloorPlan,
    instruments: Instruments,
    cache: FeatureCache,
) -> Iterator[tuple[str, Evidence]]:
    """The evidence of each slice with its side, in the order of the corpora, as it arrives.

    Raises InputError where a corpus or the cache is damaged.
    """
    shards, first = [], 0
    held = cache.names(instruments.all)
    for side, selection in selections.items():
        for shard, keys in enumerate(censuses[side].keys):
            names = slice_names(selection, shard, len(keys))
            if names:
                images = not held.issuperset(names)
                shards.append({"side": side, "shard": shard, "first": first, "images": images})
            first += len(names)

    there = resources()
    workers = there.gpus or max(1, there.cpus // 2)
    threads = max(1, there.cpus // workers)
    # By Ray's count an actor holds half a core: actors that hold all of them starve the readers.
    share = {"num_gpus": 1, "num_cpus": 0} if there.gpus else {"num_gpus": 0, "num_cpus": 0.5}
    with _quiet_ray_data(), _plain_errors():
        evidence = (
            ray.data.from_items(shards, override_num_blocks=len(shards))
            .flat_map(partial(_read, dict(selections)), num_cpus=_READER_CPUS)
            .map(
                _Measurer,  # type: ignore[arg-type]  # Ray takes a class of callables; its annotation does not
                fn_constructor_args=(ray.put(instruments), cache, plan, threads, there.gpus > 0),
                compute=ray.data.ActorPoolStrategy(size=workers),
                max_restarts=_RESTARTS,
                max_task_retries=_RETRIES,
                **share,
            )
        )
        yield from _in_order(pickle.loads(row["evidence"]) for row in evidence.iter_rows())


@dataclass(slots=True)
class Totals:
    """The evidence of both corpora so far."""

    instruments: Instruments
    _sides: dict[str, Evidence] = field(default_factory=dict)

    def add(self, side: str, evidence: Evidence) -> None:
        self._sides[side] = self[side].merge(evidence)

    def __getitem__(self, side: str) -> Evidence:
        empty = {e.name: Side.empty(e.dimension) for e in self.instruments.extractors}
        return self._sides.get(side) or Evidence(empty)


class _Measurer:
    """An actor: extractors set up once, a slice in, its evidence out."""

    def __init__(
        self,
        instruments: ray.ObjectRef[Instruments],
        cache: FeatureCache,
        plan: FloorPlan,
        threads: int,
        gpu: bool,
    ) -> None:
        torch.set_num_threads(threads)
        self._instruments: Instruments = ray.get(instruments)
        self._cache, self._plan = cache, plan
        for extractor in self._instruments.all:
            extractor.setup("cuda" if gpu else "cpu")

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        films: FilmSlice | DiffCXRError = pickle.loads(row["slice"])
        return {"evidence": _packed(films if isinstance(films, DiffCXRError) else self._weigh(films))}

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


def _read(selections: Mapping[str, Selection], shard: dict[str, Any]) -> list[dict[str, bytes]]:
    try:
        slices = read_slices(
            selections[shard["side"]], shard["side"], shard["shard"], shard["first"], shard["images"]
        )
    except DiffCXRError as error:
        return [{"slice": _packed(error)}]
    return [{"slice": _packed(films)} for films in slices]


def _packed(value: object) -> bytes:
    """A value as a cell of Ray Data. Errors for people travel so too, for Ray Data wraps raised ones in its
    own and loses what they were.
    """
    return pickle.dumps(value, protocol=5)


def _in_order(
    arriving: Iterator[tuple[int, str, Evidence] | DiffCXRError],
) -> Iterator[tuple[str, Evidence]]:
    """By number: states merge in one order, whichever worker was faster. Raises an error that arrives."""
    waiting: dict[int, tuple[str, Evidence]] = {}
    following = 0
    for arrived in arriving:
        if isinstance(arrived, DiffCXRError):
            raise arrived
        number, side, evidence = arrived
        waiting[number] = side, evidence
        while following in waiting:
            yield waiting.pop(following)
            following += 1


@contextmanager
def _quiet_ray_data() -> Iterator[None]:
    """The job shows its own progress."""
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    before, level = context.enable_progress_bars, logger.level
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # Ray 2.60 deprecates the only way to say max_restarts, and names no other.
            warnings.simplefilter("ignore", RayDeprecationWarning)
            yield
    finally:
        context.enable_progress_bars = before
        logger.setLevel(level)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Where a film ended its process again and again, Ray's error becomes one for a person."""
    try:
        yield
    except ray.exceptions.RayError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, _DEATHS):
            cause = getattr(cause, "cause", None) or cause.__cause__
        if cause is None:
            raise
        fix = "Give them more memory, then run the same command again."
        raise IncompleteError(f"workers keep dying ({type(cause).__name__})", fix=fix) from error
