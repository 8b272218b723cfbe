"""A run of `generate` as its record says it: every choice resolved, once, before the first shard."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from cluster.codec import ImageFormat
from cluster.corpus import Corpus, finish_corpus
from cluster.models import NULL
from cluster.plan import Plan, plan_units
from cluster.recipe import Device, DtypeName, Recipe, Sampler
from cluster.run_record import RunRecord
from cluster.selection import SELECTIONS, Selected
from cluster.storage import Storage

Auto = Literal["auto"]

IMAGES_PER_SHARD = 1000
"""Where nothing is said, and the run is large enough for it."""

_UNITS = 16  # of a small run, so that several workers share it and a lost one costs little
_BATCH = {"cpu": 16, "cuda": 64}
_SHARD = re.compile(r"shards/(\d{5,})\.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the person chose; "auto" is resolved once, and on resume read from the record."""

    model: str
    prompt: str
    seed: int
    steps: int
    guidance: float
    image_format: ImageFormat
    dtype: DtypeName | Auto
    batch_size: int | Auto
    threads: int
    compile: bool = False
    samples_per_report: int
    images_per_shard: int | Auto
    limit: int | None


def resolve_sampler(
    choices: Choices, digest: str, device: Device, is_diffcxr: bool, there: RunRecord | None
) -> Sampler:
    """The sampler of the choices; what is "auto" comes from the record that is there, if one is.

    On a CPU that computes in bfloat16 the embedded model is twice as fast in it; other models are not known
    to bear it there. The driver's CPU stands for those of its workers.
    """
    recorded: Mapping[str, Any] = {} if there is None else there.pixels
    dtype, batch_size = choices.dtype, choices.batch_size
    if dtype == "auto":
        fits = choices.model != NULL and (device == "cuda" or is_diffcxr)
        dtype = cast(DtypeName, recorded.get("dtype") or (_fastest(device) if fits else "float32"))
    if batch_size == "auto":
        batch_size = int(recorded.get("batch_size", _BATCH[device]))
    return Sampler(
        model=choices.model,
        model_digest=digest,
        device=device,
        dtype=dtype,
        steps=choices.steps,
        guidance=choices.guidance,
        batch_size=batch_size,
        threads=choices.threads,
        compile=choices.compile and choices.model != NULL,
    )


def _fastest(device: Device) -> str:
    from diffcxr.precision import precision  # torch takes seconds to import, and a driver needs no more of it

    return precision(device)


def resolve_plan(choices: Choices, selected: Selected, batch_size: int, film_shape: Sequence[int]) -> Plan:
    """The plan over the selected reports of a corpus, for films of `film_shape`.

    "auto" is IMAGES_PER_SHARD, in a small run less, in whole batches.
    """
    film_bytes = largest_film(film_shape, choices.image_format)
    if choices.images_per_shard == "auto":
        share = -(-selected.samples(choices.samples_per_report, choices.limit) // _UNITS)
        images = min(IMAGES_PER_SHARD, max(1, -(-share // batch_size)) * batch_size)
    else:
        images = choices.images_per_shard
    limit, selection = choices.limit, selected.selection
    return plan_units(
        selected.reports, limit, choices.samples_per_report, images, film_bytes, selection=selection
    )


def largest_film(film_shape: Sequence[int], image_format: ImageFormat) -> int:
    """Bytes of a film at most, even of one that is black-and-white noise: measured, a value takes 1.25 bytes
    in a grey JPEG and 0.49 in a colour one, which keeps colours at half the width and height.
    """
    values = math.prod(film_shape)
    if image_format == "png":
        return values + values // 64 + 1024
    colour = len(film_shape) == 3 and film_shape[2] == 3
    return (values // 2 if colour else values + values // 3) + 4096


def run_record(
    choices: Choices,
    corpus: Corpus,
    selected: Selected,
    sampler: Sampler,
    plan: Plan,
    film_shape: Sequence[int],
    stack: Mapping[str, object],
) -> RunRecord:
    """The record of the run (DESIGN 4): nothing in it depends on workers, addresses or places."""
    pixels: dict[str, object] = {
        "corpus_digest": corpus.digest,
        "model_digest": sampler.model_digest,
        "prompt": choices.prompt,
        "seed": choices.seed,
        "steps": sampler.steps,
        "guidance": float(sampler.guidance),
        "dtype": sampler.dtype,
        "batch_size": sampler.batch_size,
        "threads": sampler.threads,
        **({"compile": True} if sampler.compile else {}),
        "film_shape": list(film_shape),
        "image_format": choices.image_format,
    }
    planned: dict[str, object] = {
        "corpus_digest": corpus.digest,
        "limit": choices.limit,
        "samples_per_report": plan.samples_per_report,
        "images_per_shard": plan.images_per_shard,
        "samples": plan.samples,
        "units": len(plan),
        **selected.identity,
    }
    return RunRecord(pixels, planned, stack)


def recipe_of(record: RunRecord, corpus: Corpus, output: Storage) -> Recipe:
    """What the workers of a recorded run are told."""
    pixels: Mapping[str, Any] = record.pixels
    return Recipe(
        corpus=corpus.uri,
        corpus_digest=corpus.digest,
        output=output.uri,
        plan_hash=record.plan_hash,
        prompt=pixels["prompt"],
        seed=pixels["seed"],
        image_format=pixels["image_format"],
        model_digest=pixels["model_digest"],
    )


def committed_units(output: Storage) -> set[int]:
    """Numbers of the units whose shards exist, by one listing."""
    found = (_SHARD.fullmatch(stored.path) for stored in output.list("shards"))
    return {int(match[1]) for match in found if match}


def finish_generation(output: Storage, record: RunRecord, corpus: Corpus) -> Corpus:
    """Writes the manifest of a run whose units are all committed."""
    of = {name: record.plan[name] for name in SELECTIONS if name in record.plan}
    return finish_corpus(
        output,
        name=f"{corpus.name}-synthetic",
        units=cast(int, record.plan["units"]),
        plan_hash=record.plan_hash,
        licence=str(corpus.manifest.get("licence", "unknown")),
        provenance={"synthetic": True, "maker": "diffcxr", **record.pixels, **of},
        parent={"name": corpus.name, "digest": corpus.digest, "rows": corpus.rows},
    )
