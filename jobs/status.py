"""`diffcxr status`: how far a run is, from its bucket alone; no driver needs to be alive."""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from typing import Any

from cluster.corpus import read_footers
from cluster.shard import Footer, shard_path
from cluster.storage import Storage
from cluster.usage import read_usage, usage_summary
from cluster.verification import take_inventory
from jobs.command import main
from jobs.options import required
from jobs.summary import Summary, clock
from jobs.training_status import training_summary

RECENT = 5.0
"""Units' times that the rate is taken from, so that each of many workers has made several units in them."""

PAUSE = 3.0
"""Units' times without a shard after which a run was interrupted: it is as fast as it has been since."""


@dataclass(kw_only=True)
class Config:
    output: str = required(help="URI or path of a run's output, finished or not")


@dataclass(frozen=True, slots=True)
class Committed:
    """A shard: when it came into being, and how many samples it settled."""

    when: datetime
    samples: int


def run(config: Config) -> Summary:
    """Done, rejected, rate, time left and cost. Raises InputError where there is no run."""
    storage = Storage.at(config.output)
    training = training_summary(storage)
    if training is not None:
        return training
    inventory = take_inventory(storage)
    times = {stored.path: stored.modified for stored in storage.list("shards")}
    footers = read_footers(storage, inventory.units)
    shards = [
        Committed(times.get(shard_path(unit), datetime.now(UTC)), footer.rows + len(footer.rejects))
        for unit, footer in enumerate(footers)
        if footer is not None
    ]
    done, total = sum(shard.samples for shard in shards), inventory.planned("samples")
    images = sum(footer.rows for footer in footers if footer is not None)
    finished = inventory.corpus is not None
    usages = read_usage(storage)
    speed = rate(shards, sum(usage.worker_seconds for usage in usages) / max(1, len(shards)))
    values: dict[str, Any] = {
        "output": storage.uri,
        "finished": finished,
        "shards": len(shards),
        "shards_planned": inventory.planned("units"),
        "samples": done,
        "samples_planned": total,
        "rejected": _rejected(footers),
        "samples_per_second": speed,
        "seconds_left": 0.0 if finished else _left(done, total, speed),
        "seconds_since_last_shard": _since(shards),
    }
    used = usage_summary(usages, images)
    return Summary(values=values | used, table=[*_table(values), *map(list, used.items())])


def rate(shards: Sequence[Committed], unit_seconds: float) -> float | None:
    """Samples a second of late, where a unit takes a worker so many seconds; None where nobody knows.

    Workers that began together end together, so it is the slope of a line through what was done by when,
    which waves of shards do not tilt. Shards within one unit's time are at most one of each worker.
    """
    recent = _recent(shards, timedelta(seconds=unit_seconds))
    if not recent or not unit_seconds:
        return None
    times = [(shard.when - recent[0].when).total_seconds() for shard in recent]
    done = list(accumulate(shard.samples for shard in recent))
    if times[-1] < unit_seconds:
        return done[-1] / unit_seconds
    return statistics.linear_regression(times, done).slope


def _recent(shards: Sequence[Committed], unit: timedelta) -> list[Committed]:
    """Those of the last RECENT units' times, back to a PAUSE at most, in the order of time."""
    newest_first = sorted(shards, key=lambda shard: shard.when, reverse=True)
    recent = newest_first[:1]
    for later, shard in pairwise(newest_first):
        if later.when - shard.when > PAUSE * unit or recent[0].when - shard.when > RECENT * unit:
            break
        recent.append(shard)
    return recent[::-1]


def _left(done: int, total: int | None, speed: float | None) -> float | None:
    return (total - done) / speed if total is not None and speed else None


def _since(shards: Sequence[Committed]) -> float | None:
    last = max((shard.when for shard in shards), default=None)
    return None if last is None else (datetime.now(UTC) - last).total_seconds()


def _rejected(footers: Sequence[Footer | None]) -> dict[str, int]:
    return dict(Counter(reject.reason for footer in footers if footer for reject in footer.rejects))


def _table(values: dict[str, Any]) -> list[list[object]]:
    total, planned = values["samples_planned"], values["shards_planned"]
    table: list[list[object]] = [
        ["output", values["output"]],
        ["state", "finished" if values["finished"] else "not finished"],
        ["samples", f"{values['samples']:,}" + (f" of {total:,}" if total is not None else "")],
        ["shards", f"{values['shards']:,}" + (f" of {planned:,}" if planned is not None else "")],
    ]
    table += [[f"rejected: {reason}", count] for reason, count in sorted(values["rejected"].items())]
    if not values["finished"]:
        table += [["samples a second", values["samples_per_second"]]]
        table += [["time left", clock(values["seconds_left"])]]
        table += [["since the last shard", clock(values["seconds_since_last_shard"])]]
    return table


if __name__ == "__main__":
    sys.exit(main(["status", *sys.argv[1:]]))
