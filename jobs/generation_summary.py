"""What a call of `generate` says when it ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from cluster.corpus import Corpus
from cluster.dispatch import Lost
from cluster.plan import Plan
from cluster.recipe import Receipt, Sampler
from cluster.run_record import RunRecord
from cluster.usage import Usage, usage_summary
from jobs.summary import Summary


@dataclass(slots=True)
class Tally:
    """What this call did; the run may have been begun by others."""

    images: int = 0
    rejected: int = 0
    units: int = 0
    lost: int = 0  # units that were tried again
    seconds: float = 0.0
    seconds_denoising: float = 0.0
    notes: list[str] = field(default_factory=list)

    def count(self, answer: Receipt | Lost) -> None:
        if isinstance(answer, Lost):
            self.lost += len(answer.units)
            return
        if answer.committed:
            self.images += answer.rows
            self.rejected += sum(answer.rejects.values())
            self.units += 1
        self.seconds_denoising += answer.seconds_denoising

    def hours_a_unit(self, usage: Usage, seconds: float) -> float:
        """GPU- or core-hours that a unit takes of its worker; before the first one is done, of `seconds`."""
        seconds = self.seconds_denoising / self.units if self.units else seconds
        return replace(usage, worker_seconds=seconds).hours

    def note(self) -> str:
        """A few words beside the progress."""
        rejected = [f"{self.rejected} rejected"] * bool(self.rejected)
        return ", ".join(rejected + [f"{self.lost} units tried again"] * bool(self.lost))


def run_summary(
    made: Corpus, record: RunRecord, tally: Tally, usages: Sequence[Usage], max_rejected: float
) -> Summary:
    """The finished run; exit 3 where more than a share `max_rejected` of its samples was rejected."""
    samples, rejected = cast(int, record.plan["samples"]), sum(made.rejects.values())
    values: dict[str, Any] = {
        "output": made.uri,
        "images": made.rows,
        "rejected": rejected,
        "rejects": dict(made.rejects),
        "shards": len(made.shards),
        "digest": made.digest,
        "plan_hash": record.plan_hash,
        "made_now": tally.images,
        "units_tried_again": tally.lost,
        "seconds": round(tally.seconds, 3),
        "seconds_denoising": round(tally.seconds_denoising, 3),
        "images_per_second": round(tally.images / tally.seconds, 3) if tally.seconds else None,
        "notes": tally.notes,
    }
    used = usage_summary(usages, made.rows)
    values |= used
    table: list[list[object]] = [[name, values[name]] for name in ("output", "images", "made_now", "shards")]
    table += [["images_per_second", values["images_per_second"]]] if tally.images else []
    table += [[name, value] for name, value in used.items()]
    table += [[f"rejected: {reason}", count] for reason, count in made.rejects.items()]
    table += [["note", note] for note in tally.notes]
    too_many = rejected > math.floor(max_rejected * samples)
    note = f"{rejected} of {samples} samples were rejected: more than max_rejected={max_rejected:g}"
    return Summary(
        values=values,
        table=table,
        output=made.uri,
        exit_code=3 if too_many else 0,
        note=note if too_many else "",
    )


def dry_run_summary(
    sampler: Sampler, plan: Plan, left: int, seconds_batch: float, workers: int, price_per_hour: float | None
) -> Summary:
    """What the run would be, and what its `left` samples would take on at most `workers` workers.

    The time is that of denoising, which is what a run waits for; starting machines comes on top.
    """
    seconds = seconds_batch / sampler.batch_size * left
    workers = max(1, workers)
    usage = Usage(
        device=sampler.device, threads=sampler.threads, worker_seconds=seconds, price_per_hour=price_per_hour
    )
    values = {
        "samples": plan.samples,
        "samples_left": left,
        "units": len(plan),
        "shards": len(plan),
        "images_per_shard": plan.images_per_shard,
        "batch_size": sampler.batch_size,
        "dtype": sampler.dtype,
        "device": sampler.device,
        "workers": workers,
        "images_per_second_a_worker": sampler.batch_size / seconds_batch,
        "hours": seconds / workers / 3600,
        **usage_summary([usage], left),
    }
    return Summary(values=values)
