"""What a person can see of a training run before it ends."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from torch.utils.tensorboard import SummaryWriter

from cluster.storage import Storage
from cluster.training_run import PROGRESS_PATH

_DRAWING = 20  # times as long as drawing takes passes before it is done again


class TrainingWatch:
    """In a stage's folder `training/<stage>/`, beside its checkpoint:

    - `progress.json`: the last step, of how many, its loss, its rate and the seconds left;
    - `tensorboard/events.out.tfevents.<step>`: an event file for TensorBoard, one for each time that the run
      was taken up (from that step), since nothing can be added to an object in a store;
    - `samples/<step>.png`: contact sheets, at most a twentieth of the time spent on them.

    `publish` replaces the first two whole. They are views: nothing reads them to go on.

    Args:
        folder: the stage's.
        begin: the step from which the run is taken up.
        total: its last step.
        step_samples: samples a step.
    """

    def __init__(self, folder: Storage, begin: int, total: int, step_samples: int) -> None:
        self._folder, self._total, self._step_samples = folder, total, step_samples
        self._events_path = f"tensorboard/events.out.tfevents.{begin:08d}"
        self._local = tempfile.TemporaryDirectory(prefix="cxr-events-")
        self._writer = SummaryWriter(self._local.name)
        self._progress: dict[str, float] = {}
        self._draw_after = 0.0

    def add(self, step: int, loss: float, samples_per_second: float) -> None:
        """A record of the loop, for the next `publish`."""
        seconds_left = (self._total - step) * self._step_samples / samples_per_second
        self._progress = {
            "step": step,
            "steps": self._total,
            "loss": round(loss, 5),
            "samples_per_second": round(samples_per_second, 3),
            "seconds_left": round(seconds_left, 1),
        }
        for name, value in (("loss", loss), ("samples_per_second", samples_per_second)):
            self._writer.add_scalar(name, value, step)

    def publish(self) -> None:
        """Put what was added where a person can see it."""
        self._writer.flush()
        (events,) = Path(self._local.name).iterdir()
        self._folder.replace(self._events_path, events.read_bytes())
        self._folder.replace(PROGRESS_PATH, (json.dumps(self._progress, sort_keys=True) + "\n").encode())

    def show(self, step: int, draw: Callable[[], bytes]) -> None:
        """Put the PNG that `draw` makes there, unless the last one is too recent; the last step's always."""
        start = time.monotonic()
        if start < self._draw_after and step < self._total:
            return
        self._folder.replace(f"samples/{step:08d}.png", draw())
        self._draw_after = time.monotonic() + _DRAWING * (time.monotonic() - start)

    def __enter__(self) -> TrainingWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()
        self._local.cleanup()
