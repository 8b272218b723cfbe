"""The production of a run's missing units: what the pool answers is counted, shown and paid for."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Any, cast

from cluster.corpus import Corpus
from cluster.dispatch import Lost, Pool
from cluster.generation import committed_units, recipe_of
from cluster.plan import Plan
from cluster.run_record import RunRecord
from cluster.storage import Storage
from cluster.usage import Budget, UsageLog
from diffcxr.errors import IncompleteError
from jobs.generation_summary import Tally
from jobs.progress import Progress, progress


def missing_units(output: Storage, plan: Plan) -> list[int]:
    """Units of the plan whose shards do not exist."""
    done = committed_units(output)
    return [number for number in range(len(plan)) if number not in done]


def samples_in(plan: Plan, units: Sequence[int]) -> int:
    """Samples of these units; all units have as many, but the last."""
    last = len(plan) - 1
    whole = len(units) - (last in units)
    return whole * plan.images_per_shard + (plan.unit(last).samples if last in units else 0)


def produce(
    pool: Pool,
    record: RunRecord,
    corpus: Corpus,
    output: Storage,
    plan: Plan,
    tally: Tally,
    log: UsageLog,
    budget: Budget | None,
    resumed: bool,
) -> None:
    """Makes what the output lacks. Raises IncompleteError where the budget ends first."""
    units = missing_units(output, plan)
    if resumed:
        # The driver that began it may be alive: two that took units in one order would do all work twice.
        random.shuffle(units)
    before = plan.samples - samples_in(plan, units)
    start = time.perf_counter()
    answers = pool.run(recipe_of(record, corpus, output), plan, units)
    meter: Progress[None] = progress(total=plan.samples, unit="images", desc="generate", initial=before)
    left = len(units)
    try:
        with meter as bar, closing(cast("Any", answers)):
            for answer in answers:
                log.update(pool.worker_seconds)
                if answer is not None:
                    tally.count(answer)
                    bar.note(tally.note())
                if answer is not None and not isinstance(answer, Lost):
                    left -= 1
                    bar.update(plan.unit(answer.unit).samples)
                if budget is not None and not budget.allows(
                    log.usage.hours, pool.in_hand, tally.hours_a_unit(log.usage)
                ):
                    pool.stop()
    finally:
        tally.seconds = time.perf_counter() - start
        log.update(pool.worker_seconds, now=True)
    if budget is not None and left:
        raise budget_is_spent(budget, log.usage.hours, output)


def budget_is_spent(budget: Budget, hours: float, output: Storage) -> IncompleteError:
    """What a person is told when a run has to stop for its cost."""
    what = f"stopped at max_cost={budget.max_cost:g}: {budget.spent(hours):.4g} spent so far"
    return IncompleteError(what, output.uri, "Run the same command with a larger max_cost to go on.")
