"""A run of `generate` made here and now, without Ray: what its workers would have made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.corpus import Corpus
from cluster.generation import (
    Choices,
    finish_generation,
    recipe_of,
    resolve_plan,
    resolve_sampler,
    run_record,
)
from cluster.models import NULL, Pipeline
from cluster.recipe import Task
from cluster.run_record import RunRecord, create_or_resume
from cluster.selection import Selected, select_all
from cluster.storage import Storage
from cluster.worker import Worker
from diffcxr.null_pipeline import NullPipeline

CHOICES: dict[str, Any] = {
    "model": NULL,
    "prompt": "{text}",
    "seed": 0,
    "steps": 2,
    "guidance": 2.0,
    "image_format": "png",
    "dtype": "auto",
    "batch_size": 4,
    "threads": 1,
    "samples_per_report": 1,
    "images_per_shard": 6,
    "limit": None,
}


def generated_run(
    corpus: Corpus,
    output: str | Path,
    units: int | None = None,
    pipeline: Pipeline | None = None,
    selected: Selected | None = None,
    **changed: Any,
) -> RunRecord:
    """The record of a run at `output`: finished, or with its first `units` units."""
    choices = Choices(**CHOICES | changed)
    sampler = resolve_sampler(choices, NULL, "cpu", is_diffcxr=False, there=None)
    worker = Worker(sampler, pipeline or NullPipeline())
    ready = worker.warm_up()
    selected = selected or select_all(corpus, choices.limit)
    plan = resolve_plan(choices, selected, sampler.batch_size, ready.film_shape)
    storage = Storage.at(output)
    record = create_or_resume(
        storage, run_record(choices, corpus, selected, sampler, plan, ready.film_shape, ready.stack)
    )
    for number in range(len(plan) if units is None else units):
        worker.run(Task(recipe_of(record, corpus, storage), plan.unit(number)))
    worker.close()
    if units is None:
        finish_generation(storage, record, corpus)
    return record
