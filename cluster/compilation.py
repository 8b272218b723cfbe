"""Compilation of a pipeline's denoiser, for its one batch shape: once a machine, kept for all its workers."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from cluster.models import Pipeline

_PARTS = ("denoiser", "adapter", "unet", "transformer")
"""What pipelines of this project and of diffusers call the network that every step runs."""


def compile_denoiser(pipeline: Pipeline) -> None:
    """Has it compiled by its first call, by torch.compile.

    PyTorch keeps the kernels (TORCHINDUCTOR_CACHE_DIR, else a folder of the machine's temporary one): the
    next process on the machine loads them.
    """
    for name in _PARTS:
        part = getattr(pipeline, name, None)
        if isinstance(part, torch.nn.Module):
            part.compile(dynamic=False)


@contextmanager
def first_to_compile() -> Iterator[None]:
    """Held by one process of a machine at a time: those that wait find the kernels of the first."""
    path = Path(tempfile.gettempdir()) / f"diffcxr-compile-{os.getuid()}.lock"
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_of_compilation(error: Exception) -> bool:
    """Whether it tells that something could not be compiled: there is no compiler, or it failed."""
    return type(error).__module__.startswith(("torch._dynamo", "torch._inductor"))
