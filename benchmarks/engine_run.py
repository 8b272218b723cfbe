"""A run of `generate` up to its first unit, by a benchmark's own worker: then it is timed, or watched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.corpus import Corpus
from cluster.generation import Choices, resolve_plan, resolve_sampler, run_record
from cluster.models import NULL
from cluster.plan import Plan
from cluster.pool import Pool, WorkerActor
from cluster.recipe import Ready
from cluster.run_record import RunRecord, create_or_resume
from cluster.selection import select_all
from cluster.storage import Storage

CHOICES: dict[str, Any] = {
    "model": NULL,
    "prompt": "{text}",
    "seed": 0,
    "steps": 1,
    "guidance": 1.0,
    "image_format": "png",
    "dtype": "float32",
    "batch_size": 16,
    "threads": 1,
    "samples_per_report": 1,
    "images_per_shard": "auto",
    "limit": None,
}


@dataclass(frozen=True, slots=True)
class EngineRun:
    """What a run consists of when its one worker has said its first word."""

    corpus: Corpus
    output: Storage
    record: RunRecord
    plan: Plan
    pool: Pool
    ready: Ready


@contextmanager
def engine_run(
    corpus: Corpus, output: Path, actor: type[WorkerActor] = WorkerActor, **choices: Any
) -> Iterator[EngineRun]:
    """A run with one worker, in an open session; `choices` are those that differ from CHOICES."""
    chosen = Choices(**CHOICES | choices)
    sampler = resolve_sampler(chosen, NULL, "cpu", is_diffcxr=False, there=None)
    storage, selected = Storage.at(output), select_all(corpus, chosen.limit)
    with closing(Pool(sampler, 1, 1, actor)) as pool:
        ready = pool.first()
        plan = resolve_plan(chosen, selected, sampler.batch_size, ready.film_shape)
        record = run_record(chosen, corpus, selected, sampler, plan, ready.film_shape, ready.stack)
        yield EngineRun(corpus, storage, create_or_resume(storage, record), plan, pool, ready)
