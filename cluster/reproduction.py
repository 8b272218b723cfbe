"""One sample of a run made again: found in the output's own shards, run in its planned slot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import torch

from cluster.batches import PIPELINE_RAISED, BatchRunner, Slot
from cluster.codec import Provenance, encode_image
from cluster.models import Pipeline
from cluster.run_record import RunRecord
from cluster.shard import STACK_KEY, Footer, read_footer, read_shard, shard_path
from cluster.storage import Storage
from cluster.worker import rejected_offsets
from diffcxr.errors import InputError

_READERS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """A sample where the run has it: its image, and the batch that it was made in."""

    unit: int
    slot: int
    seed: int
    image: bytes
    batch: tuple[Slot | None, ...]  # None where a row was rejected: the pad row is in its place
    stack: Mapping[str, object]  # that made it


def find_sample(output: Storage, record: RunRecord, report_id: str, sample_index: int) -> Found:
    """The sample among the run's shards. Raises InputError where it is not there, or was rejected."""
    units = _units_of(output, record, report_id)
    for unit in units:
        footer = read_footer(output, shard_path(unit))
        for reject in footer.rejects:
            if (reject.report_id, reject.sample_index) == (report_id, sample_index):
                raise InputError(f"the sample was rejected ({reject.reason})", output.uri)
        table = read_shard(output, shard_path(unit))
        rows = table.select(["report_id", "sample_index", "text", "seed"]).to_pylist()
        for position, row in enumerate(rows):
            if (row["report_id"], row["sample_index"]) == (report_id, sample_index):
                image: bytes = table.column("image")[position].as_py()["bytes"]
                return _found(record, unit, footer, rows, position, image)
    fix = "Check report_id and sample_index, or finish the run first."
    raise InputError("no such sample in the run", output.uri, fix)


def make_again(record: RunRecord, found: Found, pipeline: Pipeline) -> bytes:
    """The image file of a sample, made by the run's settings in its slot.

    Raises InputError where it is rejected this time.
    """
    pixels: Mapping[str, Any] = record.pixels
    threads = torch.get_num_threads()
    torch.set_num_threads(pixels["threads"])
    try:
        batches = BatchRunner(pipeline, pixels["steps"], pixels["guidance"], pixels["batch_size"])
        film = batches.run(found.batch)[found.slot]
    finally:
        torch.set_num_threads(threads)
    if film is None or isinstance(film, str):
        raise InputError(f"the sample is rejected on this machine ({film})", f"unit {found.unit}")
    origin = Provenance(model=pixels["model_digest"], run=record.plan_hash, seed=found.seed)
    return encode_image(film, pixels["image_format"], origin)


def _units_of(output: Storage, record: RunRecord, report_id: str) -> list[int]:
    """Committed units that hold rows or rejects of a report."""

    def holds(unit: int) -> bool:
        path = shard_path(unit)
        if not output.exists(path):
            return False
        if any(reject.report_id == report_id for reject in read_footer(output, path).rejects):
            return True
        ids = read_shard(output, path, ["report_id"]).column("report_id")
        return bool(pc.any(pc.equal(ids, pa.scalar(report_id))).as_py())

    units = range(int(str(record.plan["units"])))
    with ThreadPoolExecutor(_READERS) as pool:
        return [unit for unit, found in zip(units, pool.map(holds, units), strict=True) if found]


def _found(
    record: RunRecord, unit: int, footer: Footer, rows: list[dict[str, Any]], position: int, image: bytes
) -> Found:
    """The batch of the row at `position`, put together from the shard's rows and its rejects' places."""
    size = int(str(record.pixels["batch_size"]))
    places = rejected_offsets(footer)
    offsets = [at for at in range(len(rows) + len(places)) if at not in places]
    planned: list[Slot | None] = [None] * (len(rows) + len(places))
    for offset, row in zip(offsets, rows, strict=True):
        planned[offset] = Slot(row["text"], row["seed"])
    first = offsets[position] // size * size
    slot = offsets[position] - first
    batch = planned[first : first + size]
    reasons = [
        reject.reason for at, reject in zip(places, footer.rejects, strict=True) if first <= at < first + size
    ]
    if PIPELINE_RAISED in reasons:  # the batch was taken apart
        batch = [row if at == slot else None for at, row in enumerate(batch)]
    stack = json.loads(footer.metadata[STACK_KEY]) if STACK_KEY in footer.metadata else record.stack
    return Found(unit, slot, rows[position]["seed"], image, tuple(batch), stack)
