"""How far the training of a model is, from its folder alone."""

from __future__ import annotations

import json
from typing import Any

from cluster.storage import Storage
from cluster.storage_errors import MissingError
from cluster.training_run import PROGRESS_PATH, TrainingRun
from jobs.summary import Summary, clock
from jobs.training_config import STAGES


def training_summary(output: Storage) -> Summary | None:
    """Each stage that was begun, with step, loss, rate and time left; None where none was."""
    begun = [stage for stage in ("filter", *STAGES) if TrainingRun.begun(output, stage)]
    if not begun:
        return None
    stages = {stage: _stage(output.child(f"training/{stage}")) for stage in begun}
    table: list[tuple[object, ...]] = [("stage", "state", "step", "of", "loss", "samples a second", "left")]
    for stage, values in stages.items():
        numbers = (values.get(name) for name in ("step", "steps", "loss", "samples_per_second"))
        left = clock(values["seconds_left"]) if "seconds_left" in values else ""
        table.append((stage, values["state"], *numbers, left))
    return Summary(values={"output": output.uri, "stages": stages}, table=table)


def _stage(folder: Storage) -> dict[str, Any]:
    if folder.exists("log.jsonl"):
        return {"state": "finished"}
    try:
        progress: dict[str, Any] = json.loads(folder.read(PROGRESS_PATH))
    except MissingError:
        return {"state": "no checkpoint yet"}
    return {"state": "at its last checkpoint", **progress}
