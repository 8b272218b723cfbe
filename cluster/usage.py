"""What a run has used so far: one small object a call of `generate`, replaced while the call works.

Shards cannot say it: their bytes do not depend on how long they took. So `usage/` is a view beside them,
and not part of what two runs of one command have in common.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cluster.recipe import Device
from cluster.storage import Storage
from diffcxr.errors import InputError

USAGE_FOLDER = "usage"
WRITE_EVERY_S = 30.0
"""What a killed driver's workers used since its last write is not known to anybody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one call of `generate` has used."""

    device: Device
    threads: int  # cores of a worker without a GPU
    price_per_hour: float | None = None  # of a GPU, or of a core where there is none
    worker_seconds: float = 0.0  # workers on machines, from the loading of the model to their end

    @property
    def hours(self) -> float:
        """GPU-hours, or core-hours."""
        cores = self.threads if self.device == "cpu" else 1
        return self.worker_seconds * cores / 3600

    @property
    def cost(self) -> float | None:
        """In the currency of the price; None where no price was given."""
        return None if self.price_per_hour is None else self.hours * self.price_per_hour


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound on what a run may cost, over all its calls."""

    max_cost: float
    price_per_hour: float
    hours_before: float  # of earlier calls

    def spent(self, hours: float) -> float:
        """The cost of earlier calls and of `hours` in this one, all at today's price."""
        return (self.hours_before + hours) * self.price_per_hour

    def allows(self, hours: float, units_in_hand: int, hours_a_unit: float) -> bool:
        """Whether one more unit can be begun, and those in hand be finished, within the bound."""
        ahead = (units_in_hand + 1) * hours_a_unit
        return self.spent(hours + ahead) <= self.max_cost and self.spent(hours) < self.max_cost


class UsageLog:
    """Writes the usage of this call beside the shards, now and then."""

    def __init__(self, output: Storage, usage: Usage) -> None:
        self._output, self._usage = output, usage
        self._path = f"{USAGE_FOLDER}/{uuid.uuid4().hex}.json"
        self._written = -WRITE_EVERY_S

    @property
    def usage(self) -> Usage:
        return self._usage

    def update(self, worker_seconds: float, now: bool = False) -> None:
        """Notes what was used so far; writes it when it is time, or `now`, if the store takes it."""
        self._usage = replace(self._usage, worker_seconds=worker_seconds)
        if now or time.monotonic() - self._written >= WRITE_EVERY_S:
            self._written = time.monotonic()
            try:
                self._output.replace(self._path, (json.dumps(asdict(self._usage)) + "\n").encode())
            except InputError:
                return


def read_usage(output: Storage) -> list[Usage]:
    """The usage of every call of a run. Raises InputError where an object of it cannot be read."""
    found = []
    for stored in output.list(USAGE_FOLDER):
        try:
            found.append(Usage(**json.loads(output.read(stored.path))))
        except (ValueError, TypeError) as error:
            where = output.child(stored.path).uri
            raise InputError("a usage record cannot be read", where, "Delete it: it is a view.") from error
    return found


def usage_summary(usages: Sequence[Usage], images: int) -> dict[str, Any]:
    """`gpu_hours` and `core_hours` where there are any, `cost` and `cost_per_thousand_images` where known."""
    values: dict[str, Any] = {}
    for name, device in (("gpu_hours", "cuda"), ("core_hours", "cpu")):
        hours = sum(usage.hours for usage in usages if usage.device == device)
        values |= {name: hours} if hours else {}
    costs = [usage.cost for usage in usages if usage.worker_seconds]
    known = [cost for cost in costs if cost is not None]
    if known and len(known) == len(costs):
        values["cost"] = sum(known)
        values |= {"cost_per_thousand_images": 1000 * sum(known) / images} if images else {}
    return values
