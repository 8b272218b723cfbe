"""Films of the embedded model for benchmarks: many at once, on every core, each from its own seed."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.codec import to_uint8
from diffcxr.denoiser.hint import make_hint
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.precision import fastest_dtype
from diffcxr.reports.labeler import label_report
from diffcxr.seeds import generator

BATCH, GUIDANCE = 16, 2.0

Films = NDArray[np.uint8]  # (n, H, W)

_pipelines: list[DiffCXRPipeline] = []  # of a process of the pool


@dataclass(frozen=True, slots=True)
class Sample:
    """One film to make."""

    report: str
    hint: str | None  # None: without one
    seed: int


def hint_of(report: str) -> str:
    """The hint that the pipeline makes of a report."""
    return make_hint(label_report(report))


def make_films(folder: Path, samples: Sequence[Sample], steps: int) -> Films:
    """The films of a model folder, in the samples' order; one process a core, with progress on the screen."""
    batches = [samples[first : first + BATCH] for first in range(0, len(samples), BATCH)]
    cores = len(os.sched_getaffinity(0))
    made: list[Films] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=_load, initargs=(folder,)) as pool:
        for films in pool.map(_make, batches, [steps] * len(batches)):
            made.append(films)
            sys.stdout.write(f"\rfilms {sum(map(len, made))}/{len(samples)}")
            sys.stdout.flush()
    sys.stdout.write("\n")
    return np.concatenate(made)


def load_model(folder: Path) -> DiffCXRPipeline:
    """The pipeline of a model folder, its denoiser and adapter in the fastest precision, on one thread."""
    pipeline: DiffCXRPipeline = DiffCXRPipeline.from_pretrained(folder, low_cpu_mem_usage=False)
    pipeline.set_progress_bar_config(disable=True)
    for part in (pipeline.denoiser, pipeline.adapter):
        if part is not None:
            part.to(fastest_dtype("cpu"))
    return pipeline


def _load(folder: Path) -> None:
    torch.set_num_threads(1)
    _pipelines.append(load_model(folder))


def _make(samples: Sequence[Sample], steps: int) -> Films:
    images = _pipelines[0](
        [sample.report for sample in samples],
        num_inference_steps=steps,
        guidance_scale=GUIDANCE,
        generator=[generator(sample.seed) for sample in samples],
        hint=[sample.hint for sample in samples],
    ).images
    return to_uint8(images[..., 0])
