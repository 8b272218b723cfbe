"""The production of a run's missing units: what workers answer is counted, shown and paid for."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from cluster.corpus import Corpus
from cluster.dispatch import Lost, dispatch
from cluster.events import log_event
from cluster.generation import committed_units, recipe_of
from cluster.metrics import RunMetrics
from cluster.plan import Plan
from cluster.pool import Pool
from cluster.recipe import Receipt
from cluster.run_record import RunRecord
from cluster.storage import Storage
from cluster.usage import Budget, UsageLog
from diffcxr.errors import IncompleteError
from jobs.generation_summary import Tally
from jobs.progress import Progress, progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """A run that is to be brought to its end."""

    record: RunRecord
    corpus: Corpus
    output: Storage
    plan: Plan
    budget: Budget | None
    resumed: bool
    progress: bool  # shown on standard error

    def run(self, pool: Pool, tally: Tally, log: UsageLog) -> None:
        """Makes what the output lacks. Raises IncompleteError where the budget ends first."""
        units = missing_units(self.output, self.plan)
        if self.resumed:
            # The driver that began it may be alive: two that took units in one order would do all work twice.
            random.shuffle(units)
        done = self.plan.samples - samples_in(self.plan, units)
        log_event("run", run=self.record.plan_hash, units=len(units), samples=self.plan.samples, done=done)
        start = time.perf_counter()
        try:
            left = self._dispatch(pool, units, done, tally, log)
        finally:
            tally.seconds = time.perf_counter() - start
            log.update(pool.worker_seconds, now=True)
            log_event("run ended", images=tally.images, rejected=tally.rejected, lost=tally.lost)
        if self.budget is not None and left:
            raise budget_is_spent(self.budget, log.usage.hours, self.output)

    def _dispatch(self, pool: Pool, units: Sequence[int], done: int, tally: Tally, log: UsageLog) -> int:
        """How many units are left."""
        left, metrics = len(units), RunMetrics(self.record.plan_hash)
        settled: set[int] = set()  # a twin of one that is may say later that it was the one to commit
        recipe = recipe_of(self.record, self.corpus, self.output)
        seconds = self._seconds_a_unit(pool) if self.budget is not None and units else 0.0
        answers = dispatch(pool, recipe, self.plan, units, lambda: self._may_begin(pool, tally, log, seconds))
        meter: Progress[None] = progress(
            total=self.plan.samples, unit="images", desc="generate", initial=done, shown=self.progress
        )
        with meter as bar, closing(cast("Any", answers)):
            for answer in answers:
                log.update(pool.worker_seconds)
                metrics.workers(len(pool.members))
                if answer is not None:
                    tally.count(answer)
                    metrics.count(answer)
                    bar.note(tally.note())
                if isinstance(answer, Lost):
                    log_event("units lost", units=answer.units, error=answer.error)
                elif answer is not None and answer.unit not in settled:
                    settled.add(answer.unit)
                    left -= 1
                    bar.update(self.plan.unit(answer.unit).samples)
                    _log_unit(answer, left)
        return left

    def _seconds_a_unit(self, pool: Pool) -> float:
        """By a batch that the first worker makes. Raises FailingError where it cannot."""
        batches = -(-self.plan.unit(0).samples // cast(int, self.record.pixels["batch_size"]))
        return batches * pool.measure()

    def _may_begin(self, pool: Pool, tally: Tally, log: UsageLog, seconds: float) -> bool:
        """Whether the budget, if there is one, covers one more unit; the first ones take `seconds` each."""
        if self.budget is None:
            return True
        log.update(pool.worker_seconds)
        return self.budget.allows(log.usage.hours, pool.in_hand, tally.hours_a_unit(log.usage, seconds))


def missing_units(output: Storage, plan: Plan) -> list[int]:
    """Units of the plan whose shards do not exist."""
    done = committed_units(output)
    return [number for number in range(len(plan)) if number not in done]


def samples_in(plan: Plan, units: Sequence[int]) -> int:
    """Samples of these units; all units have as many, but the last."""
    last = len(plan) - 1
    whole = len(units) - (last in units)
    return whole * plan.images_per_shard + (plan.unit(last).samples if last in units else 0)


def budget_is_spent(budget: Budget, hours: float, output: Storage) -> IncompleteError:
    """What a person is told when a run has to stop for its cost."""
    what = f"stopped at max_cost={budget.max_cost:g}: {budget.spent(hours):.4g} spent so far"
    return IncompleteError(what, output.uri, "Run the same command with a larger max_cost to go on.")


def _log_unit(receipt: Receipt, left: int) -> None:
    log_event(
        "unit",
        unit=receipt.unit,
        committed=int(receipt.committed),
        rows=receipt.rows,
        rejects=dict(receipt.rejects),
        bytes=receipt.bytes,
        seconds=round(receipt.seconds, 3),
        seconds_denoising=round(receipt.seconds_denoising, 3),
        left=left,
    )
