"""Films of the embedded model for benchmarks: many at once, on every core, each from its own seed."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.codec import to_uint8
from cluster.models import model_digest
from diffcxr.denoiser.hint import make_hint
from diffcxr.pipeline import DiffCXRPipeline
from diffcxr.precision import fastest_dtype
from diffcxr.reports.labeler import label_report
from diffcxr.seeds import generator

BATCH, GUIDANCE = 16, 2.0
PART = 1024  # films, of a long run, that are kept at a time

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


def make_films(folder: Path, samples: Sequence[Sample], steps: int, kept: Path | None = None) -> Films:
    """The films of a model folder, in the samples' order; one process a core, with progress on the screen.

    In the folder `kept` films are kept as they are made, and found again by model, steps and samples, so that
    what was cut short goes on. A change of the code it does not see.
    """
    parts = [samples[first : first + PART] for first in range(0, len(samples), PART)]
    cores = len(os.sched_getaffinity(0))
    made: list[Films] = []
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(cores, context, initializer=_load, initargs=(folder,)) as pool:
        for part in parts:
            path = kept / f"{_digest(folder, part, steps)}.npy" if kept else None
            if path and path.exists():
                made.append(np.load(path))
            else:
                made.append(_make_part(pool, part, steps, sum(map(len, made)), len(samples)))
                if path:
                    _keep(made[-1], path)
    sys.stdout.write("\n")
    return np.concatenate(made)


def _make_part(pool: Executor, part: Sequence[Sample], steps: int, before: int, total: int) -> Films:
    batches = [part[first : first + BATCH] for first in range(0, len(part), BATCH)]
    made: list[Films] = []
    for films in pool.map(_make, batches, [steps] * len(batches)):
        made.append(films)
        sys.stdout.write(f"\rfilms {before + sum(map(len, made))}/{total}")
        sys.stdout.flush()
    return np.concatenate(made)


def _digest(folder: Path, samples: Sequence[Sample], steps: int) -> str:
    told = f"{model_digest(folder)} {steps} {GUIDANCE} {list(samples)!r}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _keep(films: Films, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, films)
    unfinished.replace(path)


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
