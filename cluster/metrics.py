"""Counters of a run as Ray exports them to Prometheus, at every node's metrics port."""

from __future__ import annotations

from ray.util.metrics import Counter, Gauge

from cluster.dispatch import Lost
from cluster.recipe import Receipt


class RunMetrics:
    """Counts what workers answer, in a process that is connected to Ray; series name the run by its hash."""

    def __init__(self, plan_hash: str) -> None:
        run = {"run": plan_hash[:12]}
        self._images = _counter("diffcxr_images", "Images committed by this driver.", run)
        self._rejects = _counter("diffcxr_rejects", "Samples rejected, by reason.", run, "reason")
        self._units = _counter("diffcxr_units", "Units committed by this driver.", run)
        self._lost = _counter("diffcxr_units_lost", "Units whose worker was lost; they are tried again.", run)
        self._denoising = _counter("diffcxr_denoising_seconds", "Seconds that workers denoised.", run)
        self._workers = Gauge("diffcxr_workers", "Workers held.", tag_keys=("run",))
        self._workers.set_default_tags(run)

    def count(self, answer: Receipt | Lost) -> None:
        """One answer of the pool."""
        if isinstance(answer, Lost):
            self._lost.inc(len(answer.units))
            return
        if answer.seconds_denoising:
            self._denoising.inc(answer.seconds_denoising)
        if answer.committed:
            self._units.inc()
            if answer.rows:
                self._images.inc(answer.rows)
            for reason, count in answer.rejects.items():
                self._rejects.inc(count, {"reason": reason})

    def workers(self, count: int) -> None:
        """How many workers there are now."""
        self._workers.set(count)


def _counter(name: str, description: str, run: dict[str, str], *more: str) -> Counter:
    counter = Counter(name, description, tag_keys=("run", *more))
    counter.set_default_tags(run)
    return counter
