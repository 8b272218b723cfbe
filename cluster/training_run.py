"""A training run in an output folder: its settings, its checkpoint, its log, and its end.

Every worker of a run has one of these; the first one writes. Whoever only looks how far a run is, as
`status` does, waits neither for torch nor for Ray Train to be imported.
"""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

from cluster.run_record import RUN_PATH, RunRecord, create_or_resume
from cluster.storage import Storage
from diffcxr.errors import IncompleteError, InputError

PROGRESS_PATH = "progress.json"
"""In a stage's folder while it is trained: how far it is (`cluster.training_watch`)."""

LOG_PATH = "log.jsonl"
"""Written last: a stage that has one is finished."""

_CHECKPOINT_PATH = "checkpoint.pt"


class TrainingRun:
    """The stage `stage` of a model in the folder `output`; what it keeps lies in `training/<stage>/`.

    A checkpoint is one object that is replaced whole: a killed run finds the last one or the one before.
    Raises RefusedError where the folder holds a run of the stage with other settings.
    """

    def __init__(self, output: Storage, stage: str, settings: dict[str, Any]) -> None:
        self.output, self.stage = output, stage
        self.folder = _folder(output, stage)
        self.record_hash = create_or_resume(
            self.folder, RunRecord(pixels={}, plan=settings, stack={})
        ).plan_hash
        self._log: list[dict[str, float]] = []

    @staticmethod
    def begun(output: Storage, stage: str) -> bool:
        """Whether the output holds a run of the stage, with whatever settings."""
        return _folder(output, stage).exists(RUN_PATH)

    @staticmethod
    def loss_of(output: Storage, stage: str) -> float:
        """The last loss of a finished run of the stage."""
        loss: float = json.loads(_folder(output, stage).read(LOG_PATH).splitlines()[-1])["loss"]
        return loss

    @property
    def finished(self) -> bool:
        return self.folder.exists(LOG_PATH)

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint's state, None at the start. Raises InputError where it is damaged."""
        if not self.folder.exists(_CHECKPOINT_PATH):
            return None
        import torch

        data = io.BytesIO(self.folder.read(_CHECKPOINT_PATH))
        try:
            saved = torch.load(data, map_location="cpu", weights_only=True)
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            fix = "Delete it to begin the stage again."
            where = self.folder.child(_CHECKPOINT_PATH).uri
            raise InputError("the checkpoint cannot be read", where, fix) from error
        self._log = saved["log"]
        return dict(saved["state"])

    def record(self, **values: float) -> None:
        """Add a line to the log."""
        self._log.append({name: round(value, 5) for name, value in values.items()})

    def save(self, state: dict[str, Any]) -> None:
        """Replace the checkpoint: tensors and plain values only. Raises IncompleteError as `finish` does."""
        if not _is_first_worker():
            return
        self._check_unfinished()
        import torch

        buffer = io.BytesIO()
        torch.save({"state": state, "log": self._log}, buffer)
        self.folder.replace(_CHECKPOINT_PATH, buffer.getvalue())

    def finish(self, weights: Path) -> None:
        """Publish the local folder `weights` into the output; the log, written last, says so.

        Raises IncompleteError where another driver has finished the stage: later ones may build on that.
        """
        if not _is_first_worker():
            return
        self._check_unfinished()
        for path in sorted(weights.rglob("*")):
            if path.is_file():
                self.output.replace(path.relative_to(weights).as_posix(), path.read_bytes())
        lines = "".join(json.dumps(line, sort_keys=True) + "\n" for line in self._log)
        self.folder.replace(LOG_PATH, lines.encode())
        self.folder.delete(_CHECKPOINT_PATH)
        self.folder.delete(PROGRESS_PATH)

    def _check_unfinished(self) -> None:
        if self.finished:
            what = f"another driver has finished stage {self.stage}"
            raise IncompleteError(
                what, self.output.uri, "Run one at a time; the same command goes on from there."
            )


def _is_first_worker() -> bool:
    from cluster.training import is_first_worker

    return is_first_worker()


def _folder(output: Storage, stage: str) -> Storage:
    return output.child(f"training/{stage}")
