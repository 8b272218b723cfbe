"""Batches of one fixed shape: what a row becomes depends on its slot and its seed, and on nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.models import Pipeline
from diffcxr.seeds import generator

PAD_PROMPT = "Chest radiograph."
"""The pad row: it fills the slots of the last batch, and of rows that are left out."""

NOT_FINITE = "image has values that are not finite"
CONSTANT = "image is constant"
PIPELINE_RAISED = "pipeline raised an error"
KILLED_WORKER = "killed its worker"
NOT_ENCODED = "film cannot be encoded"

_OF_THE_DEVICE = (torch.OutOfMemoryError, torch.AcceleratorError, MemoryError)

Film = NDArray[np.float32]
"""(H, W) or (H, W, C) in [0, 1]."""
Films = NDArray[np.float32]
"""(batch_size, H, W) or (batch_size, H, W, C) in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A row in its place of a batch."""

    prompt: str
    seed: int


_PAD = Slot(PAD_PROMPT, 0)


@dataclass(frozen=True, slots=True)
class BatchRunner:
    """Calls a pipeline with `batch_size` rows at a time, always."""

    pipeline: Pipeline
    steps: int
    guidance: float
    batch_size: int

    def run(self, slots: Sequence[Slot | None]) -> list[Film | str | None]:
        """What became of each slot: its film, the reason for its reject, or None where it was empty (None).

        A batch that raises is taken apart: each row is run in its own slot with the pad row in all others,
        and those that raise alone are rejected. Where any does so, and where no row's film is finite, the pad
        row has to work by itself first: else it is the process that fails, and not its rows. Raises what
        concerns the device and not a row: out of memory, or a fault after which the process is of no use.
        """
        if not any(slots):
            return [None] * len(slots)
        try:
            outcomes = self._judged(slots)
        except _OF_THE_DEVICE:
            raise
        except Exception:  # noqa: BLE001  # a pipeline from anywhere may raise anything
            outcomes = [self._alone(slots, number) for number in range(len(slots))]
        reasons = {made if isinstance(made, str) else None for made in outcomes if made is not None}
        if PIPELINE_RAISED in reasons or reasons == {NOT_FINITE}:
            self.try_pad()
        return outcomes

    def call(self, slots: Sequence[Slot | None]) -> Films:
        """The pipeline's films of a batch, the pad row in every slot that is empty or missing."""
        rows = [slot or _PAD for slot in slots]
        rows += [_PAD] * (self.batch_size - len(rows))
        with torch.inference_mode():
            films: Films = self.pipeline(
                prompt=[row.prompt for row in rows],
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                generator=[generator(row.seed) for row in rows],
                output_type="np",
            ).images
        return films

    def try_pad(self) -> Films:
        """Films of pad rows. Raises what the pipeline raises, FloatingPointError where one is not finite."""
        films = self.call([])
        if not all(np.isfinite(film).all() for film in films):
            raise FloatingPointError("the pad row's film is not finite")
        return films

    def _alone(self, slots: Sequence[Slot | None], number: int) -> Film | str | None:
        only = [slot if at == number else None for at, slot in enumerate(slots)]
        if slots[number] is None:
            return None
        try:
            return self._judged(only)[number]
        except _OF_THE_DEVICE:
            raise
        except Exception:  # noqa: BLE001  # as above; the reason names no text, for it may hold the report's
            return PIPELINE_RAISED

    def _judged(self, slots: Sequence[Slot | None]) -> list[Film | str | None]:
        films = self.call(slots)
        return [None if slot is None else judge(film) for slot, film in zip(slots, films, strict=False)]


def judge(film: Film) -> Film | str:
    """The film, or why it is none."""
    low, high = film.min(), film.max()  # not a number, or infinite, where any value is
    if not (math.isfinite(low) and math.isfinite(high)):
        return NOT_FINITE
    if high - low < 1 / 255:
        return CONSTANT
    return film
