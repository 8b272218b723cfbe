"""The samples of a unit: which report, which prompt, which seed, and why one is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from cluster.batches import KILLED_WORKER, Slot
from cluster.prompts import PromptTemplate, prompt_fault
from cluster.recipe import Task
from diffcxr.seeds import sample_seed


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of a unit before its film is made; without a slot where it is not to be made."""

    report: int  # its position among the unit's reports
    report_id: str
    sample_index: int
    prompt: str
    seed: int
    reason: str | None  # why it is left out

    @property
    def slot(self) -> Slot | None:
        return Slot(self.prompt, self.seed) if self.reason is None else None


def samples_of(task: Task, reports: pa.Table) -> Iterator[Sample]:
    """The samples of a task's unit in their planned order, those that are not to be made with the reason."""
    recipe, unit = task.recipe, task.unit
    template = PromptTemplate(recipe.prompt)
    rows = reports.select(sorted({"report_id", *template.columns})).to_pylist()
    prompts = [template.render(row) for row in rows]
    start, stop = task.probe or (0, unit.samples)
    for offset, (report, sample_index) in enumerate(unit.places()):
        report_id: str = rows[report]["report_id"]
        reason = prompt_fault(prompts[report])
        if offset in task.excluded or not start <= offset < stop:
            reason = KILLED_WORKER
        seed = sample_seed(recipe.seed, report_id, sample_index)
        yield Sample(report, report_id, sample_index, prompts[report], seed, reason)
