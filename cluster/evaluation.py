"""Two corpora, measured by Ray Data: readers, a pool of extractors, and states that merge on the driver."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import ray
import ray.data
from ray.util.annotations import RayDeprecationWarning

from cluster.evidence import Evidence
from cluster.evidence_rows import evidence_of
from cluster.feature_cache import FeatureCache
from cluster.film_slices import RIVAL, VALIDATION, Census, Selection, slice_names
from cluster.machines import cores_of_nodes
from cluster.measurer import Instruments, Measurer
from cluster.session import awaited_resources
from cluster.slice_rows import read_rows
from diffcxr.errors import DiffCXRError, IncompleteError
from eval.fid import Side
from eval.floors import FloorPlan

_RETRIES = 3
"""How often a film that ends its process is tried again; Ray Data's own default is for ever."""
_READER_CPUS = 0.25
_MOST_THREADS = 2  # of a measurer without a GPU
_CORE = 0.75  # of which a measurer's thread takes so much: actors that hold all of them starve the readers
_DEATHS = (
    ray.exceptions.RayActorError,
    ray.exceptions.OutOfMemoryError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,  # with its node
)


def measure(
    selections: Mapping[str, Selection],  # REAL and SYNTHETIC; the other sides where they are needed
    censuses: Mapping[str, Census],
    plans: Mapping[str, FloorPlan],  # of REAL, and of REFERENCE where there is one
    instruments: Instruments,
    cache: FeatureCache,
) -> Iterator[tuple[str, Evidence]]:
    """The evidence of each slice with its side, in the order of the corpora, as it arrives.

    Raises InputError where a corpus or the cache is damaged.
    """
    following, deaths = 0, 0
    while True:
        try:
            with _own_settings():
                arriving = _arriving(following, selections, censuses, plans, instruments, cache)
                for side, evidence in _in_order(following, arriving):
                    yield side, evidence
                    following, deaths = following + 1, 0
            return
        except ray.exceptions.RayError as error:
            cause = _death(error)
            if cause is None:
                raise
            deaths += 1
            if deaths > _RETRIES:
                fix = "Give them more memory, then run the same command again."
                raise IncompleteError(f"workers keep dying ({type(cause).__name__})", fix=fix) from error


def _arriving(
    following: int,
    selections: Mapping[str, Selection],
    censuses: Mapping[str, Census],
    plans: Mapping[str, FloorPlan],
    instruments: Instruments,
    cache: FeatureCache,
) -> Iterator[tuple[int, str, Evidence] | DiffCXRError]:
    """The slices from number `following` on, in no order: a run of Ray Data, which a dead worker ends."""
    shards, first = [], 0
    for side, selection in selections.items():
        held = cache.names(instruments.of(side)) if side not in instruments.quartets else set()
        for shard, keys in enumerate(censuses[side].keys):
            names = slice_names(selection, shard, len(keys))
            skip = max(0, following - first)
            if names[skip:]:
                images = not held.issuperset(names[skip:])
                item = {"side": side, "shard": shard, "first": first, "skip": skip, "images": images}
                item["texts"] = instruments.matches(side)
                shards.append(item)
            first += len(names)

    if not shards:
        return iter(())
    there = awaited_resources()
    if there.gpus:
        workers, threads = there.gpus, max(1, there.cpus // there.gpus)
    else:
        cores = cores_of_nodes()
        threads = min(_MOST_THREADS, max(cores, default=1))
        workers = max(1, sum(count // threads for count in cores))
    share = {"num_gpus": 1, "num_cpus": 0} if there.gpus else {"num_gpus": 0, "num_cpus": _CORE * threads}
    evidence = (
        ray.data.from_items(shards, override_num_blocks=len(shards))
        .flat_map(partial(read_rows, dict(selections)), num_cpus=_READER_CPUS)
        .map(
            Measurer,  # type: ignore[arg-type]  # Ray takes a class of callables; its annotation does not
            fn_constructor_args=(ray.put(instruments), cache, plans, threads, there.gpus > 0),
            # Where they take three quarters of the cluster, Ray Data asks for more machines.
            compute=ray.data.ActorPoolStrategy(min_size=workers),
            # `measure` counts the attempts. Ray's own restarts fail where the actor's arguments are objects
            # and gone; Ray Data's always are objects, so Ray warns of any restarts at all (ray#53727).
            max_restarts=0,
            max_task_retries=0,
            **share,
        )
    )
    return map(evidence_of, evidence.iter_rows())


@dataclass(slots=True)
class Totals:
    """The evidence of both corpora so far."""

    instruments: Instruments
    _sides: dict[str, Evidence] = field(default_factory=dict)

    def add(self, side: str, evidence: Evidence) -> None:
        self._sides[side] = self[side].merge(evidence)

    def seen_as(self, side: str, other: str) -> Totals:
        """The same, with the evidence of `other` for that of `side`."""
        return Totals(self.instruments, {**self._sides, side: self[other]})

    def __getitem__(self, side: str) -> Evidence:
        if side in self._sides:
            return self._sides[side]
        extractors = self.instruments.extractors if side != VALIDATION else ()
        return Evidence(
            {
                e.name: Side.empty(e.dimension)
                for e in extractors
                if self.instruments.moments and side != RIVAL
            },
            rows={e.name: () for e in extractors if self.instruments.rows},
        )


def _in_order(
    following: int, arriving: Iterator[tuple[int, str, Evidence] | DiffCXRError]
) -> Iterator[tuple[str, Evidence]]:
    """By number: states merge in one order, whichever worker was faster. Raises an error that arrives."""
    waiting: dict[int, tuple[str, Evidence]] = {}
    for arrived in arriving:
        if isinstance(arrived, DiffCXRError):
            raise arrived
        number, side, evidence = arrived
        waiting[number] = side, evidence
        while following in waiting:
            yield waiting.pop(following)
            following += 1


@contextmanager
def _own_settings() -> Iterator[None]:
    """The job shows its own progress, errors are raised and not logged beside, and what Arrow cannot hold is
    an error: Ray Data would pickle it.
    """
    context, logger = ray.data.DataContext.get_current(), logging.getLogger("ray.data")
    bars, level = context.enable_progress_bars, logger.level
    pickles = context.enable_fallback_to_arrow_object_ext_type
    context.enable_progress_bars = context.enable_fallback_to_arrow_object_ext_type = False
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            # Ray 2.60 deprecates the only way to say max_restarts, and names no other.
            warnings.simplefilter("ignore", RayDeprecationWarning)
            yield
    finally:
        context.enable_progress_bars = bars
        context.enable_fallback_to_arrow_object_ext_type = pickles
        logger.setLevel(level)


def _death(error: BaseException | None) -> BaseException | None:
    """The death of a worker that an error of Ray's tells of, or None."""
    while error is not None and not isinstance(error, _DEATHS):
        error = getattr(error, "cause", None) or error.__cause__
    return error
